import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PROBLEMS } from '../../tiler/problem.ts';
import { configureLog } from '../log.ts';
import { getJob, listJobs, updateJob } from '../store/jobs.ts';
import { getScene, updateScene } from '../store/scenes.ts';
import { testEngines } from '../store/test-databases.ts';
import { FOREIGN_REQUEST } from './security.ts';
import {
  addDoneJob,
  addScene,
  fetchJson,
  MODEL,
  startService,
  type TestFeature,
  type TestService,
} from './test-service.ts';
import type { FeatureJson, Link } from './types.ts';

/** Of the problem by which requests of foreign pages are refused. */
const FOREIGN_STATUS = PROBLEMS[FOREIGN_REQUEST][0];
const NOWHERE = '00000000-0000-4000-8000-000000000000';

/** A square of the scene, 20 pixels a side. */
const square = (x: number, y: number, name = 'vegetation', collection = 'landuse'): TestFeature => ({
  collection,
  class: name,
  rings: [
    [
      [x, y],
      [x, y + 20],
      [x + 20, y + 20],
      [x + 20, y],
    ],
  ],
});

describe.each(testEngines())('the interface on $name', ({ open }) => {
  let database: Awaited<ReturnType<typeof open>>;
  let service: TestService;

  beforeAll(async () => {
    database = await open();
  });
  beforeEach(async () => {
    await database.db.query('DELETE FROM planimeter.scenes');
    service = await startService(database.db);
  });
  afterEach(() => service.close());
  afterAll(() => database.drop());

  const get = (path: string, init?: RequestInit) => fetchJson(service.address + path, init);
  const post = (path: string, body?: unknown) => {
    const headers = { 'Content-Type': 'application/json' };
    return get(path, { method: 'POST', ...(body !== undefined && { headers, body: JSON.stringify(body) }) });
  };
  const remove = (path: string) => fetch(service.address + path, { method: 'DELETE' });

  describe('scenes', () => {
    test('are listed newest first and described', async () => {
      const first = await addScene(database.db);
      const second = await addScene(database.db, { ready: false });
      const { body } = await get('/scenes');
      expect(body.map((scene: { id: string }) => scene.id)).toEqual([second, first]);
      expect((await get(`/scenes/${first}`)).body).toMatchObject({
        id: first,
        state: 'ready',
        srs: 'EPSG:32640',
        valid_share: 0.75,
      });
      expect((await get('/scenes?upload=none')).body).toEqual([]);
    });

    test('take their jobs, features and files with them', async () => {
      const scene = await addScene(database.db);
      const { job } = await addDoneJob(database.db, scene, [square(0, 0)]);
      const running = (await post('/jobs', { scene })).body.id;
      const other = await addScene(database.db);
      for (const key of [`scenes/${scene}/original.tif`, `jobs/${job}/classes.tif`, `scenes/${other}/original.tif`]) {
        await mkdir(dirname(service.files.path(key)), { recursive: true });
        await writeFile(service.files.path(key), 'x');
      }
      expect((await remove(`/scenes/${scene}`)).status).toBe(204);
      expect(service.queue.calls).toContain(`cancel ${running}`);
      expect(await getScene(database.db, scene)).toBeNull();
      expect(await listJobs(database.db)).toEqual([]);
      expect(await database.db.query('SELECT * FROM planimeter.features')).toEqual([]);
      expect([...(await service.files.list('scenes')), ...(await service.files.list('jobs'))]).toEqual([
        `scenes/${other}/original.tif`,
      ]);
      expect((await remove(`/scenes/${scene}`)).status).toBe(404);
    });

    test('cannot be deleted under the hands of the ingest', async () => {
      const scene = await addScene(database.db, { ready: false });
      expect((await remove(`/scenes/${scene}`)).status).toBe(409);
    });

    test('come from the generator too', async () => {
      const { status, headers, body } = await post('/scenes/demo');
      expect([status, headers.get('location')]).toEqual([202, `/scenes/${body.id}`]);
    });
  });

  describe('jobs', () => {
    test('are found again by the same request, and taken up again when they had failed', async () => {
      const scene = await addScene(database.db);
      const first = await post('/jobs', { scene });
      expect(first.status).toBe(202);
      expect(first.headers.get('location')).toBe(`/jobs/${first.body.id}`);
      expect(first.body).toMatchObject({ scene, model: MODEL.id, state: 'queued', totals: [] });
      expect(first.body.parameters).toEqual({ min_area_m2: 20, tolerance_m: 1 });
      const { id } = first.body;
      const again = await post('/jobs', { scene, model: MODEL.id, parameters: { min_area_m2: 20 } });
      expect(again.body.id).toBe(id);
      const other = await post('/jobs', { scene, parameters: { min_area_m2: 21 } });
      expect(other.body.id).not.toBe(id);
      await updateJob(database.db, id, { state: 'failed' });
      expect((await post('/jobs', { scene })).body.state).toBe('queued');
      expect(service.queue.calls).toEqual([`segment ${id}`, `segment ${other.body.id}`, `retry ${id}`]);
    });

    test('may be urgent', async () => {
      const scene = await addScene(database.db);
      expect((await post('/jobs', { scene, priority: 5 })).body.priority).toBe(5);
      for (const priority of [10, -10, 0.5, '1', null]) {
        const { status, body } = await post('/jobs', { scene, parameters: { min_area_m2: 3 }, priority });
        expect([status, body.code], `${priority}`).toEqual([400, 'bad_request']);
      }
    });

    test('of the same bytes that were told to lie elsewhere are others', async () => {
      const sha256 = randomUUID().replaceAll('-', '').repeat(2);
      const [here, there] = [await addScene(database.db, { sha256 }), await addScene(database.db, { sha256 })];
      await updateScene(database.db, there, { srs: 'EPSG:32641', epsg: 32641 });
      const [first, second] = [await post('/jobs', { scene: here }), await post('/jobs', { scene: there })];
      expect([first.body.scene, second.body.scene]).toEqual([here, there]);
      expect(second.body.id).not.toBe(first.body.id);
    });

    test('asked for ten times at once are one job', async () => {
      const scene = await addScene(database.db);
      const answers = await Promise.all(Array.from({ length: 10 }, () => post('/jobs', { scene })));
      expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
      expect(service.queue.calls).toHaveLength(1);
    });

    test('are listed, also by scene', async () => {
      const [a, b] = [await addScene(database.db), await addScene(database.db)];
      const job = (await post('/jobs', { scene: a })).body.id;
      await post('/jobs', { scene: b });
      expect((await get('/jobs')).body).toHaveLength(2);
      expect((await get(`/jobs?scene=${a}`)).body.map((found: { id: string }) => found.id)).toEqual([job]);
    });

    test('are cancelled and retried in the states where that means something', async () => {
      const scene = await addScene(database.db);
      const { id } = (await post('/jobs', { scene })).body;
      expect((await post(`/jobs/${id}/retry`)).status).toBe(409);
      expect((await post(`/jobs/${id}/cancel`)).body.state).toBe('cancelled');
      expect((await post(`/jobs/${id}/cancel`)).status).toBe(200);
      expect((await post(`/jobs/${id}/retry`)).body.state).toBe('queued');
      const { job: done } = await addDoneJob(database.db, scene, []);
      expect((await post(`/jobs/${done}/cancel`)).body).toMatchObject({ status: 409, code: 'conflict' });
      expect(service.queue.calls).toEqual([`segment ${id}`, `cancel ${id}`, `retry ${id}`]);
    });

    test('are deleted with their features', async () => {
      const scene = await addScene(database.db);
      const { job } = await addDoneJob(database.db, scene, [square(0, 0)]);
      expect((await get(`/jobs/${job}`)).body.totals).toMatchObject([{ class: 'vegetation', count: 1, share: 1 }]);
      expect((await remove(`/jobs/${job}`)).status).toBe(204);
      expect((await get('/collections/landuse/items')).body.numberMatched).toBe(0);
      expect((await remove(`/jobs/${job}`)).status).toBe(404);
    });

    test('give the attributes of features that are asked for', async () => {
      const { ids } = await addDoneJob(database.db, await addScene(database.db), [square(0, 0)]);
      const items = '/collections/landuse/items';
      const few = await get(`${items}?properties=class,area_m2`);
      expect(Object.keys(few.body.features[0].properties).sort()).toEqual(['area_m2', 'class']);
      expect((await get(`${items}?properties=class&properties=score&limit=1`)).body.features[0].properties).toEqual({
        class: 'vegetation',
        score: 0.75,
      });
      expect((await get(`${items}/${ids[0]}?properties=class`)).body.properties).toEqual({ class: 'vegetation' });
      expect((await get(`${items}?properties=`)).body.features[0]).toMatchObject({ id: ids[0], properties: {} });
      expect((await get(`${items}?properties=class,colour`)).body).toMatchObject({ status: 400, code: 'bad_request' });
    });

    test('give their maps once they are done, whole or in ranges', async () => {
      const scene = await addScene(database.db);
      const waiting = (await post('/jobs', { scene })).body.id;
      expect((await get(`/jobs/${waiting}/classes.tif`)).body.code).toBe('conflict');
      const { job } = await addDoneJob(database.db, scene, []);
      expect((await get(`/jobs/${job}/scores.tif`)).body.code).toBe('not_found');
      const path = service.files.path(`jobs/${job}/scores.tif`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'II*_scores');
      const address = `${service.address}/jobs/${job}/scores.tif`;
      const whole = await fetch(address);
      expect(whole.headers.get('content-type')).toBe('image/tiff; application=geotiff');
      expect(whole.headers.get('content-disposition')).toContain('scores.tif');
      expect(await whole.text()).toBe('II*_scores');
      const range = await fetch(address, { headers: { Range: 'bytes=4-9' } });
      expect([range.status, await range.text()]).toEqual([206, 'scores']);
    });

    test.each([
      ['no body', undefined, 400],
      ['a list', [], 400],
      ['no scene', {}, 400],
      ['a scene that is no id', { scene: '../..' }, 400],
      ['a scene there is not', { scene: NOWHERE }, 404],
      ['an unknown member', { scene: NOWHERE, modell: 'x' }, 400],
      ['an unknown model', { scene: 'READY', model: 'x' }, 400],
      ['an unknown parameter', { scene: 'READY', parameters: { area: 3 } }, 400],
      ['a parameter of the wrong type', { scene: 'READY', parameters: { min_area_m2: 'x' } }, 400],
      ['a negative parameter', { scene: 'READY', parameters: { min_area_m2: -1 } }, 400],
      ['a scene that is not read yet', { scene: 'WAITING' }, 409],
      ['a scene that was refused', { scene: 'REFUSED' }, 409],
    ])('are refused for %s', async (_what, body, status) => {
      const ids = { READY: await addScene(database.db), WAITING: '', REFUSED: '' };
      ids.WAITING = await addScene(database.db, { ready: false });
      ids.REFUSED = await addScene(database.db, { ready: false });
      await updateScene(database.db, ids.REFUSED, { state: 'refused' });
      const named = (body as { scene?: keyof typeof ids } | undefined)?.scene;
      const answer = await post('/jobs', named && named in ids ? { ...body, scene: ids[named] } : body);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(await listJobs(database.db)).toEqual([]);
    });

    test('are refused for a body that is no JSON, or too much of it', async () => {
      const headers = { 'Content-Type': 'application/json' };
      const broken = await get('/jobs', { method: 'POST', headers, body: '{' });
      expect(broken.body).toMatchObject({ status: 400, code: 'bad_request' });
      const large = await get('/jobs', { method: 'POST', headers, body: JSON.stringify('x'.repeat(5_000_000)) });
      expect(large.body).toMatchObject({ status: 413, code: 'too_large' });
    });
  });

  describe('events', () => {
    const listen = async (path: string, headers?: Record<string, string>) => {
      const response = await fetch(service.address + path, headers ? { headers } : {});
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      return { response, next: async () => (await reader!.read()).value, cancel: () => reader!.cancel() };
    };
    const parse = (text: string | undefined) => JSON.parse(/^data: (.*)$/m.exec(text ?? '')![1]);

    test('tell the state at once, then each change, and end with the last', async () => {
      const scene = await addScene(database.db);
      const { id } = (await post('/jobs', { scene })).body;
      const { response, next } = await listen(`/jobs/${id}/events`);
      expect(response.headers.get('content-type')).toContain('text/event-stream');
      const first = await next();
      expect(first).toMatch(/^event: job\ndata: /);
      expect(parse(first)).toEqual((await get(`/jobs/${id}`)).body);
      const progress = { stage: 'infer', done: 3, total: 9, share: 0.3 } as const;
      await updateJob(database.db, id, { state: 'running', progress });
      service.queue.notify('job', id);
      expect(parse(await next())).toMatchObject({ state: 'running', progress });
      await post(`/jobs/${id}/cancel`);
      const last = await next();
      expect(last).toContain('\nid: final\n');
      expect(parse(last).state).toBe('cancelled');
      expect(await next()).toBeUndefined();
      expect(service.queue.subscriptions).toBe(0);
      // A browser connects again by itself, with the last id that it got.
      expect((await listen(`/jobs/${id}/events`, { 'Last-Event-ID': 'final' })).response.status).toBe(204);
    });

    test('of a scene that is ready already are one', async () => {
      const scene = await addScene(database.db);
      const { next } = await listen(`/scenes/${scene}/events`);
      expect(await next()).toMatch(/^event: scene\nid: final\ndata: /);
      expect(await next()).toBeUndefined();
    });

    test('end their subscription with the connection', async () => {
      const scene = await addScene(database.db, { ready: false });
      const { next, cancel } = await listen(`/scenes/${scene}/events`);
      await next();
      expect(service.queue.subscriptions).toBe(1);
      await cancel();
      await expect.poll(() => service.queue.subscriptions).toBe(0);
    });
  });

  describe('collections', () => {
    test('are described with their extents', async () => {
      const scene = await addScene(database.db);
      await addDoneJob(database.db, scene, [square(100, 100)]);
      const { body } = await get('/collections');
      expect(body.collections.map((collection: { id: string }) => collection.id)).toEqual([
        'buildings',
        'roads',
        'landuse',
      ]);
      const [west, south, east, north] = body.collections[2].extent.spatial.bbox[0];
      expect(east - west).toBeCloseTo(1e-4, 5);
      expect(north - south).toBeCloseTo(9e-5, 5);
      expect(body.collections[0].extent).toBeUndefined();
      expect((await get('/collections/landuse')).body).toEqual(body.collections[2]);
      const link = body.collections[2].links.find(({ rel }: Link) => rel === 'items').href;
      expect((await fetchJson(link)).body.numberMatched).toBe(1);
    });

    test('page through all of their items once, whatever the size of a page', async () => {
      const scene = await addScene(database.db);
      const squares = Array.from({ length: 25 }, (_, i) => square((i % 5) * 40, Math.floor(i / 5) * 40));
      const { ids } = await addDoneJob(database.db, scene, squares);
      for (const limit of [1, 7, 24, 25, 100]) {
        const seen: string[] = [];
        let address: string | undefined =
          `${service.address}/collections/landuse/items?limit=${limit}&class=vegetation`;
        while (address) {
          const { body, headers }: Awaited<ReturnType<typeof fetchJson>> = await fetchJson(address);
          expect(headers.get('content-type')).toContain('application/geo+json');
          expect(body).toMatchObject({ type: 'FeatureCollection', numberMatched: 25 });
          expect(body.numberReturned).toBe(body.features.length);
          seen.push(...body.features.map((feature: FeatureJson) => feature.id));
          address = body.links.find(({ rel }: Link) => rel === 'next')?.href;
        }
        expect(seen).toEqual([...ids].sort());
      }
    });

    test('give a page of thousands in portions, all of it', async () => {
      const scene = await addScene(database.db);
      const squares = Array.from({ length: 2500 }, (_, i) => square((i % 50) * 25, Math.floor(i / 50) * 25));
      const { ids } = await addDoneJob(database.db, scene, squares);
      const { body } = await get('/collections/landuse/items?limit=2300');
      expect([body.numberMatched, body.numberReturned]).toEqual([2500, 2300]);
      const next = await fetchJson(body.links.find(({ rel }: Link) => rel === 'next').href);
      const seen = [...body.features, ...next.body.features].map((feature) => feature.id);
      expect(seen.slice(0, 2400)).toEqual([...ids].sort().slice(0, 2400));
      expect((await get('/collections/landuse/items?limit=99999')).body.numberReturned).toBe(2500);
    });

    test('are filtered by box, class, job and scene', async () => {
      const scene = await addScene(database.db);
      const { job, ids } = await addDoneJob(database.db, scene, [
        square(0, 0, 'water'),
        square(1000, 1000, 'vegetation'),
        square(1000, 1000, 'building', 'buildings'),
      ]);
      const found = async (query: string) => {
        const { body } = await get(`/collections/landuse/items?${query}`);
        return body.features.map((feature: FeatureJson) => feature.id);
      };
      const feature = (await get(`/collections/landuse/items/${ids[1]}`)).body;
      const [lon, lat] = feature.geometry.coordinates[0][0];
      const box = [lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4];
      expect(await found(`bbox=${box}`)).toEqual([ids[1]]);
      expect(await found(`bbox=${box[0]},${box[1]},-5,${box[2]},${box[3]},5`)).toEqual([ids[1]]);
      expect(await found('bbox=170,-80,-170,80')).toEqual([]);
      expect(await found('class=water')).toEqual([ids[0]]);
      expect(await found(`job=${job}&scene=${scene}`)).toHaveLength(2);
      expect(await found(`job=${NOWHERE}`)).toEqual([]);
      expect(await found(`datetime=2020-01-01T00:00:00Z/..`)).toHaveLength(2);
    });

    test('give features as RFC 7946 has them', async () => {
      const scene = await addScene(database.db);
      const hole: [number, number][] = [
        [5, 5],
        [10, 5],
        [10, 10],
        [5, 10],
      ];
      const shape = square(0, 0);
      const { job, ids } = await addDoneJob(database.db, scene, [{ ...shape, rings: [shape.rings[0], hole] }]);
      const { headers, body } = await get(`/collections/landuse/items/${ids[0]}`);
      expect(headers.get('content-type')).toContain('application/geo+json');
      expect(body).toMatchObject({ type: 'Feature', id: ids[0] });
      expect(body.properties).toMatchObject({ collection: 'landuse', job, scene, class: 'vegetation', score: 0.75 });
      expect(body.properties.area_m2).toBeCloseTo((400 - 25) * 0.25, 0);
      const [shell, inner] = body.geometry.coordinates;
      expect(ringArea(shell)).toBeGreaterThan(0);
      expect(ringArea(inner)).toBeLessThan(0);
    });

    test.each([
      'bbox=a,b,c',
      'bbox=1,2,3',
      'bbox=1,2,3,4,5',
      'bbox=1,,3,4',
      'bbox=1,2,3,NaN',
      'bbox=0,10,1,5',
      'bbox=-181,0,1,5',
      'bbox=1,2,3,4&bbox=1,2,3,4',
      'limit=-1',
      'limit=0',
      'limit=1.5',
      'limit=many',
      'limit=',
      'after=x',
      'after=%00',
      'class=%00',
      'job=x',
      'datetime=yesterday',
      'f=xml',
      'colour=red',
    ])('refuse items?%s', async (query) => {
      const { status, headers, body } = await get(`/collections/landuse/items?${query}`);
      expect(status).toBe(400);
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(body).toMatchObject({ code: 'bad_request', detail: expect.stringMatching(/\.$/) });
    });
  });

  test.each([
    '/collections/nothing',
    '/collections/nothing/items',
    '/collections/..%2f..%2fetc/items',
    '/collections/landuse/items/1',
    `/collections/landuse/items/${NOWHERE}`,
    '/scenes/..%2f..%2fetc%2fpasswd',
    `/scenes/${NOWHERE}%00`,
    `/scenes/${NOWHERE}`,
    `/scenes/${NOWHERE}/events`,
    `/jobs/${NOWHERE}'--`,
    `/jobs/${NOWHERE}`,
    `/jobs/${NOWHERE}/classes.tif`,
    '/jobs/../../etc/passwd/classes.tif',
    `/tiles/${NOWHERE}.json`,
    `/tiles/..%2f/1/1/1.mvt`,
    `/imagery/${NOWHERE}/1/1/1.png`,
    '/nothing',
  ])('there is nothing at %s', async (path) => {
    const { status, headers, body } = await get(path);
    expect(status).toBe(404);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body.code).toBe('not_found');
  });

  test('an address that is no percent-encoding is refused', async () => {
    expect((await get('/scenes/%')).body).toMatchObject({ status: 400, code: 'bad_request' });
  });

  test('a failure of ours says nothing of its inside, but to the log', async () => {
    const lines: string[] = [];
    configureLog({ level: 'info', format: 'json', write: (line) => lines.push(line) });
    const broken = { ...database.db, query: () => Promise.reject(new Error('password=hunter2')) };
    const failing = await startService(broken);
    const { status, body, headers } = await fetchJson(`${failing.address}/collections`, {
      headers: { 'X-Request-Id': 'from-the-proxy.1' },
    });
    expect(headers.get('x-request-id')).toBe('from-the-proxy.1');
    expect([status, body.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(body)).not.toMatch(/hunter2|at .*\.ts|stack/);
    const ready = await fetchJson(`${failing.address}/ready`);
    expect(ready).toMatchObject({ status: 503, body: { code: 'not_ready' } });
    expect(JSON.stringify(ready.body)).not.toMatch(/hunter2/);
    configureLog({ level: 'warn', format: 'text' });
    const [failed] = lines.map((line) => JSON.parse(line));
    expect(failed).toMatchObject({
      level: 'error',
      request: 'from-the-proxy.1',
      error: { message: 'password=hunter2' },
    });
    await failing.close();
  });

  describe('browsers', () => {
    const raw = async (path: string, method: string, headers: Record<string, string>) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const sent = request(service.address + path, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      sent.on('error', reject).end();
      return promise;
    };

    test('get a strict policy with every answer', async () => {
      const { headers } = await get('/nothing');
      const policy = headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("worker-src 'self' blob:");
      expect(policy).not.toMatch(/unsafe|https?:/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('access-control-allow-origin')).toBeNull();
    });

    test('cannot be led here under a foreign name', async () => {
      expect(await raw('/scenes', 'GET', { Host: 'evil.example' })).toBe(FOREIGN_STATUS);
      expect(await raw('/scenes', 'GET', { Host: '127.0.0.1.evil.example' })).toBe(FOREIGN_STATUS);
      for (const host of ['127.0.0.1:80', '[::1]:3000', 'LOCALHOST', 'maps.localhost']) {
        expect(await raw('/scenes', 'GET', { Host: host })).toBe(200);
      }
      const named = await startService(database.db, { allowedHosts: ['maps.example'] });
      const ask = (Host: string) => fetchStatus(named.address, Host);
      expect([await ask('maps.example'), await ask('evil.example')]).toEqual([200, FOREIGN_STATUS]);
      await named.close();
    });

    test('cannot be made to change anything by a foreign page', async () => {
      const own = new URL(service.address).host;
      const refused = [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }];
      for (const headers of refused)
        expect(await raw('/scenes/demo', 'POST', { Host: own, ...headers })).toBe(FOREIGN_STATUS);
      expect(await raw('/scenes/demo', 'POST', { Host: own, Origin: `http://${own}` })).toBe(202);
      expect(await raw('/scenes', 'GET', { Host: own, Origin: 'https://evil.example' })).toBe(200);
    });
  });

  test('the viewer is served to browsers, and JSON to those who ask for it', async () => {
    const viewerFolder = join(service.folder, '.viewer');
    await mkdir(join(viewerFolder, 'assets'), { recursive: true });
    await writeFile(join(viewerFolder, 'index.html'), '<title>Viewer</title>');
    await writeFile(join(viewerFolder, 'assets', 'index-abc.js'), '1');
    const viewer = await startService(database.db, { viewerFolder });
    const page = await fetch(viewer.address, { headers: { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect([page.headers.get('content-type'), await page.text()]).toEqual([
      'text/html; charset=utf-8',
      '<title>Viewer</title>',
    ]);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const asset = await fetch(`${viewer.address}/assets/index-abc.js`);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    for (const path of ['/', '/?f=json']) {
      const { body } = await fetchJson(viewer.address + path, { headers: { Accept: 'application/json' } });
      expect(body.links.map(({ rel }: Link) => rel)).toContain('conformance');
    }
    for (const path of ['/../secret', '/assets/..%2f..%2fsecret', '/assets']) {
      expect((await fetch(viewer.address + path)).status).toBe(404);
    }
    await viewer.close();
  });

  test('a job that is deleted while its request is under way is gone', async () => {
    const scene = await addScene(database.db);
    const { id } = (await post('/jobs', { scene })).body;
    await Promise.all([remove(`/jobs/${id}`), post(`/jobs/${id}/cancel`), get(`/jobs/${id}`)]);
    expect(await getJob(database.db, id)).toBeNull();
  });
});

async function fetchStatus(address: string, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request(`${address}/scenes`, { headers: { Host: host } }, (response) => {
    response.resume();
    resolve(response.statusCode!);
  });
  sent.on('error', reject).end();
  return promise;
}

/** Twice the signed area of a ring, positive counter-clockwise. */
function ringArea(ring: [number, number][]): number {
  return ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i][0] * y - x * ring[i][1], 0);
}
