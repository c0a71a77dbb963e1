/**
 * A disk that is full: nothing fails for good, nothing acknowledged is lost, everybody is told, and all goes on by
 * itself when there is room. The long ones only with PLANIMETER_FULL=1; on a small tmpfs, so only as root.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { noRoomOf } from '../../errors/no-room.ts';
import type { ItemsJson, JobJson, PreflightJson, ProblemJson, SceneJson } from '../../server/api/index.ts';
import { s3FileStore } from '../../server/store/files/s3-files.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { testEngines } from '../support/databases.ts';
import { startService } from '../support/http-service.ts';
import { startMoto } from '../support/moto.ts';
import { eventually } from '../support/queue-work.ts';
import { serve, startServing, stopAll } from '../support/serve.ts';
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';

const wanted = process.env.PLANIMETER_FULL === '1';
const MINUTES = 60_000;
const TUS = { 'Tus-Resumable': '1.0.0' };
const OCTETS = { ...TUS, 'Content-Type': 'application/offset+octet-stream' };

function smallDisk(mebibytes: number): SmallDisk | null {
  const disk = mountSmallDisk(mebibytes);
  if (disk) onTestFinished(() => disk.unmount());
  return disk;
}

afterEach(stopAll);

const begin = (url: string, bytes: number) =>
  fetch(`${url}/uploads`, { method: 'POST', headers: { ...TUS, 'Upload-Length': String(bytes) } });

async function patch(url: string, location: string, body: Uint8Array<ArrayBuffer>, offset: number) {
  const headers = { ...OCTETS, 'Upload-Offset': String(offset) };
  return fetch(new URL(location, url), { method: 'PATCH', headers, body: body.subarray(offset) });
}

const offsetOf = async (url: string, location: string) =>
  Number((await fetch(new URL(location, url), { method: 'HEAD', headers: TUS })).headers.get('Upload-Offset'));

test('an upload that meets a full disk is told so, and goes on where it stood', { timeout: 2 * MINUTES }, async () => {
  const disk = smallDisk(32);
  if (!disk) return;
  const { db, drop } = await testEngines()[0]!.open();
  onTestFinished(drop);
  const uploadFolder = join(disk.folder, 'data', 'uploads');
  mkdirSync(uploadFolder, { recursive: true });
  const service = await startService(db, { uploadFolder });
  onTestFinished(() => service.close());
  const { address } = service;
  const bytes = randomBytes(12 * 2 ** 20);
  const location = (await begin(address, bytes.length)).headers.get('Location')!;
  disk.fill(5 * 2 ** 20);

  const refused = await patch(address, location, bytes, 0);
  expect(refused.status).toBe(507);
  expect(refused.headers.get('Retry-After')).not.toBeNull();
  expect(await refused.json()).toMatchObject({ code: 'no_room', detail: expect.stringMatching(/disk .* is full/) });
  const offset = await offsetOf(address, location);
  expect(offset).toBeGreaterThan(2 ** 20);
  expect(offset).toBeLessThan(bytes.length);
  const unfit = await begin(address, 40 * 2 ** 20);
  expect([unfit.status, ((await unfit.json()) as ProblemJson).code]).toEqual([507, 'no_room']);
  const ready = await fetch(`${address}/ready`);
  expect(ready.status, 'the least room is 0 here').toBe(200);

  disk.makeRoom();
  const sent = await patch(address, location, bytes, offset);
  expect(sent.status).toBe(204);
  expect(sent.headers.get('Planimeter-Scene')).not.toBeNull();
});

test('a first start without room says so in a sentence, and starts where there is room', {
  timeout: 5 * MINUTES,
}, async () => {
  const disk = smallDisk(128);
  if (!disk) return;
  disk.fill(20 * 2 ** 20);
  const start = () => startServing(join(disk.folder, 'data'), {});
  const { process: child, url } = start();
  await expect(url).rejects.toThrow(
    /status 1: (?:.*warn.*\n)*No room left\. There is no room for the database in [^\n]*\n$/,
  );
  expect(child.exitCode).toBe(1);
  disk.makeRoom();
  expect((await fetch(`${await start().url}/ready`)).status).toBe(200);
});

test('a bucket that is full is waited for', { timeout: 2 * MINUTES }, async () => {
  const moto = await startMoto();
  if (!moto) return;
  onTestFinished(moto.stop);
  let answer: [status: number, code: string] | null = null;
  const proxy = createServer((request, response) => {
    if (answer && request.method === 'PUT') {
      const [status, code] = answer;
      request.resume().on('end', () => response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`));
      return;
    }
    void (async () => {
      const body = await Array.fromAsync(request);
      const headers = Object.fromEntries(
        Object.entries(request.headers).filter(([name]) => !['connection', 'content-length', 'expect'].includes(name)),
      ) as Record<string, string>;
      const sent = { method: request.method!, headers, ...(body.length > 0 && { body: Buffer.concat(body) }) };
      const given = await fetch(`${moto.env.AWS_ENDPOINT_URL}${request.url}`, sent);
      response.writeHead(given.status, { etag: given.headers.get('etag') ?? '' });
      response.end(Buffer.from(await given.arrayBuffer()));
    })();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-full-bucket-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const files = s3FileStore('s3://maps/full', {
    folder,
    env: { ...moto.env, AWS_ENDPOINT_URL: endpoint },
    attempts: 1,
  });
  const path = files.path('scenes/a/original.tif');
  mkdirSync(join(path, '..'), { recursive: true });
  await writeFile(path, 'an image');
  for (const said of [
    [507, 'XMinioStorageFull'],
    [507, 'Unheard'],
    [403, 'QuotaExceeded'],
    [503, 'SlowDown'],
  ] as const) {
    answer = [...said];
    const error = await files.put('scenes/a/original.tif').catch((thrown) => thrown);
    expect(noRoomOf(error), said[1]).toMatchObject({ code: 'no_room' });
    expect(existsSync(path), 'what was to be stored is still there').toBe(true);
  }
  answer = null;
  await files.put('scenes/a/original.tif');
  expect(await files.list('scenes/a')).toEqual(['scenes/a/original.tif']);
});

test.skipIf(!wanted)('PostgreSQL without room, and with room again', { timeout: 5 * MINUTES }, async () => {
  const disk = smallDisk(64);
  const server = testEngines().find(({ name }) => name === 'postgresql');
  if (!disk || !server) return;
  const { db, drop } = await server.open();
  // Its log stays where it is: without room for that, PostgreSQL ends.
  const space = join(disk.folder, 'space');
  mkdirSync(space);
  const owner = spawnSync('chown', ['postgres', space, disk.folder]);
  expect(owner.status).toBe(0);
  await db.execute(`CREATE TABLESPACE small_disk LOCATION '${space}'`);
  onTestFinished(async () => {
    await drop();
    const { db: other, drop: dropOther } = await server.open();
    await other.execute('DROP TABLESPACE small_disk');
    await dropOther();
  });
  await db.execute('CREATE TABLE written (n integer, t text) TABLESPACE small_disk');
  disk.fill(2 ** 20);
  const row = (n: number) =>
    db.query(
      `INSERT INTO written SELECT $1, string_agg(md5((i * random())::text), '') FROM generate_series(1, 4000) i`,
      [n],
    );
  let written = 0;
  let error: unknown;
  while (error === undefined) {
    await row(written).then(
      () => written++,
      (thrown) => {
        error = thrown;
      },
    );
  }
  expect(noRoomOf(error)).toMatchObject({ code: 'no_room' });
  disk.makeRoom();
  await eventually('it writes again', () =>
    row(written).then(
      () => true,
      () => false,
    ),
  );
  expect(await db.query('SELECT count(*) AS n FROM written')).toEqual([{ n: written + 1 }]);
});

let folder: string;
let image: string;
let large: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-full-disk-'));
  if (!wanted) return;
  ({ image } = await writeTown(join(folder, 'town'), { seed: 3, width: 500, height: 400, gsdMetres: 0.5 }));
  ({ image: large } = await writeTown(join(folder, 'large'), { seed: 4, width: 1500, height: 1500, gsdMetres: 0.5 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.skipIf(!wanted)(
  'a service whose disk is full waits with its work, and goes on with all of it',
  {
    timeout: 20 * MINUTES,
  },
  async () => {
    const disk = smallDisk(320);
    if (!disk) return;
    const data = join(disk.folder, 'data');
    const { url } = await serve(data);
    const scene = await waitForScene(url, await upload(url, image));
    expect(scene.state).toBe('ready');
    const first = await waitForJob(url, (await startJob(url, scene.id)).id);
    expect(first.state).toBe('done');
    const post = (scene: string, parameters = {}) =>
      fetch(`${url}/jobs`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ scene, parameters }),
      });

    disk.fill();
    const ready = await fetch(`${url}/ready`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as ProblemJson).detail).toMatch(/room/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^planimeter_free_bytes 0$/m);
    expect((await begin(url, 1000)).status).toBe(507);
    const unfit = await post(scene.id, { min_area_m2: 40 });
    expect([unfit.status, ((await unfit.json()) as ProblemJson).code]).toEqual([507, 'no_room']);
    const told = await getJson<PreflightJson>(`${url}/scenes/${scene.id}/preflight`);
    expect(told.findings.map(({ code }) => code)).toContain('no_room');
    const download = await fetch(`${url}/jobs/${first.id}/export.gpkg`);
    expect([download.status, ((await download.json()) as ProblemJson).code]).toEqual([507, 'no_room']);
    disk.makeRoom();
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    expect((await fetch(`${url}/jobs/${first.id}/export.gpkg`)).status).toBe(200);

    // In the middle of reading an image, and of mapping it: each waits, says so, and is done in the end.
    const waiting = await upload(url, large);
    disk.fill();
    await eventually(
      'the scene waits, or was read before',
      async () => {
        const { state, problem } = await getJson<SceneJson>(`${url}/scenes/${waiting}`);
        expect(state).not.toBe('refused');
        return state === 'ready' || (state === 'uploaded' && problem?.code === 'no_room');
      },
      2 * MINUTES,
    );
    disk.makeRoom();
    expect((await waitForScene(url, waiting)).state).toBe('ready');

    const job = await startJob(url, waiting);
    disk.fill();
    let waited: JobJson | undefined;
    await eventually(
      'the job waits',
      async () => {
        waited = await getJson<JobJson>(`${url}/jobs/${job.id}`);
        expect(waited.state).not.toBe('failed');
        return waited.state === 'done' || waited.problem?.code === 'no_room';
      },
      3 * MINUTES,
    );
    expect(waited).toMatchObject({ state: 'queued', problem: { code: 'no_room', status: 507 } });
    expect(waited!.problem!.detail).toMatch(/^Waiting for room/);
    disk.makeRoom();
    const done = await waitForJob(url, job.id);
    expect(done.state).toBe('done');
    expect(done.problem).toBeNull();
    const found = await getJson<ItemsJson>(`${url}/collections/buildings/items?job=${job.id}&limit=1`);
    expect(found.numberMatched).toBe(done.report!.counts.buildings);

    // Writes until the database can keep no more of its log: what it acknowledged is there afterwards.
    disk.fill();
    const say = (license: string) =>
      fetch(`${url}/scenes/${scene.id}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ license, attribution: 'x'.repeat(300) }),
      });
    let said = -1;
    let answer = await say('0');
    for (let i = 0; answer.ok; i++) {
      said = i;
      answer = await say(String(i + 1));
    }
    expect([answer.status, ((await answer.json()) as ProblemJson).code]).toEqual([507, 'no_room']);
    disk.makeRoom();
    await eventually('it answers again', () => fetch(`${url}/ready`).then(({ ok }) => ok), MINUTES);
    const { license } = await getJson<SceneJson>(`${url}/scenes/${scene.id}`);
    expect(Number(license)).toBeGreaterThanOrEqual(said);
    expect((await say('after')).status).toBe(200);
  },
);
