import { expect, test } from 'vitest';
import { knownGround } from './known-ground.ts';

const [WIDTH, HEIGHT, NODATA] = [50, 30, 255];

test('a box is known where every pixel has a class in both maps', () => {
  const before = new Uint8Array(WIDTH * HEIGHT);
  const after = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) after.fill(NODATA, y * WIDTH + 33, (y + 1) * WIDTH);
  before[12 * WIDTH + 5] = NODATA;
  const known = knownGround(WIDTH, HEIGHT, NODATA);
  for (const y of [0, 16]) {
    const rows = [y * WIDTH, Math.min(HEIGHT, y + 16) * WIDTH] as const;
    known.add(y, before.subarray(...rows), after.subarray(...rows));
  }
  expect(known.holds(10, 2, 30, 28)).toBe(true);
  expect(known.holds(10, 2, 34, 28), 'not in the second').toBe(false);
  expect(known.holds(4, 11, 7, 14), 'not in the first').toBe(false);
  expect([known.holds(-1, 2, 8, 6), known.holds(2, 20, 8, 31)], 'beyond the map').toEqual([false, false]);
});
