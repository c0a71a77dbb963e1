/** Areas of interest: what is accepted, what is refused, and where they come to lie on a scene. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { areaRows } from '../../tiler/grid/area-mask.ts';
import type { Database } from '../store/database/database.ts';
import { openDatabase } from '../store/database/open-database.ts';
import { georeference } from '../store/tables/georeference.ts';
import { parseAoi, placeAoi } from './area-of-interest.ts';

const square = (west: number, south: number, side: number) => [
  [west, south],
  [west + side, south],
  [west + side, south + side],
  [west, south + side],
  [west, south],
];
const polygon = (...rings: number[][][]) => ({ type: 'Polygon', coordinates: rings });
const feature = (geometry: unknown) => ({ type: 'Feature', properties: {}, geometry });

test('polygons in any wrapping are one MultiPolygon', () => {
  const [a, b] = [polygon(square(15, 48, 1)), polygon(square(17, 48, 1), square(17.2, 48.2, 0.2))];
  const both = { type: 'MultiPolygon', coordinates: [a.coordinates, b.coordinates] };
  expect(parseAoi(a)).toEqual({ type: 'MultiPolygon', coordinates: [a.coordinates] });
  expect(parseAoi(both)).toEqual(both);
  expect(parseAoi(feature(both))).toEqual(both);
  expect(parseAoi({ type: 'FeatureCollection', features: [feature(a), feature(b)] })).toEqual(both);
});

test.each([
  ['null', null],
  ['a point', { type: 'Point', coordinates: [15, 48] }],
  ['an empty collection', { type: 'FeatureCollection', features: [] }],
  [
    'a ring that is open',
    polygon(
      square(15, 48, 1)
        .slice(0, 4)
        .concat([[15, 49.5]]),
    ),
  ],
  [
    'a ring of two points',
    polygon([
      [15, 48],
      [16, 48],
      [15, 48],
    ]),
  ],
  ['metres', polygon(square(500_000, 5_000_000, 100))],
  [
    'words',
    polygon([
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['a', 'b'],
    ] as never),
  ],
  [
    'what is not finite',
    polygon([
      [15, 48],
      [Number.NaN, 48],
      [16, 49],
      [15, 48],
    ]),
  ],
])('%s is refused', (_, given) => {
  expect(() => parseAoi(given)).toThrow(/area of interest.*ogr2ogr -t_srs EPSG:4326/);
});

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const opened = await open();
    drop = opened.drop;
    db = await openDatabase(opened.url ? { url: opened.url } : {});
  });
  afterAll(async () => {
    await db.close();
    await drop();
  });
  const place = {
    epsg: 32633,
    geotransform: [500_000, 2, 0, 5_360_000, 0, -2] as [number, number, number, number, number, number],
    width: 400,
    height: 300,
    geographic: false,
  };

  test('the scene itself is all inside, a country too, a neighbour not at all', async () => {
    const { footprint, bbox } = await georeference(db, place);
    const whole = await placeAoi(db, place, bbox, parseAoi(footprint));
    const mask = areaRows(whole, 400, 0, 300);
    const inside = mask.reduce((sum, each) => sum + each, 0);
    expect(inside).toBeGreaterThan(400 * 300 - 400);
    const country = await placeAoi(db, place, bbox, parseAoi(polygon(square(10, 44, 10))));
    expect(areaRows(country, 400, 0, 300).includes(0)).toBe(false);
    expect(country.reduce((sum, ring) => sum + ring.length / 2, 0)).toBeLessThan(2000);
    await expect(placeAoi(db, place, bbox, parseAoi(polygon(square(30, 48, 1))))).rejects.toMatchObject({
      code: 'aoi_outside',
    });
  });

  test('a grid of longitudes that goes past 180° is met from both sides', async () => {
    const scene = { ...place, epsg: 4326, geographic: true, width: 200, height: 100 };
    scene.geotransform = [179.9, 0.001, 0, 10, 0, -0.001];
    const { footprint, bbox } = await georeference(db, scene);
    const whole = await placeAoi(db, scene, bbox, parseAoi(footprint));
    expect(areaRows(whole, 200, 0, 100).includes(0)).toBe(false);
    const east = await placeAoi(db, scene, bbox, parseAoi(polygon(square(-180, 9, 2))));
    const row = areaRows(east, 200, 50, 1);
    expect([...row].indexOf(1)).toBe(100);
    expect([...row].lastIndexOf(1)).toBe(199);
  });

  test('two overlapping polygons are their union, and crossing rings are refused with the place', async () => {
    const { bbox } = await georeference(db, place);
    const [west, south, east, north] = bbox;
    const [width, height] = [east - west, north - south];
    const box = (x0: number, x1: number) => [
      [
        [west + x0 * width, south - height],
        [west + x1 * width, south - height],
        [west + x1 * width, north + height],
        [west + x0 * width, north + height],
        [west + x0 * width, south - height],
      ],
    ];
    const area = await placeAoi(db, place, bbox, { type: 'MultiPolygon', coordinates: [box(0.2, 0.6), box(0.5, 0.8)] });
    const middle = areaRows(area, 400, 150, 1);
    expect([...middle].indexOf(1)).toBeCloseTo(80, -1);
    expect([...middle].lastIndexOf(1)).toBeCloseTo(320, -1);
    expect(middle.subarray(90, 310).includes(0)).toBe(false);
    const bowTie = polygon([
      [west, south],
      [east, north],
      [east, south],
      [west, north],
      [west, south],
    ]);
    expect(() => parseAoi(bowTie)).toThrow(/crosses itself at 15\.\d+, 48\.\d+; mend it/);
  });
});
