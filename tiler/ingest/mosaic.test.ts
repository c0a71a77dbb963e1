/** A scene that was cut into files is read as if it had not been; files that do not belong together are refused by name. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Geotransform } from '../crs/geotransform.ts';
import { openSamples } from '../geotiff/raster.ts';
import { wholeOf } from '../geotiff/window.ts';
import { createTiffWriter, type TiffLayout } from '../geotiff/write-tiff.ts';
import { ingest } from './ingest.ts';
import { DEFAULT_INGEST_LIMITS } from './validate-source.ts';

const [WIDTH, HEIGHT, BANDS] = [700, 540, 3];
const GRID: Geotransform = [400_000, 0.5, 0, 2_800_000, 0, -0.5];
const LAYOUT = { compression: 'zstd', epsg: 32640, overviews: 'none', tileSize: 64, sampleType: 'uint16' } as const;

let folder = '';
let pixels: Uint16Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaic-'));
  pixels = Uint16Array.from({ length: WIDTH * HEIGHT * BANDS }, (_, i) => 100 + ((i * 7919) % 5003));
});
afterAll(() => rm(folder, { recursive: true }));

/** A window of the scene as a file. `shift`: by how many pixels its place is wrong. */
async function cut(
  name: string,
  x: number,
  y: number,
  width: number,
  height: number,
  more: Partial<TiffLayout> = {},
  shift = 0,
) {
  const path = join(folder, name);
  const geotransform: Geotransform = [GRID[0] + (x + shift) * 0.5, 0.5, 0, GRID[3] - y * 0.5, 0, -0.5];
  const writer = await createTiffWriter(path, { width, height, bands: BANDS, geotransform, ...LAYOUT, ...more });
  const type = more.sampleType === 'uint8' ? Uint8Array : Uint16Array;
  const part = new type(width * height * BANDS);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * WIDTH + x) * BANDS;
    part.set(pixels.subarray(from, from + width * BANDS), row * width * BANDS);
  }
  await writer.writeRows(height, part);
  await writer.finish();
  return { path };
}

async function read(sources: { path: string }[]) {
  const working = join(folder, 'working.tif');
  const report = await ingest(sources, working, DEFAULT_INGEST_LIMITS, () => {});
  const raster = await openSamples(working);
  const window = await raster.read(0, wholeOf(report));
  await raster.close();
  return { report, ...window };
}

test('pixels, statistics and place are those of the uncut scene', async () => {
  const whole = await read([await cut('whole.tif', 0, 0, WIDTH, HEIGHT)]);
  const parts = [];
  for (const [y, bottom] of [
    [0, 201],
    [201, 340],
    [340, HEIGHT],
  ]) {
    for (const [x, right] of [
      [0, 333],
      [333, 600],
      [600, WIDTH],
    ]) {
      parts.push(await cut(`${y}-${x}.tif`, x!, y!, right! - x!, bottom! - y!));
    }
  }
  const joined = await read(parts.reverse());
  expect(Buffer.compare(Buffer.from(joined.pixels.buffer), Buffer.from(whole.pixels.buffer))).toBe(0);
  expect(joined.valid).toEqual(whole.valid);
  const { assumptions, ...report } = joined.report;
  expect(assumptions).toContainEqual({ code: 'files_joined', value: 9, reason: expect.any(String) });
  expect(report).toEqual({ ...whole.report, assumptions: undefined });
});

test('what no file covers is invalid; where files overlap, the first is on top', async () => {
  const {
    report,
    pixels: found,
    valid,
  } = await read([await cut('left.tif', 0, 0, 300, 200), await cut('right.tif', 250, 100, 300, 200)]);
  expect([report.width, report.height]).toEqual([550, 300]);
  expect(report.validPixels).toBe(2 * 300 * 200 - 50 * 100);
  for (const [x, y] of [
    [0, 0],
    [270, 150],
    [549, 299],
    [250, 299],
  ] as const) {
    expect(valid[y * 550 + x], `${x},${y}`).toBe(1);
    expect(found[(y * 550 + x) * BANDS], `${x},${y}`).toBe(pixels[(y * WIDTH + x) * BANDS]);
  }
  expect([valid[50 * 550 + 400], valid[299 * 550 + 10]]).toEqual([0, 0]);
});

test('a small offset is told, larger ones and other kinds are refused by the name of the file', async () => {
  const first = await cut('first.tif', 0, 0, 64, 64);
  const { report } = await read([first, await cut('near.tif', 64, 0, 64, 64, {}, 0.02)]);
  expect(report.findings.map(({ code }) => code)).toContain('parts_snapped');
  const others: [string, Promise<{ path: string }>, RegExp][] = [
    ['unsupported_raster', cut('off.tif', 64, 0, 64, 64, {}, 0.3), /^off\.tif lies 0\.30 pixels off.*gdalwarp/],
    [
      'unsupported_raster',
      cut('crs.tif', 64, 0, 64, 64, { epsg: 32639 }),
      /^crs\.tif has.*EPSG:32639, first\.tif EPSG:32640/,
    ],
    [
      'unsupported_raster',
      cut('byte.tif', 64, 0, 64, 64, { sampleType: 'uint8' }),
      /^byte\.tif has the data type uint8/,
    ],
    [
      'unsupported_raster',
      cut('coarse.tif', 64, 0, 64, 64, { geotransform: [400_032, 1, 0, 28e5, 0, -1] }),
      /^coarse\.tif has pixels of 1 × 1/,
    ],
    ['limit_exceeded', cut('far.tif', 64, 0, 64, 64, {}, 90_000), /far apart/],
    ['not_a_tiff', Promise.resolve({ path: import.meta.filename }), /^mosaic\.test\.ts: Expected a TIFF/],
  ];
  const damaged = await cut('damaged.tif', 64, 0, 64, 64);
  const bytes = await readFile(damaged.path);
  await writeFile(damaged.path, bytes.fill(7, bytes.length - 4000, bytes.length - 2000)); // within its only block
  others.push(['damaged_tiff', Promise.resolve(damaged), /^damaged\.tif: A block/]);
  await rm(join(folder, 'working.tif'), { force: true });
  for (const [code, file, says] of others) {
    const working = join(folder, 'working.tif');
    const refused = ingest([first, await file], working, DEFAULT_INGEST_LIMITS, () => {});
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  }
  expect((await readdir(folder)).filter((name) => name.startsWith('working'))).toEqual([]);
});
