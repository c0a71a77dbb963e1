/** Scenes whose coordinates are not ones of their system are refused, those far from where it is used are told of. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import type { Geotransform } from '../../../tiler/crs/geotransform.ts';
import type { Database } from '../database/database.ts';
import { georeference } from './georeference.ts';

describe.each(testEngines())('areas of use on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  const place = (epsg: number, x: number, y: number, pixel = 1) =>
    georeference(db, { epsg, geotransform: [x, pixel, 0, y, 0, -pixel] as Geotransform, width: 500, height: 400 });

  test.each<[string, number, number, number, number?]>([
    ['UTM', 32632, 400_000, 5_500_000],
    ['the neighbour’s UTM zone', 32632, 1_100_000, 5_500_000],
    ['UTM at 83° north', 32633, 500_000, 9_200_000],
    ['UTM south', 32750, 330_000, 9_040_000],
    ['France', 2154, 650_000, 6_860_000],
    ['Britain', 27700, 530_000, 180_000],
    ['Switzerland', 2056, 2_600_000, 1_200_000],
    ['Texas in feet', 2277, 3_100_000, 10_000_000],
    ['Albers of the United States', 5070, -2_000_000, 3_000_000],
    ['Europe', 3035, 4_000_000, 2_000_000],
    ['Greenland', 3413, -200_000, -2_000_000],
    ['Antarctica', 3031, 300_000, 1_500_000],
    ['Gauß-Krüger', 31467, 3_500_000, 5_400_000],
    ['China', 4527, 39_500_000, 4_000_000],
    ['Brazil', 31983, 330_000, 7_400_000],
    ['Web Mercator at 70° north', 3857, 1_000_000, 11_000_000],
    ['degrees', 4326, 10, 48, 1e-5],
    ['New Zealand', 2193, 1_750_000, 5_920_000],
    ['Japan', 6677, 0, -30_000],
  ])('%s: nothing to say', async (_, epsg, x, y, pixel) => {
    expect((await place(epsg, x, y, pixel)).findings).toEqual([]);
  });

  test.each<[string, number, number, number]>([
    ['UTM far to the east', 32632, 3_600_000, 5_500_000],
    ['UTM, x and y exchanged', 32632, 5_500_000, 400_000],
    ['UTM beyond its north', 32632, 500_000, 9_600_000],
    ['British numbers on the equator', 27700, 3_000_000, -5_000_000],
    ['French numbers in Africa', 2154, 700_000, -500_000],
  ])('%s: told', async (_, epsg, x, y) => {
    const { findings } = await place(epsg, x, y);
    expect(findings).toMatchObject([{ code: 'outside_area_of_use', severity: 'warning' }]);
    expect(findings[0]!.message).toMatch(new RegExp(`EPSG:${epsg}`));
  });

  test.each<[string, number, number, number, string]>([
    ['geocentric', 4978, 4_000_000, 600_000, 'unsupported_raster'],
    ['geocentric near zero', 4978, 10, 48, 'unsupported_raster'],
    ['UTM beyond the pole', 32632, 500_000, 14_000_000, 'unknown_crs'],
    ['UTM far out', 32632, 50_000_000, 5_500_000, 'unknown_crs'],
    ['Web Mercator beyond the Earth', 3857, 60_000_000, 5_000_000, 'unknown_crs'],
    ['polar beyond the other pole', 3413, 90_000_000, 90_000_000, 'unknown_crs'],
  ])('%s: refused', async (_, epsg, x, y, code) => {
    await expect(place(epsg, x, y)).rejects.toMatchObject({ code });
  });
});
