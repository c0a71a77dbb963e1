/** Each limit is set low, met, and answered with its problem; without tokens there is none. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { DEFAULT_LIMITS, type Limits, readLimits } from '../../operations/quotas.ts';
import type { Database } from '../../store/database/database.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { updateJob } from '../../store/tables/jobs.ts';
import { updateScene } from '../../store/tables/scenes.ts';
import { createToken, revokeToken } from '../../store/tables/tokens.ts';
import { noteJobBytes } from '../../store/tables/usage.ts';
import { createAccess } from './access.ts';

let db: Database;
const services: TestService[] = [];
const made: string[] = [];
beforeAll(async () => {
  db = await openDatabase({});
});
afterAll(async () => {
  for (const service of services) await service.close();
  await db.close();
});

const limited = async (limits: Partial<Limits>, more = {}) => {
  const service = await startService(db, { limits: { ...DEFAULT_LIMITS, ...limits }, ...more });
  services.push(service);
  return service;
};
const token = async (workspace: string) => {
  const { id, token } = await createToken(db, { name: workspace, role: 'admin', workspace });
  made.push(id);
  return token;
};
const ask = (service: TestService, bearer: string | null, method: string, path: string, more: RequestInit = {}) =>
  fetch(service.address + path, {
    method,
    redirect: 'manual',
    ...more,
    headers: { ...(bearer && { Authorization: `Bearer ${bearer}` }), ...more.headers },
  });
const job = (service: TestService, bearer: string | null, scene: string, parameters = {}) =>
  ask(service, bearer, 'POST', '/jobs', {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ scene, parameters }),
  });
const answer = async (response: Response) => {
  const { code, detail } = (await response.json()) as { code: string; detail: string };
  return { status: response.status, code, detail, retryAfter: response.headers.get('retry-after') };
};
const AREAS = [0.1, 0.2, 0.3].map((size) => ({
  aoi: {
    type: 'Polygon',
    coordinates: [
      [
        [55.2, 25.1],
        [55.3 + size, 25.1],
        [55.3, 25.2 + size],
        [55.2, 25.1],
      ],
    ],
  },
}));

test('a service without tokens has no limits', async () => {
  const service = await limited({ requestsAMinute: 1, jobs: 1, bytes: 1, pixelsADay: 1 });
  for (let i = 0; i < 5; i++) expect((await ask(service, null, 'GET', '/scenes')).status).toBe(200);
  const scene = await addScene(db);
  expect((await job(service, null, scene)).status).toBe(202);
});

test('jobs that run, pixels of a day, of each workspace by itself', async () => {
  const [admin, north, south] = [await token('default'), await token('north'), await token('south')];
  const service = await limited({ jobs: 2, pixelsADay: 9_000_000 });
  const scenes = await Promise.all(['north', 'south'].map((workspace) => addScene(db.within({ workspace }))));
  const first = await job(service, north, scenes[0]!, AREAS[0]);
  expect(first.status, await first.clone().text()).toBe(202);
  // The same again is the same job, and takes nothing more.
  expect((await job(service, north, scenes[0]!, AREAS[0])).status).toBe(202);
  expect((await job(service, north, scenes[0]!, AREAS[1])).status).toBe(202);
  expect(await answer(await job(service, north, scenes[0]!, AREAS[2]))).toMatchObject({
    ...{ status: 429, code: 'quota_jobs', retryAfter: '60' },
    detail: expect.stringContaining('"north" has 2 jobs'),
  });
  // Deleting jobs makes room for others, and gives no pixels back.
  const jobs = (await (await ask(service, north, 'GET', '/jobs')).json()) as { id: string }[];
  for (const { id } of jobs) expect((await ask(service, north, 'DELETE', `/jobs/${id}`)).status).toBe(204);
  expect(await answer(await job(service, north, scenes[0]!, AREAS[2]))).toMatchObject({
    ...{ status: 429, code: 'quota_pixels', retryAfter: '3600' },
  });
  expect((await job(service, south, scenes[1]!, AREAS[0])).status).toBe(202);
  expect((await ask(service, admin, 'GET', '/jobs')).status).toBe(200);
});

test('bytes, with those of uploads that are under way', async () => {
  const west = await token('west');
  const service = await limited({ bytes: 1000 });
  const upload = (bytes: number) =>
    ask(service, west, 'POST', '/uploads', {
      headers: { 'Tus-Resumable': '1.0.0', 'Upload-Length': String(bytes) },
    });
  await addScene(db.within({ workspace: 'west' })); // of 12 bytes
  expect((await upload(600)).status).toBe(201);
  expect(await answer(await upload(400))).toMatchObject({
    ...{ status: 413, code: 'quota_bytes', retryAfter: null },
    detail: expect.stringContaining('1000 bytes together; it has 612'),
  });
  expect((await upload(388)).status).toBe(201);
});

test('many uploads at the same moment get no more room than there is, and none begins without its length', async () => {
  const crowd = await token('crowd');
  const service = await limited({ bytes: 1000, scenes: 5 });
  const begin = (headers: Record<string, string>, body?: Buffer) =>
    ask(service, crowd, 'POST', '/uploads', {
      headers: { 'Tus-Resumable': '1.0.0', ...headers },
      ...(body && { body }),
    });
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await begin({ 'Upload-Length': '300' })).status),
  );
  expect(statuses.toSorted()).toEqual([...Array(3).fill(201), ...Array(17).fill(413)]);
  expect(await answer(await begin({ 'Upload-Defer-Length': '1' }))).toMatchObject({
    ...{ status: 400, code: 'bad_request' },
    detail: expect.stringContaining('Upload-Length'),
  });
  const abilities = await ask(service, crowd, 'OPTIONS', '/uploads', { headers: { 'Tus-Resumable': '1.0.0' } });
  expect(abilities.headers.get('tus-extension')).not.toContain('defer');
  // With the file in the same request, and of several parts that would be one.
  const more = { 'Upload-Length': '900', 'Content-Type': 'application/offset+octet-stream' };
  expect((await begin(more, Buffer.alloc(900))).status).toBe(413);
  expect((await begin({ ...more, 'Upload-Concat': 'partial' }, Buffer.alloc(900))).status).toBeGreaterThanOrEqual(400);
  // Small ones count, too.
  for (const status of [201, 201, 409]) expect((await begin({ 'Upload-Length': '1' })).status).toBe(status);
});

test('an upload brings no more bytes than it announced', async () => {
  const sender = await token('sender');
  const service = await limited({ bytes: 1000 });
  const tus = { 'Tus-Resumable': '1.0.0' };
  const begun = await ask(service, sender, 'POST', '/uploads', { headers: { ...tus, 'Upload-Length': '10' } });
  const patch = (headers: Record<string, string>) =>
    ask(service, sender, 'PATCH', begun.headers.get('location')!, {
      headers: { ...tus, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream', ...headers },
      body: Buffer.alloc(5000),
    });
  expect((await patch({ 'Upload-Length': '5000' })).status).toBeGreaterThanOrEqual(400);
  expect((await patch({})).status).toBeGreaterThanOrEqual(400);
  const [upload] = (await readdir(service.uploadFolder)).filter((name) => !name.endsWith('.json'));
  expect((await stat(join(service.uploadFolder, upload!))).size).toBeLessThanOrEqual(10);
});

test('what is stored counts: working copies, maps and exports', async () => {
  const stock = await token('stock');
  const service = await limited({ bytes: 1000 });
  const within = db.within({ workspace: 'stock' });
  const scene = await addScene(within);
  await updateScene(db, scene, { stored_bytes: 990 });
  const upload = () =>
    ask(service, stock, 'POST', '/uploads', { headers: { 'Tus-Resumable': '1.0.0', 'Upload-Length': '20' } });
  expect(await answer(await upload())).toMatchObject({ code: 'quota_bytes' });
  await updateScene(db, scene, { stored_bytes: 900 });
  const begun = await job(service, stock, scene, AREAS[0]);
  expect(begun.status).toBe(202);
  const { id } = (await begun.json()) as { id: string };
  const map = service.files.path(`jobs/${id}/classes.tif`);
  await mkdir(dirname(map), { recursive: true });
  await writeFile(map, Buffer.alloc(101));
  await noteJobBytes(db, service.files, id);
  expect(await answer(await upload())).toMatchObject({ code: 'quota_bytes' });
  expect(await answer(await job(service, stock, scene, AREAS[1]))).toMatchObject({ status: 413, code: 'quota_bytes' });
});

test('tokens and share links of a workspace', async () => {
  await token('default');
  const host = await token('host');
  const service = await limited({ tokens: 3, shares: 2 });
  const post = (path: string, body: unknown) =>
    ask(service, host, 'POST', path, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async (_, i) => (await post('/tokens', { name: `t${i}`, role: 'viewer' })).status),
  );
  expect(statuses.toSorted()).toEqual([201, 201, 409, 409, 409, 409]);
  const scene = await addScene(db.within({ workspace: 'host' }));
  const { id } = (await (await job(service, host, scene)).json()) as { id: string };
  await updateJob(db, id, { state: 'done' });
  const shares = await Promise.all(Array.from({ length: 5 }, () => post(`/jobs/${id}/shares`, {})));
  expect(shares.map(({ status }) => status).toSorted()).toEqual([201, 201, 409, 409, 409]);
  const refused = shares.find(({ status }) => status === 409)!;
  expect(await answer(refused)).toMatchObject({ code: 'quota_shares', detail: expect.stringContaining('revoke') });
});

test('requests a minute, of each token by itself; tokens that open nothing', async () => {
  const [east, other] = [await token('east'), await token('east')];
  const service = await limited({ requestsAMinute: 3, wrongTokensAMinute: 2 });
  const statuses = async (bearer: string, times: number) => {
    const all: number[] = [];
    for (let i = 0; i < times; i++) all.push((await ask(service, bearer, 'GET', '/scenes')).status);
    return all;
  };
  expect(await statuses(east, 4)).toEqual([200, 200, 200, 429]);
  const refused = await answer(await ask(service, east, 'GET', '/scenes'));
  expect(refused).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(Number(refused.retryAfter)).toBeGreaterThan(0);
  expect(await statuses(other, 1)).toEqual([200]);
  expect(await statuses('planimeter_guess', 2)).toEqual([401, 401]);
  const guessed = await ask(service, null, 'POST', '/session', {
    body: new URLSearchParams({ token: 'planimeter_x' }),
  });
  expect(guessed.status).toBe(429);
  expect((await ask(service, null, 'GET', `/shared/${'x'.repeat(43)}/jobs`)).status).toBe(429);
  expect(await statuses(other, 1)).toEqual([200]);
});

test('the program’s own token opens everything, without limits', async () => {
  const service = await limited({ requestsAMinute: 1 }, { access: createAccess(db, false, 'own-secret') });
  for (let i = 0; i < 3; i++) expect((await ask(service, 'own-secret', 'GET', '/tokens')).status).toBe(200);
  expect((await ask(service, 'other-secret', 'GET', '/tokens')).status).toBe(401);
  for (const id of made) await revokeToken(db, id, null);
});

test('limits are set by the environment', () => {
  expect(readLimits({})).toEqual(DEFAULT_LIMITS);
  expect(readLimits({ PLANIMETER_MAX_JOBS: '3', PLANIMETER_MAX_BYTES: '1e9' })).toMatchObject({ jobs: 3, bytes: 1e9 });
  expect(readLimits({ PLANIMETER_MAX_UPLOAD_BYTES: '5e8' }).uploadBytes).toBe(5e8);
  for (const wrong of ['none', '0', '-1', 'Infinity']) {
    expect(() => readLimits({ PLANIMETER_MAX_PIXELS_A_DAY: wrong })).toThrow('PLANIMETER_MAX_PIXELS_A_DAY');
  }
});
