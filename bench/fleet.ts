/**
 * What the queue and the joining of shards cost a fleet: one job that 1 to 16 workers compute with a network that sleeps
 * (named so: it stands for a GPU that is busy with a chip; the maps of its shards were made before) and whose features are
 * not drawn. Prints first what tracing a shard takes, and drawing its features; then the share of the workers' time that was
 * not the network's, what of it was joining, and what PostgreSQL did for each shard. Workers are in one process here, each
 * with a queue of its own.
 * Run: node bench/fleet.ts [--shards=8] [--chip-ms=50]
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MapRequest, MapResult } from '../models/mapping/map-scene.ts';
import { mergeShards } from '../models/mapping/merge-shards.ts';
import { findNetwork, type Network } from '../models/registry.ts';
import { DEFAULT_RUN } from '../models/runtime/run-profile.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { runJob } from '../server/pipeline/pipeline.ts';
import type { Compute } from '../server/processes/compute.ts';
import { startQueue } from '../server/queue/queue.ts';
import type { Handlers } from '../server/queue/work-context.ts';
import { createRemoteReader } from '../server/remote/reader.ts';
import type { ReadyScene } from '../server/scenes/ready-scene.ts';
import { workingKeyOf } from '../server/scenes/working-copy.ts';
import type { Database } from '../server/store/database/database.ts';
import { type FileStore, localFileStore } from '../server/store/files/file-store.ts';
import { getJob, insertJob } from '../server/store/tables/jobs.ts';
import { insertScene, updateScene } from '../server/store/tables/scenes.ts';
import type { PipelineTools } from '../server/tools.ts';
import { drawStrip } from '../server/tracing/draw-strip.ts';
import { joinStrips } from '../server/tracing/join-strips.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { setup, testEngines } from '../test/support/databases.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';

const flag = (name: string, otherwise: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
/** For each worker. */
const shardsEach = flag('shards', 8);
const chipMs = flag('chip-ms', 50);
const WORKERS = [1, 2, 4, 8, 16];
/** Model pixels: a shard is two rows of eight chips. */
const [CORE, WIDTH, SHARD_HEIGHT] = [1024, 8192, 2048];
const GSD_M = 1;
/** Connections tell the statistics what they did within ten seconds. */
const SETTLE_MS = 11_000;

interface Load {
  transactions: number;
  active_ms: number;
}

