import { expect, test } from 'vitest';
import {
  type ClassMap,
  NODATA,
  noiseMap,
  randomNumbers,
  smoothMap,
} from '../../test/support/generated/generated-maps.ts';
import type { StripWindow } from '../strips.ts';
import { OUTSIDE_CLASS } from './labels.ts';
import { type SieveLimits, sieve, sieveLimits } from './sieve.ts';
import { addDiscarded, createRowSieve, noneDiscarded, type RowSieve } from './sieve-rows.ts';
import { createTracer } from './trace.ts';

const BLOCK_ROWS = 16;
const scoreOf = (cls: number): number => 1 + (cls % 100);

function mapOfSeed(seed: number): ClassMap {
  const width = 9 + ((seed * 7) % 40);
  const height = 60 + ((seed * 13) % 70);
  const nodata = seed % 3 === 0;
  return seed % 3 === 1
    ? noiseMap(seed, width, height, 2 + (seed % 4), nodata ? 0.2 : 0)
    : smoothMap(seed, width, height, 2 + (seed % 4), { nodata, wrongShare: 0.05, scale: 7 });
}

function limitsOf(seed: number): SieveLimits {
  return sieveLimits([4, 9, 20][seed % 3], 1, [0, 1, 1][seed % 3]);
}

/** A strip's window with as many rows above and below as there are up to a margin. */
function windowOf({ width, height, classes }: ClassMap, y: number, rows: number, margin: number): StripWindow {
  const top = Math.max(0, y - margin);
  const bottom = Math.min(height, y + rows + margin);
  const part = classes.slice(top * width, bottom * width);
  const scores = part.map(scoreOf);
  return { strip: { index: 0, y, rows }, width, height, top, rows: bottom - top, classes: part, scores };
}

/** All rows of a map, sieved strip by strip. */
function sieveStrips(map: ClassMap, rowsOf: number, sieveOf: () => RowSieve, margin: number) {
  const classes = new Uint8Array(map.classes.length);
  const scores = new Uint8Array(map.classes.length);
  const discarded = noneDiscarded();
  for (let y = 0; y < map.height; y += rowsOf) {
    const rows = Math.min(rowsOf, map.height - y);
    const sieve = sieveOf();
    const strip = sieve.sieve(windowOf(map, y, rows, sieve.rawMargin(margin)), margin);
    const { window } = strip;
    expect([window.top, window.top + window.rows]).toEqual([
      Math.max(0, y - margin),
      Math.min(map.height, y + rows + margin),
    ]);
    classes.set(window.classes, window.top * map.width);
    scores.set(window.scores, window.top * map.width);
    addDiscarded(discarded, strip.discarded);
  }
  return { classes, scores, discarded };
}

const seeds = Array.from({ length: 40 }, (_, seed) => seed);

test.each(seeds)('rows are the same however they are asked for (seed %i)', (seed) => {
  const map = mapOfSeed(seed);
  const options = { limits: limitsOf(seed), nodata: NODATA, blockRows: BLOCK_ROWS };
  const whole = sieveStrips(map, map.height, () => createRowSieve(options), 0);
  for (const margin of [0, 1, BLOCK_ROWS, 21]) {
    expect(sieveStrips(map, BLOCK_ROWS, () => createRowSieve(options), margin)).toEqual(whole);
    const inTurn = createRowSieve(options);
    expect(sieveStrips(map, 2 * BLOCK_ROWS, () => inTurn, margin)).toEqual(whole);
  }
});

/** The same pixels by the sieve of the whole graph. */
function sieveWhole({ width, height, classes }: ClassMap, limits: SieveLimits) {
  const tracer = createTracer(width);
  tracer.addRows(height, classes, null);
  const { graph, regions } = tracer.finish();
  return sieve(graph, regions, limits, NODATA);
}

test.each(seeds)('a map of one block is sieved as its graph is (seed %i)', (seed) => {
  const map = mapOfSeed(seed);
  const limits = limitsOf(seed);
  const { classes, scores, discarded } = sieveStrips(
    map,
    map.height,
    () => createRowSieve({ limits, nodata: NODATA, blockRows: 256 }),
    0,
  );
  const whole = sieveWhole(map, limits);
  expect(discarded).toEqual(whole.discarded);
  const left = new Float64Array(OUTSIDE_CLASS);
  for (const cls of classes) left[cls]++;
  const expected = new Float64Array(OUTSIDE_CLASS);
  for (let region = 1; region < whole.regions.count; region++) {
    expected[whole.regions.classes[region]] += whole.regions.pixels[region];
  }
  expect(left).toEqual(expected);
  for (const [pixel, cls] of classes.entries()) {
    expect(scores[pixel]).toBe(cls === map.classes[pixel] ? scoreOf(cls) : 0);
  }
});

test('small regions across blocks go, and what reaches beyond the margin stays', () => {
  const [width, height] = [12, 96];
  const classes = new Uint8Array(width * height);
  const fill = (x: number, from: number, to: number): void => {
    for (let y = from; y < to; y++) classes[y * width + x] = 1;
  };
  fill(2, 13, 19); // across the line at 16
  fill(5, 2, 60); // one pixel wide, and longer than a block with its margins
  fill(8, 40, 44);
  const limits = sieveLimits(8, 1, 1);
  const { classes: sieved, discarded } = sieveStrips(
    { width, height, classes },
    BLOCK_ROWS,
    () => createRowSieve({ limits, nodata: NODATA, blockRows: BLOCK_ROWS }),
    BLOCK_ROWS,
  );
  const rowsOfLine = Array.from({ length: height }, (_, y) => sieved[y * width + 5]);
  expect(rowsOfLine.slice(16, 44)).toEqual(rowsOfLine.slice(16, 44).map(() => 1));
  expect(sieved.filter((cls, pixel) => cls === 1 && pixel % width !== 5)).toEqual(new Uint8Array());
  expect(discarded).toMatchObject({ sieved: 2, sievedPixels: 10, slivers: 0 });
});

test('a window without the rows that decide is refused', () => {
  const map = noiseMap(1, 8, 200, 3);
  const sieve = createRowSieve({ limits: sieveLimits(9, 1, 1), nodata: NODATA, blockRows: BLOCK_ROWS });
  expect(() => sieve.sieve(windowOf(map, 64, 32, 20), 16)).toThrow('expected rows 32 to 80, got 44 to 116');
});

test('without limits the rows are as they were', () => {
  const random = randomNumbers(3);
  const map = noiseMap(3, 30, 90, 5);
  const sieve = createRowSieve({ limits: sieveLimits(0, 1, 0), nodata: NODATA });
  expect(sieve.rawMargin(7)).toBe(7);
  const y = Math.floor(random() * 40);
  const { window, discarded } = sieve.sieve(windowOf(map, y, 20, 7), 7);
  const { classes, scores } = windowOf(map, y, 20, 7);
  expect([window.classes, window.scores]).toEqual([classes, scores]);
  expect(discarded).toEqual(noneDiscarded());
});
