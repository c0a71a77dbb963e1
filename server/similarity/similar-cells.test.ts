/** Similar cells: against every cell compared one by one, over blocks and where there is no imagery. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomStream } from '../../synthetic/town/noise.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { similarCells } from './similar-cells.ts';

const [WIDTH, HEIGHT, BANDS] = [37, 150, 5];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-similar-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Features at random, with a hole without imagery. */
async function layer(seed: number) {
  const { between } = randomStream(seed);
  const values = Float32Array.from(
    { length: WIDTH * HEIGHT * BANDS },
    (_, i) => between(-1, 1) * (1 + (i % BANDS)) + 3,
  );
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    if (i % WIDTH < 5 && i > WIDTH * 60 && i < WIDTH * 70) values.fill(Number.NaN, i * BANDS, (i + 1) * BANDS);
  }
  const path = join(folder, `${seed}.tif`);
  const writer = await createTiffWriter(path, {
    ...{ width: WIDTH, height: HEIGHT, bands: BANDS, sampleType: 'float32', compression: 'deflate', epsg: 32633 },
    ...{ geotransform: [500_000, 16, 0, 5_000_000, 0, -16], nodata: Number.NaN, overviews: 'none', tileSize: 64 },
  });
  await writer.writeRows(HEIGHT, values);
  await writer.finish();
  return { path, values };
}

test.each([1, 2, 3, 4])('seed %s', async (seed) => {
  const { path, values } = await layer(seed);
  const [column, row] = [20 + seed, 40 * seed - 30];
  const cells = Array.from({ length: WIDTH * HEIGHT }, (_, i) => [...values.subarray(i * BANDS, (i + 1) * BANDS)]);
  const known = cells.filter(([first]) => !Number.isNaN(first));
  const means = Array.from({ length: BANDS }, (_, b) => known.reduce((sum, cell) => sum + cell[b]!, 0) / known.length);
  const deviations = means.map((mean, b) =>
    Math.sqrt(known.reduce((sum, cell) => sum + (cell[b]! - mean) ** 2, 0) / known.length),
  );
  const standard = (cell: number[]) => cell.map((value, b) => (value - means[b]!) / deviations[b]!);
  const cosine = (a: number[], b: number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0) / (Math.hypot(...a) * Math.hypot(...b));
  const query = standard(cells[row * WIDTH + column]!);
  const scored = cells.flatMap((cell, i) => {
    const at = { column: i % WIDTH, row: Math.floor(i / WIDTH) };
    const near = Math.max(Math.abs(at.column - column), Math.abs(at.row - row)) < 3;
    return Number.isNaN(cell[0]) || near ? [] : [{ ...at, similarity: cosine(standard(cell), query) }];
  });
  scored.sort((a, b) => b.similarity - a.similarity);

  const found = await similarCells(path, { column, row }, 12);
  expect(found).toHaveLength(12);
  expect(found[0]).toMatchObject({ column: scored[0]!.column, row: scored[0]!.row });
  for (const each of found) {
    const same = scored.find((one) => one.column === each.column && one.row === each.row)!;
    expect(each.similarity).toBeCloseTo(same.similarity, 4);
    // Whatever is more similar and not listed stands near something that is listed before it.
    for (const better of scored.filter(({ similarity }) => similarity > each.similarity + 1e-6)) {
      const listed = found.some(
        (one) => Math.max(Math.abs(one.column - better.column), Math.abs(one.row - better.row)) < 3,
      );
      expect(listed).toBe(true);
    }
  }
});

test('a place without imagery is refused', async () => {
  const { path } = await layer(9);
  for (const at of [
    { column: 2, row: 65 },
    { column: -1, row: 3 },
    { column: 0, row: HEIGHT },
  ]) {
    await expect(similarCells(path, at, 3)).rejects.toMatchObject({ code: 'bad_request' });
  }
});
