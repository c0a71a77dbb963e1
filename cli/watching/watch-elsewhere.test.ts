/** What lands in a bucket (moto, a mock of AWS) and in STAC collections, whose servers may mean no good. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { s3FileStore } from '../../server/store/files/s3-files.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { startMoto } from '../../test/support/moto.ts';
import { type FileServer, serveFiles } from '../../test/support/range-server.ts';
import { PROGRAM } from '../../test/support/workers.ts';
import { ingest } from '../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { watchBucket } from './watch-bucket.ts';
import { watchStac } from './watch-stac.ts';

let folder: string;
let server: FileServer;
let json: Record<string, unknown>;
let asked: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-watch-'));
  server = await serveFiles();
});
beforeEach(() => {
  json = {};
  asked = [];
  server.meddle = ({ url }: IncomingMessage, response) => {
    asked.push(url!);
    if (json[url!] === undefined) return false;
    response.writeHead(200).end(JSON.stringify(json[url!]));
    return true;
  };
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

test('objects below a prefix are fetched with what lies beside them, and only as they were found', async () => {
  const moto = await startMoto();
  if (!moto) return;
  try {
    const put = (key: string, body: string) =>
      fetch(`${moto.env.AWS_ENDPOINT_URL}/maps/${encodeURIComponent(key)}`, { method: 'PUT', body });
    for (const [key, body] of [
      ['in/b.tif', 'bbb'],
      ['in/b.tfw', 'world'],
      ['in/..%2f../a (1)+.TIF', 'aa'],
      ['in/notes.txt', 'none'],
      ['other/c.tif', 'c'],
    ]) {
      expect((await put(key!, body!)).status).toBe(200);
    }
    const watched = watchBucket('s3://maps/in/', undefined, moto.env);
    const { whole, unfinished } = await watched.look();
    expect(unfinished).toEqual([]);
    expect(whole.map(({ name }) => name).sort()).toEqual(['..%2f../a (1)+.TIF', 'b.tif']);
    const odd = whole.find(({ name }) => name !== 'b.tif')!;
    const { path } = (await odd.read(folder)).sources[0]!;
    expect(path.startsWith(folder)).toBe(true);
    await rm(path);
    const b = whole.find(({ name }) => name === 'b.tif')!;
    const { sources, name, bytes } = await b.read(folder);
    expect([name, bytes, sources.length]).toEqual(['b.tif', 3, 1]);
    expect(await readFile(sources[0]!.path, 'utf8')).toBe('bbb');
    expect(await readFile(sources[0]!.sidecars!.world!, 'utf8')).toBe('world');

    const store = s3FileStore('s3://maps/in', { folder: join(folder, 'store'), env: moto.env });
    await mkdir(join(folder, 'store', 'scratch'), { recursive: true });
    await writeFile(store.path('b.tif'), 'another');
    await store.put('b.tif');
    await rm(sources[0]!.path);
    await expect(b.read(folder)).rejects.toMatchObject({ code: 'remote_changed' });
    const again = (await watched.look()).whole.find((each) => each.name === 'b.tif')!;
    expect(again.version).not.toBe(b.version);
  } finally {
    moto.stop();
  }
});

const image = { type: 'image/tiff; application=geotiff; profile=cloud-optimized', roles: ['data'] };
const item = (id: string, href: string, more = {}) => ({
  ...{ type: 'Feature', id, bbox: [8, 46, 8.1, 46.1] },
  ...{ properties: { datetime: '2026-01-01T00:00:00Z', ...more }, assets: { image: { ...image, href } } },
});
const names = async (watched: ReturnType<typeof watchStac>) => (await watched.look()).whole.map(({ name }) => name);

test('items of an API, page by page, in the order in which they came', async () => {
  json['/stac/c'] = { type: 'Collection', links: [{ rel: 'items', href: '/stac/c/items' }] };
  const [late, early] = ['2026-03-01T00:00:00Z', '2026-02-01T00:00:00Z'];
  json['/stac/c/items?limit=100'] = {
    features: [item('late', '../late.tif', { created: late, license: 'CC-BY-4.0' })],
    links: [{ rel: 'next', href: server.url('/stac/c/items?page=2') }],
  };
  json['/stac/c/items?page=2'] = { features: [item('early', 'early.tif', { created: early })], links: [] };
  server.files.set('/stac/late.tif', { bytes: Buffer.from('late'), etag: '"1"' });
  const watched = watchStac(server.url('/stac/c'), { srs: undefined });
  const { whole } = await watched.look();
  expect(whole.map(({ name, version }) => [name, version])).toEqual([
    ['early', early],
    ['late', late],
  ]);
  expect(whole[1]!.rights).toEqual({ license: 'CC-BY-4.0' });
  const { remote, name } = await whole[1]!.read(folder);
  expect([remote!.card.url, name]).toEqual([server.url('/stac/late.tif'), 'late']);
  await expect(whole[0]!.read(folder)).rejects.toMatchObject({ code: 'remote_unreachable' });

  const near = {
    type: 'MultiPolygon' as const,
    coordinates: [
      [
        [
          [8, 46],
          [8.2, 46],
          [8.2, 46.2],
          [8, 46],
        ],
      ],
    ],
  };
  json['/stac/c/items?limit=100&bbox=8%2C46%2C8.2%2C46.2'] = {
    features: [item('in', 'a.tif'), { ...item('out', 'b.tif'), bbox: [9, 46, 9.1, 46.1] }],
  };
  expect(await names(watchStac(server.url('/stac/c'), { srs: undefined, aoi: near }))).toEqual(['in']);
});

test('a static collection, whose items are fetched once', async () => {
  json['/c.json'] = { type: 'Collection', links: [{ rel: 'item', href: './i/a.json' }] };
  json['/i/a.json'] = item('a', './a.tif');
  const watched = watchStac(server.url('/c.json'), { srs: undefined });
  expect(await names(watched)).toEqual(['a']);
  expect(await names(watched)).toEqual(['a']);
  expect(asked).toEqual(['/c.json', '/i/a.json', '/c.json']);
});

test('of several assets the one to look at is taken, or none is guessed', async () => {
  json['/c.json'] = { type: 'Collection', links: [{ rel: 'item', href: '/a.json' }] };
  const band = { ...image, href: '/x.tif' };
  const assets: Record<string, object> = { b02: band, b03: band };
  json['/a.json'] = { ...item('a', ''), assets };
  const read = async (asset?: string) =>
    (await watchStac(server.url('/c.json'), { srs: undefined, asset }).look()).whole[0]!.read(folder);
  await expect(read()).rejects.toMatchObject({ code: 'bad_request', message: expect.stringContaining('b02, b03') });
  await expect(read('tci')).rejects.toMatchObject({ message: expect.stringContaining('no asset "tci"') });
  server.files.set('/x.tif', { bytes: Buffer.from('x'), etag: '"1"' });
  expect((await read('b03')).remote!.card.url).toBe(server.url('/x.tif'));
  assets.visual = { ...band, roles: ['visual'] };
  expect((await read()).remote).toBeDefined();
});

test('a catalogue leads nowhere that its user did not name', async () => {
  const other = await serveFiles();
  try {
    const look = () => watchStac(server.url('/c.json'), { srs: undefined }).look();
    const forbidden = { code: 'remote_forbidden' };
    for (const href of [other.url('/a.json'), 'http://169.254.169.254/latest', 'file:///etc/passwd', 's3://maps/a']) {
      for (const rel of ['item', 'items']) {
        json['/c.json'] = { type: 'Collection', links: [{ rel, href }] };
        await expect(look(), href).rejects.toMatchObject(forbidden);
      }
    }
    json['/c.json'] = { type: 'Collection', links: [{ rel: 'item', href: '/a.json' }] };
    for (const href of [other.url('/a.tif'), 'http://10.0.0.1/a.tif', 's3://maps/a.tif', 'file:///etc/passwd']) {
      json['/a.json'] = item('a', href);
      const { whole } = await look();
      await expect(whole[0]!.read(folder), href).rejects.toMatchObject(forbidden);
    }
    expect(other.ranges).toEqual([]);
    server.meddle = (_, response) => !!response.writeHead(302, { location: other.url('/c.json') }).end();
    await expect(look()).rejects.toMatchObject({ code: 'remote_unsuitable' });
    server.meddle = (_, response) => !!response.writeHead(200).end('<html>');
    await expect(look()).rejects.toMatchObject({ code: 'remote_unsuitable' });
    server.meddle = (_, response) => !!response.writeHead(200).end('{"type": "Catalog"}');
    await expect(look()).rejects.toMatchObject({ message: expect.stringContaining('no STAC collection') });
  } finally {
    await other.close();
  }
});

test('the images of a collection are mapped where they lie', { timeout: 120_000 }, async () => {
  const { image: town } = await writeTown(join(folder, 'town'), { seed: 3, width: 96, height: 96, gsdMetres: 1 });
  await ingest(town, join(folder, 'cog.tif'), DEFAULT_INGEST_LIMITS, () => {}); // as our own writer has it
  server.files.set('/cog.tif', { bytes: await readFile(join(folder, 'cog.tif')), etag: '"1"' });
  json['/c.json'] = { type: 'Collection', links: ['a', 'b'].map((id) => ({ rel: 'item', href: `/${id}.json` })) };
  json['/a.json'] = { ...item('../a', '/cog.tif'), properties: { created: '2026-01-01T00:00:00Z' } };
  json['/b.json'] = { ...item('b', ''), assets: {} };
  const args = [server.url('/c.json'), '--model', 'landuse-fcn', '--once', '--out', join(folder, 'out')];
  const run = await promisify(execFile)(process.execPath, [PROGRAM, 'watch', ...args], { cwd: folder }).catch((e) => e);
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('b failed: ')]);
  expect(run.stdout).toMatch(/^\.\.\/a → _\/a.gpkg: \d+ areas/);
  expect(await readdir(join(folder, 'out', '_'))).toEqual(['a.gpkg', 'a.report.json']);
});
