import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { seeded } from '../../test/support/geometry.ts';
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import type { Database } from '../store/database/database.ts';
import { askTransform } from '../store/tables/georeference.ts';
import { fitDegrees } from './to-degrees.ts';

/** A thousandth of a millimetre. */
const AGREEMENT_DEGREES = 1e-11;

describe.each(testEngines())('degrees without PostGIS as with it on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test.each<[string, number, Geotransform, number, number]>([
    ['UTM, 4 km', 32633, [530_000, 1, 0, 5_360_000, 0, -1], 4096, 4096],
    ['UTM, 100 km', 32633, [430_000, 1, 0, 5_360_000, 0, -1], 100_000, 100_000],
    ['UTM, turned', 32633, [430_000, 0.3, 0.1, 5_360_000, 0.1, -0.3], 10_000, 3000],
    ['Web Mercator', 3857, [1_500_000, 1, 0, 6_360_000, 0, -1], 20_000, 20_000],
    ['Lambert', 2154, [600_000, 1, 0, 6_360_000, 0, -1], 10_000, 10_000],
    ['another datum', 27700, [400_000, 1, 0, 360_000, 0, -1], 10_000, 10_000],
  ])('%s', async (_, epsg, geotransform, width, height) => {
    const toDegrees = await fitDegrees(db, { epsg, geotransform, width, height });
    const random = seeded(epsg);
    const places = Array.from({ length: 500 }, () => apply(geotransform, random() * width, random() * height));
    const expected = (await askTransform(db, places, epsg, 4326)).flat();
    const found = toDegrees!(Float64Array.from(places.flat()))!;
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    expect(worst).toBeLessThan(AGREEMENT_DEGREES);
    expect(toDegrees!(Float64Array.from(apply(geotransform, width * 1.2, 0)))).toBeNull();
  });

  test.each<[string, number, Geotransform, number, number]>([
    ['across the antimeridian', 32660, [700_000, 10, 0, 6_000_000, 0, -10], 20_000, 10_000],
    ['around the pole', 3995, [-1_000_000, 100, 0, 1_000_000, 0, -100], 20_000, 20_000],
    ['a continent', 3035, [2_500_000, 100, 0, 5_500_000, 0, -100], 40_000, 40_000],
    ['the world', 3857, [-20_037_508, 4000, 0, 20_037_508, 0, -4000], 10_018, 10_018],
  ])('%s: not without it', async (_, epsg, geotransform, width, height) => {
    expect(await fitDegrees(db, { epsg, geotransform, width, height })).toBeNull();
  });

  test('degrees stay as they are, but beyond the antimeridian', async () => {
    const toDegrees = await fitDegrees(db, { epsg: 4326, geotransform: [170, 1e-3, 0, 50, 0, -1e-3], width: 20_000, height: 10 }); // biome-ignore format: one line
    const xy = Float64Array.of(170.000_000_1, 49.9, 179.999, 49.8);
    expect(toDegrees!(xy)).toEqual(xy);
    expect(toDegrees!(Float64Array.of(180.5, 49.9))).toBeNull();
  });
});
