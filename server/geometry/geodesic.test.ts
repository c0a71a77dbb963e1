/** Areas and lengths of our own against those of PostGIS, whose areas are uncertain by a tenth of a square millimetre an edge. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { polygonWkb, type Ring, seeded } from '../../test/support/geometry.ts';
import { readShape } from '../../vectorizer/shape.ts';
import { lineToWkb } from '../../vectorizer/wkb.ts';
import type { Database } from '../store/database/database.ts';
import { measureShape } from './geodesic.ts';

const RELATIVE = 1e-9;
const POSTGIS_M2 = 3e-4;
const DEGREE_M = 111_000;

/** A star around a place, counter-clockwise. */
function star(seed: number, radiusM: number): Ring {
  const random = seeded(seed);
  const [lon, lat] = [random() * 340 - 170, random() * 160 - 80];
  const corners = 3 + Math.floor(random() * 20);
  return Array.from({ length: corners }, (_, i): [number, number] => {
    const angle = ((i + 0.8 * random()) / corners) * 2 * Math.PI;
    const distance = (radiusM * (0.3 + 0.7 * random())) / DEGREE_M;
    const x = (distance * Math.cos(angle)) / Math.cos((lat * Math.PI) / 180);
    return [lon + x, lat + distance * Math.sin(angle)];
  });
}

describe.each(testEngines())('as PostGIS measures on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test.each([1, 10, 100, 1000, 6000])('stars of %d m', async (radius) => {
    for (let seed = 0; seed < 60; seed++) {
      const ring = star(seed, radius);
      const hole: Ring = ring.map(([x, y]) => [
        ring[0]![0] + (x - ring[0]![0]) / 4,
        ring[0]![1] + (y - ring[0]![1]) / 4,
      ]);
      const wkb = polygonWkb(ring, hole.reverse());
      const found = measureShape(readShape(wkb));
      if (!found) continue; // of the largest, some near poles
      const [row] = await db.query<{ shell: number; both: number; outline: number }>(
        `SELECT ST_Area(ST_MakePolygon(ST_ExteriorRing(g))::geography) AS shell, ST_Area(g::geography) AS both,
                ST_Perimeter(g::geography) AS outline FROM ST_GeomFromWKB($1::bytea, 4326) AS g`,
        [wkb],
      );
      const [shell, hollow] = found.ringAreasM2;
      expect(Math.abs(shell! - row!.shell), `seed ${seed}`).toBeLessThan(RELATIVE * row!.shell + POSTGIS_M2);
      expect(Math.abs(shell! + hollow! - row!.both), `seed ${seed}`).toBeLessThan(
        RELATIVE * row!.both + 2 * POSTGIS_M2,
      );
      expect(Math.abs(found.lengthM / row!.outline - 1), `seed ${seed}`).toBeLessThan(radius < 10 ? 1e-8 : RELATIVE);
    }
  });

  test('an area of some hundred kilometres', async () => {
    const corners = [[7, 61], [11, 60.5], [12, 63], [8, 63.2]] as const; // biome-ignore format: a ring
    const ring = corners.flatMap(([x0, y0], i): Ring => {
      const [x1, y1] = corners[(i + 1) % 4]!;
      return Array.from({ length: 100 }, (_, k) => [x0 + ((x1 - x0) * k) / 100, y0 + ((y1 - y0) * k) / 100]);
    });
    const wkb = polygonWkb(ring);
    const [row] = await db.query<{ area: number; outline: number }>(
      'SELECT ST_Area(g) AS area, ST_Perimeter(g) AS outline FROM (SELECT ST_GeomFromWKB($1::bytea, 4326)::geography) AS t (g)',
      [wkb],
    );
    const { ringAreasM2, lengthM } = measureShape(readShape(wkb))!;
    expect(Math.abs(ringAreasM2[0]! / row!.area - 1)).toBeLessThan(RELATIVE);
    expect(Math.abs(lengthM / row!.outline - 1)).toBeLessThan(RELATIVE);
  });

  test('ways', async () => {
    const random = seeded(4);
    for (let i = 0; i < 20; i++) {
      const [lon, lat] = [random() * 340 - 170, random() * 140 - 70];
      const points = Float64Array.from({ length: 40 }, (_, k) => (k % 2 === 0 ? lon : lat) + random() * 2e-3);
      const wkb = lineToWkb(points, [0, 1, 0, 0, 0, 1]);
      const [row] = await db.query<{ length: number }>(
        'SELECT ST_Length(ST_GeomFromWKB($1::bytea, 4326)::geography) AS length',
        [wkb],
      );
      const { lengthM, ringAreasM2 } = measureShape(readShape(wkb))!;
      expect(lengthM / row!.length - 1).toBeLessThan(RELATIVE);
      expect(ringAreasM2).toEqual([]);
    }
  });
});

test('small areas are exact where PostGIS is not: triangles sum to the star that they make', () => {
  for (let seed = 0; seed < 50; seed++) {
    const ring = star(seed, 3);
    const areaOf = (corners: Ring) => measureShape(readShape(polygonWkb(corners)))!.ringAreasM2[0]!;
    const fan = ring.slice(2).map((point, i) => areaOf([ring[0]!, ring[i + 1]!, point]));
    const whole = areaOf(ring);
    expect(Math.abs(fan.reduce((sum, area) => sum + area, 0) / whole - 1), `seed ${seed}`).toBeLessThan(RELATIVE);
  }
});

test('long edges are left to others', () => {
  expect(measureShape(readShape(polygonWkb([[0, 0], [0.2, 0], [0, 0.2]])))).toBeNull(); // biome-ignore format: a ring
  expect(measureShape(readShape(polygonWkb([[0, 0], [Number.NaN, 0], [0, 0.001]])))).toBeNull(); // biome-ignore format: a ring
});
