/** The interface as a whole: scenes, addresses that lead nowhere, failures, browsers and the viewer. */
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { PROBLEMS } from '../../../errors/problem.ts';
import { addDoneJob, addScene, fetchJson, startService } from '../../../test/support/http-service.ts';
import { NOWHERE, square, testInterface } from '../../../test/support/http-suite.ts';
import type { Link } from '../../api/index.ts';
import { configureLog } from '../../log.ts';
import type { Database } from '../../store/database/database.ts';
import { listJobs } from '../../store/tables/jobs.ts';
import { getScene } from '../../store/tables/scenes.ts';
import { FOREIGN_REQUEST } from '../core/security.ts';

/** Of the problem by which requests of foreign pages are refused. */
const FOREIGN_STATUS = PROBLEMS[FOREIGN_REQUEST][0];

testInterface('the interface', (its) => {
  const { get, post, remove } = its;

  describe('scenes', () => {
    test('are listed newest first and described', async () => {
      const first = await addScene(its.db);
      const second = await addScene(its.db, { ready: false });
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
      const scene = await addScene(its.db);
      const { job } = await addDoneJob(its.db, scene, [square(0, 0)]);
      const running = (await post('/jobs', { scene })).body.id;
      const other = await addScene(its.db);
      for (const key of [`scenes/${scene}/original.tif`, `jobs/${job}/classes.tif`, `scenes/${other}/original.tif`]) {
        await mkdir(dirname(its.service.files.path(key)), { recursive: true });
        await writeFile(its.service.files.path(key), 'x');
      }
      expect((await remove(`/scenes/${scene}`)).status).toBe(204);
      expect(its.service.queue.calls).toContain(`cancel ${running}`);
      expect(await getScene(its.db, scene)).toBeNull();
      expect(await listJobs(its.db)).toEqual([]);
      expect(await its.db.query('SELECT * FROM planimeter.features')).toEqual([]);
      expect([...(await its.service.files.list('scenes')), ...(await its.service.files.list('jobs'))]).toEqual([
        `scenes/${other}/original.tif`,
      ]);
      expect((await remove(`/scenes/${scene}`)).status).toBe(404);
    });

    test('cannot be deleted under the hands of the ingest', async () => {
      const scene = await addScene(its.db, { ready: false });
      expect((await remove(`/scenes/${scene}`)).status).toBe(409);
    });

    test('come from the generator too', async () => {
      const { status, headers, body } = await post('/scenes/demo');
      expect([status, headers.get('location')]).toEqual([202, `/scenes/${body.id}`]);
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
    const broken: Database = {
      ...its.db,
      query: () => Promise.reject(new Error('password=hunter2')),
      within: () => broken,
    };
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
      const sent = request(its.service.address + path, { method, headers }, (response) => {
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
      const named = await startService(its.db, { allowedHosts: ['maps.example'] });
      const ask = (Host: string) => fetchStatus(named.address, Host);
      expect([await ask('maps.example'), await ask('evil.example')]).toEqual([200, FOREIGN_STATUS]);
      await named.close();
    });

    test('and proxies are told that it must be clear which host is meant', async () => {
      const { hostname, port, host } = new URL(its.service.address);
      const ask = async (target: string, ...hosts: string[]) => {
        const socket = connect(Number(port), hostname);
        socket.write(
          `GET ${target} HTTP/1.1\r\n${hosts.map((each) => `Host: ${each}\r\n`).join('')}Connection: close\r\n\r\n`,
        );
        return Number((await text(socket)).split(' ')[1]);
      };
      expect(await ask('/scenes', host)).toBe(200);
      const unclear = [
        ['/scenes', host, host],
        ['/scenes', host, 'evil.example'],
        ['/scenes', `${host}, evil.example`],
        ['/scenes', `user@${host}`],
        ['/scenes', `${host}/path`],
        [`http://${host}/scenes`, host],
        ['http://evil.example/scenes', host],
        ['scenes', host],
        ['/scenes'],
      ] as const;
      for (const [target, ...hosts] of unclear)
        expect([target, hosts, await ask(target, ...hosts)]).toEqual([target, hosts, 400]);
    });

    test('cannot be made to change anything by a foreign page', async () => {
      const own = new URL(its.service.address).host;
      const refused = [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }];
      for (const headers of refused)
        expect(await raw('/scenes/demo', 'POST', { Host: own, ...headers })).toBe(FOREIGN_STATUS);
      expect(await raw('/scenes/demo', 'POST', { Host: own, Origin: `http://${own}` })).toBe(202);
      expect(await raw('/scenes', 'GET', { Host: own, Origin: 'https://evil.example' })).toBe(200);
    });
  });

  test('the viewer is served to browsers, and JSON to those who ask for it', async () => {
    const viewerFolder = join(its.service.folder, '.viewer');
    await mkdir(join(viewerFolder, 'assets'), { recursive: true });
    await writeFile(join(viewerFolder, 'index.html'), '<title>Viewer</title>');
    await writeFile(join(viewerFolder, 'assets', 'index-abc.js'), '1');
    const viewer = await startService(its.db, { viewerFolder });
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
