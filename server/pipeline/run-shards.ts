/**
 * A job in parts, for any number of machines: planned once, its shards computed and traced by whoever takes them, joined
 * and published by one. Small jobs, and those of networks that draw boxes, are done as a whole.
 */
import { mkdir } from 'node:fs/promises';
import type { MapResult } from '../../models/mapping/map-scene.ts';
import { planShards } from '../../models/mapping/shards.ts';
import { isDetector } from '../../models/registry.ts';
import type { JobReport } from '../api/index.ts';
import { stageProgress } from '../queue/progress.ts';
import type { PartContext } from '../queue/queue.ts';
import { getJob } from '../store/tables/jobs.ts';
import { finishShard, getPlan, insertPlan, openShards, type StoredPlan, shardResults } from '../store/tables/shards.ts';
import type { PipelineTools } from '../tools.ts';
import { finishMap, mapPart, segmentScene, tracingOf } from './pipeline.ts';
import { type PlannedJob, planJob } from './plan.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/** Does what the queue asks for of a job. Returns the report where the job is done with that; null: other parts follow. */
export async function runPart(
  tools: PipelineTools,
  job: SegmentationJob,
  context: PartContext,
): Promise<JobReport | null> {
  const { db } = tools;
  const { part } = context;
  const stored = await getPlan<PlannedJob>(db, job.id);
  if (part === undefined) return stored ? goOn(job, context) : begin(tools, job, context);
  if (!stored) {
    await context.handOver(async () => []); // the job was begun afresh meanwhile
    return null;
  }
  // The process that computed it may have died before it could say so.
  if (typeof part === 'number' && !(await openShards(db, job.id)).includes(part)) return goOn(job, context);
  if (part === 'merge') return merge(tools, job, stored, context);
  await mapShard(tools, job, stored, part, context);
  return null;
}

/** As a whole where it is one shard; else all shards are asked for. */
async function begin(tools: PipelineTools, job: SegmentationJob, context: PartContext): Promise<JobReport | null> {
  if (isDetector(job.network)) return segmentScene(tools, job, context);
  const planned = await planJob(tools, job, context.signal);
  const { plan } = planned;
  const shards = planShards(plan, tools.shardHeight);
  if (shards.length === 1) return segmentScene(tools, job, context, planned);
  await tools.files.remove(`jobs/${job.id}`); // of an earlier run
  const chips = shards.map(({ first, end }) => (end - first) * plan.columns);
  await context.handOver(async (session) => {
    await insertPlan(session, job.id, { planned, shards }, chips);
    return [...shards.keys()];
  });
  return null;
}

/** Of a planned job that was interrupted: asks for what is open, in case that nobody was asked. */
async function goOn(job: SegmentationJob, context: PartContext): Promise<null> {
  await context.handOver(async (session) => {
    const open = await openShards(session, job.id);
    return open.length > 0 ? open : ['merge'];
  });
  return null;
}

const folderOf = (job: SegmentationJob, number: number) => `jobs/${job.id}/shards/${number}`;

/** Borders and roads of a shard. */
const TRACED = 'traced.bin';

const mapsOf = ({ network }: SegmentationJob): string[] =>
  network.planes.length > 0 ? ['classes', 'scores', 'planes'] : ['classes', 'scores'];

async function mapShard(
  tools: PipelineTools,
  job: SegmentationJob,
  { planned, shards }: StoredPlan<PlannedJob>,
  number: number,
  { signal, progress, handOver }: PartContext,
): Promise<void> {
  const { db, files, compute } = tools;
  const folder = folderOf(job, number);
  const { first, end } = shards[number];
  const chips = (end - first) * planned.plan.columns;
  const onProgress = (done: number) => progress(stageProgress('infer', Math.min(done, chips), chips));
  try {
    const result = await mapPart(tools, job, planned, { folder, shard: shards[number] }, { signal, onProgress });
    const [classesPath, scoresPath] = mapsOf(job).map((map) => files.path(`${folder}/${map}.tif`));
    const paths = { classesPath, scoresPath, tracedPath: files.path(`${folder}/${TRACED}`) };
    const started = performance.now();
    await compute.trace({ ...paths, ...tracingOf(job), mapSize: planned.grid }, { signal });
    const traceMs = performance.now() - started;
    for (const map of mapsOf(job)) await files.put(`${folder}/${map}.tif`);
    await files.put(`${folder}/${TRACED}`);
    await files.remove(`${folder}/spool`);
    await handOver(async (session) =>
      (await finishShard(session, job.id, number, { ...result, traceMs })) === 0 ? ['merge'] : [],
    );
  } catch (error) {
    // Answers of chips are kept for whoever goes on, unless nobody will.
    if (!(await isWanted(db, job.id))) await files.remove(folder);
    throw error;
  }
}