const tearDown = await setup();
const folder = await mkdtemp(join(tmpdir(), 'planimeter-fleet-'));
try {
  const engine = testEngines().find(({ name }) => name === 'postgresql');
  if (!engine) throw new Error('this measurement needs PostgreSQL with PostGIS');
  const network = await findNetwork('landuse-fcn');
  const template = await makeTemplate(network);
  const pixels = (WIDTH * SHARD_HEIGHT) / 1e6;
  console.log(
    `one job, ${shardsEach} shards for each worker, of 16 chips of ${chipMs} ms and ${pixels} million pixels`,
  );
  for (const workers of WORKERS) {
    const { db, url, drop } = await engine.open();
    try {
      await measure(db, url!, workers, network, template);
    } finally {
      await drop();
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
  await tearDown();
}
process.exit();

interface Template {
  classes: string;
  scores: string;
}

/** The maps of one shard: a generated town's land use, as certain as can be, written as jobs write them. */
async function makeTemplate(network: Network): Promise<Template> {
  const { truth } = await writeTown(join(folder, 'town'), {
    seed: 3,
    width: WIDTH,
    height: SHARD_HEIGHT,
    gsdMetres: GSD_M,
  });
  const town = await openRaster(truth);
  const template = {
    classes: join(folder, 'classes.tif'),
    scores: join(folder, 'scores.tif'),
  };
  const common = { ...{ width: WIDTH, height: SHARD_HEIGHT, bands: 1, epsg: 32640 }, compression: 'deflate' as const };
  const place = { geotransform: [500_000, GSD_M, 0, 2_780_000, 0, -GSD_M] as const, overviewCount: 2 };
  const overviews = { classes: 'majority', scores: 'average' } as const;
  for (const map of ['classes', 'scores'] as const) {
    const nodata = map === 'classes' ? 255 : 0;
    const layout = {
      ...common,
      ...place,
      geotransform: [...place.geotransform] as [number, number, number, number, number, number],
    };
    const writer = await createTiffWriter(template[map], { ...layout, nodata, overviews: overviews[map] });
    const { pixels } = await town.read(0, { x: 0, y: 0, width: WIDTH, height: SHARD_HEIGHT });
    if (map === 'scores') for (let i = 0; i < pixels.length; i++) pixels[i] = 128 + ((pixels[i] * 37 + (i % 61)) % 128);
    await writer.writeRows(SHARD_HEIGHT, pixels);
    await writer.finish();
  }
  await town.close();
  console.log(`network: ${network.id}, whose place the sleep takes`);
  return template;
}

async function measure(
  db: Database,
  url: string,
  workers: number,
  network: Network,
  template: Template,
): Promise<void> {
  const shards = workers * shardsEach;
  const files = localFileStore(join(folder, `${workers}`));
  const scene = await fakeScene(db, files, shards * SHARD_HEIGHT);
  const spent: Spent = { networkMs: 0, drawMs: 0, joinMs: 0 };
  const tools: PipelineTools = {
    ...{ db, files, remote: createRemoteReader(null), device: 'cpu', shardHeight: SHARD_HEIGHT },
    chooseRun: async () => ({ ...DEFAULT_RUN, core: CORE }),
    compute: sleepingCompute(template, spent),
  };
  const over = Promise.withResolvers<void>();
  const handlers: Handlers = {
    ingest: async () => {},
    async segment(id, context) {
      const job = { id, scene, network, parameters: parseParameters(), modelReason: '' };
      if (await runJob(tools, job, context)) over.resolve();
    },
    discard: async () => {},
  };
  const queues = await Promise.all(Array.from({ length: workers }, () => startQueue(db, { url }, handlers)));
  try {
    const idle = await idleLoad(db);
    const before = await load(db);
    const id = randomUUID();
    const started = performance.now();
    await insertJob(db, { id, scene: scene.id, model: network.id, parameters: {} });
    await queues[0].enqueueSegment(id);
    await over.promise;
    const wallMs = performance.now() - started;
    if ((await getJob(db, id))?.report?.ledger.done !== WIDTH * SHARD_HEIGHT * shards) throw new Error('a hole');
    await sleep(SETTLE_MS);
    const after = await load(db);
    const seconds = (wallMs + SETTLE_MS) / 1000;
    const each = (name: keyof Load) => (after[name] - before[name] - idle[name] * seconds) / shards;
    const percent = (ms: number) => `${((ms / wallMs) * 100).toFixed(1)} %`;
    console.log(
      `${String(workers).padStart(2)} workers, ${shards} shards: ${(wallMs / 1000).toFixed(2)} s; not the network's ` +
        `${percent(wallMs - spent.networkMs / workers)}, of which joining ${percent(spent.joinMs)}; PostgreSQL: ` +
        `${each('transactions').toFixed(0)} transactions, ${each('active_ms').toFixed(0)} ms a shard, and idle ` +
        `${(idle.transactions / workers).toFixed(1)} transactions, ${(idle.active_ms / workers).toFixed(1)} ms a second and worker`,
    );
  } finally {
    await Promise.all(queues.map((queue) => queue.stop()));
    await files.remove('jobs');
  }
}

interface Spent {
  networkMs: number;
  drawMs: number;
  joinMs: number;
}

/** Its map takes the time of the chips and copies the template; it draws and joins as ever, in this process. */
function sleepingCompute(template: Template, spent: Spent): Compute {
  const unused = () => {
    throw new Error('not part of this measurement');
  };
  return {
    async map({ grid, plan, shard, classesPath, scoresPath }: MapRequest, { onProgress }): Promise<MapResult> {
      const started = performance.now();
      const chips = (shard!.end - shard!.first) * plan.columns;
      const due = started + chips * chipMs;
      await mkdir(dirname(classesPath), { recursive: true });
      await copyFile(template.classes, classesPath);
      await copyFile(template.scores, scoresPath);
      for (let done = 1; done <= chips; done++) {
        await sleep(Math.max(0, due - (chips - done) * chipMs - performance.now()));
        onProgress?.({ chips: done, rows: 0 });
      }
      spent.networkMs += chips * chipMs;
      return {
        ledger: { done: grid.width * SHARD_HEIGHT, nodata: 0, outside: 0, failed: 0, pending: 0 },
        chips: { done: chips, nodata: 0, outside: 0, failed: [] },
        seam: { certified: true, halo: plan.halo, disagreement: 0, max_delta: 0 },
        ...{
          withoutClass: 0,
          seamPixels: 0,
          device: 'cpu',
          fallbackNodes: 0,
          inferMs: chips * chipMs,
          stitchMs: 0,
          peakRssBytes: 0,
        },
      };
    },
    async join(request) {
      const started = performance.now();
      await mergeShards(request);
      spent.joinMs += performance.now() - started;
    },
    async drawStrip(request) {
      const started = performance.now();
      await drawStrip(request);
      spent.drawMs += performance.now() - started;
    },
    async joinStrips(request) {
      const started = performance.now();
      const joined = await joinStrips(request);
      spent.joinMs += performance.now() - started;
      return joined;
    },
    prove: unused,
    chooseRendering: unused,
    stop: async () => {},
  };
}

async function fakeScene(db: Database, files: FileStore, height: number): Promise<ReadyScene> {
  const id = randomUUID();
  await insertScene(db, { id, name: 'fleet', upload: null, sha256: '00', bytes: 1 });
  await updateScene(db, id, { state: 'ready' });
  const report = {
    geotransform: [500_000, GSD_M, 0, 2_780_000, 0, -GSD_M],
    levels: [{ width: WIDTH, height }],
    ...{ bands: 3, assumptions: [], meanColour: [0, 0, 0], rendering: { bands: [1, 2, 3], ranges: null } },
  };
  const size = { width: WIDTH, height, gsd_m: GSD_M, gsd_x_m: GSD_M, gsd_y_m: GSD_M };
  const scene = { id, state: 'ready', epsg: 32640, bbox: [54, 24, 55, 26], ...size, report } as unknown as ReadyScene;
  const key = workingKeyOf(scene);
  await mkdir(dirname(files.path(key)), { recursive: true });
  await writeFile(files.path(key), '');
  return scene;
}

/** What the queues ask for a second while there is nothing to do. */
async function idleLoad(db: Database): Promise<Load> {
  await sleep(SETTLE_MS);
  const before = await load(db);
  const started = performance.now();
  await sleep(SETTLE_MS);
  const after = await load(db);
  const seconds = (performance.now() - started) / 1000;
  return {
    transactions: (after.transactions - before.transactions) / seconds,
    active_ms: (after.active_ms - before.active_ms) / seconds,
  };
}

async function load(db: Database): Promise<Load> {
  const [row] = await db.query<Load>(
    `SELECT (xact_commit + xact_rollback)::float8 AS transactions, active_time AS active_ms
       FROM pg_stat_database WHERE datname = current_database()`,
  );
  return row!;
}
