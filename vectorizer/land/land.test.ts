/** Strips drawn and joined: a coverage, whatever the map, and what a map of a single strip is where nothing is cut. */
import { expect, test } from 'vitest';
import {
  type ClassMap,
  floodRegions,
  NODATA,
  noiseMap,
  smoothMap,
  urbanMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import { oddMaps } from '../../test/support/generated/odd-maps.ts';
import { coverageFaults, forJudge } from '../../test/support/judge-coverage.ts';
import { pythonWithJudges } from '../../test/support/python.ts';
import { largestDistance } from '../../test/support/ring-distance.ts';
import { borderShare } from '../polygons/cut-region.ts';
import type { Region } from '../region.ts';
import type { Strip } from '../strips.ts';
import { drawLandStrip, type LandOptions } from './draw-strip.ts';
import { createLandJoiner, type JoinedLand } from './join-strips.ts';
import type { OpenLand } from './open-land.ts';

const python = pythonWithJudges();
const STRIP_ROWS = [4, 16, 33, 64];
const TOLERANCES = [0.8, 1.2, 2, 5];
const WHOLE = { maxVertices: 10_000, cellPixels: 64 };

function stripsOf({ height }: ClassMap, most: number): Strip[] {
  const count = Math.max(1, Math.ceil(height / most));
  return Array.from({ length: count }, (_, index) => ({
    index,
    y: index * most,
    rows: Math.min(most, height - index * most),
  }));
}

function drawStrip(map: ClassMap, strip: Strip, options: LandOptions) {
  const { width, height, classes } = map;
  const top = Math.max(0, strip.y - 1);
  const rows = Math.min(height, strip.y + strip.rows + 1) - top;
  const part = classes.slice(top * width, (top + rows) * width);
  const scores = new Uint8Array(part.length).fill(255);
  return drawLandStrip({ strip, width, height, top, rows, classes: part, scores }, options);
}

interface Drawn extends JoinedLand {
  regions: Region[];
}

function drawInStrips(map: ClassMap, rows: number, options: Partial<LandOptions> = {}): Drawn {
  const full = { tolerancePixels: 1.2, nodata: NODATA, pieces: WHOLE, ...options };
  const regions: Region[] = [];
  const opens: OpenLand[] = [];
  let finished = 0;
  // The last strip is drawn first, as if others had been slower.
  for (const strip of stripsOf(map, rows).reverse()) {
    const drawn = drawStrip(map, strip, full);
    regions.push(...drawn.regions);
    finished += drawn.report.regions;
    opens.unshift(structuredClone(drawn.open));
  }
  const joiner = createLandJoiner(full);
  for (const open of opens) regions.push(...joiner.append(open));
  const { places, report } = joiner.finish();
  return { regions, places, report: { ...report, regions: report.regions + finished } };
}

const inOrder = (regions: readonly Region[]): Region[] => regions.toSorted((a, b) => a.y - b.y || a.x - b.x);

function mapOfSeed(seed: number): ClassMap {
  const width = 20 + ((seed * 17) % 80);
  const height = 20 + ((seed * 29) % 90);
  const nodata = seed % 3 === 0;
  if (seed % 4 === 0) return noiseMap(seed, width, height, 2 + (seed % 6), nodata ? 0.1 : 0);
  if (seed % 4 === 1) return urbanMap(seed, 2 * width, 2 * height);
  return smoothMap(seed, width, height, 2 + (seed % 5), {
    nodata,
    scale: 4 + (seed % 9),
    wrongShare: (seed % 3) * 0.02,
  });
}

const seeds = Array.from({ length: 60 }, (_, seed) => seed);

test.each(seeds)('exact borders are those of the whole map (seed %i)', async (seed) => {
  const map = mapOfSeed(seed);
  const whole = await vectorizeMap(map);
  for (const rows of [1 + (seed % 7), 16, 64]) {
    const { regions, places, report } = drawInStrips(map, rows, { tolerancePixels: 0 });
    expect(inOrder(regions)).toEqual(whole.regions);
    expect(places).toEqual([]);
    expect(report.regions).toBe(regions.length);
  }
});

test.each(seeds)('no border moves farther than the tolerance (seed %i)', async (seed) => {
  const map = mapOfSeed(seed);
  const tolerancePixels = TOLERANCES[seed % 4];
  const exact = (await vectorizeMap(map)).regions;
  const simple = inOrder(drawInStrips(map, STRIP_ROWS[(seed >> 2) % 4], { tolerancePixels }).regions);
  expect(simple.length).toBe(exact.length);
  for (const [i, region] of exact.entries()) {
    expect([simple[i].x, simple[i].y, simple[i].rings.length]).toEqual([region.x, region.y, region.rings.length]);
    expect(largestDistance(region, simple[i])).toBeLessThanOrEqual(tolerancePixels + 1e-6);
    expect(largestDistance(simple[i], region)).toBeLessThanOrEqual(tolerancePixels + 1e-6);
  }
});

test.each(seeds)('a map of one strip is drawn as before (seed %i)', async (seed) => {
  const map = mapOfSeed(seed);
  const pieces = seed % 2 === 0 ? { maxVertices: 40, cellPixels: 64 } : WHOLE;
  const options = { tolerancePixels: TOLERANCES[seed % 4], pieces };
  const whole = await vectorizeMap(map, options);
  const strip = { index: 0, y: 0, rows: map.height };
  const { regions, open, report } = drawStrip(map, strip, { ...options, nodata: NODATA });
  expect([...regions]).toEqual(whole.regions);
  expect(whole.report).toMatchObject(report);
  expect(open.faces.count).toBe(0);
});

test.each(seeds)('a region is given out when no strip below can reach it (seed %i)', (seed) => {
  const map = mapOfSeed(seed);
  const options = { tolerancePixels: 1.2, nodata: NODATA, pieces: WHOLE };
  const joiner = createLandJoiner(options);
  const strips = stripsOf(map, STRIP_ROWS[seed % 4]);
  let given = 0;
  for (const strip of strips) {
    const { y, rows } = strip;
    for (const region of joiner.append(drawStrip(map, strip, options).open)) {
      const lowest = region.rings[0].reduce((most, value, i) => (i % 2 === 0 ? most : Math.max(most, value)), 0);
      expect(lowest).toBeLessThanOrEqual(y + rows);
      expect(lowest).toBeGreaterThanOrEqual(y - options.tolerancePixels);
      given++;
    }
  }
  expect(given).toBeGreaterThan(strips.length > 1 ? 0 : -1);
});

test.each(seeds)('pieces are told apart, and know their region in the end (seed %i)', (seed) => {
  const map = mapOfSeed(seed);
  const firstPixels = floodRegions(map);
  const maxVertices = [12, 30, 60][seed % 3];
  const { regions, places, report } = drawInStrips(map, 64, { pieces: { maxVertices, cellPixels: 64 } });
  const final = new Map(places.map(({ from, to }) => [`${from.x}/${from.y}`, `${to.x}/${to.y}`]));
  const names = regions.map(({ x, y, piece }) => [x, y, piece?.column, piece?.row, piece?.index].join('/'));
  expect(new Set(names).size).toBe(regions.length);
  const seen = new Set<string>();
  for (const region of regions) {
    const first = firstPixels[region.y * map.width + region.x];
    const place = `${first % map.width}/${Math.floor(first / map.width)}`;
    expect(final.get(`${region.x}/${region.y}`) ?? `${region.x}/${region.y}`).toBe(place);
    seen.add(place);
    if (region.piece) expect(borderShare(region, { x: 1, y: 1 })).toBeLessThanOrEqual(1);
    else expect(region.y * map.width + region.x).toBe(first);
  }
  const expected = new Set([...firstPixels].filter((first) => map.classes[first] !== NODATA));
  expect(seen.size).toBe(expected.size);
  expect(report.regions).toBe(expected.size);
});

test('the share of border of pieces is that of their region', () => {
  // One class but for dots and a nodata margin: the region is in pieces in each strip, and all that is not dots is cuts.
  const [width, height] = [200, 192];
  const classes = Uint8Array.from({ length: width * height }, (_, i) =>
    (i % width) % 6 === 3 && Math.floor(i / width) % 6 === 3 ? 1 : 0,
  );
  const map = { width, height, classes };
  const { regions } = drawInStrips(map, 64, { tolerancePixels: 0, pieces: { maxVertices: 100, cellPixels: 64 } });
  const around = regions.filter((region) => region.class === 0);
  expect(around.length).toBe(12);
  const dots = classes.reduce((sum, cls) => sum + cls, 0);
  const border = around.reduce((sum, region) => {
    const perimeter = region.rings.reduce((all, ring) => all + lengthOf(ring), 0);
    return sum + perimeter * borderShare(region, { x: 1, y: 1 });
  }, 0);
  expect(border).toBeCloseTo(4 * dots + 2 * (width + height), 6);
});

/** Class 1 where the shape holds a pixel's centre, else 0. */
function shapeMap(width: number, height: number, holds: (x: number, y: number) => boolean): ClassMap {
  const classes = Uint8Array.from({ length: width * height }, (_, pixel) =>
    holds((pixel % width) + 0.5, Math.floor(pixel / width) + 0.5) ? 1 : 0,
  );
  return { width, height, classes };
}

test.each([-4, -1.3, -0.4, 0, 0.1, 0.3, 0.77, 1, 2.5])(
  'a straight border of %f columns a row has no vertex on lines',
  (slope) => {
    const map = shapeMap(260, 128, (x, y) => x - 130 < (y - 64) * slope);
    const { regions } = drawInStrips(map, 64, { tolerancePixels: 1 });
    expect(regions.length).toBe(2);
    for (const { rings } of regions) expect(pointsOf(rings[0]).filter(([, y]) => y === 64)).toEqual([]);
  },
);

test('shapes that reach over several lines are one polygon each', () => {
  const shapes: [(x: number, y: number) => boolean, number][] = [
    [(x, y) => y > 5 && y < 75 && x > 10 && x < 70 && !(x > 20 && x < 60 && y < 65), 0], // a U
    [(x, y) => y > 5 && y < 75 && x > 10 && x < 70 && !(x > 20 && x < 60 && y > 15), 0], // upside down
    [(x, y) => y > 5 && y < 75 && x > 10 && x < 70 && !(x > 20 && x < 60 && y > 15 && y < 65), 1], // a frame
    [(x, y) => Math.abs(Math.hypot(x - 40, y - 40) - 30) < 4, 1],
  ];
  for (const [holds, holes] of shapes) {
    const { regions } = drawInStrips(shapeMap(80, 80, holds), 16);
    expect(regions.length).toBe(2 + holes);
    expect(regions.filter((region) => region.class === 1).map(({ rings }) => rings.length - 1)).toEqual([holes]);
  }
});

test('a strip without the rows beside it is refused', () => {
  const map = noiseMap(1, 8, 40, 3);
  const strip = { index: 1, y: 16, rows: 16 };
  const window = { strip, width: 8, height: 40, top: 16, rows: 17, classes: map.classes.slice(128, 264) };
  expect(() =>
    drawLandStrip({ ...window, scores: new Uint8Array(136) }, { tolerancePixels: 1, nodata: NODATA, pieces: WHOLE }),
  ).toThrow('expected strip 1 with a row above and below, got rows 16 to 33');
});

const pointsOf = (ring: Float64Array): [number, number][] =>
  Array.from({ length: ring.length / 2 }, (_, i) => [ring[2 * i], ring[2 * i + 1]]);

const lengthOf = (ring: Float64Array): number =>
  pointsOf(ring).reduce(
    (sum, [x, y], i, all) => (i === 0 ? 0 : sum + Math.hypot(x - all[i - 1][0], y - all[i - 1][1])),
    0,
  );

const ODD_SIZES = [
  [1, 37],
  [37, 30],
  [64, 133],
  [83, 141],
] as const;

test.skipIf(!python)('simplified strips are a valid coverage', { timeout: 240_000 }, () => {
  const cases = [];
  for (let seed = 0; seed < (process.env.PLANIMETER_FULL === '1' ? 400 : 80); seed++) {
    const map = mapOfSeed(seed);
    const pieces = seed % 5 === 2 ? { maxVertices: 40, cellPixels: 64 } : WHOLE;
    const rows = pieces === WHOLE ? STRIP_ROWS[seed % 4] : 64;
    const tolerancePixels = TOLERANCES[(seed >> 2) % 4];
    cases.push(forJudge(seed, map, drawInStrips(map, rows, { tolerancePixels, pieces }).regions));
  }
  for (const [i, map] of oddMaps(ODD_SIZES).entries()) {
    const pieces = i % 3 === 2 ? { maxVertices: 30, cellPixels: 64 } : WHOLE;
    const rows = pieces === WHOLE ? [1, 7, 16][i % 3] : 64;
    cases.push(forJudge(1000 + i, map, drawInStrips(map, rows, { tolerancePixels: [1, 3][i % 2], pieces }).regions));
  }
  expect(coverageFaults(python!, cases)).toEqual([]);
});
