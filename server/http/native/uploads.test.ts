import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tus from 'tus-js-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { fetchJson, startService, type TestService, UPLOAD_LIMIT_BYTES } from '../../../test/support/http-service.ts';
import type { ProblemJson } from '../../api/index.ts';
import { fileName } from '../../scenes/file-name.ts';
import { findSceneByUpload, getScene, pageOfScenes, updateScene } from '../../store/tables/scenes.ts';
import { WholeFiles } from './uploads.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const TUS = { 'Tus-Resumable': '1.0.0' };
const original = WholeFiles.prototype.set;
const OCTETS = { ...TUS, 'Content-Type': 'application/offset+octet-stream' };

describe.each(testEngines())('uploads on $name', ({ open }) => {
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

  const begin = async (bytes: number, name = 'image.tif', srs?: string) => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const metadata = `filename ${base64(name)}${srs === undefined ? '' : `,srs ${base64(srs)}`}`;
    const headers = { ...TUS, 'Upload-Length': String(bytes), 'Upload-Metadata': metadata };
    return fetch(`${service.address}/uploads`, { method: 'POST', headers });
  };
  const send = (location: string, offset: number, body: Uint8Array<ArrayBuffer>) => {
    const headers = { ...OCTETS, 'Upload-Offset': String(offset) };
    return fetch(new URL(location, service.address), { method: 'PATCH', headers, body });
  };
  const upload = async (body: Uint8Array<ArrayBuffer>, name?: string, srs?: string) => {
    const location = (await begin(body.length, name, srs)).headers.get('location')!;
    const response = await send(location, 0, body);
    return { id: location.split('/').at(-1)!, location, response, scene: response.headers.get('planimeter-scene') };
  };

  test('an upload that is interrupted goes on where it stood and becomes a scene', async () => {
    const bytes = randomBytes(12_000_000);
    cutFirstUploadAfter(service.server, 5_000_000);
    const requests: string[] = [];
    const offsets: number[] = [];
    let sceneId: string | undefined;
    await new Promise<void>((resolve, reject) => {
      const client = new tus.Upload(bytes, {
        endpoint: `${service.address}/uploads`,
        metadata: { filename: 'orthophoto.tif' },
        retryDelays: [10],
        onBeforeRequest: (sent) => {
          requests.push(sent.getMethod());
          if (sent.getMethod() === 'PATCH') offsets.push(Number(sent.getHeader('Upload-Offset')));
        },
        onAfterResponse: (_request, response) => {
          sceneId ??= response.getHeader('Planimeter-Scene');
        },
        onSuccess: () => resolve(),
        onError: reject,
      });
      client.start();
    });

    expect(requests).toEqual(['POST', 'PATCH', 'HEAD', 'PATCH']);
    expect(offsets[1]).toBeGreaterThan(1_000_000);
    const { body } = await fetchJson(`${service.address}/scenes/${sceneId}`);
    expect(body).toMatchObject({ state: 'uploaded', name: 'orthophoto.tif', bytes: bytes.length });
    expect(bytes.equals(await readFile(service.files.path(`scenes/${sceneId}/original.tif`)))).toBe(true);
    expect(service.queue.calls).toEqual([`ingest ${sceneId}`]);
    const byUpload = await fetchJson(`${service.address}/scenes?upload=${body.upload}`);
    expect(byUpload.body.map((scene: { id: string }) => scene.id)).toEqual([sceneId]);
  });

  test('the address of an upload is relative, so that it holds behind a proxy', async () => {
    expect((await begin(10)).headers.get('location')).toMatch(/^\/uploads\/[0-9a-f]{32}$/);
  });

  test('the same bytes again are the same scene', async () => {
    const bytes = randomBytes(1000);
    const first = await upload(bytes);
    const [second, third] = await Promise.all([upload(bytes, 'b.tif'), upload(bytes, 'c.tif')]);
    expect([second.scene, third.scene]).toEqual([first.scene, first.scene]);
    expect(service.queue.calls).toEqual([`ingest ${first.scene}`]);
    // Only what is remembered of the uploads is left of them.
    expect((await readdir(service.uploadFolder)).every((name) => name.endsWith('.json'))).toBe(true);
  });

  test('a CRS may be given; the same bytes in another one are another scene', async () => {
    const bytes = randomBytes(1000);
    const first = await upload(bytes, 'a.tif', ' epsg:32633 ');
    const given = await readFile(service.files.path(`scenes/${first.scene}/original.srs`), 'utf8');
    expect(given).toBe('EPSG:32633');
    await updateScene(database.db, first.scene!, { state: 'ready', srs: 'EPSG:32633' });
    const [same, other] = [await upload(bytes, 'a.tif', 'EPSG:32633'), await upload(bytes, 'a.tif', 'EPSG:32634')];
    expect(same.scene).toBe(first.scene);
    expect(other.scene).not.toBe(first.scene);
    const refused = await begin(10, 'a.tif', 'zone 33');
    expect([refused.status, ((await refused.json()) as ProblemJson).code]).toEqual([400, 'bad_request']);
  });

  test('a client that missed the last answer learns the scene by asking again', async () => {
    const bytes = randomBytes(1000);
    const { location, scene } = await upload(bytes);
    const head = await fetch(new URL(location, service.address), { method: 'HEAD', headers: TUS });
    expect(head.status).toBe(200);
    expect(head.headers.get('upload-offset')).toBe('1000');
    expect(head.headers.get('planimeter-scene')).toBe(scene);
    const again = await send(location, 1000, new Uint8Array(0));
    expect([again.status, again.headers.get('planimeter-scene')]).toEqual([204, scene]);
    expect((await pageOfScenes(database.db)).rows).toHaveLength(1);
  });

  test('a complete upload whose process was killed becomes a scene at the next start', async () => {
    const id = 'f'.repeat(32);
    await writeFile(join(service.uploadFolder, id), 'abc');
    const info = {
      id,
      size: 3,
      offset: 0,
      metadata: { filename: 'left.tif' },
      creation_date: new Date().toISOString(),
    };
    await writeFile(join(service.uploadFolder, `${id}.json`), JSON.stringify(info));
    // Of some others all bytes are lost.
    for (let i = 0; i < 9; i++) {
      const lost = { ...info, id: String(i).repeat(32), sha256: String(i).repeat(64) };
      await writeFile(join(service.uploadFolder, `${lost.id}.json`), JSON.stringify(lost));
    }
    const restarted = await startService(database.db, { uploadFolder: service.uploadFolder });
    await expect.poll(() => findSceneByUpload(database.db, id)).toMatchObject({ name: 'left.tif', bytes: 3 });
    // The service of this test may still be at its first look through the folder, and find the upload before the other.
    await expect.poll(() => [...service.queue.calls, ...restarted.queue.calls]).toHaveLength(1);
    await restarted.close();
  });

  test('an upload that was moved before its process was killed becomes that scene', async () => {
    const { id, scene } = await upload(randomBytes(100));
    // As it stood after the move and before the scene was inserted.
    const path = join(service.uploadFolder, `${id}.json`);
    const { done: _, ...info } = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify(info));
    await database.db.query('DELETE FROM planimeter.scenes');
    const restarted = await startService(database.db, { uploadFolder: service.uploadFolder });
    await expect.poll(() => getScene(database.db, scene!)).toMatchObject({ bytes: 100 });
    await restarted.close();
  });

  test('an upload of a known image whose process was killed when its bytes were removed is that scene', async () => {
    const body = randomBytes(100);
    const first = await upload(body);
    // Its process dies before the last that it writes down.
    const set = vi.spyOn(WholeFiles.prototype, 'set').mockImplementation(async function (this: WholeFiles, id, info) {
      if ('done' in info) throw new Error('killed');
      return original.call(this, id, info);
    });
    const { id, location, response } = await upload(body);
    expect(response.status).toBe(500);
    expect(await readdir(service.uploadFolder)).not.toContain(id);
    set.mockRestore();
    const restarted = await startService(database.db, { uploadFolder: service.uploadFolder });
    const head = await fetch(new URL(location, restarted.address), { method: 'HEAD', headers: TUS });
    expect([head.status, head.headers.get('planimeter-scene')]).toEqual([200, first.scene]);
    await restarted.close();
  });

  test('a client that asks first, before what was left is looked through, is told of that scene too', async () => {
    const { id, location, scene } = await upload(randomBytes(100));
    const path = join(service.uploadFolder, `${id}.json`);
    const { done: _, ...info } = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify(info));
    await database.db.query('DELETE FROM planimeter.scenes');
    const head = await fetch(new URL(location, service.address), { method: 'HEAD', headers: TUS });
    expect([head.status, head.headers.get('planimeter-scene')]).toEqual([200, scene]);
    expect(await getScene(database.db, scene!)).toMatchObject({ bytes: 100 });
  });

  test('uploads that nobody goes on with are removed', async () => {
    const location = (await begin(10)).headers.get('location')!;
    const id = location.split('/').at(-1)!;
    const old = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    for (const name of [id, `${id}.json`]) await utimes(join(service.uploadFolder, name), old, old);
    const fresh = (await begin(10)).headers.get('location')!.split('/').at(-1)!;
    const restarted = await startService(database.db, { uploadFolder: service.uploadFolder });
    await expect.poll(async () => (await readdir(service.uploadFolder)).sort()).toEqual([fresh, `${fresh}.json`]);
    await restarted.close();
  });

  test('40 MB pass through without being held in memory', async () => {
    const bytes = 40_000_000;
    const piece = randomBytes(64 * 1024);
    const location = (await begin(bytes)).headers.get('location')!;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const body = Readable.from(
      (async function* () {
        for (let sent = 0; sent < bytes; sent += piece.length) {
          if (sent % (32 * piece.length) === 0) {
            collectGarbage();
            peak = Math.max(peak, process.memoryUsage().arrayBuffers);
          }
          yield piece.subarray(0, Math.min(piece.length, bytes - sent));
        }
      })(),
    );
    const sending = request(new URL(location, service.address), {
      method: 'PATCH',
      headers: { ...OCTETS, 'Upload-Offset': '0', 'Content-Length': String(bytes) },
    });
    body.pipe(sending);
    const [response] = await once(sending, 'response');
    expect(response.statusCode).toBe(204);
    const original = service.files.path(`scenes/${response.headers['planimeter-scene']}/original.tif`);
    expect((await stat(original)).size).toBe(bytes);
    // Client and server share this process: both sides' buffers together.
    expect(peak - before).toBeLessThan(8e6);
  });

  test('the API says 413 before a byte of a file over the limit is sent', async () => {
    const response = await begin(UPLOAD_LIMIT_BYTES + 1);
    expect(response.status).toBe(413);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({
      code: 'too_large',
      detail: expect.stringContaining(`${UPLOAD_LIMIT_BYTES} bytes`),
    });
  });

  test('more bytes than were announced are refused', async () => {
    const location = (await begin(10)).headers.get('location')!;
    const response = await send(location, 0, randomBytes(11));
    expect([response.status, ((await response.json()) as ProblemJson).code]).toEqual([413, 'too_large']);
    expect((await pageOfScenes(database.db)).rows).toEqual([]);
  });

  test.each([
    ['no protocol version', 'POST', '', { 'Upload-Length': '10' }, 400, 'bad_request'],
    ['no length', 'POST', '', TUS, 400, 'bad_request'],
    ['an empty file', 'POST', '', { ...TUS, 'Upload-Length': '0' }, 400, 'bad_request'],
    ['a negative length', 'POST', '', { ...TUS, 'Upload-Length': '-1' }, 400, 'bad_request'],
    [
      'metadata that is no base64',
      'POST',
      '',
      { ...TUS, 'Upload-Length': '1', 'Upload-Metadata': 'a ?' },
      400,
      'bad_request',
    ],
    ['an unknown upload', 'HEAD', '/abc', TUS, 404, undefined],
    ['an unknown upload to send to', 'PATCH', '/abc', { ...OCTETS, 'Upload-Offset': '0' }, 404, 'not_found'],
    ['a path as an id', 'PATCH', '/..%2f..%2fetc%2fpasswd', { ...OCTETS, 'Upload-Offset': '0' }, 404, 'not_found'],
    ['a path as an id to delete', 'DELETE', '/..%2fscenes', TUS, 404, 'not_found'],
    ['a method there is not', 'PUT', '/abc', TUS, 404, 'not_found'],
  ])('%s is refused with a problem', async (_what, method, path, headers, status, code) => {
    const response = await fetch(`${service.address}/uploads${path}`, { method, headers });
    expect(response.status).toBe(status);
    if (code) expect(await response.json()).toMatchObject({ code, status, detail: expect.stringMatching(/\.$/) });
  });

  test('a wrong offset is a conflict and changes nothing', async () => {
    const location = (await begin(10)).headers.get('location')!;
    expect((await send(location, 0, randomBytes(4))).status).toBe(204);
    const response = await send(location, 2, randomBytes(6));
    expect([response.status, ((await response.json()) as ProblemJson).code]).toEqual([409, 'conflict']);
    const head = await fetch(new URL(location, service.address), { method: 'HEAD', headers: TUS });
    expect(head.headers.get('upload-offset')).toBe('4');
  });

  test('a deleted scene can be uploaded again', async () => {
    const bytes = randomBytes(100);
    const first = await upload(bytes);
    await updateScene(database.db, first.scene!, { state: 'ready' });
    expect((await fetch(`${service.address}/scenes/${first.scene}`, { method: 'DELETE' })).status).toBe(204);
    const head = await fetch(new URL(first.location, service.address), { method: 'HEAD', headers: TUS });
    expect(head.status).toBe(404);
    const second = await upload(bytes);
    expect(second.scene).not.toBe(first.scene);
    expect(await service.files.list('scenes')).toEqual([`scenes/${second.scene}/original.tif`]);
  });
});

