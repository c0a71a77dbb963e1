/** Streets go on straight through crossings. */
import { expect, test } from 'vitest';
import { streetLengths, streetsOf } from './strokes.ts';

const edge = (from: number, to: number, ...points: number[]) => {
  let lengthMetres = 0;
  for (let i = 2; i < points.length; i += 2) {
    lengthMetres += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
  }
  return { from, to, points: Float64Array.from(points), lengthMetres };
};

const lengthsOf = (edges: ReturnType<typeof edge>[]) => streetLengths(edges, streetsOf(edges, 1, new Set()));

test('two streets that cross are two, and a side street is its own', () => {
  //        2            a street from 1 to 3 through 0, one from 2 to 4 through 0, and a side street 3–5
  //    1   0   3
  //        4   5
  const edges = [
    edge(1, 0, -100, 0, 0, 0),
    edge(0, 3, 0, 0, 100, 5),
    edge(2, 0, 0, -80, 0, 0),
    edge(0, 4, 0, 0, 2, 80),
    edge(3, 5, 100, 5, 100, 45),
  ];
  const lengths = [...lengthsOf(edges)].map(Math.round);
  expect(lengths).toEqual([200, 200, 160, 160, 40]);
});

test('at a fork the straighter branch goes on', () => {
  const edges = [edge(0, 1, 0, 0, 100, 0), edge(1, 2, 100, 0, 190, 40), edge(1, 3, 100, 0, 200, -10)];
  const [stem, bent, straight] = lengthsOf(edges);
  expect(stem).toBe(straight);
  expect(bent).toBeCloseTo(Math.hypot(90, 40), 9);
});

test('a ring and a network without edges have lengths too', () => {
  expect([...lengthsOf([edge(0, 0, 0, 0, 10, 0, 10, 10, 0, 10, 0, 0)])]).toEqual([40]);
  expect([...lengthsOf([])]).toEqual([]);
});
