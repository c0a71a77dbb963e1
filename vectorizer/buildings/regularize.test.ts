/** Shapes of known corners, rasterized at many rotations and sizes, must come back as what they were. */
import { expect, test } from 'vitest';
import {
  box,
  buildingsOf,
  circle,
  emptyMap,
  fill,
  placed,
  SHAPES,
} from '../../test/support/generated/generated-buildings.ts';
import { randomNumbers, smoothMap } from '../../test/support/generated/generated-maps.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { type RegularizedBuilding, regularizeBuildings } from './regularize.ts';

const OPTIONS = { pixelMetresX: 0.5, pixelMetresY: 0.5, toleranceMetres: 0.75, minIou: 0.85 };
const CORNERS: Record<string, number> = { rectangle: 4, L: 6, T: 8, courtyard: 8, chamfer: 5 };
const python = pythonWithJudges();

/** The largest distance of a corner's angle from a multiple of 45°, as the sine of it. */
function worstAngle({ rings }: RegularizedBuilding, pixelMetresX = 1, pixelMetresY = 1): number {
  let worst = 0;
  for (const ring of rings) {
    for (let i = 0; i + 3 < ring.length; i += 2) {
      const next = i + 5 < ring.length ? i + 2 : 0;
      const [ax, ay] = [(ring[i + 2] - ring[i]) * pixelMetresX, (ring[i + 3] - ring[i + 1]) * pixelMetresY];
      const [bx, by] = [(ring[next + 2] - ring[next]) * pixelMetresX, (ring[next + 3] - ring[next + 1]) * pixelMetresY];
      const turn = Math.atan2(ax * by - ay * bx, ax * bx + ay * by);
      worst = Math.max(worst, Math.abs(Math.sin(4 * turn)) / 4);
    }
  }
  return worst;
}

const angleBetween = (a: number, b: number): number => Math.abs(((((a - b + 45) % 90) + 90) % 90) - 45);
const vertexCount = ({ rings }: RegularizedBuilding): number =>
  rings.reduce((sum, ring) => sum + ring.length / 2 - 1, 0);

test.each(Object.keys(SHAPES))('%s at any rotation', async (name) => {
  for (let seed = 0; seed < 60; seed++) {
    const random = randomNumbers(seed);
    const size = (name === 'rectangle' ? 16 : 30) + 40 * random();
    const degrees = 90 * random();
    const map = emptyMap(120, 120);
    fill(map, placed(SHAPES[name](size), (degrees * Math.PI) / 180, 60 + random(), 60 + random()), 1);
    const buildings = await buildingsOf(map);
    const label = `${name}, seed ${seed}, size ${size}, ${degrees}°`;
    expect(buildings, label).toHaveLength(1);
    const [result] = regularizeBuildings(buildings, OPTIONS);
    expect(result.regularized, label).toBe(true);
    expect(result.kind, label).toBe(name === 'chamfer' ? 'diagonal' : 'rectilinear');
    expect(vertexCount(result), label).toBe(CORNERS[name]);
    expect(worstAngle(result), label).toBeLessThan(1e-6);
    expect(angleBetween(result.orientationDegrees!, degrees), label).toBeLessThan(2);
    expect(result.iou, label).toBeGreaterThan(0.9);
    for (const [i, ring] of result.rings.entries()) {
      expect(signedArea(ring) > 0, label).toBe(signedArea(buildings[0].rings[i]) > 0);
    }
  }
});

function signedArea(ring: Float64Array): number {
  let area = 0;
  for (let i = 2; i < ring.length; i += 2) area += ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1];
  return area / 2;
}

test('round buildings are round', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = randomNumbers(seed);
    const radius = 8 + 30 * random();
    const map = emptyMap(90, 90);
    fill(map, placed([circle(radius)], 0, 44 + 2 * random(), 44 + 2 * random()), 1);
    const [result] = regularizeBuildings(await buildingsOf(map), OPTIONS);
    expect(result, `seed ${seed}, radius ${radius}`).toMatchObject({
      ...{ regularized: true, kind: 'circle' },
      orientationDegrees: null,
    });
    expect(Math.abs(signedArea(result.rings[0])), `seed ${seed}`).toBeCloseTo(Math.PI * radius * radius, -2);
    expect(result.iou).toBeGreaterThan(0.93);
  }
});

test('right angles are right on the ground where pixels are not square', async () => {
  const options = { ...OPTIONS, pixelMetresX: 0.3, pixelMetresY: 0.5 };
  for (let seed = 0; seed < 40; seed++) {
    const random = randomNumbers(seed);
    const degrees = 90 * random();
    const map = emptyMap(160, 100);
    const outlines = placed(SHAPES.L(20), (degrees * Math.PI) / 180, 24, 25);
    const inPixels = outlines.map((outline) => outline.map(([x, y]) => [x / 0.3, y / 0.5] as const));
    fill(map, inPixels, 1);
    const [result] = regularizeBuildings(await buildingsOf(map), options);
    expect(result.regularized, `seed ${seed}`).toBe(true);
    expect(vertexCount(result), `seed ${seed}`).toBe(6);
    expect(worstAngle(result, 0.3, 0.5), `seed ${seed}`).toBeLessThan(1e-6);
    expect(angleBetween(result.orientationDegrees!, degrees), `seed ${seed}`).toBeLessThan(2);
  }
});

