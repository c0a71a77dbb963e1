/** Each limit is set low, met, and answered with its problem; without tokens there is none. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { DEFAULT_LIMITS, type Limits, readLimits } from '../../operations/quotas.ts';
import type { Database } from '../../store/database/database.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { createToken, revokeToken } from '../../store/tables/tokens.ts';
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
