/**
 * A service and workers in processes of their own, on one PostgreSQL and one folder: they share the jobs, and what a
 * worker leaves that is killed over it another does, with the same result.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson, JobJson } from '../server/api/index.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { testEngines } from './support/databases.ts';
import { keysOf, startMoto } from './support/moto.ts';
import { serve, stopAll } from './support/serve.ts';
import { killWorkers, PROGRAM, startWorker } from './support/workers.ts';

const JOBS = 4;
const postgresql = testEngines().find(({ name }) => name === 'postgresql');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-worker-'));
});
afterEach(async () => {
  killWorkers();
  await stopAll();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a worker says what it lacks', () => {
  const run = (env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, [PROGRAM, 'worker'], { env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' });
  expect(run({})).toMatchObject({ status: 2, stderr: expect.stringContaining('DATABASE_URL') });
  const noFolder = run({ DATABASE_URL: 'postgresql://127.0.0.1:1/x' });
  expect(noFolder).toMatchObject({ status: 2, stderr: expect.stringContaining('PLANIMETER_STORE') });
});

test.skipIf(!postgresql)('workers share jobs; one is killed in the middle', { timeout: 240_000 }, async () => {
  const { url: databaseUrl, drop } = await postgresql!.open();
  try {
    const town = await writeTown(join(folder, 'town'), { seed: 8, width: 1200, height: 1000, gsdMetres: 0.5 });
    const store = pathToFileURL(join(folder, 'store')).href;
    const env = { DATABASE_URL: databaseUrl!, PLANIMETER_STORE: store };
    await expect(startWorker(env)).rejects.toThrow('planimeter serve');
    const { url } = await serve(join(folder, 'data'), databaseUrl, { PLANIMETER_STORE: store });
    const elsewhere = pathToFileURL(join(folder, 'elsewhere')).href;
    await expect(startWorker({ ...env, PLANIMETER_STORE: elsewhere })).rejects.toThrow('not the store');

    const doomed = await startWorker(env);
    const scene = await waitForScene(url, await upload(url, town.image));
    expect(scene.state).toBe('ready');
    const started: JobJson[] = [];
    for (let i = 0; i < JOBS; i++) started.push(await startJob(url, scene.id, { min_area_m2: 20 + i }));
    // With one job each, the service and the worker run two at once.
    while ((await running(url)) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    doomed.kill('SIGKILL');
    await once(doomed, 'exit');
    const port = await freePort();
    await startWorker(env, '--port', port);
    const probes = `http://127.0.0.1:${port}`;
    expect(await getJson(`${probes}/health`)).toEqual({ status: 'ok' });
    expect((await fetch(`${probes}/jobs`)).status, 'it is no service').toBe(404);
    expect((await fetch(`${probes}/health`, { method: 'POST' })).status).toBe(404);

    const maps = new Set<string>();
    for (const { id } of started) {
      const job = await waitForJob(url, id);
      expect(job).toMatchObject({ state: 'done', report: { ledger: { pending: 0, failed: 0 } } });
      const features = await getJson<ItemsJson>(`${url}/collections/landuse/items?job=${id}&limit=1`);
      expect(features.numberMatched).toBe(job.report!.counts.landuse);
      maps.add((await readFile(join(folder, 'store', 'files', 'jobs', id, 'classes.tif'))).toString('base64'));
    }
    expect(maps.size).toBe(1);
    const figures = await fetch(`${probes}/metrics`);
    expect(figures.headers.get('content-type')).toMatch(/^text\/plain; .*version=/);
    // Jobs are counted in the database, so the worker knows of all of them.
    expect(await figures.text()).toMatch(new RegExp(`^planimeter_jobs\\{state="done"\\} ${JOBS}$`, 'm'));
  } finally {
    await stopAll();
    killWorkers();
    await drop();
  }
});

test.skipIf(!postgresql)(
  'with a bucket: another machine computes, and deletion leaves nothing',
  { timeout: 240_000 },
  async () => {
    const moto = await startMoto();
    if (!moto) return;
    const { url: databaseUrl, drop } = await postgresql!.open();
    try {
      const town = await writeTown(join(folder, 'small'), { seed: 9, width: 600, height: 500, gsdMetres: 0.5 });
      const env = { ...moto.env, DATABASE_URL: databaseUrl!, PLANIMETER_STORE: 's3://maps/town' };
      const { url } = await serve(join(folder, 'front'), databaseUrl, env);
      await startWorker(env, '--data', join(folder, 'other-machine'));
      const scene = await waitForScene(url, await upload(url, town.image));
      expect(scene.state).toBe('ready');
      const jobs = await Promise.all([20, 21, 22, 23].map((area) => startJob(url, scene.id, { min_area_m2: area })));
      const maps = new Set<string>();
      for (const { id } of jobs) {
        expect(await waitForJob(url, id)).toMatchObject({
          state: 'done',
          report: { ledger: { pending: 0, failed: 0 } },
        });
        const map = await fetch(`${url}/jobs/${id}/classes.tif`);
        expect(map.status).toBe(200);
        maps.add(Buffer.from(await map.arrayBuffer()).toString('base64'));
      }
      expect(maps.size).toBe(1);
      // Both machines have read the working copy into caches of their own.
      for (const machine of ['front', 'other-machine']) {
        const cached = await readdir(join(folder, machine, 'store', 'cache', 'scenes', scene.id));
        expect(cached, machine).toContain('working.tif');
      }
      const tile = await fetch(`${url}/imagery/${scene.id}.json`);
      expect(tile.status).toBe(200);
      expect(await keysOf(moto.env.AWS_ENDPOINT_URL!)).toContain(`town/scenes/${scene.id}/working.tif`);
      expect((await fetch(`${url}/scenes/${scene.id}`, { method: 'DELETE' })).status).toBe(204);
      expect(await keysOf(moto.env.AWS_ENDPOINT_URL!)).toEqual(['town/store-id']);
    } finally {
      killWorkers();
      await stopAll();
      await drop();
      moto.stop();
    }
  },
);

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return String(port);
}

async function running(url: string): Promise<number> {
  const jobs = await getJson<JobJson[]>(`${url}/jobs`);
  return jobs.filter(({ state }) => state === 'running').length;
}
