/** Publish: how every job ends. Its features, which are stored, become visible with the report. */
import { withRole } from '../../models/class-roles.ts';
import { weightsOf } from '../../models/registry.ts';
import type { JobReport } from '../api/index.ts';
import { featureId, VERSION } from '../content-ids.ts';
import { publishJob, renameRegions } from '../store/tables/features.ts';
import { noteJobBytes } from '../store/tables/usage.ts';
import { keptFolder } from '../tiles/kept-tiles.ts';
import type { MappingTools, PipelineTools } from '../tools.ts';
import type { PlannedJob } from './plan.ts';
import {
  greyAssumptions,
  gridAssumptions,
  meanGsd,
  precisionAssumptions,
  renderingAssumptions,
} from './report-assumptions.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import type { Counts } from './store-features.ts';

/** A job whose features are stored, and what its report says of how they came about. */
export interface DrawnFeatures {
  /** With which they were stored. */
  turn: string;
  counts: Counts;
  /** Of regions in pieces of land use: the places under which they were stored, and those that they turned out to have. */
  regions: readonly { level: number; stored: string; final: string }[];
  report: Pick<JobReport, 'ledger' | 'seam' | 'peak_rss_bytes' | 'geometry'> &
    Partial<Pick<JobReport, 'findings' | 'device'>> & {
      timings_ms: Record<'infer' | 'stitch' | 'vectorize' | 'store', number>;
      chips?: Partial<NonNullable<JobReport['chips']>>;
    };
}

/** Returns the report as it is stored. Throws Problem conflict where the job was ended meanwhile, or another process stores it. */
export async function publish(
  tools: PipelineTools,
  job: SegmentationJob,
  planned: PlannedJob,
  drawn: DrawnFeatures,
): Promise<JobReport> {
  const { db, files } = tools;
  const { id } = job;
  const report = await reportOf(tools, job, planned, drawn);
  await renameRegions(db, id, movedRegions(id, drawn));
  for (const folder of [`jobs/${id}/spool`, keptFolder(id)]) await files.remove(folder); // tiles of an earlier run
  await noteJobBytes(db, files, id);
  return publishJob(db, id, report, drawn.turn);
}

/** Regions in pieces by their features' ids. */
export function movedRegions(job: string, { regions }: DrawnFeatures) {
  const idOf = (place: string) => featureId(job, 'landuse', place);
  return regions.map(({ level, stored, final }) => ({ level, stored: idOf(stored), final: idOf(final) }));
}

/** What the report says before the features are summed up. */
export async function reportOf(
  { device, chooseRun }: MappingTools,
  { id, scene, network, parameters, modelReason }: SegmentationJob,
  { grid, plan, chosen, found: bands, planMs }: PlannedJob,
  { counts, report: { timings_ms, chips, ...found } }: DrawnFeatures,
): Promise<Omit<JobReport, 'areas_m2'>> {
  return {
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
    counts,
    timings_ms: {
      ingest: scene.report.ingest_ms,
      plan: Math.round(planMs),
      infer: Math.round(timings_ms.infer),
      stitch: Math.round(timings_ms.stitch),
      vectorize: Math.round(timings_ms.vectorize),
      store: Math.round(timings_ms.store),
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
}
