/** What a job comes to before it is computed: the model grid, its chips, and what the network gets to see. */
import type { ChosenBands } from '../../models/network-bands.ts';
import { type Network, wantedBands } from '../../models/registry.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import { type ChipPlan, planChips } from '../../tiler/grid/chips.ts';
import { type ModelGrid, planModelGrid } from '../../tiler/grid/model-grid.ts';
import type { ChosenRendering } from '../../tiler/working-copy/job-rendering.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import type { MappingTools } from '../tools.ts';
import { networkView } from './network-view.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/** Plain data, stored with jobs that are done in shards. */
export interface PlannedJob {
  grid: ModelGrid;
  plan: ChipPlan;
  /** What the job's bands and stretch come to; null where it sets none. */
  chosen: ChosenRendering | null;
  /** The bands that the network takes, where it names them and the job does not. */
  found: ChosenBands | null;
  planMs: number;
}

export async function planJob(
  { files, compute, device, chooseRun }: MappingTools,
  { scene, network, parameters }: SegmentationJob,
  signal: AbortSignal,
): Promise<PlannedJob> {
  const started = performance.now();
  const workingPath = await fetchWorking(files, scene);
  const { view, found } = networkView(parameters, scene.report, wantedBands(network));
  const chosen = view && (await compute.chooseRendering({ path: workingPath, view }, { signal }));
  const grid = await planGrid(workingPath, scene, network);
  const { core } = await chooseRun(network, parameters.device ?? device);
  const plan = planChips(grid, network, core);
  return { grid, plan, chosen, found, planMs: performance.now() - started };
}

/** The model grid of a scene for a network. */
export async function planGrid(workingPath: string, scene: ReadyScene, network: Network) {
  const gsdMetres = { x: scene.gsd_x_m, y: scene.gsd_y_m };
  const all = scene.report.levels ?? (await levelsOf(workingPath));
  // Overviews are of values clipped for showing; stored ones are read from the full resolution alone.
  const levels = network.adapter?.input.stored ? all.slice(0, 1) : all;
  return planModelGrid({ levels, geotransform: scene.report.geotransform, gsdMetres }, network.gsdMetres);
}

/** Of a working COG; an image that is read in place is not opened in this process, and its report has them. */
async function levelsOf(workingPath: string): Promise<Raster['levels']> {
  const raster = await openScene(workingPath);
  await raster.close();
  return raster.levels;
}
