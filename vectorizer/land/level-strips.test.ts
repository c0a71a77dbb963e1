/** Levels of detail drawn in strips: each a coverage, the coarsest as the whole map draws them. */
import { expect, test } from 'vitest';
import { type ClassMap, NODATA, smoothMap, urbanMap } from '../../test/support/generated/generated-maps.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { cellSide, coarseRegions, createCells } from '../coarse-levels.ts';
import type { Region } from '../region.ts';
import { createTracer } from '../trace/trace.ts';
import { regionToWkb } from '../wkb.ts';
import { createLevelJoiner, drawLevelStrips, type OpenLevels } from './level-strips.ts';

const python = pythonWithJudges();
const LEVELS = [2, 3, 4, 5, 6, 7, 8];
const STRIP_ROWS = 128;

const mapOfSeed = (seed: number): ClassMap =>
  seed % 2 === 0
    ? urbanMap(seed, 300 + seed, 700 - 3 * seed)
    : smoothMap(seed, 250, 600 + seed, 4, { scale: 20 + seed, wrongShare: 0.05, nodata: seed % 3 === 0 });

const optionsOf = ({ width, height }: ClassMap) => ({ width, height, pixelAreaM2: 1, minAreaM2: 10, nodata: NODATA });

const scoresOf = ({ classes }: ClassMap): Uint8Array => classes.map((cls) => 1 + (cls % 200));

function drawStrips(map: ClassMap, rowsOf: number): Map<number, Region[]> {
  const { width, height, classes } = map;
  const scores = scoresOf(map);
  const options = optionsOf(map);
  const regions = new Map(LEVELS.map((level) => [level, [] as Region[]]));
  const opens: OpenLevels[] = [];
  for (let index = Math.ceil(height / rowsOf) - 1; index >= 0; index--) {
    const y = index * rowsOf;
    const rows = Math.min(rowsOf, height - y);
    const top = Math.max(0, y - STRIP_ROWS);
    const bottom = Math.min(height, y + rows + STRIP_ROWS);
    const part = [top * width, bottom * width];
    const window = { strip: { index, y, rows }, width, height, top, rows: bottom - top };
    const planes = { classes: classes.slice(...part), scores: scores.slice(...part) };
    const { drawn, open } = drawLevelStrips({ ...window, ...planes }, LEVELS, options, STRIP_ROWS);
    for (const { level, regions: found } of drawn) regions.get(level)!.push(...found);
    opens.unshift(structuredClone(open));
  }
  const joiner = createLevelJoiner(LEVELS, options);
  for (const open of opens)
    for (const { level, regions: found } of joiner.append(open)) regions.get(level)!.push(...found);
  const { drawn, places } = joiner.finish();
  for (const { level, regions: found } of drawn) regions.get(level)!.push(...found);
  expect(places).toEqual([]);
  return regions;
}

function drawWhole(map: ClassMap): Map<number, Region[]> {
  const tracers = LEVELS.map((level) => createTracer(Math.ceil(map.width / cellSide(level))));
  const cells = createCells(map.width, tracers);
  cells.addRows(map.height, map.classes, scoresOf(map));
  cells.finish();
  return new Map(LEVELS.map((level, i) => [level, [...coarseRegions(level, tracers[i].finish(), optionsOf(map))]]));
}

const seeds = Array.from({ length: 12 }, (_, seed) => seed);

test.each(seeds)('the coarsest levels are those of the whole map, the others nearly (seed %i)', (seed) => {
  const map = mapOfSeed(seed);
  const strips = drawStrips(map, STRIP_ROWS);
  const whole = drawWhole(map);
  for (const level of LEVELS) {
    if (level > 4) expect(strips.get(level)).toEqual(whole.get(level));
    const pixels = (regions: readonly Region[]): number => regions.reduce((sum, region) => sum + region.pixels, 0);
    expect(pixels(strips.get(level)!)).toBe(pixels(whole.get(level)!));
    expect(strips.get(level)!.length).toBeLessThanOrEqual(1.2 * whole.get(level)!.length + 12);
  }
});

test.skipIf(!python)('every level is a valid coverage', { timeout: 120_000 }, () => {
  const cases = seeds.flatMap((seed) => {
    const map = mapOfSeed(seed);
    return [...drawStrips(map, STRIP_ROWS * (1 + (seed % 2)))].map(([level, regions]) => ({
      name: `seed ${seed}, level ${level}`,
      area: map.classes.includes(NODATA) ? null : map.width * map.height,
      wkb: regions.map((region) => Buffer.from(regionToWkb(region, [0, 1, 0, 0, 0, 1])).toString('hex')),
    }));
  });
  const faults = judge<string[]>(
    python!,
    `
import sys, json, shapely
faults = []
for case in json.load(sys.stdin):
    polygons = shapely.from_wkb([bytes.fromhex(wkb) for wkb in case['wkb']])
    if not shapely.is_valid(polygons).all(): faults.append(case['name'] + ': not valid ' + str(shapely.is_valid_reason(polygons[~shapely.is_valid(polygons)])))
    if not shapely.coverage_is_valid(polygons): faults.append(case['name'] + ': not a coverage')
    area = shapely.area(polygons).sum()
    if case['area'] is not None and abs(area - case['area']) > 1e-6: faults.append(f"{case['name']}: area {area} of {case['area']}")
print(json.dumps(faults))
`,
    cases,
  );
  expect(faults).toEqual([]);
});

test('a map lower than the margins is one strip, covered at every level', () => {
  for (const height of [1, 7, 60, 100, 200, 255, 257, 300, 511]) {
    const map = urbanMap(height, 640, height);
    const strip = { index: 0, y: 0, rows: height };
    const { width, classes } = map;
    const window = { strip, width, height, top: 0, rows: height, classes, scores: scoresOf(map) };
    const { drawn, open } = drawLevelStrips(window, [2, 3, 4], optionsOf(map));
    const joiner = createLevelJoiner([2, 3, 4], optionsOf(map));
    const joined = joiner.append(open);
    for (const [i, { level, regions }] of drawn.entries()) {
      const area = [...regions, ...joined[i].regions].reduce((sum, { rings }) => sum + areaOf(rings), 0);
      const unmapped = classes.filter((code) => code === NODATA).length;
      expect(area, `level ${level} of ${height} rows`).toBeCloseTo(width * height - unmapped, 6);
    }
  }
});

const areaOf = (rings: readonly Float64Array[]): number =>
  Math.abs(
    rings.reduce((sum, ring) => {
      for (let i = 2; i < ring.length; i += 2) sum += (ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1]) / 2;
      return sum;
    }, 0),
  );