test('row houses keep their shared walls to the last bit', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = randomNumbers(seed);
    const houses = 2 + (seed % 4);
    const [wide, deep, degrees] = [14 + 6 * random(), 22 + 8 * random(), 90 * random()];
    const map = emptyMap(140, 140);
    for (let i = 0; i < houses; i++) {
      const from = (i - houses / 2) * wide;
      const outline = box(from, -deep / 2 - (i % 2) * 6, from + wide, deep / 2);
      fill(map, placed([outline], (degrees * Math.PI) / 180, 70, 70), i + 1);
    }
    const results = regularizeBuildings(await buildingsOf(map), OPTIONS);
    const label = `seed ${seed}, ${houses} houses of ${wide} at ${degrees}°`;
    expect(results, label).toHaveLength(houses);
    expect(results.every(({ regularized }) => regularized), label).toBe(true); // biome-ignore format: short
    for (const result of results) expect(worstAngle(result), label).toBeLessThan(1e-6);
    const sides = new Map<string, number>();
    for (const { rings } of results) {
      for (let i = 0; i + 3 < rings[0].length; i += 2) {
        const [a, b] = [rings[0].slice(i, i + 2).join(), rings[0].slice(i + 2, i + 4).join()];
        const side = a < b ? `${a} ${b}` : `${b} ${a}`;
        sides.set(side, (sides.get(side) ?? 0) + 1);
      }
    }
    const counts = [...sides.values()];
    expect(counts.filter((count) => count === 2).length, label).toBeGreaterThanOrEqual(houses - 1);
    expect(Math.max(...counts), label).toBe(2);
  }
});

test.skipIf(!python)('towns and blobs: valid polygons that do not overlap', { timeout: 120_000 }, async () => {
  const cases = [];
  for (let seed = 0; seed < 80; seed++) {
    const random = randomNumbers(seed);
    let map = emptyMap(200, 200);
    if (seed % 4 === 0) {
      map = smoothMap(seed, 120, 120, 2, { scale: 5 + (seed % 9), wrongShare: 0.01 * (seed % 3) });
    } else if (seed % 4 === 1) {
      map = smoothMap(seed, 120, 120, 3, { scale: 8 + (seed % 9) }); // regions that share borders
    } else {
      const names = Object.keys(SHAPES);
      const classCount = seed % 4 === 2 ? 1 : 200;
      for (let i = 0; i < 40; i++) {
        const shape = SHAPES[names[i % names.length]](10 + 30 * random());
        fill(map, placed(shape, Math.PI * random(), 200 * random(), 200 * random()), 1 + (i % classCount));
      }
    }
    const buildings = await buildingsOf(map);
    const results = regularizeBuildings(buildings, OPTIONS);
    expect(regularizeBuildings(buildings, OPTIONS)).toEqual(results);
    const plain = (rings: Float64Array[]) => rings.map((ring) => [...ring]);
    cases.push({
      seed,
      results: results.map((result) => ({ ...result, rings: plain(result.rings) })),
      exact: buildings.map(({ rings }) => plain(rings)),
    });
  }
  const faults = judge<string[]>(
    python!,
    `
import sys, json, numpy, shapely
faults = []
def polygon(rings): return shapely.Polygon(*[[numpy.reshape(r, (-1, 2)) for r in part] if i else numpy.reshape(part, (-1, 2)) for i, part in enumerate((rings[0], rings[1:]))])
for case in json.load(sys.stdin):
    def fault(text): faults.append(f"seed {case['seed']}: {text}")
    polygons = numpy.array([polygon(b['rings']) for b in case['results']], dtype=object)
    exact = numpy.array([polygon(b) for b in case['exact']], dtype=object)
    if not shapely.is_valid(polygons).all():
        fault(f"not valid: {shapely.is_valid_reason(polygons[~shapely.is_valid(polygons)][0])}")
        continue
    ious = shapely.area(shapely.intersection(polygons, exact)) / shapely.area(shapely.union(polygons, exact))
    for b, iou, p in zip(case['results'], ious, polygons):
        if abs(b['iou'] - iou) > 1e-5: fault(f"IoU {b['iou']}, expected {iou}")
        if b['regularized'] and iou < ${OPTIONS.minIou}: fault(f"regularized with IoU {iou}")
    pairs = shapely.STRtree(polygons).query(polygons, predicate='intersects')
    pairs = pairs[:, pairs[0] < pairs[1]]
    if pairs.size:
        overlap = shapely.area(shapely.intersection(polygons[pairs[0]], polygons[pairs[1]])).max()
        if overlap > 1e-9: fault(f"overlap of {overlap}")
print(json.dumps(faults))
`,
    cases,
  );
  expect(faults).toEqual([]);
  const all = cases.flatMap(({ results }) => results);
  expect(all.some(({ regularized }) => regularized)).toBe(true);
  expect(all.some(({ regularized }) => !regularized)).toBe(true);
});