test('what is known of an upload is there whole at every moment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-uploads-'));
  const infos = new WholeFiles(folder);
  const info = { id: 'a', metadata: { filename: 'a'.repeat(200_000) } } as unknown as Parameters<typeof infos.set>[1];
  await infos.set('a', info);
  let writing = true;
  const written = (async () => {
    for (let i = 0; i < 50; i++) await infos.set('a', info);
    writing = false;
  })();
  while (writing) expect(await infos.get('a')).toEqual(info);
  await written;
  await rm(folder, { recursive: true });
});

/** The connection of the first PATCH breaks once the server has got so many bytes of it. */
function cutFirstUploadAfter(server: Server, bytes: number) {
  const watch = (received: IncomingMessage) => {
    if (received.method !== 'PATCH') return;
    server.off('request', watch);
    const timer = setInterval(() => {
      if (received.socket.bytesRead < bytes) return;
      clearInterval(timer);
      received.socket.destroy();
    }, 1);
  };
  server.on('request', watch);
}

test.each([
  ['a/b\\c.tif', 'c.tif'],
  ['../../etc/passwd', 'passwd'],
  ['..', 'image.tif'],
  ['  .hidden', 'hidden'],
  ['photo\u0000\u202egnp.tif\n', 'photognp.tif'],
  ['Straße 東京.tif', 'Straße 東京.tif'],
  ['x'.repeat(500), 'x'.repeat(200)],
  [undefined, 'image.tif'],
  [null, 'image.tif'],
])('the sent file name %j becomes %j', (sent, kept) => {
  expect(fileName(sent)).toBe(kept);
});
