/**
 * Twenty jobs in shards on a service and three workers with a PostgreSQL server and a bucket (moto, a mock of AWS). A
 * worker, its compute process or a process of the database is killed at random (`kill -9`) again and again, and a twentieth of
 * the bucket's answers are errors, broken off or late: every job ends, and its class map and feature ids are those of a
 * fleet that nobody disturbed; nothing else is left in the bucket.
 * Only with PLANIMETER_FULL=1; PLANIMETER_SEED=N repeats a run.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson } from '../server/api/index.ts';
import type { Database } from '../server/store/database/database.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { complaints } from './support/complaints.ts';
import { type Cluster, openOnServer, startCluster } from './support/databases.ts';
import { keysOf, startFaults, startMoto } from './support/moto.ts';
import { serve, stopAll } from './support/serve.ts';
import { killWorkers, startWorker } from './support/workers.ts';

const JOBS = 20;
const WORKERS = 3;
const KILLS = 60;
/** Of them, of the database. */
const CRASHES = 6;
const MOST_MS_BETWEEN_KILLS = 1500;
const COLLECTIONS = ['buildings', 'roads', 'landuse'];

const wanted = process.env.PLANIMETER_FULL === '1';
const seed = Number(process.env.PLANIMETER_SEED ?? Date.now() % 1e6);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-chaos-'));
});
afterEach(async () => {
  killWorkers();
  await stopAll();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What became of a job: of its class map the hash, and its features' ids, sorted. */
interface Outcome {
  state: string;
  failed: number | undefined;
  classes: string;
  ids: string[];
}

test.skipIf(!wanted)('jobs outlive their workers, their database and their store', { timeout: 1_800_000 }, async () => {
  console.log(`PLANIMETER_SEED=${seed}`);
  const cluster = await startCluster();
  const moto = await startMoto();
  if (!cluster || !moto) return;
  try {
    // Three shards of the usual height at the network's one metre.
    const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 600, height: 8600, gsdMetres: 0.5 });
    const endpoint = moto.env.AWS_ENDPOINT_URL!;
    const calm = await onFleet('calm', image, cluster, moto.env, endpoint, async () => {});
    const random = randomNumbers(seed);
    const faults = await startFaults(endpoint, random);
    const env = { ...moto.env, AWS_ENDPOINT_URL: faults.endpoint };
    const wild = await onFleet('wild', image, cluster, env, endpoint, (...fleet) => disturb(random, cluster, ...fleet));
    console.log(`${faults.faults()} of the store's answers were faults`);
    faults.stop();
    expect(calm.every(({ state, ids }) => state === 'done' && ids.length > 0)).toBe(true);
    expect(wild).toEqual(calm);
  } finally {
    killWorkers();
    await stopAll();
    moto.stop();
    await cluster.stop();
  }
});

