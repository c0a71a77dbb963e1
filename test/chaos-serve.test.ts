/**
 * `serve` on the embedded database while images arrive and jobs run: it is killed with kill -9 thirty times, at random
 * moments, its start included; most times with all its children, else alone. What was acknowledged is there in the end:
 * uploads, jobs, and maps and features that are those of a service that nobody disturbed; and nothing is left over.
 * Only with PLANIMETER_FULL=1; PLANIMETER_SEED=N repeats a run's moments.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson, JobJson, SceneJson } from '../server/api/index.ts';
import { collectGarbage } from '../server/operations/garbage-collector.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { localFileStore } from '../server/store/files/file-store.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { seeded } from './support/geometry.ts';
import { kill, killGroup, type Served, type Starting, serve, startServing, stopAll } from './support/serve.ts';

const KILLS = 30;
/** Of them, of the service alone: its children find out by themselves. */
const SHARE_ALONE = 1 / 4;
const SHARE_WHILE_STARTING = 1 / 6;
/** Of the time that an undisturbed service takes to read an image and to map it. */
const LONGEST_LIFE = 0.8;
const IMAGES = 5;
/** Unfinished ones at a time. */
const JOBS_AT_ONCE = 2;
const LEAST_JOBS = 12;
const CHUNK_BYTES = 64 * 1024;
/** In model pixels: jobs of a few shards each, while the undisturbed ones are done in one piece. */
const SHARD_HEIGHT = '256';
const COLLECTIONS = ['buildings', 'roads', 'landuse'];
const LONG_AFTER_MS = 30 * 24 * 3600_000;

const wanted = process.env.PLANIMETER_FULL === '1';
const seed = Number(process.env.PLANIMETER_SEED ?? Date.now() % 1e6);

let folder: string;
const images: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-chaos-serve-'));
  for (let i = 0; wanted && i < IMAGES; i++) {
    const town = { seed: 50 + i, width: 900, height: 1200, gsdMetres: 0.5 };
    images.push((await writeTown(join(folder, `town${i}`), town)).image);
  }
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the service has said that it has. */
interface Acknowledged {
  /** Scene by image. */
  scenes: Map<number, string>;
  jobs: { image: number; minArea: number; id: string }[];
}

/** The service of the moment; of one that is dead or being born there is no address. */
interface Life {
  url: string | null;
  births: number;
  over: boolean;
}

test.skipIf(!wanted)('nothing that was acknowledged is lost', { timeout: 1_800_000 }, async () => {
  console.log(`PLANIMETER_SEED=${seed}`);
  const { startMs, workMs } = await undisturbedTimes();
  const [data, temporary] = [join(folder, 'wild'), join(folder, 'tmp')];
  await mkdir(temporary);
  const acknowledged: Acknowledged = { scenes: new Map(), jobs: [] };
  const life: Life = { url: null, births: 0, over: false };
  const env = { TMPDIR: temporary, PLANIMETER_SHARD_HEIGHT: SHARD_HEIGHT };
  const start = () => startServing(data, env, { group: true });
  const [url] = await Promise.all([
    live(life, start, { startMs, longest: (LONGEST_LIFE * workMs) / startMs }),
    beClient(life, acknowledged, workMs),
  ]);
  const { scenes, jobs } = acknowledged;
  console.log(`${scenes.size} uploads and ${jobs.length} jobs were acknowledged`);
  expect(scenes.size).toBe(IMAGES);

  const wild = await outcomes(url, data, acknowledged);
  await stopAll();
  await nothingIsLeft(data, temporary, acknowledged);
  const calm = await serve(join(folder, 'calm'));
  const undisturbed = await again(calm, acknowledged);
  expect(wild).toEqual(await outcomes(calm.url, join(folder, 'calm'), undisturbed));
});

/** How long the service takes to start on a folder that it knows, and an image from its arrival to its map. */
async function undisturbedTimes(): Promise<{ startMs: number; workMs: number }> {
  await serve(join(folder, 'first'));
  await stopAll();
  const born = performance.now();
  const { url } = await serve(join(folder, 'first'));
  const started = performance.now();
  const scene = await waitForScene(url, await upload(url, images[0]!));
  expect((await waitForJob(url, (await startJob(url, scene.id)).id)).state).toBe('done');
  const done = performance.now();
  await stopAll();
  return { startMs: started - born, workMs: done - started };
}

