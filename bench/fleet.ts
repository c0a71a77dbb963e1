/**
 * What the queue and the joining cost a fleet: one job whose network sleeps (named so: it stands for a GPU that is busy with
 * a chip; the maps of its shards were made before) and whose strips are really drawn and stored. Drawing needs a core for
 * each worker, so there are no more workers than cores; each is a queue of its own in one process, and all share its drawing
 * processes. Prints the share of the workers' time in which they had neither a shard nor a strip, where it went, and what
 * PostgreSQL did for each shard. For more workers it computes what the end of a job, which one worker does while the others
 * have nothing of it, would weigh: it says "computed" there.
 * Run: node bench/fleet.ts [--shards=8] [--chip-ms=50]
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MapRequest, MapResult } from '../models/mapping/map-scene.ts';
import { planShards } from '../models/mapping/shards.ts';
import { findNetwork, type Network } from '../models/registry.ts';
import { DEFAULT_RUN } from '../models/runtime/run-profile.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { runJob } from '../server/pipeline/pipeline.ts';
import { type Compute, startCompute } from '../server/processes/compute.ts';
import { type Part, stripOf } from '../server/queue/pg-boss.ts';
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
const CORES = availableParallelism();
/** Model pixels: a shard is two rows of eight chips. */
const [CORE, WIDTH, SHARD_HEIGHT] = [1024, 8192, 2048];
const GSD_M = 1;
/** Of the job that has just ended: of its finest level, and of the others. */
const ends: { joinMs: number }[] = [];
/** Connections tell the statistics what they did within ten seconds. */
const SETTLE_MS = 11_000;

interface Load {
  transactions: number;
  active_ms: number;
}

const tearDown = await setup();
const real = startCompute();
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
  for (const workers of WORKERS.filter((count) => count <= CORES)) {
    const { db, url, drop } = await engine.open();
    try {
      await measure(db, url!, workers, network, template);
    } finally {
      await drop();
    }
  }
} finally {
  await real.stop();
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
  const plan = { core: CORE, halo: 0, stride: 1, columns: WIDTH / CORE, rows: SHARD_HEIGHT / CORE };
  const overviewCount = planShards(plan, SHARD_HEIGHT)[0]!.overviews;
  const place = { geotransform: [500_000, GSD_M, 0, 2_780_000, 0, -GSD_M] as const, overviewCount };
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
  const done: Interval[] = [];
  const tools: PipelineTools = {
    ...{ db, files, remote: createRemoteReader(null), device: 'cpu', shardHeight: SHARD_HEIGHT },
    chooseRun: async () => ({ ...DEFAULT_RUN, core: CORE }),
    compute: sleepingCompute(template),
  };
  const over = Promise.withResolvers<void>();
  const handlersOf = (worker: number): Handlers => ({
    ingest: async () => {},
    async segment(id, context) {
      const job = { id, scene, network, parameters: parseParameters(), modelReason: '' };
      const from = performance.now();
      const report = await runJob(tools, job, context);
      done.push({ worker, kind: kindOf(context.part), from, to: performance.now() });
      if (report) over.resolve();
    },
    discard: async () => {},
  });
  const queues = await Promise.all(Array.from({ length: workers }, (_, i) => startQueue(db, { url }, handlersOf(i))));
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
    const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
    const busy = (...kinds: Kind[]) => {
      let ms = 0;
      for (let i = 0; i < workers; i++) {
        ms += covered(done.filter(({ worker, kind }) => worker === i && kinds.includes(kind)));
      }
      return ms;
    };
    const own = busy('shard', 'strip');
    const maps = busy('shard', 'strip', 'maps') - own;
    const end = busy('end');
    const joinMs = Math.max(...ends.splice(0).map((each) => each.joinMs)); // one beside the other
    const all = workers * wallMs;
    const queueing = all - own - maps - workers * end;
    console.log(
      `${workers} workers, ${shards} shards: ${(wallMs / 1000).toFixed(2)} s; neither shards nor strips ` +
        `${percent(1 - own / all)}: queue ${percent(queueing / all)}, joining maps ${percent(maps / all)}, ` +
        `joining strips ${percent(joinMs / wallMs)}, storing what was joined and publishing ${percent((end - joinMs) / wallMs)}; ` +
        `a shard ${(busy('shard') / shards).toFixed(0)} ms, a strip ${(busy('strip') / shards).toFixed(0)} ms, ` +
        `the maps ${(busy('maps') / shards).toFixed(0)} ms and the end ${(end / shards).toFixed(0)} ms a strip; PostgreSQL: ` +
        `${each('transactions').toFixed(0)} transactions, ${each('active_ms').toFixed(0)} ms a shard, and idle ` +
        `${(idle.transactions / workers).toFixed(1)} transactions, ${(idle.active_ms / workers).toFixed(1)} ms a second and worker`,
    );
    for (const more of WORKERS.filter((count) => count > CORES && workers === CORES)) {
      const endMs = (end / shards) * more; // of as many strips for each worker
      const ownMs = own / shards;
      console.log(
        `computed: ${more} workers with a core each would wait ${percent(endMs / (endMs + ownMs))} at the end`,
      );
    }
  } finally {
    await Promise.all(queues.map((queue) => queue.stop()));
    await files.remove('jobs');
  }
}

type Kind = 'plan' | 'shard' | 'strip' | 'maps' | 'end';

interface Interval {
  worker: number;
  kind: Kind;
  from: number;
  to: number;
}

function kindOf(part: Part | undefined): Kind {
  if (part === undefined) return 'plan';
  if (part === 'maps') return 'maps';
  if (part === 'merge') return 'end';
  return stripOf(part) === null ? 'shard' : 'strip';
}

/** How long at least one of them was under way. */
function covered(intervals: readonly Interval[]): number {
  let [ms, reached] = [0, 0];
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    ms += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return ms;
}

/** Its map takes the time of the chips and copies the template; it draws and joins as ever. */
function sleepingCompute(template: Template): Compute {
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
    join: real.join,
    drawStrip: real.drawStrip,
    async joinFinest(request, options) {
      const started = performance.now();
      const joined = await real.joinFinest(request, options);
      ends.push({ joinMs: performance.now() - started });
      return joined;
    },
    async joinCoarser(request, options) {
      const started = performance.now();
      const joined = await real.joinCoarser(request, options);
      ends.push({ joinMs: performance.now() - started });
      return joined;
    },
    drawUnits: unused,
    prove: unused,
    teach: unused,
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
