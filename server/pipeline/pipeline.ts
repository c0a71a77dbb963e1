/**
 * The order of a job: ingest → plan → infer → stitch → vectorize → store.
 *
 * Ingest happens once a scene, when it arrives (`scenes/ingest-scene.ts`). The other stages are a job's: `runWhole` is
 * all of them in one piece, `runJob` the same cut into shards that any number of machines take. Decoding, inference and
 * tracing run in child processes; what is here hands files and figures from one stage to the next.
 */
import { noRoomOf } from '../../errors/no-room.ts';
import { FEATURE_TILE } from '../../models/mapping/map-layouts.ts';
import { planShards } from '../../models/mapping/shards.ts';
import { isDetector } from '../../models/registry.ts';
import type { JobReport } from '../api/index.ts';
import type { PartContext, WorkContext } from '../queue/work-context.ts';
import { getPlan } from '../store/tables/shards.ts';
import type { PipelineTools } from '../tools.ts';
import { detectObjects } from './detect.ts';
import { inferAndStitch } from './infer.ts';
import { type PlannedJob, planJob } from './plan.ts';
import { storeAndPublish } from './publish.ts';
import { askForOpenParts, askForShards, isOpen, joinShards, runShard } from './run-shards.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import { vectorizeMaps } from './vectorize.ts';

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
  const stored = await getPlan<PlannedJob>(db, job.id);
  if (!stored) {
    if (part !== undefined) return noMoreParts(context);
    if (isDetector(job.network)) return runWhole(tools, job, context);
    const planned = await planJob(tools, job, context.signal);
    const shards = planShards(planned.plan, tools.shardHeight, featureTile(job));
    if (shards.length === 1) return runWhole(tools, job, context, planned);
    return askForShards(tools, job, { planned, shards }, context);
  }
  // Planned, and interrupted; or the process that computed a shard died before it could say so.
  const isOver = part === undefined || (typeof part === 'number' && !(await isOpen(db, job, part)));
  if (isOver) return askForOpenParts(job, context);
  if (part !== 'merge') return runShard(tools, job, stored, part, context);

  const { mapped, traced } = await joinShards(tools, job, stored, context);
  const drawn = await vectorizeMaps(tools, job, stored.planned, mapped, context, traced);
  const report = await storeAndPublish(tools, job, stored.planned, drawn, context);
  await tools.files.remove(`jobs/${job.id}/shards`);
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
  const { files } = tools;
  const folder = `jobs/${job.id}`;
  const clear = async () => {
    for (const key of await files.list(folder)) if (!key.startsWith(`${folder}/spool/`)) await files.remove(key);
  };
  try {
    await clear();
    const planned = known ?? (await planJob(tools, job, context.signal));
    const drawn = isDetector(job.network)
      ? await detectObjects(tools, job, planned, context)
      : await vectorizeMaps(
          tools,
          job,
          planned,
          await inferAndStitch(tools, job, planned, { folder }, context),
          context,
        );
    return await storeAndPublish(tools, job, planned, drawn, context);
  } catch (error) {
    if (noRoomOf(error))
      await clear(); // what was computed stays: it is not computed again when there is room
    else await files.remove(folder);
    throw error;
  }
}

/** Side of the tiles of the features that a job writes, model pixels; undefined: it writes none. */
const featureTile = ({ network, parameters }: SegmentationJob): number | undefined =>
  parameters.features && network.features ? FEATURE_TILE * network.features.stride : undefined;

/** The job was begun afresh since the part was asked for. */
async function noMoreParts(context: PartContext): Promise<null> {
  await context.handOver(async () => []);
  return null;
}