/**
 * Is born and killed again and again; returns the address of the last life, which nobody ends. A life lasts up to `longest`
 * times its own start, so that lives on a busy machine, or while it is busy, get as far.
 */
async function live(
  life: Life,
  start: () => Starting,
  { startMs, longest }: { startMs: number; longest: number },
): Promise<string> {
  const random = seeded(seed);
  const killed = { starting: 0, ingesting: 0, running: 0, idle: 0, alone: 0 };
  let lastStartMs = startMs;
  for (let kills = 0; kills < KILLS; kills++) {
    const [inItsYouth, alone, moment] = [random() < SHARE_WHILE_STARTING, random() < SHARE_ALONE, random()];
    const born = performance.now();
    const service = start();
    life.births++;
    if (inItsYouth) {
      service.url.catch(() => {});
      await sleep(moment * lastStartMs);
      killed.starting++;
    } else {
      life.url = await service.url;
      lastStartMs = performance.now() - born;
      await sleep(moment * longest * lastStartMs);
      killed[await doing(life.url)]++;
    }
    life.url = null;
    killed.alone += Number(alone);
    await (alone ? kill : killGroup)(service);
  }
  life.url = await start().url;
  life.over = true;
  console.log(`killed: ${JSON.stringify(killed)}`);
  expect(killed.running, 'jobs were running').toBeGreaterThan(0);
  return life.url;
}

/** What the service does at the moment. */
async function doing(url: string): Promise<'ingesting' | 'running' | 'idle'> {
  const scenes = await getJson<SceneJson[]>(`${url}/scenes`);
  const jobs = await getJson<JobJson[]>(`${url}/jobs`);
  if (jobs.some(({ state }) => state === 'running')) return 'running';
  return scenes.some(({ state }) => state === 'ingesting') ? 'ingesting' : 'idle';
}

type Insist = <T>(ask: (url: string) => Promise<T>) => Promise<T>;

/** Asks again for as long as the service is dead or being born. */
const insister =
  (life: Life): Insist =>
  async (ask) => {
    for (; ; await sleep(20)) {
      const { url } = life;
      if (url === null) continue;
      try {
        return await ask(url);
      } catch (error) {
        // `fetch` and what is read of its answers fail with a TypeError where the other side is gone.
        if (!(error instanceof TypeError)) throw error;
      }
    }
  };

/** Uploads an image after the other and starts jobs on them, through all deaths, until the killing is over. */
async function beClient(life: Life, { scenes, jobs }: Acknowledged, pauseMs: number): Promise<void> {
  const insist = insister(life);
  const uploads = (async () => {
    for (const [i, image] of images.entries()) {
      scenes.set(i, await uploadInsistently(insist, await readFile(image)));
      if (!life.over) await sleep(pauseMs);
    }
  })();
  const starting = (async () => {
    for (let i = 0; !life.over || scenes.size < IMAGES || jobs.length < LEAST_JOBS; i++) {
      await sleep(200);
      const all = await insist((url) => getJson<JobJson[]>(`${url}/jobs`));
      const unfinished = all.filter(({ state }) => state === 'queued' || state === 'running').length;
      if (unfinished >= JOBS_AT_ONCE || jobs.length > Math.max(1.5 * life.births, LEAST_JOBS)) continue;
      const image = i % Math.max(1, scenes.size);
      const scene = scenes.get(image);
      if (!scene) continue;
      const { state } = await insist((url) => getJson<SceneJson>(`${url}/scenes/${scene}`));
      if (state !== 'ready') continue;
      const minArea = 10 + jobs.length;
      const { id } = await insist((url) => startJob(url, scene, { min_area_m2: minArea }));
      jobs.push({ image, minArea, id });
    }
  })();
  await Promise.all([uploads, starting]);
}

