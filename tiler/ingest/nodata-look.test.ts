/** Nodata values that pixels of the image have too are told of; collars are not. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSamples } from '../geotiff/raster.ts';
import { createTiffWriter } from '../geotiff/write-tiff.ts';
import { ingest, inspect } from './ingest.ts';
import { lookAtNodata } from './nodata-look.ts';
import { DEFAULT_INGEST_LIMITS } from './validate-source.ts';

const SIDE = 160;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nodata-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A gray image by its pixels, with a nodata value. */
async function grayOf(name: string, nodata: number, value: (x: number, y: number) => number, mask?: Uint8Array) {
  const path = join(folder, `${name}.tif`);
  const writer = await createTiffWriter(path, {
    ...{
      width: SIDE,
      height: SIDE,
      bands: 1,
      compression: 'deflate',
      overviews: 'none',
      nodata,
      mask: mask !== undefined,
    },
    ...{ geotransform: [400_000, 1, 0, 2_800_000, 0, -1], epsg: 32640 },
  });
  const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => value(i % SIDE, Math.floor(i / SIDE)));
  await writer.writeRows(SIDE, pixels, ...(mask ? [mask] : []));
  await writer.finish();
  return path;
}

const texture = (x: number, y: number): number => 60 + ((x * 7 + y * 13) % 150);
const inLake = (x: number, y: number): boolean => Math.hypot(x - 80, y - 80) < 50;

test.each<[string, number, (x: number, y: number) => number]>([
  ['dark water', 0, (x, y) => (inLake(x, y) ? (x * 5 + y * 3) % 4 : texture(x, y))],
  ['white roofs', 255, (x, y) => (inLake(x, y) ? 255 - ((x * 5 + y * 3) % 4) : texture(x, y))],
])('%s', async (name, nodata, value) => {
  const path = await grayOf(name, nodata, value);
  const { findings } = await inspect(path, DEFAULT_INGEST_LIMITS);
  expect(findings).toMatchObject([{}, { code: 'nodata_among_data', severity: 'warning' }]);
  const report = await ingest(path, `${path}.working.tif`, DEFAULT_INGEST_LIMITS, () => {});
  expect(report.findings).toEqual(findings);
});

test.each<[string, number, (x: number, y: number) => number]>([
  ['a collar', 0, (x, y) => (x + y < 100 ? 0 : texture(x, y))],
  ['a hole', 0, (x, y) => (inLake(x, y) ? 0 : texture(x, y))],
  ['a value that does not occur', 3, texture],
])('%s is nodata', async (name, nodata, value) => {
  const raster = await openSamples(await grayOf(name, nodata, value));
  const finding = await lookAtNodata(raster);
  await raster.close();
  expect(finding).toBeNull();
});

test('nodata that a mask does not know of is told', async () => {
  const value = (x: number, y: number) => (inLake(x, y) ? 0 : texture(x, y));
  const raster = await openSamples(await grayOf('masked', 0, value, new Uint8Array(SIDE * SIDE).fill(1)));
  const finding = await lookAtNodata(raster);
  await raster.close();
  expect(finding).toMatchObject({ code: 'nodata_overruled', severity: 'info' });
});
