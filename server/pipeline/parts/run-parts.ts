/**
 * The parts of a job: shards, computed by whoever takes them; strips, drawn by whoever takes them once the shards are there
 * that they look at; the maps, joined by one while others draw the last strips; and the end, at which one joins the strips.
 */
import { mkdir } from 'node:fs/promises';
import type { MapResult } from '../../../models/mapping/map-scene.ts';
import type { MapPaths } from '../../../models/mapping/merge-shards.ts';
import { pixelRows, type Shard } from '../../../models/mapping/shards.ts';
import { planStrips } from '../../../vectorizer/strips.ts';
import { VERSION } from '../../content-ids.ts';
import { type Part, type StripPart, stripOf } from '../../queue/pg-boss.ts';
import { stageProgress } from '../../queue/progress.ts';
import type { PartContext } from '../../queue/work-context.ts';
import type { Queryable, Session } from '../../store/database/database.ts';
import { beginStoring } from '../../store/tables/features.ts';
import { getJob, updateJob } from '../../store/tables/jobs.ts';
import {
  deletePlan,
  finishMaps,
  finishShard,
  finishStrip,
  insertPlan,
  mapsAreJoined,
  openShards,
  openStrips,
  readyStrips,
  type StoredPlan,
  shardResults,
  stripResults,
} from '../../store/tables/shards.ts';
import type { PipelineTools } from '../../tools.ts';
import { rowsOf } from '../../tracing/draw-strip.ts';
import { inferAndStitch } from '../infer.ts';
import type { PlannedJob } from '../plan.ts';
import type { DrawnFeatures } from '../publish.ts';
import type { SegmentationJob } from '../segmentation-job.ts';
import { intoDatabase } from '../store-features.ts';
import { drawingOf, drawStrip, finishDrawing, openKey, openKeys, type StripResult } from '../vectorize.ts';
import { layerOf, type MapName, mapsOf, putMaps } from './layers.ts';

type Plan = StoredPlan<PlannedJob>;

/** Keeps the plan and asks for all shards. */
export async function askForParts(
  tools: PipelineTools,
  job: SegmentationJob,
  planned: PlannedJob,
  shards: Shard[],
  context: PartContext,
): Promise<null> {
  const { db, files } = tools;
  const { grid, plan } = planned;
  await files.remove(`jobs/${job.id}`); // of an earlier run
  const chips = shards.map(({ first, end }) => (end - first) * plan.columns);
  const strips = planStrips(grid).map((strip) => {
    const { y, height } = rowsOf(strip, grid);
    const holding = [...shards.keys()].filter((number) => {
      const rows = pixelRows(grid, plan, shards[number]);
      return rows.y < y + height && y < rows.y + rows.height;
    });
    return { firstShard: holding[0], lastShard: holding.at(-1)! };
  });
  const turn = await beginStoring(db, job.id);
  await context.handOver(async (session) => {
    await deletePlan(session, job.id); // of an earlier version
    await insertPlan(session, job.id, { program: VERSION, planned, shards, strips, turn }, chips);
    return [...shards.keys()];
  });
  return null;
}

/** Of a planned job that was interrupted: asks for what is open, in case that nobody was asked. */
export async function askForOpenParts(job: SegmentationJob, context: PartContext): Promise<null> {
  await context.handOver(async (session) => {
    return openParts(session, job.id);
  });
  return null;
}

/** What is to be done next of a planned job. */
async function openParts(q: Queryable, id: string): Promise<Part[]> {
  const shards = await openShards(q, id);
  const strips = (await readyStrips(q, id)).map(partOf);
  const maps = shards.length === 0 && !(await mapsAreJoined(q, id)) ? (['maps'] as const) : [];
  const open = [...shards, ...maps, ...strips];
  return open.length > 0 ? open : ['merge'];
}

const partOf = (strip: number): Part => `strip-${strip}`;

/** The end, once the maps are joined and all strips drawn; in the transaction that ends the last of them. */
async function endOf(session: Session, id: string): Promise<Part[]> {
  return (await openStrips(session, id)) === 0 && (await mapsAreJoined(session, id)) ? ['merge'] : [];
}

/** Once the network is done, a job is as far as its strips are drawn. */
async function noteDrawn(session: Session, id: string, { strips }: Plan): Promise<void> {
  if ((await openShards(session, id)).length > 0) return;
  const drawn = strips.length - (await openStrips(session, id));
  await updateJob(session, id, { progress: stageProgress('vectorize', drawn, strips.length) }, ['running']);
}

/** Whether a part is still to be done. */
export async function isOpen(db: Queryable, job: SegmentationJob, part: Part): Promise<boolean> {
  return (await openParts(db, job.id)).includes(part);
}

const folderOf = (job: SegmentationJob, shard: number) => `jobs/${job.id}/shards/${shard}`;