/** By tus, in small pieces; after a death it goes on where the service says. Returns the scene that it was told of. */
async function uploadInsistently(insist: Insist, bytes: Buffer): Promise<string> {
  const headers = { 'Tus-Resumable': '1.0.0' };
  const location = await insist(async (url) => {
    const created = await fetch(`${url}/uploads`, {
      method: 'POST',
      headers: { ...headers, 'Upload-Length': String(bytes.length) },
    });
    expect(created.status).toBe(201);
    return new URL(created.headers.get('Location')!, url).pathname;
  });
  for (;;) {
    const scene = await insist(async (url) => {
      const stands = await fetch(url + location, { method: 'HEAD', headers });
      expect(stands.status, 'an upload that was acknowledged is known').toBe(200);
      const finished = stands.headers.get('Planimeter-Scene');
      if (finished) return finished;
      const offset = Number(stands.headers.get('Upload-Offset'));
      // All of it is there: the service makes a scene of it.
      if (offset === bytes.length) return null;
      const sent = await fetch(url + location, {
        method: 'PATCH',
        headers: { ...headers, 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' },
        body: bytes.subarray(offset, offset + CHUNK_BYTES),
      });
      expect(sent.status, await sent.text()).toBe(204);
      return sent.headers.get('Planimeter-Scene');
    });
    if (scene) return scene;
    await sleep(20);
  }
}

/** The same on another service. */
async function again({ url }: Served, { jobs }: Acknowledged): Promise<Acknowledged> {
  const calm: Acknowledged = { scenes: new Map(), jobs: [] };
  for (const [i, image] of images.entries()) {
    calm.scenes.set(i, (await waitForScene(url, await upload(url, image))).id);
  }
  for (const { image, minArea } of jobs) {
    const { id } = await startJob(url, calm.scenes.get(image)!, { min_area_m2: minArea });
    calm.jobs.push({ image, minArea, id });
  }
  return calm;
}

/** Of each job: how it ended, the hashes of its maps, and its features' ids. */
async function outcomes(url: string, data: string, { scenes, jobs }: Acknowledged) {
  for (const id of scenes.values()) expect((await waitForScene(url, id)).state).toBe('ready');
  const found: Record<string, unknown> = {};
  for (const { id } of jobs) {
    const { state, report, problem } = await waitForJob(url, id);
    expect(state, JSON.stringify(problem)).toBe('done');
    const ids: string[] = [];
    for (const collection of COLLECTIONS) {
      const items = await getJson<ItemsJson>(`${url}/collections/${collection}/items?limit=10000&job=${id}`);
      expect(items.numberMatched).toBe(report?.counts[collection]);
      ids.push(...items.features.map((feature) => String(feature.id)));
    }
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size, 'each feature is there once').toBe(ids.length);
    const hashes = await Promise.all(
      ['classes.tif', 'scores.tif'].map(async (map) =>
        createHash('sha256')
          .update(await readFile(join(data, 'files', 'jobs', id, map)))
          .digest('hex'),
      ),
    );
    found[id] = { ledger: report?.ledger, hashes, ids: ids.sort() };
  }
  return found;
}

/** After garbage was collected, long after: the files are those of scenes and jobs that are known, and no others. */
async function nothingIsLeft(data: string, temporary: string, { scenes, jobs }: Acknowledged): Promise<void> {
  const db = await openDatabase({ folder: join(data, 'database') });
  try {
    const files = localFileStore(join(data, 'files'));
    const places = {
      ...{ db, files, dataFolder: data },
      uploadFolder: join(data, 'uploads'),
      temporaryFolder: temporary,
    };
    const reaped = await collectGarbage(places, { nowMs: Date.now() + LONG_AFTER_MS });
    console.log(`removed as garbage ${reaped.length}: ${[...new Set(reaped.map(({ why }) => why))].join(', ')}`);
    const known = await db.query<{ id: string }>('SELECT id FROM planimeter.scenes');
    expect(known.map(({ id }) => id).sort(), 'one scene an image').toEqual([...scenes.values()].sort());
    const kept = [
      ...[...scenes.values()].flatMap((id) => [`scenes/${id}/original.tif`, `scenes/${id}/working.tif`]),
      ...jobs.flatMap(({ id }) => [`jobs/${id}/classes.tif`, `jobs/${id}/scores.tif`]),
    ];
    expect([...(await files.list('scenes')), ...(await files.list('jobs'))].sort()).toEqual(kept.sort());
    expect(await readdir(join(data, 'uploads'))).toEqual([]);
    expect((await readdir(temporary)).filter((name) => name.startsWith('planimeter-'))).toEqual([]);
  } finally {
    await db.close();
  }
}
