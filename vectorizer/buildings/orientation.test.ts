import { expect, test } from 'vitest';
import { randomNumbers } from '../../test/support/generated/generated-maps.ts';
import { gridOrientation } from './orientation.ts';

const UP: [number, number, number, number, number, number] = [5e5, 0.5, 0, 5e6, 0, -0.5];
const SQUARE = { x: 0.5, y: 0.5 };
/** Of directions that are the same at 90°. */
const apart = (a: number, b: number): number => Math.abs(((((a - b + 45) % 90) + 90) % 90) - 45);

test('parallel walls have one direction, below 90°', () => {
  for (const degrees of [0, 90, 180, -90, 89.96, 89.99999, 0.04, -0.04, 1e-12, 90 - 1e-12]) {
    expect(gridOrientation(degrees, UP, SQUARE), String(degrees)).toBe(0);
  }
  expect([12.34, 102.34, -77.66].map((degrees) => gridOrientation(degrees, UP, SQUARE))).toEqual([12.3, 12.3, 12.3]);
});

test('however the image lies on its grid, the direction is that of the wall on the ground', () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = randomNumbers(seed);
    const turn = 2 * Math.PI * random();
    // Metres of a unit, which of degrees are fewer to the east; of a grid turned by 45° they cannot be told apart.
    const [unitX, unitY] = apart((turn * 180) / Math.PI, 45) > 6 && seed % 2 ? [0.5 + random(), 1] : [1, 1];
    const [x, y] = [0.3 + random(), (seed % 3 ? 1 : -1) * (0.3 + random())];
    const g: [number, number, number, number, number, number] = [
      7,
      (x * Math.cos(turn)) / unitX,
      (y * Math.sin(turn)) / unitX,
      9,
      (-x * Math.sin(turn)) / unitY,
      (y * Math.cos(turn)) / unitY,
    ];
    const degrees = 360 * random();
    const [dx, dy] = [Math.sin((degrees * Math.PI) / 180) / x, -Math.cos((degrees * Math.PI) / 180) / Math.abs(y)];
    const east = (g[1] * dx + g[2] * dy) * unitX;
    const north = (g[4] * dx + g[5] * dy) * unitY;
    const truth = (Math.atan2(east, north) * 180) / Math.PI;
    const found = gridOrientation(degrees, g, { x, y: Math.abs(y) });
    expect(found >= 0 && found < 90, `seed ${seed}: ${found}`).toBe(true);
    expect(apart(found, truth), `seed ${seed}: ${found}, ${truth}`).toBeLessThan(0.0501);
    expect(apart(gridOrientation(degrees + 90, g, { x, y: Math.abs(y) }), truth)).toBeLessThan(0.0501);
  }
});
