import { expect, test } from 'vitest';
import { areaOf, drawnLine, legBetween, lengthOf } from './geodesic.ts';

test('distances, bearings and areas are those of the ellipsoid', () => {
  // JFK to LHR by GeographicLib's GeodSolve: 51.19888285 107.82177735 5551759.400.
  const leg = legBetween([-73.8, 40.6], [-0.5, 51.6]);
  expect([leg.metres, leg.bearing]).toEqual([expect.closeTo(5_551_759.4, 2), expect.closeTo(51.19888285, 7)]);
  expect(legBetween([10, 50], [10, 49]).bearing).toBe(180);
  // A degree of longitude on the equator, of latitude at the pole.
  expect(
    lengthOf([
      [0, 0],
      [1, 0],
      [2, 0],
    ]),
  ).toBeCloseTo(2 * 111_319.491, 2);
  expect(
    lengthOf([
      [0, 89],
      [0, 90],
    ]),
  ).toBeCloseTo(111_693.9, 0);
  // The octant: an eighth of the ellipsoid's 510 065 621.7 km².
  expect(
    areaOf([
      [0, 0],
      [90, 0],
      [0, 90],
    ]).m2 / 1e6,
  ).toBeCloseTo(510_065_621.724 / 8, 0);
  expect(
    areaOf([
      [0, 0],
      [0, 90],
      [90, 0],
    ]).m2,
  ).toBe(
    areaOf([
      [0, 0],
      [90, 0],
      [0, 90],
    ]).m2,
  );
});

test('lines bend with the earth, and run on over the antimeridian', () => {
  expect(drawnLine([])).toEqual([]);
  expect(
    drawnLine([
      [15.4, 48.39],
      [15.41, 48.4],
    ]),
  ).toHaveLength(2);
  const long = drawnLine([
    [-73.8, 40.6],
    [-0.5, 51.5],
  ]);
  expect(Math.max(...long.map(([, lat]) => lat))).toBeGreaterThan(51.6);
  const over = drawnLine([
    [170, 60],
    [-170, 60],
  ]);
  for (const [i, [lon]] of over.slice(1).entries()) expect(Math.abs(lon - over[i]![0])).toBeLessThan(5);
  expect(over.at(-1)![0]).toBeCloseTo(190);
});
