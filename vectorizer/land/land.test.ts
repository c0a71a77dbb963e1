/** Strips drawn and joined: a coverage, whatever the map, and what a map of a single strip is where nothing is cut. */
import { expect, test } from 'vitest';
import {
  type ClassMap,
  NODATA,
  noiseMap,
  smoothMap,
  urbanMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import type { Region } from '../region.ts';
import type { Strip } from '../strips.ts';
import { regionToWkb } from '../wkb.ts';
import { drawLandStrip, type LandOptions } from './draw-strip.ts';
import { createLandJoiner, type JoinedLand } from './join-strips.ts';
import type { OpenLand } from './open-land.ts';

const python = pythonWithJudges();
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
  // The last strip is drawn first, as if others had been slower.
  for (const strip of stripsOf(map, rows).reverse()) {
    const drawn = drawStrip(map, strip, full);
    regions.push(...drawn.regions);
    opens.unshift(structuredClone(drawn.open));
  }
  const joiner = createLandJoiner(full);
  for (const open of opens) regions.push(...joiner.append(open));
  return { regions, ...joiner.finish() };
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
    expect(report.regions).toBeLessThanOrEqual(regions.length);
  }
});

const STRIP_ROWS = [4, 16, 33, 64];
const TOLERANCES = [0.8, 1.2, 2, 5];

test.skipIf(!python)('simplified strips are a valid coverage', { timeout: 240_000 }, () => {
  const cases = [];
  for (let seed = 0; seed < 160; seed++) {
    const map = mapOfSeed(seed);
    const pieces = seed % 5 === 2 ? { maxVertices: 40, cellPixels: 64 } : WHOLE;
    const rows = pieces === WHOLE ? STRIP_ROWS[seed % 4] : 64;
    const tolerancePixels = TOLERANCES[(seed >> 2) % 4];
    cases.push(forJudge(seed, map, drawInStrips(map, rows, { tolerancePixels, pieces }).regions));
  }
  for (const [i, map] of oddMaps().entries()) {
    const pieces = i % 3 === 2 ? { maxVertices: 30, cellPixels: 64 } : WHOLE;
    const rows = pieces === WHOLE ? [1, 7, 16][i % 3] : 64;
    cases.push(forJudge(1000 + i, map, drawInStrips(map, rows, { tolerancePixels: [1, 3][i % 2], pieces }).regions));
  }
  expect(faultsOf(cases)).toEqual([]);
});

const ODD_MAPS: Record<string, (x: number, y: number) => number> = {
  'upright stripes': (x) => x % 3,
  'level stripes': (_, y) => y % 2,
  'slanted stripes': (x, y) => (x + y) % 4,
  checkerboard: (x, y) => (x + y) % 2,
  'a region with many holes': (x, y) => Number(x % 2 === 1 && y % 2 === 1),
  'holes that touch at corners': (x, y) => Number(x % 4 === y % 4 || x % 4 === 3 - (y % 4)),
  'a comb': (x, y) => Number(x % 2 === 1 && y > 0),
  rings: (x, y) => Math.max(Math.abs(x - 20), Math.abs(y - 17)) % 2,
  'wide rings': (x, y) => (Math.max(Math.abs(x - 40), Math.abs(y - 70)) >> 3) % 2,
  'round rings': (x, y) => (Math.hypot(x - 40, y - 70) >> 3) % 2,
  'slopes along lines': (x, y) => Number(y % 16 < 8 + Math.sin(x / 9) * 8),
  'all nodata': () => NODATA,
  'nodata among regions': (x, y) => (((x >> 2) + (y >> 1)) % 3 === 0 ? NODATA : (x >> 3) % 2),
  'one class': () => 254,
};

function oddMaps(): ClassMap[] {
  return Object.values(ODD_MAPS).flatMap((classAt) =>
    [
      [1, 37],
      [37, 30],
      [64, 133],
      [83, 141],
    ].map(([width, height]) => ({
      width,
      height,
      classes: Uint8Array.from({ length: width * height }, (_, i) => classAt(i % width, Math.floor(i / width))),
    })),
  );
}

function forJudge(seed: number, map: ClassMap, regions: readonly Region[]) {
  return {
    seed,
    width: map.width,
    height: map.height,
    classes: Buffer.from(map.classes).toString('base64'),
    regions: regions.map((region) => ({
      class: region.class,
      pixels: region.pixels,
      wkb: Buffer.from(regionToWkb(region, [0, 1, 0, 0, 0, 1])).toString('hex'),
    })),
  };
}

function faultsOf(cases: ReturnType<typeof forJudge>[]): string[] {
  return judge<string[]>(
    python!,
    `
import sys, json, base64, numpy, shapely
faults = []
for case in json.load(sys.stdin):
    def fault(text): faults.append(f"seed {case['seed']}: {text}")
    array = numpy.frombuffer(base64.b64decode(case['classes']), numpy.uint8).reshape(case['height'], case['width'])
    polygons = shapely.from_wkb([bytes.fromhex(r['wkb']) for r in case['regions']])
    if len(polygons) == 0: continue
    if not shapely.is_valid(polygons).all(): fault(f"not valid: {shapely.is_valid_reason(polygons[~shapely.is_valid(polygons)][0])}")
    for p in polygons:
        if not all(r.is_simple for r in [p.exterior, *p.interiors]): fault('a ring is not simple')
        if not p.exterior.is_ccw or any(r.is_ccw for r in p.interiors): fault('orientation')
    if not shapely.coverage_is_valid(polygons): fault(f'not a coverage: {shapely.coverage_invalid_edges(polygons)[:3]}')
    union = shapely.union_all(polygons)
    area = shapely.area(polygons).sum()
    if abs(union.area - area) > 1e-6: fault(f'overlap: {area} in sum, {union.area} together')
    if (array != ${NODATA}).all():
        frame = shapely.box(0, 0, case['width'], case['height'])
        if abs(union.area - frame.area) > 1e-6 or not frame.buffer(1e-9).covers(union): fault(f'the union is not the whole map: {union.area}')
print(json.dumps(faults))
`,
    cases,
  );
}
