/**
 * The whole way through a real service in processes of its own: upload, job, features, tiles; on the embedded
 * database and on PostgreSQL; killed in the middle; asked while it works; and handed files that it must refuse.
 */
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ItemsJson, JobJson, ModelJson, TileJson } from '../server/api/index.ts';
import { startService } from '../server/service.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { getJson, refusal, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { testEngines } from './support/databases.ts';
import { kill, serve, stopAll } from './support/serve.ts';

let folder: string;
let town: { image: string; truth: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-service-'));
  town = await writeTown(join(folder, 'town'), { seed: 21, width: 1400, height: 1100, gsdMetres: 0.5 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(stopAll);

describe.each(testEngines())('on $name', ({ name, open }) => {
  let databaseUrl: string | undefined;
  let drop: () => Promise<void>;
  beforeAll(async () => ({ url: databaseUrl, drop } = await open()));
  afterAll(() => drop());

  test('an image becomes features, tiles and a report; while it works the service answers', async () => {
    const { url } = await serve(join(folder, `data-${name}`), databaseUrl);
    const scene = await waitForScene(url, await upload(url, town.image));
    expect(scene).toMatchObject({ state: 'ready', srs: 'EPSG:32633', width: 1400, height: 1100, valid_share: 1 });
    expect(scene.gsd_m).toBeCloseTo(0.5, 2);

    const started = await startJob(url, scene.id);
    const answered: number[] = [];
    let job: JobJson = started;
    while (job.state === 'queued' || job.state === 'running') {
      const before = performance.now();
      await getJson(`${url}/collections`);
      answered.push(performance.now() - before);
      job = await getJson<JobJson>(`${url}/jobs/${started.id}`);
    }
    answered.sort((a, b) => a - b);
    console.log(`${name}: /collections during the job: median ${answered[answered.length >> 1].toFixed(1)} ms`);
    expect(job.state).toBe('done');

    const report = job.report!;
    const gridPixels = Object.values(report.ledger).reduce((a, b) => a + b, 0);
    expect(gridPixels).toBe(700 * 550);
    expect(report.ledger.done).toBe(gridPixels);
    const mapped = Object.values(report.areas_m2).reduce((a, b) => a + b, 0);
    expect(mapped / (1400 * 1100 * 0.25)).toBeCloseTo(1, 2);
    expect(report.counts.buildings).toBeGreaterThan(0);
    expect(report.counts.landuse).toBeGreaterThan(report.counts.buildings + report.counts.roads);

    const items = await getJson<ItemsJson>(`${url}/collections/buildings/items?limit=10000&job=${job.id}`);
    expect(items.numberMatched).toBe(report.counts.buildings);
    for (const { properties, geometry } of items.features) {
      expect(properties.class).toBe('building');
      expect(properties.area_m2).toBeGreaterThan(0);
      expect(geometry.type).toMatch(/Polygon/);
    }
    const tiles = await getJson<TileJson>(`${url}/tiles/${job.id}.json`);
    const [west, south, east, north] = tiles.bounds;
    const zoom = 16;
    const x = Math.floor((((west + east) / 2 + 180) / 360) * 2 ** zoom);
    const latitude = (((south + north) / 2) * Math.PI) / 180;
    const y = Math.floor(((1 - Math.asinh(Math.tan(latitude)) / Math.PI) / 2) * 2 ** zoom);
    const vector = await fetch(`${url}/tiles/${job.id}/${zoom}/${x}/${y}.mvt`);
    expect([vector.status, (await vector.arrayBuffer()).byteLength > 1000]).toEqual([200, true]);
    const picture = await fetch(`${url}/imagery/${scene.id}/${zoom}/${x}/${y}.webp`);
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/webp']);

    const again = await startJob(url, scene.id);
    expect([again.id, again.state]).toEqual([job.id, 'done']);
    const [model] = await getJson<ModelJson[]>(`${url}/models`);
    expect(job.model).toBe(model.id);
  });

  test('a job that is killed in the middle goes on by itself, its features there once', {
    timeout: 240_000,
  }, async () => {
    const data = join(folder, `data-${name}`);
    let service = await serve(data, databaseUrl);
    const scene = await waitForScene(service.url, await upload(service.url, town.image));
    const { id } = await startJob(service.url, scene.id, { min_area_m2: 30 });
    // A server waits until a silent process is taken for dead. More kills: `chaos.test.ts`, `chaos-serve.test.ts`.
    for (const stage of name === 'postgresql' ? ['vectorize'] : ['infer', 'vectorize']) {
      const moment = await reach(service.url, id, stage);
      await kill(service);
      if (moment === 'over') break;
      service = await serve(data, databaseUrl);
    }
    if (service.process.signalCode) service = await serve(data, databaseUrl);
    const job = await waitForJob(service.url, id);
    expect(job.state).toBe('done');
    const items = await getJson<ItemsJson>(`${service.url}/collections/landuse/items?limit=10000&job=${id}`);
    expect(items.numberMatched).toBe(job.report!.counts.landuse);
    expect(new Set(items.features.map((feature) => feature.id)).size).toBe(items.features.length);
    const files = await readdir(join(data, 'files', 'jobs', id));
    expect(files.sort()).toEqual(['classes.tif', 'scores.tif']);
  });
});

/** Waits until the job has come to a stage; 'over' when it ended first. */
async function reach(url: string, id: string, stage: string): Promise<'reached' | 'over'> {
  for (;;) {
    const job = await getJson<JobJson>(`${url}/jobs/${id}`);
    if (job.state === 'done' || job.state === 'failed') return 'over';
    if (job.state === 'running' && job.progress.stage === stage) return 'reached';
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a start on a port that is taken ends, and leaves the folder to the next one', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const data = join(folder, 'data-taken');
  const options = { host: '127.0.0.1', dataFolder: data, device: 'cpu' };
  await expect(startService({ ...options, port: (taken.address() as AddressInfo).port })).rejects.toMatchObject({
    code: 'address_unusable',
    message: expect.stringContaining('--port'),
  });
  taken.close();
  const service = await startService({ ...options, port: 0 });
  await service.stop();
});

test('bad input is refused with its reason, and nothing is left behind', async () => {
  const data = join(folder, 'data-refused');
  const { url } = await serve(data);
  const file = (name: string) => join(folder, name);

  await writeFile(file('page.tif'), '<!doctype html><title>404</title>');
  await copyFile(town.image, file('truncated.tif'));
  await truncate(file('truncated.tif'), Math.floor((await stat(town.image)).size * 0.6));
  await sharp({ create: { width: 300, height: 300, channels: 3, background: '#456' } })
    .tiff()
    .toFile(file('nowhere.tif'));
  await writeRgb(file('dot.tif'), 1, 1, 90);
  await writeRgb(file('empty.tif'), 200, 200, 0);
  await writeFile(file('huge.tif'), hugeHeader(40_000, 40_000));

  const codes: Record<string, string> = {};
  for (const name of ['page', 'truncated', 'nowhere', 'dot', 'empty', 'huge']) {
    const problem = await refusal(url, file(`${name}.tif`));
    expect(problem.detail.length, name).toBeGreaterThan(20);
    expect(problem.detail, name).not.toMatch(/\/|Error:|node_modules/);
    codes[name] = problem.code;
  }
  expect(codes).toEqual({
    page: 'not_a_tiff',
    truncated: 'damaged_tiff',
    nowhere: 'missing_crs',
    dot: 'too_small',
    empty: 'empty_raster',
    huge: 'damaged_tiff',
  });
  const again = await refusal(url, file('dot.tif'));
  expect(again.code, 'a refused file that is sent again').toBe('too_small');
  const left = await readdir(join(data, 'files', 'scenes'), { recursive: true }).catch(() => []);
  expect(left.filter((name) => name.endsWith('.tif') || name.includes('tmp'))).toEqual([]);
  expect(await getJson(`${url}/health`)).toMatchObject({ status: 'ok', device: { chosen: 'auto' } });
});

/** A georeferenced GeoTIFF of one grey; 0 is declared as nodata. */
async function writeRgb(path: string, width: number, height: number, grey: number): Promise<void> {
  const writer = await createTiffWriter(path, {
    width,
    height,
    bands: 3,
    compression: 'deflate',
    geotransform: [500_000, 0.5, 0, 5_300_000, 0, -0.5],
    epsg: 32633,
    nodata: 0,
    overviews: 'none',
  });
  await writer.writeRows(height, new Uint8Array(width * height * 3).fill(grey));
  await writer.finish();
}

/** A little-endian TIFF header that promises an RGB image in strips and holds nothing. */
function hugeHeader(width: number, height: number): Buffer {
  const LONG = 4;
  const tags = [
    [256, width],
    [257, height],
    [258, 8],
    [259, 1],
    [262, 2],
    [273, 200],
    [277, 3],
    [278, height],
    [279, 4_000_000_000],
  ];
  const bytes = Buffer.alloc(8 + 2 + tags.length * 12 + 4);
  bytes.write('II', 0, 'latin1');
  bytes.writeUInt16LE(42, 2);
  bytes.writeUInt32LE(8, 4);
  bytes.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, value], i) => {
    const at = 10 + i * 12;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(LONG, at + 2);
    bytes.writeUInt32LE(1, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  });
  return bytes;
}
