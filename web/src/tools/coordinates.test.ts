import { forward } from 'mgrs';
import { expect, test } from 'vitest';
import { type Candidate, readCoordinates } from './coordinates.ts';

const read = (text: string, epsg: number | null = null) =>
  readCoordinates(text, epsg).map((found: Candidate) =>
    found.kind === 'degrees'
      ? `${found.lat.toFixed(4)} ${found.lon.toFixed(4)}`
      : `${found.notation}: ${found.x} ${found.y} of ${found.epsg}`,
  );

test.each([
  '48.3905 15.4104',
  '48.3905, 15.4104',
  '48.3905° N, 15.4104° E',
  '15.4104 E 48.3905 N',
  'N 48.3905 E 15.4104',
  'N48.3905, E15.4104',
  '48,3905 15,4104',
  '48,3905; 15,4104',
  '48°23\'25.8"N 15°24\'37.44"E',
  '48° 23′ 25.8″ N, 15° 24′ 37.44″ E',
  'N 48° 23.43′ E 15° 24.624′',
  '48 23 25.8 N 15 24 37.44 E',
  '48 23 25.8, 15 24 37.44',
  '北纬48度23分25.8秒，东经15度24分37.44秒',
  '48.3905 north 15.4104 east',
])('%s', (text) => {
  expect(read(text)[0]).toBe('48.3905 15.4104');
});

test('where it may be longitude first, that is the second reading', () => {
  expect(read('48.3905 15.4104')).toEqual(['48.3905 15.4104', '15.4104 48.3905']);
  expect(read('121.4737, 31.2304')).toEqual(['31.2304 121.4737']);
  expect(read('-33.8568 151.2153')).toEqual(['-33.8568 151.2153']);
  expect(read('33°51\'24.5"S 151°12\'55"E')).toEqual(['-33.8568 151.2153']);
  expect(read('-0 30 0, 10 0 0')).toEqual(['-0.5000 10.0000']);
});

test('systems and zones, with the service to bring them to degrees', () => {
  expect(read('EPSG:25833 389776 5819676')).toEqual(['EPSG:25833: 389776 5819676 of 25833']);
  expect(read('epsg 3857: 1713000.5, 6170000')).toEqual(['EPSG:3857: 1713000.5 6170000 of 3857']);
  expect(read('389776 5819676 (EPSG:25833)')).toEqual(['EPSG:25833: 389776 5819676 of 25833']);
  expect(read('33U 530376 5359848')).toEqual(['UTM 33N: 530376 5359848 of 32633']);
  expect(read('UTM 33N 530376 E 5359848 N')).toEqual(['UTM 33N: 530376 5359848 of 32633']);
  expect(read('530376mE 5359848mN 33U')).toEqual(['UTM 33N: 530376 5359848 of 32633']);
  expect(read('56H 334900 6252300')).toEqual(['UTM 56S: 334900 6252300 of 32756']);
  expect(read('33S 400000 4200000')).toEqual(['UTM 33S: 400000 4200000 of 32733', 'UTM 33N: 400000 4200000 of 32633']);
  expect(read('530376 5359848', 32633)).toEqual(['EPSG:32633: 530376 5359848 of 32633']);
  expect(read('530376 5359848')).toEqual([]);
});

test('MGRS squares of a metre to a hundred kilometres', () => {
  for (const [lon, lat] of [
    [15.4104, 48.3905],
    [151.2153, -33.8568],
    [-70.25, -54.8],
    [5.5, 60.4],
  ] as const) {
    const square = forward([lon, lat], 5);
    const spaced = square.replace(/^(\d+\w)(\w\w)(\d{5})(\d{5})$/, '$1 $2 $3 $4');
    for (const text of [square, square.toLowerCase(), spaced]) {
      const [found] = readCoordinates(text);
      expect(found).toMatchObject({ notation: 'MGRS', lon: expect.closeTo(lon, 4), lat: expect.closeTo(lat, 4) });
    }
  }
  expect(read('33UWP')).toHaveLength(1);
  expect(read('33UWP123')).toEqual([]);
  expect(read('61UWP1234567890')).toEqual([]);
});

test.each([
  '',
  'town',
  'landuse 12',
  '95 200',
  '48.3905',
  '48 61 00 N 15 0 0 E',
  '48.5 30 N 15 0 E',
  '48 N 15 N',
  '1 2 3',
])('%j is no position', (text) => {
  expect(read(text)).toEqual([]);
});
