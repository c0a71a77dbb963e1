/** One contract for both stores: a folder, and S3 (moto's server from PyPI), also where S3 fails now and then. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startFaults, startMoto } from '../../../test/support/moto.ts';
import { type FileStore, localFileStore } from './file-store.ts';
import { s3FileStore } from './s3-files.ts';

const PART_BYTES = 5 * 2 ** 20;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const folder = mkdtempSync(join(tmpdir(), 'planimeter-s3-'));
let moto: Awaited<ReturnType<typeof startMoto>>;
let faulty: Awaited<ReturnType<typeof startFaults>>;
beforeAll(async () => {
  moto = await startMoto();
  if (moto) faulty = await startFaults(moto.env.AWS_ENDPOINT_URL, mulberry(SEED), 0.15);
}, 180_000);
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  faulty?.stop();
  moto?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const STORES: [string, (name: string) => FileStore | null][] = [
  ['a folder', (name) => localFileStore(join(folder, name))],
  ['S3', (name) => moto && s3(moto.env, name)],
  ['S3 that fails', (name) => moto && s3({ ...moto.env, AWS_ENDPOINT_URL: faulty.endpoint }, name)],
];
const s3 = (env: Record<string, string>, name: string, more = {}) =>
  s3FileStore(`s3://maps/${name}`, { folder: join(folder, name), env, partBytes: PART_BYTES, ...more });

function write(files: FileStore, key: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(files.path(key)), { recursive: true });
  writeFileSync(files.path(key), bytes);
}

describe.each(STORES)('%s', (kind, open) => {
  const name = kind.replaceAll(' ', '-');

  test('keeps files byte for byte, small, empty and in parts', { timeout: 60_000 }, async ({ skip }) => {
    const files = open(`${name}-bytes`);
    if (!files) return skip();
    for (const size of [0, 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 12_345]) {
      const key = `scenes/${size}/working.tif`;
      const bytes = randomBytes(size);
      write(files, key, bytes);
      await files.put(key);
      const paths = await Promise.all([files.fetch(key), files.fetch(key)]);
      expect(paths[0], `seed ${SEED}`).toBe(paths[1]);
      expect(readFileSync(paths[0]).equals(bytes), `${size} bytes, seed ${SEED}`).toBe(true);
      // Another machine, which has no copy.
      if (kind !== 'a folder') {
        const other = s3({ ...moto!.env, AWS_ENDPOINT_URL: faulty.endpoint }, `${name}-bytes`, {
          folder: mkdtempSync(join(folder, 'other-')),
        });
        expect(readFileSync(await other.fetch(key)).equals(bytes), `${size} bytes, seed ${SEED}`).toBe(true);
      }
    }
  });

  test('lists and removes by folder, and knows what it does not have', { timeout: 60_000 }, async ({ skip }) => {
    const files = open(`${name}-keys`);
    if (!files) return skip();
    for (const key of ['jobs/1/classes.tif', 'jobs/1/deep/x', 'jobs/10/classes.tif']) {
      write(files, key, key);
      await files.put(key);
    }
    expect(await files.list('jobs'), `seed ${SEED}`).toEqual([
      'jobs/1/classes.tif',
      'jobs/1/deep/x',
      'jobs/10/classes.tif',
    ]);
    expect(await files.list('none')).toEqual([]);
    const copy = await files.fetch('jobs/1/deep/x');
    await files.remove('jobs/1');
    await files.remove('none');
    expect(existsSync(copy)).toBe(false);
    expect(await files.list('jobs')).toEqual(['jobs/10/classes.tif']);
    await files.remove('jobs/10/classes.tif');
    expect(await files.list('jobs')).toEqual([]);
    await expect(files.fetch('jobs/1/classes.tif')).rejects.toMatchObject({ code: 'not_found' });
    await expect(files.put('jobs/1/classes.tif')).rejects.toThrow('ENOENT');
    for (const key of ['../x', 'a//b', '', 'a/..', '/x']) {
      await expect((async () => files.fetch(key))(), key).rejects.toThrow('not a key');
      await expect((async () => files.remove(key))(), key).rejects.toThrow('not a key');
    }
  });

  test('gives the new file where one was replaced', { timeout: 60_000 }, async ({ skip }) => {
    const [files, reader] = [open(`${name}-new`), open(`${name}-new`)];
    if (!files || !reader) return skip();
    for (const text of ['first', 'second']) {
      write(files, 'scenes/a/original.tif', text);
      await files.put('scenes/a/original.tif');
      expect(readFileSync(await reader.fetch('scenes/a/original.tif'), 'utf8')).toBe(text);
    }
  });
});

test('copies that nobody asked for lately go when the cache is full', async ({ skip }) => {
  if (!moto) return skip();
  const files = s3(moto.env, 'cache', { cacheBytes: 25_000, keepMs: 0 });
  const paths: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    write(files, `scenes/${name}`, randomBytes(10_000));
    await files.put(`scenes/${name}`);
    rmSync(join(folder, 'cache', 'cache'), { recursive: true, force: true });
  }
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    paths.push(await files.fetch(`scenes/${name}`));
    if (i < 2) utimesSync(paths[i], 1000 + i, 1000 + i);
  }
  expect(paths.map((path) => existsSync(path))).toEqual([false, true, true]);
});

test('an upload that cannot be ended leaves nothing in the bucket', { timeout: 60_000 }, async ({ skip }) => {
  if (!moto) return skip();
  const files = s3(moto.env, 'broken', { partBytes: 1000 });
  // S3 refuses parts below 5 MiB when they are to be put together.
  write(files, 'scenes/x', randomBytes(5000));
  await expect(files.put('scenes/x')).rejects.toThrow('EntityTooSmall');
  expect(await files.list('scenes')).toEqual([]);
  expect(existsSync(files.path('scenes/x'))).toBe(true);
  const uploads = await (await fetch(`${moto.env.AWS_ENDPOINT_URL}/maps?uploads`)).text();
  expect(uploads).toContain('ListMultipartUploadsResult');
  // Not those of other tests: where the answer to a beginning was lost, another was begun.
  expect([...uploads.matchAll(/<Key>([^<]*)</g)].filter(([, key]) => key!.startsWith('broken/'))).toEqual([]);
});

test('a download that is cut off goes on where it was, unless the file was replaced', { timeout: 60_000 }, async ({
  skip,
}) => {
  if (!moto) return skip();
  const writer = s3(moto.env, 'resume');
  const [first, second] = [randomBytes(3_000_000), randomBytes(3_000_000)];
  write(writer, 'scenes/a', first);
  await writer.put('scenes/a');
  const asked: (string | undefined)[] = [];
  let replace = false;
  // Sends the first million bytes of what is asked for and hangs up, three times.
  const proxy = createServer((request, response) => {
    const { method, url, headers } = request;
    const upstream = forward(`${moto!.env.AWS_ENDPOINT_URL}${url}`, { method, headers }, async (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      if (method !== 'GET') return answer.pipe(response);
      asked.push(headers.range);
      const body = await buffer(answer);
      if (asked.length > 3) return response.end(body);
      if (replace) {
        replace = false;
        write(writer, 'scenes/a', second);
        await writer.put('scenes/a');
      }
      response.write(body.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 100));
    });
    request.pipe(upstream);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const env = { ...moto.env, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
  try {
    const reader = s3(env, 'resume', { folder: mkdtempSync(join(folder, 'resume-')) });
    expect(readFileSync(await reader.fetch('scenes/a')).equals(first)).toBe(true);
    const starts = asked.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')![1]));
    expect(starts.length).toBeGreaterThanOrEqual(3);
    // What had not reached the disk when the connection broke is fetched again.
    for (const [i, start] of starts.slice(1).entries()) {
      expect(start, `${starts}`).toBeGreaterThan(starts[i]);
      expect(start, `${starts}`).toBeLessThanOrEqual(starts[i] + 1_000_000);
    }
    asked.length = 0;
    replace = true;
    const other = s3(env, 'resume', { folder: mkdtempSync(join(folder, 'resume-')) });
    expect(readFileSync(await other.fetch('scenes/a')).equals(second)).toBe(true);
    expect(asked.slice(0, 2)).toEqual([undefined, undefined]);
  } finally {
    proxy.close();
  }
});

test('says what is missing', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const files = s3FileStore('s3://maps', { folder, env: {} });
  await expect(files.list('x')).rejects.toMatchObject({
    code: 'bad_request',
    message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
  });
  expect(() => s3FileStore('s3://maps/a?b', { folder, env: {} })).toThrow('s3://BUCKET');
});

/** Random numbers in [0, 1) from a seed: mulberry32 (Tommy Ettinger, public domain). */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