/** A database that cannot be asked says nothing of the job. */
async function isWanted(db: PipelineTools['db'], id: string): Promise<boolean> {
  try {
    const state = (await getJob(db, id))?.state;
    return state === 'running' || state === 'queued';
  } catch {
    return true;
  }
}

async function merge(
  tools: PipelineTools,
  job: SegmentationJob,
  { planned, shards }: StoredPlan<PlannedJob>,
  context: PartContext,
): Promise<JobReport> {
  const { db, files, compute } = tools;
  const { grid, plan } = planned;
  const { network, parameters } = job;
  const results = (await shardResults(db, job.id)).map((result, i) => {
    if (!result) throw new Error(`shard ${i} of job ${job.id} is not computed`);
    return result;
  });
  const mapped = combine(results);
  if (mapped.chips.done === 0 && mapped.chips.failed.length > 0) throw new Error(mapped.chips.failed[0].reason);
  const paths = async (pathOf: (map: string) => string | Promise<string>) => {
    const [classesPath, scoresPath, planesPath] = await Promise.all(mapsOf(job).map(pathOf));
    return { classesPath, scoresPath, ...(planesPath && { planesPath }) };
  };
  await mkdir(files.path(`jobs/${job.id}`), { recursive: true }); // this machine may have computed none of the shards
  const started = performance.now();
  await compute.join(
    {
      mapped: { grid, plan, network, run: { precision: parameters.precision ?? 'fp32' } },
      shards: await Promise.all(
        shards.map((_, number) => paths((map) => files.fetch(`${folderOf(job, number)}/${map}.tif`))),
      ),
      to: await paths((map) => files.path(`jobs/${job.id}/${map}.tif`)),
    },
    { signal: context.signal },
  );
  mapped.stitchMs += performance.now() - started;
  const traced = {
    paths: await Promise.all(shards.map((_, number) => files.fetch(`${folderOf(job, number)}/${TRACED}`))),
    ms: results.reduce((sum, { traceMs }) => sum + traceMs, 0),
  };
  const report = await finishMap(tools, job, planned, mapped, context, traced);
  await files.remove(`jobs/${job.id}/shards`);
  return report;
}

/** Removes what the parts of a job have left that has come to an end: all of it, but of one that is done its maps. */
export async function discardParts({ db, files }: PipelineTools, id: string): Promise<void> {
  const done = (await getJob(db, id))?.state === 'done';
  await files.remove(done ? `jobs/${id}/shards` : `jobs/${id}`);
}

/** Of all shards, as of one piece; times are summed over the machines. */
function combine(results: readonly MapResult[]): MapResult {
  const sum = (of: (result: MapResult) => number) => results.reduce((total, each) => total + of(each), 0);
  const seamPixels = sum((each) => each.seamPixels);
  const [first] = results;
  return {
    ledger: {
      done: sum(({ ledger }) => ledger.done),
      nodata: sum(({ ledger }) => ledger.nodata),
      outside: sum(({ ledger }) => ledger.outside),
      failed: sum(({ ledger }) => ledger.failed),
      pending: sum(({ ledger }) => ledger.pending),
    },
    chips: {
      done: sum(({ chips }) => chips.done),
      nodata: sum(({ chips }) => chips.nodata),
      outside: sum(({ chips }) => chips.outside),
      failed: results.flatMap(({ chips }) => chips.failed),
    },
    seam: {
      ...first.seam,
      disagreement: sum((each) => each.seam.disagreement * each.seamPixels) / Math.max(1, seamPixels),
      max_delta: Math.max(...results.map(({ seam }) => seam.max_delta)),
    },
    seamPixels,
    device: first.device,
    fallbackNodes: Math.max(...results.map(({ fallbackNodes }) => fallbackNodes)),
    inferMs: sum(({ inferMs }) => inferMs),
    stitchMs: sum(({ stitchMs }) => stitchMs),
    peakRssBytes: Math.max(...results.map(({ peakRssBytes }) => peakRssBytes)),
  };
}
