/**
 * Twenty jobs on a service and three workers, of which one or its compute process is killed again and again at random
 * (`kill -9`): every job ends, and its class map and feature ids are those of a fleet that nobody disturbed.
 * Only with PLANIMETER_FULL=1; PLANIMETER_SEED=N repeats a run.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson } from '../server/http/types.ts';
import type { Database } from '../server/store/database.ts';
import { testEngines } from '../server/store/test-databases.ts';
import { writeTown } from '../tiler/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './client.ts';
import { serve, stopAll } from './serve.ts';
import { killWorkers, startWorker } from './workers.ts';

const JOBS = 20;
const WORKERS = 3;
const KILLS = 20;
const MOST_MS_BETWEEN_KILLS = 800;
const COLLECTIONS = ['buildings', 'roads', 'landuse'];

const postgresql = testEngines().find(({ name }) => name === 'postgresql');
const wanted = process.env.PLANIMETER_FULL === '1' && postgresql !== undefined;
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

test.skipIf(!wanted)('jobs outlive their workers', { timeout: 900_000 }, async () => {
  console.log(`PLANIMETER_SEED=${seed}`);
  const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 1200, height: 1000, gsdMetres: 0.5 });
  const calm = await onFleet('calm', image, async () => {});
  const wild = await onFleet('wild', image, disturb);
  expect(calm.every(({ state, ids }) => state === 'done' && ids.length > 0)).toBe(true);
  expect(wild).toEqual(calm);
});

async function onFleet(
  name: string,
  image: string,
  meanwhile: (workers: ChildProcess[], another: () => Promise<ChildProcess>) => Promise<void>,
): Promise<Outcome[]> {
  const { db, url: databaseUrl, drop } = await postgresql!.open();
  const store = join(folder, name);
  const env = { DATABASE_URL: databaseUrl!, PLANIMETER_STORE: pathToFileURL(store).href };
  try {
    const { url } = await serve(join(folder, `${name}-data`), databaseUrl, env);
    const another = () => startWorker(env);
    const workers = await Promise.all(Array.from({ length: WORKERS }, another));
    const scene = await waitForScene(url, await upload(url, image));
    const started: string[] = [];
    for (let i = 0; i < JOBS; i++) started.push((await startJob(url, scene.id, { min_area_m2: 10 + i })).id);
    await meanwhile(workers, another);
    const left = await unfinishedMessages(db);
    const outcomes: Outcome[] = [];
    for (const id of started) outcomes.push(await outcomeOf(url, join(store, 'files', 'jobs', id), id));
    expect((await readdir(join(store, 'files', 'jobs'))).sort()).toEqual([...started].sort());
    await expect.poll(() => unfinishedMessages(db)).toBe(0);
    const [{ retries } = { retries: 0 }] = await db.query<{ retries: number }>(
      `SELECT sum(retry_count)::int AS retries FROM planimeter_queue.job WHERE name = 'segment'`,
    );
    console.log(`${name}: ${left} jobs left when the killing was over; work was taken up again ${retries} times`);
    expect(retries > 0, 'workers died over work').toBe(name === 'wild');
    return outcomes;
  } finally {
    killWorkers();
    await stopAll();
    await drop();
  }
}

async function outcomeOf(url: string, files: string, id: string): Promise<Outcome> {
  const { state, report } = await waitForJob(url, id);
  const ids: string[] = [];
  for (const collection of COLLECTIONS) {
    const items = await getJson<ItemsJson>(`${url}/collections/${collection}/items?limit=10000&job=${id}`);
    expect(items.numberMatched).toBe(report?.counts[collection]);
    ids.push(...items.features.map((feature) => String(feature.id)));
  }
  expect(new Set(ids).size, 'each feature is there once').toBe(ids.length);
  expect((await readdir(files)).sort()).toEqual(['classes.tif', 'scores.tif']);
  const classes = createHash('sha256')
    .update(await readFile(join(files, 'classes.tif')))
    .digest('hex');
  return { state, failed: report?.ledger.failed, classes, ids: ids.sort() };
}

/** Kills a worker, which another replaces, or a worker's compute process, `KILLS` times. */
async function disturb(workers: ChildProcess[], another: () => Promise<ChildProcess>): Promise<void> {
  const random = randomNumbers(seed);
  const killed = { workers: 0, children: 0 };
  const coming: Promise<void>[] = [];
  while (killed.workers + killed.children < KILLS) {
    await sleep(random() * MOST_MS_BETWEEN_KILLS);
    const which = Math.floor(random() * workers.length);
    const victim = workers[which];
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
      another().then((worker) => {
        workers[which] = worker;
      }),
    );
  }
  await Promise.all(coming);
  console.log(`killed: ${killed.workers} workers, ${killed.children} of their compute processes`);
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
