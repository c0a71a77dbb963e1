/** What a scene would ask of each network, before any work is done. */
import type { Network } from '../models/registry.ts';
import { planChips } from '../tiler/chips.ts';
import type { Geotransform } from '../tiler/geotransform.ts';
import { planModelGrid } from '../tiler/model-grid.ts';
import { CORE_PIXELS } from './pipeline.ts';

export interface Suitability {
  id: string;
  suitable: boolean;
  reason: string;
  /** How many times the network would run. */
  chips: number;
  /** Expected on two CPU cores. */
  minutes: number;
}

export interface SceneShape {
  width: number;
  height: number;
  geotransform: Geotransform;
  gsdMetres: { x: number; y: number };
}

/** Imagery this many times coarser than the network's shows too little of what it looks for. */
const COARSEST_RATIO = 3;
/** Pixels, halo counted, that landuse-unet looks at in a second on two cores without AVX-512. */
const PIXELS_PER_SECOND = 2.5e6;
const SMALLEST_OVERVIEW = 512;

/** Whether a network suits a scene, and what it would cost. */
export function suitability(scene: SceneShape, network: Network): Suitability {
  const grid = planModelGrid({ ...scene, levels: overviewSizes(scene) }, network.gsdMetres);
  const { columns, rows, core, halo } = planChips(grid, network, CORE_PIXELS);
  const chips = columns * rows;
  const minutes = (chips * (core + 2 * halo) ** 2) / PIXELS_PER_SECOND / 60;
  const sceneGsd = Math.sqrt(scene.gsdMetres.x * scene.gsdMetres.y);
  const suitable = sceneGsd <= COARSEST_RATIO * network.gsdMetres;
  return {
    id: network.id,
    suitable,
    reason: reason(sceneGsd, network.gsdMetres, suitable),
    chips,
    minutes: Number(minutes.toFixed(2)),
  };
}

function reason(sceneGsd: number, networkGsd: number, suitable: boolean): string {
  const [scene, network] = [sceneGsd, networkGsd].map((metres) => `${Number(metres.toPrecision(3))} m`);
  if (!suitable) return `Pixels of ${scene} show too little for a network that was trained on ${network}.`;
  if (sceneGsd < networkGsd * 0.85) return `Pixels of ${scene} are brought to the ${network} of the network.`;
  if (sceneGsd > networkGsd * 1.15)
    return `Pixels of ${scene} are coarser than the network's ${network}: expect less detail.`;
  return `Pixels of ${scene} are what the network was trained on.`;
}

function overviewSizes({ width, height }: SceneShape): { width: number; height: number }[] {
  const sizes = [{ width, height }];
  for (;;) {
    const last = sizes[sizes.length - 1];
    if (Math.max(last.width, last.height) <= SMALLEST_OVERVIEW) return sizes;
    sizes.push({ width: Math.ceil(last.width / 2), height: Math.ceil(last.height / 2) });
  }
}
