/** Infer and stitch: a planned job, or a shard of it, goes through the network → class map, score map. */
import { mkdir } from 'node:fs/promises';
import type { MapProgress, MapResult } from '../../models/mapping/map-scene.ts';
import type { Shard } from '../../models/mapping/shards.ts';
import { weightsOf } from '../../models/registry.ts';
import { DEFAULT_RUN } from '../../models/runtime/run-profile.ts';
import { rememberSpeed } from '../networks/run-profiles.ts';
import { stageProgress } from '../queue/progress.ts';
import type { WorkContext } from '../queue/work-context.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import type { MappingTools } from '../tools.ts';
import { placeAoi } from './area-of-interest.ts';
import type { PlannedJob } from './plan.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/**
 * The maps are at their paths in `folder` of the file store's scratch then, and not yet put into the store. `onRows` gets
 * how many rows can be read where they grow; a run that has to begin again counts from 0.
 */
export async function inferAndStitch(
  tools: MappingTools,
  job: SegmentationJob,
  { grid, plan, chosen }: PlannedJob,
  { folder, shard, onRows }: { folder: string; shard?: Shard; onRows?: (rows: number) => void },
  { signal, progress }: WorkContext,
): Promise<MapResult> {
  const { db, files, compute } = tools;
  const { scene, network, parameters } = job;
  const { features, probabilities } = parameters;
  const rows = shard ? shard.end - shard.first : plan.rows;
  const chips = rows * plan.columns;
  const onProgress = (done: MapProgress) => {
    progress(stageProgress('infer', Math.min(done.chips, chips), chips));
    onRows?.(done.rows);
  };
  onProgress({ chips: 0, rows: 0 });
  const device = parameters.device ?? tools.device;
  const precision = parameters.precision ?? DEFAULT_RUN.precision;
  const workingPath = await fetchWorking(files, scene);
  const area = parameters.aoi
    ? await placeAoi(db, { ...grid, epsg: scene.epsg, geographic: scene.report.geographic }, scene.bbox, parameters.aoi)
    : null;
  const { batch } = await tools.chooseRun(network, device);
  const path = (name: string) => files.path(`${folder}/${name}`);
  await mkdir(files.path(folder), { recursive: true });
  const mapped = await compute.map(
    {
      workingPath,
      grid,
      plan,
      ...(shard && { shard }),
      fill: chosen?.meanColour ?? scene.report.meanColour,
      ...(chosen && { rendering: chosen.rendering }),
      area,
      network,
      run: { device, precision, features: features === true, probabilities: probabilities === true },
      batch,
      chipCachePath: path('spool'),
      classesPath: path('classes.tif'),
      scoresPath: path('scores.tif'),
      planesPath: path('planes.tif'),
      ...(probabilities && { probabilitiesPath: path('probabilities.tif') }),
      ...(features && { featuresPath: path('features.tif') }),
    },
    { signal, onProgress },
  );
  const { done, nodata, outside, failed } = mapped.chips;
  const pixels = (done + nodata + outside + failed.length) * (plan.core + 2 * plan.halo) ** 2;
  await rememberSpeed(weightsOf(network, precision).sha256, pixels, mapped.inferMs);
  return mapped;
}
