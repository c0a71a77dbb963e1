/** Rows of houses whose walls a noisy border plane shows must come apart into those houses, and nothing else may. */
import { expect, test } from 'vitest';
import { emptyMap, fill, placed, SHAPES } from '../../test/support/generated/generated-buildings.ts';
import { randomNumbers, vectorizeMap } from '../../test/support/generated/generated-maps.ts';
import { drawRow, planesOf } from '../../test/support/generated/generated-rows.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { type BuildingWindow, splitInstances } from './instances.ts';
import { regularizeBuildings } from './regularize.ts';

const MIN_PIXELS = 40;
const OPTIONS = { pixelMetresX: 0.5, pixelMetresY: 0.5, toleranceMetres: 0.75, minIou: 0.85 };
const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1);
const python = pythonWithJudges();

async function regionsOf({ width, height }: BuildingWindow, map: Uint8Array) {
  const { regions } = await vectorizeMap({ width, height, classes: map });
  return regions.filter((region) => region.class !== 0);
}

test('as many houses as were drawn, each where it was drawn', async () => {
  for (const seed of SEEDS) {
    const row = drawRow(seed);
    const { count, map } = splitInstances(row, MIN_PIXELS);
    expect(count, row.label).toBe(row.houses);
    expect(await regionsOf(row, map), row.label).toHaveLength(count);
    const shared = new Map<string, number>();
    expect(map.map(Math.sign), row.label).toEqual(row.inside);
    for (let i = 0; i < map.length; i++) {
      const pair = `${row.truth[i]} ${map[i]}`;
      if (map[i]) shared.set(pair, (shared.get(pair) ?? 0) + 1);
    }
    // Neighbours differ in their number, so the most frequent number inside of a house is that house's.
    for (let house = 1; house <= row.houses; house++) {
      const own = [...shared].filter(([pair]) => pair.startsWith(`${house} `)).map(([, pixels]) => pixels);
      expect(Math.max(...own) / own.reduce((sum, pixels) => sum + pixels, 0), row.label).toBeGreaterThan(0.85);
    }
  }
});

test('one building stays one: no border, whatever its shape and however narrow its waist', () => {
  for (const seed of SEEDS) {
    const random = randomNumbers(seed);
    const map = emptyMap(90, 90);
    const names = Object.keys(SHAPES);
    const name = names[seed % names.length];
    fill(map, placed(SHAPES[name](30 + 30 * random()), Math.PI * random(), 45, 45), 1);
    const window = planesOf(map.classes, 90, 90, random);
    expect(splitInstances(window, MIN_PIXELS), `${name}, seed ${seed}`).toEqual({ count: 1, map: window.inside });
  }
});

test('the same planes give the same houses, and a region that is all border stays whole', () => {
  const row = drawRow(7);
  expect(splitInstances(row, MIN_PIXELS)).toEqual(splitInstances(row, MIN_PIXELS));
  const border = new Uint8Array(row.border.length).fill(255);
  expect(splitInstances({ ...row, border }, MIN_PIXELS)).toEqual({ count: 1, map: row.inside });
});

test('nothing is smaller than the smallest house, also where the planes are noise', async () => {
  for (const seed of SEEDS.slice(0, 10)) {
    const random = randomNumbers(seed);
    const noise = () => Uint8Array.from({ length: 80 * 80 }, () => Math.floor(256 * random()));
    const window = { width: 80, height: 80, inside: new Uint8Array(6400).fill(1), building: noise(), border: noise() };
    const { count, map } = splitInstances(window, MIN_PIXELS);
    const regions = await regionsOf(window, map);
    expect(regions, `seed ${seed}`).toHaveLength(count);
    for (const { pixels } of regions) expect(pixels, `seed ${seed}`).toBeGreaterThanOrEqual(MIN_PIXELS);
  }
});

const JUDGE = `
import json, sys, numpy as np, shapely
out = []
for row in json.load(sys.stdin):
    houses = [shapely.Polygon(np.reshape(r[0], (-1, 2)), [np.reshape(h, (-1, 2)) for h in r[1:]]) for r in row]
    pairs = [(a, b) for i, a in enumerate(houses) for b in houses[i + 1:] if a.intersects(b)]
    walls = [a.intersection(b) for a, b in pairs]
    out.append(dict(valid=all(h.is_valid for h in houses), overlap=sum(w.area for w in walls),
                    walls=sum(w.length > 5 for w in walls), pieces=shapely.union_all(houses).geom_type))
print(json.dumps(out))
`;

test.skipIf(!python)('regularised houses share their walls exactly', async () => {
  const rows = SEEDS.map(drawRow);
  const shapes = await Promise.all(
    rows.map(async (row) => regularizeBuildings(await regionsOf(row, splitInstances(row, MIN_PIXELS).map), OPTIONS)),
  );
  type Verdict = { valid: boolean; overlap: number; walls: number; pieces: string };
  const plain = shapes.map((houses) => houses.map(({ rings }) => rings.map((ring) => [...ring])));
  const verdicts = judge<Verdict[]>(python!, JUDGE, plain);
  for (const [i, { valid, overlap, walls, pieces }] of verdicts.entries()) {
    expect([valid, overlap, pieces], rows[i].label).toEqual([true, 0, 'Polygon']);
    expect(walls, rows[i].label).toBeGreaterThanOrEqual(rows[i].houses - 1);
  }
  const houses = shapes.flat();
  expect(houses.filter(({ regularized }) => regularized).length / houses.length).toBeGreaterThan(0.6);
});
