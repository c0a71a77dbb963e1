/** Regions in pieces: together they are the region, each is a polygon of its own, and neighbours share their border. */
import { expect, test } from 'vitest';
import {
  type ClassMap,
  drawnMap,
  NODATA,
  noiseMap,
  smoothMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import type { Region } from '../region.ts';
import { regionToWkb } from '../wkb.ts';
import { borderShare } from './cut-region.ts';
import { PUBLISHED_PIECES } from './grid-cuts.ts';

const python = pythonWithJudges();
const IDENTITY = [0, 1, 0, 0, 0, 1];

function mapOfSeed(seed: number): ClassMap {
  const width = 30 + ((seed * 17) % 60);
  const height = 30 + ((seed * 29) % 50);
  const share = seed % 3 === 0 ? 0.1 : 0;
  // Of two classes in equal shares hardly any region is large; of unequal ones the larger class is one with many holes.
  if (seed % 3 === 0) return unevenMap(seed, width, height, share);
  return smoothMap(seed, width, height, 2 + (seed % 4), { scale: 6 + (seed % 20), wrongShare: (seed % 4) * 0.02 });
}

function unevenMap(seed: number, width: number, height: number, nodataShare: number): ClassMap {
  const map = noiseMap(seed, width, height, 10, nodataShare);
  return { ...map, classes: map.classes.map((cls) => (cls === NODATA ? cls : Number(cls > 6))) };
}

function optionsOfSeed(seed: number) {
  const simplified = { minAreaM2: [0, 3, 10][seed % 3], tolerancePixels: [0.8, 1.5, 4][seed % 3] };
  return {
    ...(seed % 4 === 1 ? { minAreaM2: 0, tolerancePixels: 0 } : simplified),
    pieces: { maxVertices: [4, 8, 16][(seed >> 1) % 3], cellPixels: [8, 16, 32][seed % 3] },
  };
}

const perimeter = ({ rings }: Region): number =>
  rings.reduce((sum, ring) => {
    for (let i = 2; i < ring.length; i += 2) sum += Math.hypot(ring[i] - ring[i - 2], ring[i + 1] - ring[i - 1]);
    return sum;
  }, 0);

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  'pieces have the borders of their region and no others (seed %i)',
  async (seed) => {
    const map = mapOfSeed(seed);
    const options = optionsOfSeed(seed);
    const { pieces: _, ...wholeOptions } = options;
    const whole = await vectorizeMap(map, wholeOptions);
    const { regions, report } = await vectorizeMap(map, options);
    expect(report.regions).toBe(whole.regions.length);
    const places = regions.map(({ x, y, piece }) => [x, y, piece?.column, piece?.row, piece?.index].join('/'));
    expect(new Set(places).size).toBe(regions.length);
    const byRegion = Map.groupBy(regions, ({ x, y }) => `${x}/${y}`);
    expect(byRegion.size).toBe(whole.regions.length);
    const faults: string[] = [];
    for (const region of whole.regions) {
      const place = `${region.x}/${region.y}`;
      const parts = byRegion.get(place)!;
      const borders = parts.reduce((sum, part) => sum + perimeter(part) * borderShare(part, { x: 1, y: 1 }), 0);
      if (Math.abs(borders / perimeter(region) - 1) > 1e-9) faults.push(`${place}: a perimeter of ${borders}`);
      for (const { piece, rings } of parts) {
        const side = piece?.cellPixels ?? 0;
        const outside = rings[0].some((position, i) => {
          const from = i % 2 === 0 ? piece?.column : piece?.row;
          return from !== undefined && (position < from * side || position > (from + 1) * side + 1 / 512);
        });
        if (outside) faults.push(`${place}: outside of its cell`);
        if (!piece && parts.length > 1) faults.push(`${place}: not told as a piece`);
      }
    }
    expect(faults).toEqual([]);
  },
);

test('no polygon has more vertices than one may have', async () => {
  const map = unevenMap(5, 520, 500, 0);
  const whole = await vectorizeMap(map);
  const vertices = ({ rings }: Region): number => rings.reduce((sum, ring) => sum + ring.length / 2 - 1, 0);
  expect(Math.max(...whole.regions.map(vertices))).toBeGreaterThan(5 * PUBLISHED_PIECES.maxVertices);
  const { regions } = await vectorizeMap(map, { pieces: PUBLISHED_PIECES });
  expect(Math.max(...regions.map(vertices))).toBeLessThanOrEqual(PUBLISHED_PIECES.maxVertices);
  const cells = new Set(regions.map(({ piece }) => piece?.cellPixels));
  expect([...cells].every((side) => side === undefined || (side >= 64 && side <= 512))).toBe(true);
  expect(cells.size).toBe(2);
});

test('what holds together only beyond the cell is two pieces', async () => {
  // The hole of class 1 reaches from one side of the cell to the other; class 0 holds together in the next cell.
  const { regions } = await vectorizeMap(drawnMap('aaaaaa aaaaaa bbbbba aaaaaa aaaaaa'), {
    pieces: { maxVertices: 7, cellPixels: 4 },
  });
  expect(regions.map(({ class: cls, piece }) => [cls, piece?.column, piece?.row, piece?.index])).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 1],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 1, 1, 0],
    [1, undefined, undefined, undefined],
  ]);
});

test.skipIf(!python)('pieces are valid, and a coverage with all other regions', { timeout: 120_000 }, async () => {
  const cases = [];
  const encode = (region: Region) => ({
    region: `${region.x}/${region.y}`,
    wkb: Buffer.from(regionToWkb(region, IDENTITY)).toString('hex'),
  });
  for (let seed = 0; seed < 50; seed++) {
    const map = mapOfSeed(seed);
    const options = optionsOfSeed(seed);
    const { pieces: _, ...wholeOptions } = options;
    cases.push({
      seed,
      whole: (await vectorizeMap(map, wholeOptions)).regions.map(encode),
      pieces: (await vectorizeMap(map, options)).regions.map(encode),
    });
  }
  const { faults, pieces } = judge<{ faults: string[]; pieces: number }>(
    python!,
    `
import sys, json, shapely
faults, pieces = [], 0
for case in json.load(sys.stdin):
    def fault(text): faults.append(f"seed {case['seed']}: {text}")
    found = shapely.from_wkb([bytes.fromhex(r['wkb']) for r in case['pieces']])
    bad = found[~shapely.is_valid(found)]
    if len(bad): fault(f'not valid: {shapely.is_valid_reason(bad[0])}')
    if not shapely.coverage_is_valid(found): fault('not a coverage')
    for p in found:
        if not p.exterior.is_ccw or any(r.is_ccw for r in p.interiors): fault('orientation')
    if abs(shapely.union_all(found).area - shapely.area(found).sum()) > 1e-6: fault('overlap')
    parts = {}
    for r, p in zip(case['pieces'], found): parts.setdefault(r['region'], []).append(p)
    for r in case['whole']:
        whole, own = shapely.from_wkb(bytes.fromhex(r['wkb'])), parts[r['region']]
        pieces += len(own)
        if len(own) == 1 and own[0].normalize().equals_exact(whole.normalize(), 0): continue
        if abs(sum(p.area for p in own) - whole.area) > 1e-6 or whole.symmetric_difference(shapely.union_all(own)).area > 1e-6:
            fault(f"{r['region']} is not its pieces")
print(json.dumps(dict(faults=faults, pieces=pieces)))
`,
    cases,
  );
  expect(faults).toEqual([]);
  expect(pieces).toBeGreaterThan(1000);
});
