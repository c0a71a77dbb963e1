/** The shards of a job: asked for, computed and traced by whoever takes them, joined by one. */
import { mkdir } from 'node:fs/promises';
import type { MapResult } from '../../models/mapping/map-scene.ts';
import type { MapPaths } from '../../models/mapping/merge-shards.ts';
import type { PartContext } from '../queue/work-context.ts';
import type { Queryable } from '../store/database/database.ts';
import { getJob } from '../store/tables/jobs.ts';
import { finishShard, insertPlan, openShards, type StoredPlan, shardResults } from '../store/tables/shards.ts';
import type { PipelineTools } from '../tools.ts';
import { tracingOf } from './class-roles.ts';
import { extraMaps } from './extra-maps.ts';
import { inferAndStitch } from './infer.ts';
import type { PlannedJob } from './plan.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import type { TracedShards } from './vectorize.ts';

/** Keeps the plan and asks for all shards. */
export async function askForShards(
  tools: PipelineTools,
  job: SegmentationJob,
  { planned, shards }: StoredPlan<PlannedJob>,
  context: PartContext,
): Promise<null> {
  await tools.files.remove(`jobs/${job.id}`); // of an earlier run
  const chips = shards.map(({ first, end }) => (end - first) * planned.plan.columns);
  await context.handOver(async (session) => {
    await insertPlan(session, job.id, { planned, shards }, chips);
    return [...shards.keys()];
  });
  return null;
}

/** Of a planned job that was interrupted: asks for what is open, in case that nobody was asked. */
export async function askForOpenParts(job: SegmentationJob, context: PartContext): Promise<null> {
  await context.handOver(async (session) => {
    const open = await openShards(session, job.id);
    return open.length > 0 ? open : ['merge'];
  });
  return null;
}

/** Whether a shard is still to be computed. */
export const isOpen = async (db: Queryable, job: SegmentationJob, number: number): Promise<boolean> =>
  (await openShards(db, job.id)).includes(number);

const folderOf = (job: SegmentationJob, number: number) => `jobs/${job.id}/shards/${number}`;

/** Borders and roads of a shard. */
const TRACED = 'traced.bin';

/** By the names of their files. */
const mapsOf = ({ network, parameters }: SegmentationJob) =>
  ['classes', 'scores', ...(network.planes.length > 0 ? (['planes'] as const) : []), ...extraMaps(parameters)] as const;

/** Computes and traces a shard; with the last one, asks for the joining. */
export async function runShard(
  tools: PipelineTools,
  job: SegmentationJob,
  { planned, shards }: StoredPlan<PlannedJob>,
  number: number,
  context: PartContext,
): Promise<null> {
  const { db, files, compute } = tools;
  const folder = folderOf(job, number);
  try {
    const result = await inferAndStitch(tools, job, planned, { folder, shard: shards[number] }, context);
    const path = (name: string) => files.path(`${folder}/${name}`);
    const paths = { classesPath: path('classes.tif'), scoresPath: path('scores.tif'), tracedPath: path(TRACED) };
    const started = performance.now();
    await compute.trace({ ...paths, ...tracingOf(job), mapSize: planned.grid }, { signal: context.signal });
    const traceMs = performance.now() - started;
    for (const map of mapsOf(job)) await files.put(`${folder}/${map}.tif`);
    await files.put(`${folder}/${TRACED}`);
    await files.remove(`${folder}/spool`);
    await context.handOver(async (session) =>
      (await finishShard(session, job.id, number, { ...result, traceMs })) === 0 ? ['merge'] : [],
    );
    return null;
  } finally {
    // What there is of it is kept for whoever goes on, unless the job has ended meanwhile and nobody will.
    if (!(await isWanted(db, job.id))) await files.remove(folder);
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

/** The maps of all shards, joined at their paths in the job's folder, with what they were traced to. */
export async function joinShards(
  { db, files, compute }: PipelineTools,
  job: SegmentationJob,
  { planned, shards }: StoredPlan<PlannedJob>,
  { signal }: PartContext,
): Promise<{ mapped: MapResult; traced: TracedShards }> {
  const { grid, plan } = planned;
  const { network, parameters } = job;
  const results = (await shardResults(db, job.id)).map((result, i) => {
    if (!result) throw new Error(`shard ${i} of job ${job.id} is not computed`);
    return result;
  });
  const mapped = combine(results);
  if (mapped.chips.done === 0 && mapped.chips.failed.length > 0) throw new Error(mapped.chips.failed[0].reason);
  const paths = async (pathOf: (map: string) => string | Promise<string>) => {
    const found = mapsOf(job).map(async (map) => [`${map}Path`, await pathOf(map)] as const);
    return Object.fromEntries(await Promise.all(found)) as unknown as MapPaths;
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
    { signal },
  );
  mapped.stitchMs += performance.now() - started;
  const traced = {
    paths: await Promise.all(shards.map((_, number) => files.fetch(`${folderOf(job, number)}/${TRACED}`))),
    ms: results.reduce((sum, { traceMs }) => sum + traceMs, 0),
  };
  return { mapped, traced };
}

/** Removes what the parts of a job have left that has come to an end: all of it, but of one that is done its maps. */
export async function removeShards({ db, files }: PipelineTools, id: string): Promise<void> {
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
    withoutClass: sum((each) => each.withoutClass ?? 0),
    seamPixels,
    device: first.device,
    fallbackNodes: Math.max(...results.map(({ fallbackNodes }) => fallbackNodes)),
    inferMs: sum(({ inferMs }) => inferMs),
    stitchMs: sum(({ stitchMs }) => stitchMs),
    peakRssBytes: Math.max(...results.map(({ peakRssBytes }) => peakRssBytes)),
  };
}
