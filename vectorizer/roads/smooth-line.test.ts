import { expect, test } from 'vitest';
import { drawLine, measureLine } from './smooth-line.ts';

test.each([
  ['shorter than the distance of points', 0.4],
  ['that lies within the tolerance', 1],
  ['of a usual size', 40],
])('a ring %s is a line of some length that returns', (_, side) => {
  const [x, y] = [[0, side, side, 0, 0].map((at) => 5 + at), [0, 0, side, side, 0].map((at) => 9 + at)];
  const { points, length } = drawLine(
    measureLine({ x, y, radius: x.map(() => 1) }, () => 0.5),
    2,
  );
  expect(length).toBeGreaterThan(0);
  expect(points.length).toBeGreaterThanOrEqual(6);
  expect([...points.slice(0, 2), ...points.slice(-2)]).toEqual([5, 9, 5, 9]);
});
