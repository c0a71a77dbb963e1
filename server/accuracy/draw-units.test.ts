/** Samples of generated maps: random, the same however the map is cut, and apart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { choosePoints } from './choose-points.ts';
import { type DrawnStratum, drawFrom, drawUnits } from './draw-units.ts';

const [WIDTH, HEIGHT] = [600, 700];
/** A class of 1 %, one of 20 %, the rest, and a corner without data. */
const codeAt = (x: number, y: number): number =>
  x < 50 && y < 50 ? 255 : x >= 540 && y >= 630 ? 4 : (x + 2 * y) % 5 === 0 ? 1 : 3;

let folder: string;
let classesPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-draw-'));
  classesPath = join(folder, 'classes.tif');
  const writer = await createTiffWriter(classesPath, {
    ...{ width: WIDTH, height: HEIGHT, bands: 1, sampleType: 'uint8', nodata: 255 },
    ...{ compression: 'deflate', overviews: 'none', geotransform: [500_000, 0.5, 0, 5_000_000, 0, -0.5], epsg: 32633 },
  });
  await writer.writeRows(
    HEIGHT,
    Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => codeAt(i % WIDTH, Math.floor(i / WIDTH))),
  );
  await writer.finish();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ofClass = (strata: DrawnStratum[], value: number) => strata.find((each) => each.value === value)!;

test('the same pixels however many rows are read at a time; a longer sample begins with the shorter one', async () => {
  const raster = await openRaster(classesPath);
  const draw = (rows: number, most: number) => drawFrom(raster, null, { seed: 7, most }, rows);
  const expected = await draw(HEIGHT, 100);
  for (const rows of [1, 37, 256]) expect(await draw(rows, 100)).toEqual(expected);
  const shorter = await draw(256, 30);
  for (const [h, { pixels }] of shorter.entries()) expect(pixels).toEqual(expected[h]!.pixels.slice(0, 30));
  expect(await drawFrom(raster, null, { seed: 8, most: 100 }, 256)).not.toEqual(expected);
  await raster.close();
});

test('every pixel of a stratum counts, and each lies in its class', async () => {
  const strata = await drawUnits({ classesPath, seed: 1, most: 50 });
  expect(strata.map(({ value }) => value)).toEqual([1, 3, 4]);
  expect(strata.reduce((sum, { population }) => sum + population, 0)).toBe(WIDTH * HEIGHT - 2500);
  expect(ofClass(strata, 4)).toMatchObject({ population: 60 * 70, meanRow: 664.5, part: 'all' });
  for (const { value, pixels } of strata) {
    expect(pixels).toHaveLength(50);
    expect(new Set(pixels.map(({ x, y }) => `${x} ${y}`)).size).toBe(50);
    for (const { x, y } of pixels) expect(codeAt(x, y)).toBe(value);
  }
});

test('within a stratum every place is as likely as another', async () => {
  // Over many seeds, the first pixels of the large class fall into sixteen bands of it as chance has it.
  const bins = new Int32Array(16);
  const raster = await openRaster(classesPath);
  const whole = await raster.read(0, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  const held = { ...raster, read: async () => whole };
  const seeds = 60;
  for (let seed = 0; seed < seeds; seed++) {
    const { pixels } = ofClass(await drawFrom(held, null, { seed, most: 40 }, HEIGHT), 4);
    for (const { x, y } of pixels) bins[4 * Math.floor((4 * (x - 540)) / 60) + Math.floor((4 * (y - 630)) / 70)]!++;
  }
  await raster.close();
  const cells = bins.map((_, i) => {
    const rows = [0, 1, 2, 3].map((r) => Array.from({ length: 70 }, (_, y) => y).filter((y) => Math.floor((4 * y) / 70) === r).length); // biome-ignore format: one line
    return 15 * rows[i % 4]!;
  });
  const chiSquare = bins.reduce((sum, found, i) => {
    const expected = (seeds * 40 * cells[i]!) / (60 * 70);
    return sum + (found - expected) ** 2 / expected;
  }, 0);
  expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, one in a thousand
});

test('an area of interest', async () => {
  const aoi = [Float64Array.from([500, 600, 600, 600, 600, 700, 500, 700])];
  const strata = await drawUnits({ classesPath, seed: 1, most: 50, aoi });
  expect(strata.reduce((sum, { population }) => sum + population, 0)).toBe(100 * 100);
  for (const { x, y } of strata.flatMap(({ pixels }) => pixels)) expect(x >= 500 && y >= 600).toBe(true);
});

test('points are apart, in turns of their strata, and a share is for two', async () => {
  const strata = (await drawUnits({ classesPath, seed: 3, most: 400 })).map(({ pixels }) => pixels);
  const options = { apart: { x: 20, y: 20 }, secondShare: 0.25 };
  const points = choosePoints(strata, [40, 80, 20], options);
  const count = (h: number) => points.filter(({ stratum }) => stratum === h).length;
  expect([count(0), count(1)]).toEqual([40, 80]);
  expect(count(2)).toBeLessThanOrEqual(20); // of 60 × 70 pixels no more may fit
  for (const [i, a] of points.entries()) {
    for (const b of points.slice(0, i)) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThanOrEqual(20);
  }
  expect(points.filter(({ stratum, second }) => stratum === 1 && second)).toHaveLength(20);
  const half = points.slice(0, points.length / 2).filter(({ stratum }) => stratum === 1).length;
  expect(Math.abs(half - 40)).toBeLessThanOrEqual(1);
  expect(choosePoints(strata, [40, 80, 20], { apart: null, secondShare: 0 })).toHaveLength(140);
});
