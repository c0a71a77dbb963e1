/** Scenes by address: what is asked for wrongly, what is not allowed, and what one request becomes. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeQueue, startService, type TestService } from '../../../test/support/http-service.ts';
import { type FileServer, serveFiles } from '../../../test/support/range-server.ts';
import type { ProblemJson, SceneJson } from '../../api/index.ts';
import { parseRemoteHosts } from '../../remote/policy.ts';
import { createRemoteReader } from '../../remote/reader.ts';
import { addRemoteScene } from '../../scenes/add-remote-scene.ts';
import type { Database } from '../../store/database/database.ts';
import { openDatabase } from '../../store/database/open-database.ts';

let server: FileServer;
let db: Database;
let queue: FakeQueue;
let off: TestService;
let on: TestService;
beforeAll(async () => {
  server = await serveFiles();
  server.files.set('/a/fields%20of%20rye.tif', { bytes: Buffer.alloc(100_000, 7), etag: '"1"' });
  db = await openDatabase({});
  queue = new FakeQueue(db);
  off = await startService(db);
  const remote = createRemoteReader(parseRemoteHosts(`http://127.0.0.1:${server.port}, 127.0.0.1`));
  on = await startService(db, {
    addRemoteScene: (db, actor, request) => addRemoteScene({ db, files: on.files, queue, remote }, actor, request),
  });
});
afterAll(async () => {
  await Promise.all([off.close(), on.close(), server.close()]);
  await db.close();
});

async function post(service: TestService, body: unknown) {
  const response = await fetch(`${service.address}/scenes`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, location: response.headers.get('location'), body: await response.json() };
}

test('nothing is read from elsewhere unless hosts are named, and then from those alone', async () => {
  const url = server.url('/a/fields%20of%20rye.tif');
  for (const [service, asked] of [
    [off, url],
    [on, 'https://example.com/x.tif'],
    [on, 'http://169.254.169.254/latest/meta-data'],
    [on, 's3://bucket/key.tif'],
    [on, 'file:///etc/passwd'],
    [on, url.replace('http://', 'http://user:secret@')],
  ] as const) {
    const { status, body } = await post(service, { url: asked });
    expect([status, (body as ProblemJson).code], asked).toEqual([403, 'remote_forbidden']);
    expect(JSON.stringify(body)).not.toContain('secret');
  }
  expect(server.ranges).toEqual([]);
});

test('what is not understood is told', async () => {
  const url = server.url('/a/fields%20of%20rye.tif');
  const wrong = [
    '{',
    '[]',
    '{}',
    { url: 7 },
    { url, more: 1 },
    { url: 'no address' },
    { url, srs: 'nowhere' },
    { url, license: '<b>' },
  ];
  for (const body of [...wrong, { url, name: 7 }, { url: `${url}?${'x'.repeat(3000)}` }]) {
    const answer = await post(on, body);
    expect([answer.status, (answer.body as ProblemJson).code], JSON.stringify(body)).toEqual([400, 'bad_request']);
  }
  const missing = await post(on, { url: server.url('/b.tif') });
  expect([missing.status, (missing.body as ProblemJson).code]).toEqual([422, 'remote_unreachable']);
});

test('a file in one version is one scene; signatures are kept to ourselves', async () => {
  const url = `${server.url('/a/fields%20of%20rye.tif')}?signature=hidden`;
  const [one, same] = await Promise.all([post(on, { url }), post(on, { url })]);
  const scene = one.body as SceneJson;
  expect(one).toMatchObject({ status: 202, location: `/scenes/${scene.id}` });
  expect(scene).toMatchObject({ name: 'fields of rye.tif', state: 'uploaded', bytes: 100_000, upload: null });
  expect((same.body as SceneJson).id).toBe(scene.id);
  expect(JSON.stringify(scene)).not.toContain('hidden');
  expect(queue.calls).toEqual([`ingest ${scene.id}`]);
  const card = JSON.parse(await readFile(on.files.path(`scenes/${scene.id}/original.remote`), 'utf8'));
  expect(card).toEqual({ url, etag: '"1"', modified: null, bytes: 100_000 });

  const placed = await post(on, { url, srs: 'epsg:32633', name: 'Rye', attribution: '© Ada' });
  expect(placed.body).toMatchObject({ name: 'Rye', attribution: '© Ada', license: null });
  expect((await post(on, { url, license: 'MIT' })).body).toMatchObject({ id: scene.id, license: 'MIT' });
  expect((placed.body as SceneJson).id).not.toBe(scene.id);
  server.files.set('/a/fields%20of%20rye.tif', { bytes: Buffer.alloc(100_000, 8), etag: '"2"' });
  expect(((await post(on, { url })).body as SceneJson).id).not.toBe(scene.id);
  expect(queue.calls.length).toBe(3);
});
