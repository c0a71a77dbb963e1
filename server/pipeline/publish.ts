/** Store: how every job ends. Its features file goes into the database, and is published with the report. */
import { rm } from 'node:fs/promises';
import { withRole } from '../../models/class-roles.ts';
import { weightsOf } from '../../models/registry.ts';
import type { JobReport } from '../api/index.ts';
import { VERSION } from '../content-ids.ts';
import { stageProgress } from '../queue/progress.ts';
import type { WorkContext } from '../queue/work-context.ts';
import { publishJob } from '../store/tables/features.ts';
import { noteJobBytes } from '../store/tables/usage.ts';
import { keptFolder } from '../tiles/kept-tiles.ts';
import type { PipelineTools } from '../tools.ts';
import { chordMetres, measureBending } from './bending.ts';
import type { PlannedJob } from './plan.ts';
import {
  greyAssumptions,
  gridAssumptions,
  meanGsd,
  precisionAssumptions,
  renderingAssumptions,
} from './report-assumptions.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import { storeFeatures } from './store-features.ts';

/** A job's features in a file, and what its report says of how they came about. */
export interface DrawnFeatures {
  path: string;
  /** How many of the finest level there are in the file. */
  count: number;
  report: Pick<JobReport, 'ledger' | 'seam' | 'peak_rss_bytes' | 'geometry'> &
    Partial<Pick<JobReport, 'counts' | 'findings' | 'device'>> & {
      timings_ms: Record<'infer' | 'stitch' | 'vectorize', number>;
      chips?: Partial<NonNullable<JobReport['chips']>>;
    };
}

/** Returns the report as it is stored. Throws Problem conflict where the job was ended meanwhile, or another process stores it. */
export async function storeAndPublish(
  { db, files, device, chooseRun }: PipelineTools,
  { id, scene, network, parameters, modelReason }: SegmentationJob,
  { grid, plan, chosen, found: bands, planMs }: PlannedJob,
  { path, count, report: { counts: expected, timings_ms, chips, ...found } }: DrawnFeatures,
  { progress, signal }: WorkContext,
): Promise<JobReport> {
  const started = performance.now();
  const classNames = new Map(network.classes.map(({ value, name }) => [value, name]));
  const partsOf = await measureBending(db, { ...grid, epsg: scene.epsg }, chordMetres(grid.gsdMetres, parameters));
  const { turn, counts } = await storeFeatures(db, { id, epsg: scene.epsg, classNames, partsOf }, path, {
    signal,
    onProgress: (stored) => progress(stageProgress('store', stored, count)),
  });
  await rm(path);
  for (const folder of [`jobs/${id}/spool`, keptFolder(id)]) await files.remove(folder);
  const report = {
    ...found,
    job: id,
    version: VERSION,
    scene: scene.id,
    model: network.id,
    classes: network.classes.map(withRole),
    parameters: { ...parameters },
    assumptions: [
      { code: 'model_choice', value: network.id, reason: modelReason },
      ...precisionAssumptions(parameters, await chooseRun(network, parameters.device ?? device)),
      ...greyAssumptions(network),
      ...renderingAssumptions(scene, parameters, chosen, bands),
      ...gridAssumptions(scene, network, grid),
    ],
    counts: { ...expected, ...counts },
    timings_ms: {
      ingest: scene.report.ingest_ms,
      plan: Math.round(planMs),
      infer: Math.round(timings_ms.infer),
      stitch: Math.round(timings_ms.stitch),
      vectorize: Math.round(timings_ms.vectorize),
      store: Math.round(performance.now() - started),
    },
    model_sha256: weightsOf(network, parameters.precision).sha256,
    model_grid: {
      width: grid.width,
      height: grid.height,
      gsd_m: network.gsdMetres ?? meanGsd(grid),
      geotransform: grid.geotransform,
    },
    chips: { count: plan.columns * plan.rows, core: plan.core, halo: plan.halo, stride: plan.stride, ...chips },
  };
  await noteJobBytes(db, files, id);
  return publishJob(db, id, report, turn);
}