async function onFleet(
  name: string,
  image: string,
  cluster: Cluster,
  bucket: NodeJS.ProcessEnv,
  /** Of the bucket without faults. */
  endpoint: string,
  meanwhile: (workers: ChildProcess[], another: () => Promise<ChildProcess>) => Promise<void>,
): Promise<Outcome[]> {
  const { db, url: databaseUrl, drop } = await openOnServer(cluster.url);
  const env = { ...bucket, DATABASE_URL: databaseUrl, PLANIMETER_STORE: `s3://maps/${name}` };
  try {
    const { url } = await serve(join(folder, `${name}-data`), databaseUrl, env);
    let machines = 0;
    const another = () => startWorker(env, '--data', join(folder, `${name}-machine-${++machines}`));
    const workers = await Promise.all(Array.from({ length: WORKERS }, another));
    const scene = await waitForScene(url, await upload(url, image));
    const started: string[] = [];
    for (let i = 0; i < JOBS; i++) started.push((await startJob(url, scene.id, { min_area_m2: 10 + i })).id);
    await meanwhile(workers, another);
    await expect.poll(async () => (await fetch(`${url}/ready`)).status, { timeout: 60_000 }).toBe(200);
    const left = await unfinishedMessages(db);
    const outcomes: Outcome[] = [];
    for (const id of started) outcomes.push(await outcomeOf(url, id));
    await expect.poll(() => unfinishedMessages(db), { timeout: 60_000 }).toBe(0);
    const maps = started.flatMap((id) => ['classes', 'scores'].map((map) => `${name}/jobs/${id}/${map}.tif`));
    const keys = await keysOf(endpoint);
    expect(keys.filter((key) => key.startsWith(`${name}/jobs/`))).toEqual(maps.sort());
    const [{ retries } = { retries: 0 }] = await db.query<{ retries: number }>(
      `SELECT sum(retry_count)::int AS retries FROM planimeter_queue.job WHERE name = 'segment'`,
    );
    console.log(`${name}: ${left} messages left when the killing was over; work was taken up again ${retries} times`);
    // A worker that is silent for long, on a machine with other work, is taken for dead too.
    if (name === 'wild') expect(retries, 'workers died over work').toBeGreaterThan(0);
    return outcomes;
  } finally {
    killWorkers();
    await stopAll();
    await drop();
  }
}

async function outcomeOf(url: string, id: string): Promise<Outcome> {
  const { state, report, problem } = await waitForJob(url, id);
  if (problem) console.log(complaints().join('\n'));
  expect(problem, 'no job is given up').toBeNull();
  const ids: string[] = [];
  for (const collection of COLLECTIONS) {
    const items = await getJson<ItemsJson>(`${url}/collections/${collection}/items?limit=10000&job=${id}`);
    expect(items.numberMatched).toBe(report?.counts[collection]);
    ids.push(...items.features.map((feature) => String(feature.id)));
  }
  expect(new Set(ids).size, 'each feature is there once').toBe(ids.length);
  const map = await fetch(`${url}/jobs/${id}/classes.tif`);
  const classes = createHash('sha256')
    .update(new Uint8Array(await map.arrayBuffer()))
    .digest('hex');
  return { state, failed: report?.ledger.failed, classes, ids: ids.sort() };
}

/** Kills the database, a worker, which another replaces, or a worker's compute process, `KILLS` times. */
async function disturb(
  random: () => number,
  cluster: Cluster,
  workers: ChildProcess[],
  another: () => Promise<ChildProcess>,
): Promise<void> {
  const killed = { workers: 0, children: 0, database: 0 };
  const coming: Promise<void>[] = [];
  while (killed.workers + killed.children + killed.database < KILLS) {
    await sleep(random() * MOST_MS_BETWEEN_KILLS);
    if (random() < CRASHES / KILLS) {
      cluster.crash();
      killed.database++;
      continue;
    }
    const which = Math.floor(random() * workers.length);
    const victim = workers[which];
    expect(victim.exitCode, 'no worker ends by itself').toBe(null);
    if (victim.signalCode !== null) continue; // another is on its way
    const [child] = childrenOf(victim.pid!);
    if (random() < 0.5 && child !== undefined) {
      process.kill(child, 'SIGKILL');
      killed.children++;
      continue;
    }
    const gone = once(victim, 'exit');
    victim.kill('SIGKILL');
    await gone;
    killed.workers++;
    coming.push(
      untilItStarts(another).then((worker) => {
        workers[which] = worker;
      }),
    );
  }
  await Promise.all(coming);
  console.log(`killed: ${JSON.stringify(killed)}`);
}

/** A worker does not start while the database recovers. */
async function untilItStarts(start: () => Promise<ChildProcess>): Promise<ChildProcess> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(1000);
    }
  }
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

async function unfinishedMessages(db: Database): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM planimeter_queue.job WHERE state IN ('created', 'retry', 'active')`,
  );
  return row!.count;
}

/** Numbers in [0, 1), the same for a seed (mulberry32). */
function randomNumbers(from: number): () => number {
  let state = from | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
