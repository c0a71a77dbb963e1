import { expect, test } from 'vitest';
import { countObjects, scoreObjects } from './object-scores.ts';

/** As the map is displayed counter-clockwise, y down. */
const square = (x: number, y: number, width: number, height = width): Float64Array[] => [
  Float64Array.of(x, y, x, y + height, x + width, y + height, x + width, y, x, y),
];

test('buildings are found one for one, at two thresholds', () => {
  const truth = [square(0, 0, 10), square(20, 0, 10), square(40, 0, 10), square(60, 0, 10)];
  // The same; 0.6 of one; two halves of one, none of which is more than it; nothing at the fourth; one that is not there.
  const drawn = [square(0, 0, 10), square(20, 0, 10, 6), square(40, 0, 5, 9), square(45, 0, 5, 9), square(90, 0, 10)];
  const counts = countObjects(truth, drawn);
  expect(counts).toEqual({ truth: 4, predicted: 5, found50: 2, found75: 1 });
  expect(scoreObjects(counts)).toEqual({ truth: 4, predicted: 5, f1_50: 4 / 9, f1_75: 2 / 9, count_error: 0.25 });
});

test('a building is not found twice, and one drawn building finds one', () => {
  expect(countObjects([square(0, 0, 10)], [square(0, 0, 10), square(0, 0, 9)])).toMatchObject({ found50: 1 });
  expect(countObjects([square(0, 0, 10), square(10, 0, 8, 10)], [square(0, 0, 18, 10)])).toMatchObject({ found50: 1 });
});

test('a courtyard counts', () => {
  const [shell] = square(0, 0, 10);
  const yard = square(1, 1, 8)[0];
  const hole = Float64Array.from({ length: yard.length }, (_, i) => yard[yard.length - 2 - i + 2 * (i % 2)]);
  expect(countObjects([[shell, hole]], [square(0, 0, 10)]).found50).toBe(0);
  expect(countObjects([[shell, hole]], [[shell, hole]]).found75).toBe(1);
});

test('where there is no building there is no score', () => {
  expect(scoreObjects(countObjects([], [square(0, 0, 10)]))).toBeNull();
  expect(scoreObjects(countObjects([square(0, 0, 4)], []))).toMatchObject({ f1_50: 0, count_error: -1 });
});
