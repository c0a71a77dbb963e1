/** For tests: a generated town as a working copy, and maps of it read back into memory. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type MapRequest, mapScene } from '../../models/mapping/map-scene.ts';
import type { Network } from '../../models/registry.ts';
import { type NetworkSession, openNetwork, type SessionSource } from '../../models/runtime/session.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { type ModelGrid, planModelGrid } from '../../tiler/grid/model-grid.ts';
import { ingest } from '../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';

export const FILL = [120, 118, 101] as const;

export interface TestScene {
  workingPath: string;
  grid: ModelGrid;
}

/** A town of 1 m pixels, at the network's own size. */
export async function townScene(folder: string, seed: number, width: number, height: number): Promise<TestScene> {
  const town = await mkdtemp(join(folder, 'town-'));
  const { image } = await writeTown(town, { seed, width, height, gsdMetres: 1 });
  const workingPath = join(town, 'working.tif');
  await ingest(image, workingPath, DEFAULT_INGEST_LIMITS, () => {});
  const scene = await openScene(workingPath);
  const grid = planModelGrid({ ...scene, gsdMetres: { x: 1, y: 1 } }, 1);
  await scene.close();
  return { workingPath, grid };
}

export interface MapOptions extends Partial<Pick<MapRequest, 'area' | 'batch' | 'chipCachePath' | 'run'>> {
  core?: number;
  features?: boolean;
}

export async function mapRequest(
  folder: string,
  scene: TestScene,
  network: Network,
  { core = 32, features = false, ...changes }: MapOptions = {},
): Promise<MapRequest> {
  const out = await mkdtemp(join(folder, 'map-'));
  const file = (name: string) => join(out, `${name}.tif`);
  return {
    ...scene,
    plan: planChips(scene.grid, network, core),
    fill: FILL,
    area: null,
    network,
    run: { threads: 1, features },
    batch: 1,
    chipCachePath: join(out, 'spool'),
    classesPath: file('classes'),
    scoresPath: file('scores'),
    planesPath: file('planes'),
    ...(features && { featuresPath: file('features') }),
    ...changes,
  };
}

/** Maps and reads the maps back; `sessions` other than the network's own can fail at will. */
export async function mapped(request: MapRequest, sessions?: SessionSource) {
  const own = sessions ? null : await openNetwork(request.network, request.run);
  const result = await mapScene(request, sessions ?? always(own!), () => {});
  await own?.close();
  return { result, classes: await samples(request.classesPath), scores: await samples(request.scoresPath) };
}

export const always = (session: NetworkSession): SessionSource => ({
  open: async () => session,
  reopen: async () => session,
});

async function samples(path: string): Promise<Uint8Array> {
  const raster = await openRaster(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return pixels;
}
