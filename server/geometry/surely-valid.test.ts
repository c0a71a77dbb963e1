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
  ['a hole that touches an edge', false, [square, [[0, 5], [2, 6], [2, 4]]]],
  ['a hole with a vertex of the shell', true, [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 5]], [[0, 5], [2, 6], [2, 4]]]],
  ['one with two of them', false, [[[0, 0], [10, 0], [10, 5], [10, 10], [0, 10], [0, 5]], [[0, 5], [10, 5], [5, 4]]]],
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

  test('polygons at random, many of which cross themselves', async () => {
    const random = seeded(8);
    const wkbs = Array.from({ length: 3000 }, (_, i) => {
      const corners = 3 + (i % 9);
      const scale = i % 2 === 0 ? 8 : 1e-6; // on a small grid points and edges often meet
      const point = (): [number, number] => [Math.floor(random() * 8) * scale, Math.floor(random() * 8) * scale];
      const ring = Array.from({ length: corners }, point);
      const hole = Array.from({ length: 3 }, point);
      return i % 3 === 0 ? polygonWkb(ring, hole) : polygonWkb(ring);
    });
    const invalid = await invalidOf(wkbs);
    const sure = wkbs.map((wkb) => isSurelyValid(readShape(wkb)));
    expect(sure.filter((valid, i) => valid && invalid[i])).toEqual([]);
    const simple = sure.filter((valid, i) => !valid && !invalid[i]).length;
    expect([sure.filter(Boolean).length > 150, simple < 100], `${simple} valid ones in doubt`).toEqual([true, true]);
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
        if (jitter === 0) expect(sure.filter(Boolean).length / wkbs.length, `seed ${seed}`).toBeGreaterThan(0.5);
      }
    }
  });
});
