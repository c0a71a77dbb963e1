/** What servers do wrong, and what is made of it: tried again, refused by name, or told to be another file. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FileServer, serveFiles } from '../../test/support/range-server.ts';
import { parseRemoteHosts } from './policy.ts';
import { createPageCache, PAGE_BYTES, remoteFile } from './remote-file.ts';
import { openRanges, REMOTE_LIMITS, type Resolve, type Version } from './request.ts';
import { s3Target } from './s3.ts';

const BYTES = Buffer.from(Uint8Array.from({ length: 5 * PAGE_BYTES + 17 }, (_, i) => (i * i) >> 7));
const LIMITS = { ...REMOTE_LIMITS, silenceMs: 150, answerMs: 400, tries: 3, pauseMs: 1 };

let server: FileServer;
beforeEach(async () => {
  server = await serveFiles();
  server.files.set('/a.tif', { bytes: BYTES, etag: '"one"' });
});
afterEach(() => {
  vi.unstubAllEnvs();
  return server.close();
});

const open = (
  path = '/a.tif',
  {
    hosts = `http://127.0.0.1:${server.port}, 127.0.0.1`,
    resolve = undefined as Resolve | undefined,
    host = '127.0.0.1',
  } = {},
) =>
  openRanges(new URL(server.url(path, host)), {
    policy: parseRemoteHosts(hosts)!,
    limits: LIMITS,
    ...(resolve && { resolve }),
  });

const VERSION: Version = { etag: '"one"', modified: null, bytes: BYTES.length };

test('a range is what it is, and the end of the file ends it', async () => {
  const ranges = open();
  const { bytes, version } = await ranges.fetch(10, 30, null);
  expect(bytes).toEqual(BYTES.subarray(10, 30));
  expect(version).toEqual(VERSION);
  expect((await ranges.fetch(BYTES.length - 5, BYTES.length + 99, version)).bytes).toEqual(BYTES.subarray(-5));
  ranges.close();
});

test('another ETag, size or date is another file', async () => {
  const ranges = open();
  const changed = { code: 'remote_changed' };
  server.files.set('/a.tif', { bytes: BYTES, etag: '"two"' });
  await expect(ranges.fetch(0, 9, VERSION), 'If-Match').rejects.toMatchObject(changed);
  // A server that does not know If-Match, and one whose ETags are weak.
  server.files.set('/a.tif', { bytes: BYTES, etag: 'W/"two"' });
  await expect(ranges.fetch(0, 9, { ...VERSION, etag: 'W/"one"' })).rejects.toMatchObject(changed);
  expect((await ranges.fetch(0, 9, { ...VERSION, etag: 'W/"two"' })).bytes.length).toBe(9);
  await expect(ranges.fetch(0, 9, { ...VERSION, etag: 'W/"two"', bytes: 7 })).rejects.toMatchObject(changed);
  server.files.set('/a.tif', { bytes: BYTES, modified: 'Mon, 01 Jun 2026 10:00:00 GMT' });
  const { version } = await ranges.fetch(0, 9, null);
  expect(version.modified).toBe('Mon, 01 Jun 2026 10:00:00 GMT');
  server.files.set('/a.tif', { bytes: BYTES, modified: 'Mon, 01 Jun 2026 11:00:00 GMT' });
  await expect(ranges.fetch(0, 9, version)).rejects.toMatchObject(changed);
  server.files.set('/a.tif', { bytes: BYTES });
  await expect(ranges.fetch(0, 9, null)).rejects.toMatchObject({ code: 'remote_unsuitable' });
  ranges.close();
});

test('errors of the server, broken connections and cut answers are tried again', async () => {
  const ways: FileServer['meddle'][] = [
    (_, response) => !!response.writeHead(500).end(),
    (_, response) => !!response.writeHead(503, { 'retry-after': '0' }).end(),
    (request) => !!request.socket.destroy(),
    (_, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-99/${BYTES.length}`, 'content-length': 100, etag: '"one"' });
      response.write(BYTES.subarray(0, 40));
      setTimeout(() => response.destroy(), 20);
      return true;
    },
  ];
  for (const [i, way] of ways.entries()) {
    const ranges = open();
    let requests = 0;
    server.meddle = (request, response, count) => ++requests <= 2 && way(request, response, count);
    expect((await ranges.fetch(0, 100, VERSION)).bytes, `way ${i}`).toEqual(BYTES.subarray(0, 100));
    expect(requests).toBe(3);
    server.meddle = (...all) => {
      requests++;
      return way(...all);
    };
    await expect(ranges.fetch(0, 100, VERSION)).rejects.toMatchObject({ code: 'remote_unreachable' });
    expect(requests).toBe(3 + LIMITS.tries);
    ranges.close();
  }
});

test('a server that is silent, or stops in the middle, or drips, is given up', async () => {
  const head = { 'content-range': `bytes 0-999/${BYTES.length}`, 'content-length': 1000, etag: '"one"' };
  const timers: NodeJS.Timeout[] = [];
  // On a busy machine any of these may be noticed first.
  const said = /does not answer|stops in the middle|takes too long/;
  const ways: FileServer['meddle'][] = [
    () => true,
    (_, response) => response.writeHead(206, head).write('x'),
    (_, response) => {
      response.writeHead(206, head);
      timers.push(setInterval(() => response.write('x'), 40));
      return true;
    },
  ];
  for (const way of ways) {
    const ranges = open();
    server.meddle = way;
    const failure = { code: 'remote_unreachable', message: expect.stringMatching(said) };
    await expect(ranges.fetch(0, 1000, VERSION)).rejects.toMatchObject(failure);
    ranges.close();
  }
  timers.forEach(clearInterval);
});

test('a server that ignores ranges, or answers another one, is refused', async () => {
  const ranges = open();
  const unsuitable = { code: 'remote_unsuitable' };
  server.meddle = (_, response) => !!response.writeHead(200, { etag: '"one"' }).end(BYTES);
  await expect(ranges.fetch(0, 10, null)).rejects.toMatchObject(unsuitable);
  server.meddle = (_, response) =>
    !!response
      .writeHead(206, { 'content-range': `bytes 5-14/${BYTES.length}`, etag: '"one"' })
      .end(BYTES.subarray(5, 15));
  await expect(ranges.fetch(0, 10, null)).rejects.toMatchObject(unsuitable);
  server.meddle = (_, response) => !!response.writeHead(206, { etag: '"one"' }).end(BYTES.subarray(0, 10));
  await expect(ranges.fetch(0, 10, null)).rejects.toMatchObject(unsuitable);
  for (const status of [401, 403, 404, 410]) {
    server.meddle = (_, response) => !!response.writeHead(status).end();
    await expect(ranges.fetch(0, 10, null)).rejects.toMatchObject({ code: 'remote_unreachable' });
  }
  ranges.close();
});

test('redirects are followed, each held against the policy', async () => {
  const other = await serveFiles();
  other.files.set('/b.tif', { bytes: BYTES, etag: '"one"' });
  const to = (location: string) => {
    server.meddle = ({ url }, response) => url === '/a.tif' && !!response.writeHead(302, { location }).end();
  };
  try {
    to(other.url('/b.tif'));
    const both = `http://127.0.0.1:${server.port}, http://127.0.0.1:${other.port}, 127.0.0.1`;
    const ranges = open('/a.tif', { hosts: both });
    expect((await ranges.fetch(0, 10, VERSION)).bytes).toEqual(BYTES.subarray(0, 10));
    // What it led to is asked at once from then on, and the first address again when that is over.
    const asked: string[] = [];
    server.meddle = ({ url }) => !asked.push(url!);
    expect((await ranges.fetch(10, 20, VERSION)).bytes).toEqual(BYTES.subarray(10, 20));
    expect(asked).toEqual([]);
    other.files.clear();
    expect((await ranges.fetch(20, 30, VERSION)).bytes).toEqual(BYTES.subarray(20, 30));
    expect(asked).toEqual(['/a.tif']);
    ranges.close();

    const forbidden = { code: 'remote_forbidden' };
    other.ranges.length = 0;
    to(other.url('/b.tif'));
    await expect(open().fetch(0, 10, null), 'a host that is not named').rejects.toMatchObject(forbidden);
    to('http://169.254.169.254/latest/meta-data/');
    await expect(
      open('/a.tif', { hosts: `${both}, http://169.254.169.254` }).fetch(0, 10, null),
      'a private address',
    ).rejects.toMatchObject(forbidden);
    to('file:///etc/passwd');
    await expect(open().fetch(0, 10, null)).rejects.toMatchObject(forbidden);
    to('/a.tif');
    await expect(open().fetch(0, 10, null), 'a circle').rejects.toMatchObject({ code: 'remote_unreachable' });
    expect(other.ranges).toEqual([]);
  } finally {
    await other.close();
  }
});

test('a name is resolved once, and every address that it leads to must be allowed', async () => {
  const named = { hosts: `http://maps.test:${server.port}, 127.0.0.1`, host: 'maps.test' };
  let asked = 0;
  const rebinding: Resolve = async () => (++asked === 1 ? ['127.0.0.1'] : ['10.0.0.1']);
  const ranges = open('/a.tif', { ...named, resolve: rebinding });
  expect((await ranges.fetch(0, 10, VERSION)).bytes).toEqual(BYTES.subarray(0, 10));
  expect((await ranges.fetch(10, 20, VERSION)).bytes).toEqual(BYTES.subarray(10, 20));
  expect(asked).toBe(1);
  // Resolved anew, and checked anew, where the host does not answer any more.
  server.meddle = ({ socket }) => !!socket.destroy();
  await expect(ranges.fetch(20, 30, VERSION)).rejects.toMatchObject({ code: 'remote_forbidden' });
  expect(asked).toBe(2);
  server.meddle = () => false;
  ranges.close();
  const before = server.ranges.length;
  for (const found of [['10.0.0.1'], ['127.0.0.1', '192.168.0.9'], ['::ffff:10.0.0.1']]) {
    const refused = open('/a.tif', { ...named, resolve: async () => found });
    await expect(refused.fetch(0, 10, null)).rejects.toMatchObject({ code: 'remote_forbidden' });
  }
  const unknown = open('/a.tif', { ...named, resolve: async () => Promise.reject(new Error('ENOTFOUND')) });
  await expect(unknown.fetch(0, 10, null)).rejects.toMatchObject({ code: 'remote_unreachable' });
  expect(server.ranges.length).toBe(before);
});

test('reads of one turn are merged, and pages are fetched once', async () => {
  const file = remoteFile('a', open(), VERSION, createPageCache(1 << 20));
  const reads = [
    [0, 8],
    [4000, 900],
    [PAGE_BYTES - 3, 6],
    [4 * PAGE_BYTES + 1, PAGE_BYTES + 10],
  ];
  const got = await Promise.all(reads.map(([position, length]) => file.read(position, length)));
  for (const [i, [position, length]] of reads.entries()) {
    expect(got[i], `read ${i}`).toEqual(BYTES.subarray(position, position + length));
  }
  expect(server.ranges).toEqual([[0, BYTES.length]]);
  expect(await file.read(100, 4 * PAGE_BYTES)).toEqual(BYTES.subarray(100, 100 + 4 * PAGE_BYTES));
  expect(server.ranges.length).toBe(1);
  // What is announced is fetched at once, and read without another request.
  const other = remoteFile('b', open(), VERSION, createPageCache(1 << 20));
  other.announce!([
    [2 * PAGE_BYTES, 20],
    [3 * PAGE_BYTES, 20],
    [7e9, 5],
  ]);
  expect(await other.read(3 * PAGE_BYTES, 20)).toEqual(BYTES.subarray(3 * PAGE_BYTES, 3 * PAGE_BYTES + 20));
  expect(await other.read(2 * PAGE_BYTES, 20)).toEqual(BYTES.subarray(2 * PAGE_BYTES, 2 * PAGE_BYTES + 20));
  expect(server.ranges.slice(1)).toEqual([[2 * PAGE_BYTES, 4 * PAGE_BYTES]]);
  await expect(file.read(BYTES.length - 1, 2)).rejects.toMatchObject({ code: 'damaged_tiff' });
  await file.close();
});

test('a page that could not be had is asked for again', async () => {
  const file = remoteFile('a', open(), VERSION, createPageCache(1 << 20));
  server.meddle = (_, response) => !!response.writeHead(500).end();
  await expect(file.read(0, 10)).rejects.toMatchObject({ code: 'remote_unreachable' });
  server.meddle = () => false;
  expect(await file.read(0, 10)).toEqual(BYTES.subarray(0, 10));
  await file.close();
});

test('objects of S3: where they are asked for, and what is said of another region', async () => {
  const at = (address: string, env: NodeJS.ProcessEnv) => s3Target(new URL(address), env);
  expect(at('s3://maps/a/b.tif', {}).url.href).toBe('https://maps.s3.us-east-1.amazonaws.com/a/b.tif');
  const own = { AWS_ENDPOINT_URL: 'http://minio:9000/', AWS_REGION: 'x' };
  expect(at('s3://maps/a b+(c).tif', own)).toMatchObject({
    url: new URL('http://minio:9000/maps/a%20b%2B%28c%29.tif'),
    ownEndpoint: true,
  });
  const dotted = at('s3://my.maps/a.tif', { AWS_DEFAULT_REGION: 'eu-west-1' });
  expect(dotted.url.href).toBe('https://s3.eu-west-1.amazonaws.com/my.maps/a.tif');
  expect(() => at('s3://maps/', {})).toThrow('s3://BUCKET/KEY');

  server.meddle = (_, response) => !!response.writeHead(301, { 'x-amz-bucket-region': 'eu-north-1' }).end();
  const policy = parseRemoteHosts('s3://maps')!;
  const env = { AWS_ENDPOINT_URL: server.url('') };
  const ranges = openRanges(new URL('s3://maps/a.tif'), { policy, limits: LIMITS, env });
  const elsewhere = { code: 'remote_unreachable', message: expect.stringContaining('AWS_REGION=eu-north-1') };
  await expect(ranges.fetch(0, 10, null)).rejects.toMatchObject(elsewhere);
  ranges.close();
});

test('objects of S3 are asked for with credentials, and without where these are refused or missing', async () => {
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const policy = parseRemoteHosts('s3://maps')!;
  server.files.set('/maps/a.tif', { bytes: BYTES, etag: '"one"' });
  const asked: boolean[] = [];
  const open = (keys: NodeJS.ProcessEnv) =>
    openRanges(new URL('s3://maps/a.tif'), {
      policy,
      limits: LIMITS,
      env: { AWS_ENDPOINT_URL: server.url(''), ...keys },
    });
  const keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
  const fetchTwice = async (ranges: ReturnType<typeof openRanges>) => {
    asked.length = 0;
    for (const start of [0, 10]) {
      const { bytes } = await ranges.fetch(start, start + 10, VERSION);
      expect(bytes).toEqual(BYTES.subarray(start, start + 10));
    }
    ranges.close();
    return asked;
  };
  server.meddle = ({ headers }) => !asked.push(headers.authorization !== undefined);
  expect(await fetchTwice(open(keys))).toEqual([true, true]);
  expect(await fetchTwice(open({}))).toEqual([false, false]);
  server.meddle = ({ headers }, response) => {
    asked.push(headers.authorization !== undefined);
    return headers.authorization !== undefined && !!response.writeHead(403).end();
  };
  expect(await fetchTwice(open(keys))).toEqual([true, false, false]);
});
