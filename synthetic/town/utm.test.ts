import { expect, test } from 'vitest';
import { utmToLonLat } from './utm.ts';

test('agrees with PROJ to a tenth of a millimetre', () => {
  // EPSG:32633 to EPSG:4326, computed with PROJ 9.
  const points = [
    [530000, 5360000, 15.405252506158856, 48.39244786357211],
    [500000, 0, 15, 0],
    [833000, 9200000, 37.71344524184123, 82.25859597490546],
    [212345.678, 1234567.89, 12.366324409564324, 11.156538136496193],
    [450000, 5500000, 14.307335627949733, 49.65047111797023],
  ];
  for (const [easting, northing, lon, lat] of points) {
    const [x, y] = utmToLonLat(33, easting, northing);
    expect(Math.abs(x - lon) * Math.cos((lat * Math.PI) / 180)).toBeLessThan(1e-9);
    expect(Math.abs(y - lat)).toBeLessThan(1e-9);
  }
});
