/** What is called valid is valid by PostGIS too, on shapes of all kinds; and what vectorization makes mostly is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { noiseMap, vectorizeMap } from '../../test/support/generated/generated-maps.ts';
import { lineWkb, polygonWkb, type Ring, rectangle, seeded } from '../../test/support/geometry.ts';
import { readShape } from '../../vectorizer/shape.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import type { Database } from '../store/database/database.ts';
import { isSurelyValid } from './surely-valid.ts';

const isValid = (...rings: Ring[]): boolean => isSurelyValid(readShape(polygonWkb(...rings)));

const square = rectangle(0, 0, 10, 10);
const clockwise = (ring: Ring): Ring => ring.toReversed();

// biome-ignore format: rings
test.each<[string, boolean, Ring[]]>([
  ['a square', true, [square]],
  ['one with two holes', true, [square, clockwise(rectangle(1, 1, 3, 3)), clockwise(rectangle(5, 5, 8, 9))]],
  ['one with a point on an edge', true, [[[0, 0], [5, 0], [10, 0], [10, 10]]]],
  ['a bow tie', false, [[[0, 0], [10, 10], [10, 0], [0, 10]]]],
  ['a spike', false, [[[0, 0], [10, 0], [10, 10], [10, 20], [10, 10], [0, 10]]]],
  ['a point twice', false, [[[0, 0], [10, 0], [10, 0], [10, 10]]]],
  ['nothing wide', false, [[[0, 0], [10, 0], [5, 0]]]],
  ['a hole outside', false, [square, clockwise(rectangle(11, 1, 13, 3))]],
  ['a hole around', false, [square, clockwise(rectangle(-1, -1, 13, 13))]],
  ['a hole in a hole', false, [square, clockwise(rectangle(1, 1, 9, 9)), clockwise(rectangle(2, 2, 3, 3))]],
  ['holes that cross', false, [square, clockwise(rectangle(1, 1, 5, 5)), clockwise(rectangle(4, 4, 6, 6))]],
  ['a hole that touches an edge', true, [square, [[0, 5], [2, 6], [2, 4]]]],
  ['a hole with a vertex of the shell', true, [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 5]], [[0, 5], [2, 6], [2, 4]]]],
  ['one with two of them', false, [[[0, 0], [10, 0], [10, 5], [10, 10], [0, 10], [0, 5]], [[0, 5], [10, 5], [5, 4]]]],
  ['a hole that crosses an edge with a vertex on it', false, [square, [[0, 5], [2, 6], [-2, 4]]]],
  ['an edge of the shell with two vertices of a hole', false, [square, [[0, 5], [2, 5.5], [0, 6]]]],
  ['a vertex of the shell on an edge of it', false, [[[0, 0], [10, 0], [10, 10], [5, 0], [0, 10]]]],
  ['a shell with a vertex on an edge of a hole', true, [[[0, 0], [10, 0], [10, 10], [0, 10], [5, 5]], [[5, 3], [6, 5], [5, 7]]]],
  ['three holes with a vertex together', true, [square, [[5, 5], [3, 6], [3, 4]], [[5, 5], [6, 3], [7, 4]], [[5, 5], [6, 7], [5, 8]]]],
  ['a hole that touches another with each vertex', true, [square, [[4, 4], [6, 4], [5, 6]], [[4, 4], [2, 4], [3, 3]], [[6, 4], [8, 4], [7, 3]], [[5, 6], [6, 8], [4, 8]]]],
  ['a comb whose teeth lean over all of it', true, [[...Array.from({ length: 800 }, (_, i): [number, number] => [i + (i % 2) * 2000, (i % 2) * 2000]), [2800, -1]]]],
  ['two holes with a vertex together', true, [square, [[2, 2], [2, 5], [5, 5]], [[5, 5], [5, 8], [8, 8]]]],
  ['three holes in a ring', false, [square, [[2, 2], [2, 5], [5, 5]], [[5, 5], [5, 8], [8, 8]], [[8, 8], [8, 1], [2, 2]]]],
  ['a hole with a vertex of the shell, outside', false, [square, [[0, 0], [-2, 0], [-2, -2]]]],
  ['holes that cross at a vertex', false, [square, [[5, 5], [2, 2], [2, 8]], [[5, 5], [1, 4], [3, 3.2]]]],
  ['a shell that touches itself', false, [[[0, 0], [5, 5], [10, 0], [10, 10], [5, 5], [0, 10]]]],
  ['no number', false, [[[0, 0], [Number.NaN, 0], [10, 10]]]],
])('%s: %s', (_, expected, rings) => {
  expect(isValid(...rings)).toBe(expected);
});

// biome-ignore format: lines
test.each<[string, boolean, [number, number][]]>([
  ['a line', true, [[0, 0], [5, 5]]],
  ['one that ends where it begins', true, [[0, 0], [5, 5], [5, 0], [0, 0]]],
  ['one that goes back', true, [[0, 0], [5, 5], [0, 0]]],
  ['one that goes nowhere', false, [[1, 1], [1, 1], [1, 1]]],
  ['one of one point', false, [[1, 1]]],
  ['a line with no number', false, [[0, 0], [5, Number.NaN]]],
  ['a line without an end', false, [[0, 0], [5, Number.POSITIVE_INFINITY]]],
])('%s: %s', (_, expected, points) => {
  expect(isSurelyValid(readShape(lineWkb(points)))).toBe(expected);
});

describe.each(testEngines().slice(-1))('judged on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  async function invalidOf(wkbs: readonly Uint8Array[]): Promise<boolean[]> {
    const rows = await db.query<{ valid: boolean }>(
      `SELECT ST_IsValid(ST_GeomFromWKB(decode(hex, 'hex'))) AS valid FROM unnest($1::text[]) WITH ORDINALITY AS u (hex, i) ORDER BY i`,
      [wkbs.map((wkb) => Buffer.from(wkb).toString('hex'))],
    );
    return rows.map(({ valid }) => !valid);
  }

  test('lines at random', async () => {
    const random = seeded(3);
    const wkbs = Array.from({ length: 500 }, (_, i) =>
      lineWkb(Array.from({ length: 2 + (i % 4) }, () => [Math.floor(random() * 2), Math.floor(random() * 2)])),
    );
    const invalid = await invalidOf(wkbs);
    expect(wkbs.map((wkb) => !isSurelyValid(readShape(wkb)))).toEqual(invalid);
    expect(new Set(invalid).size).toBe(2);
  });

  test('polygons at random, which often cross and touch, turned so that coordinates are rounded, too', async () => {
    const random = seeded(8);
    const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
    for (const places of [4, 6, 9]) {
      const rings = Array.from({ length: 6000 }, (_, i) => {
        const point = (): [number, number] => [Math.floor(random() * places), Math.floor(random() * places)];
        const ring = (corners: number) => Array.from({ length: corners }, point);
        const holes = Array.from({ length: i % 4 }, () => ring(3 + Math.floor(random() * 2)));
        const around: Ring = i % 8 < 5 ? rectangle(0, 0, places - 1, places - 1) : ring(3 + (i % 9));
        const turned = ([x, y]: [number, number]): [number, number] => [15 + x * cos - y * sin, 48 + x * sin + y * cos];
        return [around, ...holes].map((each) => (i % 3 === 0 ? each.map(turned) : each));
      }).filter((polygon) => polygon.every((ring) => ring.every((p, k) => `${p}` !== `${ring.at(k - 1)}`)));
      const wkbs = rings.map((each) => polygonWkb(...each));
      const invalid = await invalidOf(wkbs);
      const sure = wkbs.map((wkb) => isSurelyValid(readShape(wkb)));
      expect(rings.filter((_, i) => sure[i] === invalid[i]).map((each) => JSON.stringify(each))).toEqual([]);
      expect(sure.filter(Boolean).length).toBeGreaterThan(300);
    }
  });

  test('regions of maps, turned and pushed about', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const { regions } = await vectorizeMap(noiseMap(seed, 80, 70, 3, 0.05));
      const random = seeded(seed);
      for (const jitter of [0, 0.4]) {
        const wkbs = regions.map((region) => {
          const rings = region.rings.map((ring) => {
            const moved = ring.map((value) => value + (random() - 0.5) * jitter);
            return moved.with(-2, moved[0]!).with(-1, moved[1]!);
          });
          return regionToWkb({ rings }, [500_000, 0.3, 0.1, 4_000_000, 0.1, -0.3]);
        });
        const invalid = await invalidOf(wkbs);
        const sure = wkbs.map((wkb) => isSurelyValid(readShape(wkb)));
        expect(
          sure.filter((valid, i) => valid && invalid[i]),
          `seed ${seed}`,
        ).toEqual([]);
        expect(sure.filter((valid, i) => !valid && !invalid[i]).length, `seed ${seed}`).toBe(0);
      }
    }
  });
});
