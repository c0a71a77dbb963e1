/** Systems that are known in closed form, against PostGIS. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { seeded } from '../../../test/support/geometry.ts';
import { transformKnown } from '../../../tiler/crs/known-systems.ts';
import type { Database } from '../database/database.ts';
import { askTransform } from './georeference.ts';

/** A thousandth of a millimetre, and a hundredth of one. */
const [DEGREES, METRES] = [1e-11, 1e-5];

describe.each(testEngines())('known systems as PostGIS has them on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test.each([32601, 32633, 32660, 32702, 32733, 32760, 25828, 25832, 25838, 3857, 4326])('EPSG:%i', async (epsg) => {
    const random = seeded(epsg);
    const zone = epsg % 100;
    const meridian = [3857, 4326].includes(epsg) ? 0 : 6 * zone - 183;
    const width = meridian === 0 ? 359 : 18;
    const places = Array.from({ length: 2000 }, (): [number, number] => [
      meridian + (random() - 0.5) * width,
      (random() - 0.5) * 168,
    ]).filter(([lon]) => Math.abs(lon) < 179.8);
    expect(places.length).toBeGreaterThan(500);
    const there = transformKnown(places, 4326, epsg)!;
    const worst = (found: readonly [number, number][], expected: readonly [number, number][]) =>
      found.reduce(
        (most, [x, y], i) => Math.max(most, Math.abs(x - expected[i]![0]), Math.abs(y - expected[i]![1])),
        0,
      );
    expect(worst(there, await askTransform(db, places, 4326, epsg))).toBeLessThan(METRES);
    expect(worst(transformKnown(there, epsg, 4326)!, await askTransform(db, there, epsg, 4326))).toBeLessThan(DEGREES);
  });

  test.each<[string, [number, number], number]>([
    ['at the antimeridian', [833_000, 0], 32660],
    ['far from the meridian', [4_000_000, 5_000_000], 32633],
    ['beyond the pole', [500_000, 11_000_000], 32633],
    ['of another datum', [400_000, 360_000], 27700],
    ['no number', [Number.NaN, 0], 32633],
    ['beyond the sheet', [25_000_000, 0], 3857],
  ])('%s: left to PostGIS', (_, point, epsg) => {
    expect(transformKnown([point], epsg, 4326)).toBeNull();
  });
});
