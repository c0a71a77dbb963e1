/** Outside judges: GDAL's polygonize for the exact polygons, shapely (GEOS) for the coverage after simplification. */
import { expect, test } from 'vitest';
import { type ClassMap, NODATA, noiseMap, smoothMap, vectorizeMap } from '../test/support/generated/generated-maps.ts';
import { oddMaps } from '../test/support/generated/odd-maps.ts';
import { coverageFaults, forJudge } from '../test/support/judge-coverage.ts';
import { judge, pythonWithJudges } from '../test/support/python.ts';

const python = pythonWithJudges();

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

const ODD_SIZES = [
  [1, 1],
  [1, 37],
  [41, 1],
  [2, 2],
  [37, 30],
  [64, 33],
  [43, 41],
] as const;

test.skipIf(!python)('exact polygons are those of GDAL', { timeout: 120_000 }, async () => {
  const cases = [];
  const maps = [...Array.from({ length: 60 }, (_, seed) => mapOfSeed(seed)), ...oddMaps(ODD_SIZES)];
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
  for (const [i, map] of oddMaps(ODD_SIZES).entries()) {
    const options = { minAreaM2: [0, 3][i % 2], tolerancePixels: [1, 3][i % 2] };
    cases.push(forJudge(1000 + i, map, (await vectorizeMap(map, options)).regions));
  }
  expect(coverageFaults(python!, cases)).toEqual([]);
});