/** Computes a shard and asks for the strips that have waited for it; with the last one, for the joining of maps. */
export async function runShard(
  tools: PipelineTools,
  job: SegmentationJob,
  planOfJob: Plan,
  number: number,
  context: PartContext,
): Promise<null> {
  const { files } = tools;
  const { planned, shards, turn } = planOfJob;
  const folder = folderOf(job, number);
  await whileWanted(tools, job, async () => {
    const result = await inferAndStitch(tools, job, planned, { folder, shard: shards[number] }, context);
    for (const map of mapsOf(job)) await files.put(`${folder}/${map}.tif`);
    await files.remove(`${folder}/spool`);
    await context.handOver(async (session) => {
      if (!(await finishShard(session, { id: job.id, turn }, number, result))) return [];
      await noteDrawn(session, job.id, planOfJob);
      const strips = (await readyStrips(session, job.id, number)).map(partOf);
      return (await openShards(session, job.id)).length === 0 ? ['maps', ...strips] : strips;
    });
  });
  return null;
}

/** Draws a strip and stores its features. */
export async function runStrip(
  tools: PipelineTools,
  job: SegmentationJob,
  planOfJob: Plan,
  part: StripPart,
  context: PartContext,
): Promise<null> {
  const { files } = tools;
  const { planned, shards, strips, turn } = planOfJob;
  const number = stripOf(part)!;
  const { firstShard, lastShard } = strips[number];
  const key = openKey(job.id, number);
  await whileWanted(tools, job, async () => {
    const layers = shards.slice(firstShard, lastShard + 1).map(async (shard, i) => {
      const folder = folderOf(job, firstShard + i);
      const paths = new Map<MapName, string>();
      for (const map of mapsOf(job)) paths.set(map, await files.fetch(`${folder}/${map}.tif`));
      return layerOf(job, (map) => paths.get(map)!, pixelRows(planned.grid, planned.plan, shard).y);
    });
    const drawing = await drawingOf(tools, job, planned, turn, intoDatabase(tools.db));
    const strip = planStrips(planned.grid)[number];
    const result = await drawStrip(tools, drawing, strip, await Promise.all(layers), context.signal);
    await files.put(key);
    await context.handOver(async (session) => {
      if (!(await finishStrip(session, { id: job.id, turn }, number, result))) return [];
      await noteDrawn(session, job.id, planOfJob);
      return endOf(session, job.id);
    });
  });
  return null;
}

/** What there is of a part is kept for whoever goes on, unless the job has ended meanwhile and nobody will. */
async function whileWanted(tools: PipelineTools, { id }: SegmentationJob, work: () => Promise<void>) {
  try {
    await work();
  } finally {
    if (!(await isWanted(tools.db, id))) await removeParts(tools, id);
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

/** Joins the maps of all shards, while strips are still drawn. */
export async function joinMaps(
  tools: PipelineTools,
  job: SegmentationJob,
  { planned: { grid, plan }, shards, turn }: Plan,
  context: PartContext,
): Promise<null> {
  const { files, compute } = tools;
  const { network, parameters } = job;
  const started = performance.now();
  const paths = async (pathOf: (map: MapName) => string | Promise<string>) => {
    const found = mapsOf(job).map(async (map) => [`${map}Path`, await pathOf(map)] as const);
    return Object.fromEntries(await Promise.all(found)) as unknown as MapPaths;
  };
  await whileWanted(tools, job, async () => {
    await mkdir(files.path(`jobs/${job.id}`), { recursive: true }); // this machine may have computed none of the shards
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
    await putMaps(files, job);
    await context.handOver(async (session) => {
      const first = await finishMaps(session, { id: job.id, turn }, performance.now() - started);
      return first ? endOf(session, job.id) : [];
    });
  });
  return null;
}

/** What all strips have left open, joined. */
export async function joinDrawn(
  tools: PipelineTools,
  job: SegmentationJob,
  { planned, turn, joinMs = 0 }: Plan,
  context: PartContext,
): Promise<DrawnFeatures> {
  const { db, files } = tools;
  context.progress(stageProgress('store', 0, 1));
  const mapped = combine(whole(await shardResults(db, job.id), 'shard'));
  if (mapped.chips.done === 0 && mapped.chips.failed.length > 0) throw new Error(mapped.chips.failed[0].reason);
  mapped.stitchMs += joinMs;
  const results = whole(await stripResults<StripResult>(db, job.id), 'strip');
  const drawing = await drawingOf(tools, job, planned, turn, intoDatabase(tools.db));
  const openPaths = await Promise.all(openKeys(drawing).map((key) => files.fetch(key)));
  return finishDrawing(tools, job, drawing, mapped, results, openPaths, context.signal);
}

function whole<R>(results: readonly (R | null)[], kind: string): R[] {
  return results.map((result, number) => {
    if (result === null) throw new Error(`${kind} ${number} is not done`);
    return result;
  });
}

/** Removes what the parts of a job have left that has come to an end: all of it, but of one that is done its maps. */
export async function removeParts({ db, files }: PipelineTools, id: string): Promise<void> {
  const done = (await getJob(db, id))?.state === 'done';
  for (const key of done ? [`jobs/${id}/shards`, `jobs/${id}/strips`] : [`jobs/${id}`]) await files.remove(key);
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
