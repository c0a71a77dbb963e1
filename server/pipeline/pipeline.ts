/**
 * The order of a job: ingest → plan → infer → stitch → vectorize → store.
 *
 * Ingest happens once a scene, when it arrives (`scenes/ingest-scene.ts`). The other stages are a job's: `runWhole` is
 * all of them in one piece, `runJob` the same cut into shards of the map and strips of its features that any number of
 * machines take. Decoding, inference and drawing run in child processes; what is here hands files and figures from one
 * stage to the next.
 */
import { noRoomOf } from '../../errors/no-room.ts';
import { FEATURE_TILE } from '../../models/mapping/map-layouts.ts';
import { planShards } from '../../models/mapping/shards.ts';
import { isDetector } from '../../models/registry.ts';
import type { JobReport } from '../api/index.ts';
import { VERSION } from '../content-ids.ts';
import type { PartContext, WorkContext } from '../queue/work-context.ts';
import type { FeatureFile } from '../store/files/feature-file.ts';
import { beginStoring } from '../store/tables/features.ts';
import { getPlan } from '../store/tables/shards.ts';
import { noteJobBytes } from '../store/tables/usage.ts';
import type { MappingTools, PipelineTools } from '../tools.ts';
import { detectObjects } from './detect.ts';
import { mapAndDraw } from './parts/draw-growing.ts';
import {
  askForOpenParts,
  askForParts,
  isOpen,
  joinDrawn,
  joinMaps,
  removeParts,
  runShard,
  runStrip,
} from './parts/run-parts.ts';
import { type PlannedJob, planJob } from './plan.ts';
import { type DrawnFeatures, movedRegions, publish, reportOf } from './publish.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import { type InsertRows, intoDatabase } from './store-features.ts';
import { type Drawing, drawingOf } from './vectorize.ts';

/**
 * Does the part of a job that the queue asks for. The first is to plan it: a job of one shard, or of a network that draws
 * boxes, is then done as a whole; of another its shards are asked for, and when the last is done, their joining.
 * Returns the report where the job is done with that; null: other parts follow.
 */
export async function runJob(
  tools: PipelineTools,
  job: SegmentationJob,
  context: PartContext,
): Promise<JobReport | null> {
  const { db } = tools;
  const { part } = context;
  const stored = await getPlan<PlannedJob>(db, job.id, VERSION);
  if (!stored) {
    if (part !== undefined) return noMoreParts(context);
    if (isDetector(job.network)) return runWhole(tools, job, context);
    const planned = await planJob(tools, job, context.signal);
    const shards = planShards(planned.plan, tools.shardHeight, featureTile(job));
    if (shards.length === 1) return runWhole(tools, job, context, planned);
    return askForParts(tools, job, planned, shards, context);
  }
  // Planned, and interrupted; or the process that computed a shard died before it could say so.
  if (part === undefined || !(await isOpen(db, job, part))) return askForOpenParts(job, context);
  if (typeof part === 'number') return runShard(tools, job, stored, part, context);
  if (part === 'maps') return joinMaps(tools, job, stored, context);
  if (part !== 'merge') return runStrip(tools, job, stored, part, context);

  const report = await publish(tools, job, stored.planned, await joinDrawn(tools, job, stored, context));
  await removeParts(tools, job.id);
  await noteJobBytes(db, tools.files, job.id); // without the parts
  return report;
}

/**
 * A ready scene → class map, score map and published features; returns the report that was stored with the job.
 * Starting it again after an interruption gives the same result; chips that were computed are not computed again. When
 * it throws, nothing is left behind but, for want of room, those chips.
 */
export async function runWhole(
  tools: PipelineTools,
  job: SegmentationJob,
  context: WorkContext,
  known?: PlannedJob,
): Promise<JobReport> {
  const { db, files } = tools;
  const folder = `jobs/${job.id}`;
  const clear = async () => {
    for (const key of await files.list(folder)) if (!key.startsWith(`${folder}/spool/`)) await files.remove(key);
  };
  try {
    await clear();
    const planned = known ?? (await planJob(tools, job, context.signal));
    const turn = await beginStoring(db, job.id);
    const drawing = await drawingOf(tools, job, planned, turn, intoDatabase(db));
    return await publish(tools, job, planned, await draw(tools, job, planned, drawing, context));
  } catch (error) {
    if (noRoomOf(error))
      await clear(); // what was computed stays: it is not computed again when there is room
    else await files.remove(folder);
    throw error;
  }
}

/** The same without a database: the features go into a file. Returns the report. */
export async function mapIntoFile(
  tools: MappingTools,
  job: SegmentationJob,
  features: FeatureFile,
  context: WorkContext,
): Promise<JobReport> {
  const planned = await planJob(tools, job, context.signal);
  const insert: InsertRows = (_, rows) => features.insert(rows);
  const drawing = await drawingOf(tools, job, planned, '', insert);
  const drawn = await draw(tools, job, planned, drawing, context);
  features.renameRegions(movedRegions(job.id, drawn).filter(({ level }) => level === 0));
  const { license, attribution } = job.scene;
  return {
    ...(await reportOf(tools, job, planned, drawn)),
    areas_m2: features.areasM2(),
    ...(license !== null && { scene_license: license }),
    ...(attribution !== null && { scene_attribution: attribution }),
  };
}

function draw(
  tools: MappingTools,
  job: SegmentationJob,
  planned: PlannedJob,
  drawing: Drawing,
  context: WorkContext,
): Promise<DrawnFeatures> {
  return (isDetector(job.network) ? detectObjects : mapAndDraw)(tools, job, planned, drawing, context);
}

/** Side of the tiles of the features that a job writes, model pixels; undefined: it writes none. */
const featureTile = ({ network, parameters }: SegmentationJob): number | undefined =>
  parameters.features && network.features ? FEATURE_TILE * network.features.stride : undefined;

/** The job was begun afresh since the part was asked for. */
async function noMoreParts(context: PartContext): Promise<null> {
  await context.handOver(async () => []);
  return null;
}
