/** Outside judges: GDAL's polygonize for the exact polygons, shapely (GEOS) for the coverage after simplification. */
import { expect, test } from 'vitest';
import { type ClassMap, NODATA, noiseMap, smoothMap, vectorizeMap } from '../test/support/generated/generated-maps.ts';
import { judge, pythonWithJudges } from '../test/support/python.ts';
import type { Region } from './region.ts';
import { regionToWkb } from './wkb.ts';

const python = pythonWithJudges();
const IDENTITY = [0, 1, 0, 0, 0, 1];

function forJudge(seed: number, map: ClassMap, regions: readonly Region[]) {
  return {
    seed,
    width: map.width,
    height: map.height,
    classes: Buffer.from(map.classes).toString('base64'),
    regions: regions.map((region) => ({
      class: region.class,
      pixels: region.pixels,
      wkb: Buffer.from(regionToWkb(region, IDENTITY)).toString('hex'),
    })),
  };
}

function mapOfSeed(seed: number): ClassMap {
  const width = 20 + ((seed * 17) % 80);
  const height = 20 + ((seed * 29) % 90);
  const nodata = seed % 3 === 0;
  if (seed % 4 === 0) return noiseMap(seed, width, height, 2 + (seed % 6), nodata ? 0.1 : 0);
  return smoothMap(seed, width, height, 2 + (seed % 5), {
    nodata,
    scale: 4 + (seed % 9),
    wrongShare: (seed % 3) * 0.02,
  });
}

/** Maps that are hard on a tracer: a class for each place of a map whose sides are those of the case. */
const ODD_MAPS: Record<string, (x: number, y: number) => number> = {
  'upright stripes': (x) => x % 3,
  'level stripes': (_, y) => y % 2,
  'slanted stripes': (x, y) => (x + y) % 4,
  checkerboard: (x, y) => (x + y) % 2,
  'a region with many holes': (x, y) => Number(x % 2 === 1 && y % 2 === 1),
  'holes that touch at corners': (x, y) => Number(x % 4 === y % 4 || x % 4 === 3 - (y % 4)),
  'a comb': (x, y) => Number(x % 2 === 1 && y > 0),
  rings: (x, y) => Math.max(Math.abs(x - 20), Math.abs(y - 17)) % 2,
  'all nodata': () => NODATA,
  'nodata among regions': (x, y) => (((x >> 2) + (y >> 1)) % 3 === 0 ? NODATA : (x >> 3) % 2),
  'one class': () => 254,
};
const ODD_SIZES = [
  [1, 1],
  [1, 37],
  [41, 1],
  [2, 2],
  [37, 30],
  [64, 33],
  [43, 41],
];

function oddMaps(): ClassMap[] {
  return Object.values(ODD_MAPS).flatMap((classAt) =>
    ODD_SIZES.map(([width, height]) => ({
      width,
      height,
      classes: Uint8Array.from({ length: width * height }, (_, i) => classAt(i % width, Math.floor(i / width))),
    })),
  );
}

test.skipIf(!python)('exact polygons are those of GDAL', { timeout: 120_000 }, async () => {
  const cases = [];
  const maps = [...Array.from({ length: 60 }, (_, seed) => mapOfSeed(seed)), ...oddMaps()];
  for (const [seed, map] of maps.entries()) cases.push(forJudge(seed, map, (await vectorizeMap(map)).regions));
  const differences = judge<string[]>(
    python!,
    `
import sys, json, base64, numpy, shapely
from rasterio.features import shapes

def corners(ring):
    """Vertices of a ring where it turns, from the smallest one on, in one direction."""
    ring = [(int(x), int(y)) for x, y in ring[:-1]]
    n = len(ring)
    ring = [p for i, p in enumerate(ring)
            if not (ring[i - 1][0] == p[0] == ring[(i + 1) % n][0] or ring[i - 1][1] == p[1] == ring[(i + 1) % n][1])]
    start = ring.index(min(ring))
    ring = ring[start:] + ring[:start]
    return tuple(ring if ring[1] < ring[-1] else [ring[0]] + ring[:0:-1])

def polygon(rings):
    return (corners(rings[0]), frozenset(corners(r) for r in rings[1:]))

differences = []
for case in json.load(sys.stdin):
    array = numpy.frombuffer(base64.b64decode(case['classes']), numpy.uint8).reshape(case['height'], case['width'])
    expected = {(int(value), polygon(geometry['coordinates']))
                for geometry, value in shapes(array, mask=array != ${NODATA}, connectivity=4)}
    found = set()
    for region in case['regions']:
        p = shapely.from_wkb(bytes.fromhex(region['wkb']))
        if p.area != region['pixels']:
            differences.append(f"seed {case['seed']}: area {p.area} of {region['pixels']} pixels")
        found.add((region['class'], polygon([list(r.coords) for r in [p.exterior, *p.interiors]])))
    if found != expected or len(found) != len(case['regions']):
        differences.append(f"seed {case['seed']}: {len(found - expected)} unexpected, {len(expected - found)} missing, e.g. {list(found - expected)[:1]} {list(expected - found)[:1]}")
print(json.dumps(differences))
`,
    cases,
  );
  expect(differences).toEqual([]);
});

test.skipIf(!python)('simplified polygons are a valid coverage', { timeout: 120_000 }, async () => {
  const cases = [];
  for (let seed = 0; seed < 120; seed++) {
    const map = mapOfSeed(seed);
    const options = { minAreaM2: [0, 5, 20][seed % 3], tolerancePixels: [0.8, 1.2, 2, 5][seed % 4] };
    cases.push(forJudge(seed, map, (await vectorizeMap(map, options)).regions));
  }
  for (const [i, map] of oddMaps().entries()) {
    const options = { minAreaM2: [0, 3][i % 2], tolerancePixels: [1, 3][i % 2] };
    cases.push(forJudge(1000 + i, map, (await vectorizeMap(map, options)).regions));
  }
  const faults = judge<string[]>(
    python!,
    `
import sys, json, base64, numpy, shapely
faults = []
for case in json.load(sys.stdin):
    def fault(text): faults.append(f"seed {case['seed']}: {text}")
    array = numpy.frombuffer(base64.b64decode(case['classes']), numpy.uint8).reshape(case['height'], case['width'])
    polygons = shapely.from_wkb([bytes.fromhex(r['wkb']) for r in case['regions']])
    if not shapely.is_valid(polygons).all(): fault(f"not valid: {shapely.is_valid_reason(polygons[~shapely.is_valid(polygons)][0])}")
    for p in polygons:
        if not all(r.is_simple for r in [p.exterior, *p.interiors]): fault('a ring is not simple')
        if not p.exterior.is_ccw or any(r.is_ccw for r in p.interiors): fault('orientation')
    if not shapely.coverage_is_valid(polygons): fault('not a coverage')
    if len(polygons) == 0: continue
    union = shapely.union_all(polygons)
    area = shapely.area(polygons).sum()
    if abs(union.area - area) > 1e-6: fault(f'overlap: {area} in sum, {union.area} together')
    if (array != ${NODATA}).all():
        frame = shapely.box(0, 0, case['width'], case['height'])
        if not union.equals(frame): fault(f'the union is not the whole map: {union.area}')
print(json.dumps(faults))
`,
    cases,
  );
  expect(faults).toEqual([]);
});
