/**
 * What a queue on PostgreSQL costs a fleet: 1 to 16 workers take jobs whose network sleeps (named so: it stands for a
 * GPU that is busy with a chip) and nothing else. Prints the share of the time in which workers had no work in hand,
 * and what PostgreSQL did for each job. Workers are in one process here, each with a queue of its own.
 * Run: node bench/fleet.ts [--jobs=3] [--chips=64] [--chip-ms=50]
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobReport } from '../server/http/types.ts';
import { type Handlers, startQueue } from '../server/jobs/queue.ts';
import type { Database } from '../server/store/database.ts';
import { publishJob } from '../server/store/features.ts';
import { insertJob } from '../server/store/jobs.ts';
import { insertScene } from '../server/store/scenes.ts';
import { setup, testEngines } from '../server/store/test-databases.ts';

const flag = (name: string, otherwise: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
/** Of each worker. */
const jobs = flag('jobs', 3);
const chips = flag('chips', 64);
const chipMs = flag('chip-ms', 50);
const WORKERS = [1, 2, 4, 8, 16];
/** Connections tell the statistics what they did within ten seconds. */
const SETTLE_MS = 11_000;

interface Load {
  transactions: number;
  active_ms: number;
}

const tearDown = await setup();
try {
  const engine = testEngines().find(({ name }) => name === 'postgresql');
  if (!engine) throw new Error('this measurement needs PostgreSQL with PostGIS');
  console.log(`jobs of ${chips} chips of ${chipMs} ms, ${jobs} for each worker`);
  for (const workers of WORKERS) {
    const { db, url, drop } = await engine.open();
    try {
      await measure(db, url!, workers);
    } finally {
      await drop();
    }
  }
} finally {
  await tearDown();
}
process.exit();

async function measure(db: Database, url: string, workers: number): Promise<void> {
  let busyMs = 0;
  let open = workers * jobs;
  const over = Promise.withResolvers<void>();
  const handlers: Handlers = {
    ingest: async () => {},
    async segment(id, { progress }) {
      const started = performance.now();
      for (let done = 1; done <= chips; done++) {
        await sleep(chipMs);
        progress({ stage: 'infer', done, total: chips, share: done / chips });
      }
      busyMs += performance.now() - started;
      await publishJob(db, id, {} as JobReport);
      if (--open === 0) over.resolve();
    },
    discard: async () => {},
  };
  const queues = await Promise.all(Array.from({ length: workers }, () => startQueue(db, { url }, handlers)));
  try {
    const scene = randomUUID();
    await insertScene(db, { id: scene, name: 'fleet', upload: null, sha256: '00', bytes: 1 });
    const idle = await idleLoad(db);
    const before = await load(db);
    const started = performance.now();
    for (let i = 0; i < workers * jobs; i++) {
      const id = randomUUID();
      await insertJob(db, { id, scene, model: 'sleeps', parameters: {} });
      await queues[0].enqueueSegment(id);
    }
    await over.promise;
    const wallMs = performance.now() - started;
    await sleep(SETTLE_MS);
    const after = await load(db);
    const seconds = (wallMs + SETTLE_MS) / 1000;
    const each = (name: keyof Load) => (after[name] - before[name] - idle[name] * seconds) / (workers * jobs);
    console.log(
      `${String(workers).padStart(2)} workers: ${(wallMs / 1000).toFixed(1)} s, ` +
        `${((1 - busyMs / (wallMs * workers)) * 100).toFixed(1)} % of the time without work in hand; PostgreSQL: ` +
        `${each('transactions').toFixed(0)} transactions, ${each('active_ms').toFixed(0)} ms a job, and idle ` +
        `${(idle.transactions / workers).toFixed(1)} transactions, ${(idle.active_ms / workers).toFixed(1)} ms a second and worker`,
    );
  } finally {
    await Promise.all(queues.map((queue) => queue.stop()));
  }
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
