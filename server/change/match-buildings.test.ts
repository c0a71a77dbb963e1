import { expect, test } from 'vitest';
import { matchBuildings } from './match-buildings.ts';

const box = (x: number, y: number, width: number, height: number) => ({
  rings: [Float64Array.from([x, y, x, y + height, x + width, y + height, x + width, y, x, y])],
  areaM2: width * height,
});

const told = (before: ReturnType<typeof box>[], after: ReturnType<typeof box>[], error = 1) =>
  matchBuildings(before, after, 1, error).map(({ change, before: a, after: b }) => [change, a, b]);

test('what became of each building', () => {
  const before = [box(0, 0, 10, 10), box(50, 0, 10, 10), box(100, 0, 10, 10), box(150, 0, 20, 10)];
  const after = [box(1, 0.5, 10, 10), box(100, 0, 20, 10), box(150, 0, 10, 10), box(200, 0, 10, 10)];
  expect(told(before, after)).toEqual(
    expect.arrayContaining([
      ['unchanged', 0, 0],
      ['grown', 2, 1],
      ['shrunk', 3, 2],
      ['gone', 1, null],
      ['appeared', null, 3],
    ]),
  );
  expect(told(before, after)).toHaveLength(5);
});

test('a building that the other date draws in two has not changed', () => {
  const [whole, left, right] = [box(0, 0, 40, 10), box(0, 0, 20, 10), box(20, 0, 20, 10)];
  const changes = told([whole], [left, right]);
  expect(changes.map(([change]) => change).filter((change) => change === 'appeared' || change === 'gone')).toEqual([]);
});

test('nothing on one side', () => {
  expect(told([], [box(0, 0, 5, 5)])).toEqual([['appeared', null, 0]]);
  expect(told([box(0, 0, 5, 5)], [])).toEqual([['gone', 0, null]]);
  expect(told([], [])).toEqual([]);
});

test('a building that is no larger than the error is none that has appeared', () => {
  expect(told([], [box(0, 0, 5, 5)], 1.3)).toEqual([['unchanged', null, 0]]);
});
