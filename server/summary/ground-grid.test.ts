/** Shares within a circle against areas in closed form, anywhere between the poles and across the antimeridian. */
import { expect, test } from 'vitest';
import { groundGrid } from './ground-grid.ts';

const METRES_PER_DEGREE = 111_195;
const ring = (west: number, south: number, east: number, north: number) =>
  Float64Array.of(west, south, east, south, east, north, west, north, west, south);

test.each([
  ['the equator', 10, 0],
  ['70° north', 20, 70],
  ['the south', -70, -45],
  ['the antimeridian', 180, -17],
])('at %s', (_, lon, lat) => {
  const half = { y: 2000 / METRES_PER_DEGREE, x: 2000 / METRES_PER_DEGREE / Math.cos((lat * Math.PI) / 180) };
  const turned = (each: number) => (each >= 180 ? each - 360 : each);
  const grid = groundGrid([lon - half.x, lat - half.y, turned(lon + half.x), lat + half.y]);
  // Green in the west, water in the east, cut where longitudes jump; nothing in the south.
  grid.add([ring(lon - half.x, lat, lon, lat + half.y)], 'green');
  grid.add([ring(turned(lon), lat, turned(lon + half.x), lat + half.y)], 'water');
  const middle = grid.within(turned(lon), lat, 300)!;
  expect(middle.green).toBeCloseTo(0.5, 1);
  expect(middle.known).toBeCloseTo(0.5, 1);
  expect(middle.green + middle.water).toBeCloseTo(1, 12);
  expect(grid.within(turned(lon - half.x / 2), lat + half.y / 2, 300)).toEqual({ green: 1, water: 0, known: 1 });
  expect(grid.within(turned(lon), lat - half.y / 2, 300)).toBeNull();
  // A segment of a circle, 150 m from its middle: π/3 − √3/4 of r², of πr².
  const aside = grid.within(turned(lon + half.x * (150 / 2000)), lat + half.y / 2, 300)!;
  expect(Math.abs(aside.green - (1 / 3 - Math.sqrt(3) / (4 * Math.PI)))).toBeLessThan(0.01);
});

test('holes are left out', () => {
  const side = 1000 / METRES_PER_DEGREE;
  const grid = groundGrid([-side, -side, side, side]);
  grid.add([ring(-side, -side, side, side), ring(-side / 2, -side / 2, side / 2, side / 2)], 'other');
  grid.add([ring(-side / 2, -side / 2, side / 2, side / 2)], 'green');
  expect(grid.within(0, 0, 300)).toEqual({ green: 1, water: 0, known: 1 });
  expect(grid.within(0, 0, 900)!.green).toBeCloseTo(1e6 / (Math.PI * 810_000), 2);
});
