import { expect, test } from 'vitest';
import { apls, type Graph } from './apls.ts';

function graph(nodes: [number, number][], edges: [number, number][]): Graph {
  return {
    nodes: nodes.map(([x, y]) => ({ x, y })),
    edges: edges.map(([from, to]) => ({ from, to, points: [...nodes[from], ...nodes[to]] })),
  };
}

const SQUARE: [number, number][] = [
  [0, 0],
  [40, 0],
  [40, 40],
  [0, 40],
];
const AROUND: [number, number][] = [
  [0, 1],
  [1, 2],
  [2, 3],
  [3, 0],
];

test('the same network scores 1, however its edges are cut', () => {
  expect(apls(graph(SQUARE, AROUND), graph(SQUARE, AROUND))).toBe(1);
  const cut = graph([...SQUARE, [20, 0]], [[0, 4], [4, 1], ...AROUND.slice(1)]);
  expect(apls(graph(SQUARE, AROUND), cut)).toBeCloseTo(1, 12);
});

test('an edge missing from a square costs the path over the three others', () => {
  // Truth to proposal: of six pairs the adjacent one goes 120 m instead of 40 m (loss 1), all others are as long.
  // Proposal to truth: of six pairs the one between the loose ends goes 40 m instead of 120 m (loss 2/3).
  const open = graph(SQUARE, AROUND.slice(0, 3));
  const forth = 1 - 1 / 6;
  const back = 1 - 2 / 3 / 6;
  expect(apls(graph(SQUARE, AROUND), open)).toBeCloseTo(2 / (1 / forth + 1 / back), 12);
});

test('the order of the two does not matter', () => {
  const open = graph(SQUARE, AROUND.slice(0, 3));
  expect(apls(open, graph(SQUARE, AROUND))).toBeCloseTo(apls(graph(SQUARE, AROUND), open), 12);
});

test('a broken link costs the paths across it', () => {
  // 0 – 40 – 80 with a gap of 10 m before 40: of the three paths only 40 – 80 is left. The proposal's own four nodes lie
  // on the truth; only its two pairs within a piece have a path, and both are as long in the truth.
  const truth = graph(
    [
      [0, 0],
      [40, 0],
      [80, 0],
    ],
    [
      [0, 1],
      [1, 2],
    ],
  );
  const broken = graph(
    [
      [0, 0],
      [30, 0],
      [40, 0],
      [80, 0],
    ],
    [
      [0, 1],
      [2, 3],
    ],
  );
  expect(apls(truth, broken)).toBeCloseTo(2 / (1 / (1 / 3) + 1), 12);
});

test('control nodes stand every 50 m and count within 4 m', () => {
  const line = (y: number) =>
    graph(
      [
        [0, y],
        [200, y],
      ],
      [[0, 1]],
    );
  expect(apls(line(0), line(3.9))).toBeCloseTo(1, 12);
  expect(apls(line(0), line(4.1))).toBe(0);
  // Half of the line is missing: of the places 0, 50, 100, 150, 200 the first three are found, so 3 of 10 paths.
  const half = graph(
    [
      [0, 0],
      [100, 0],
    ],
    [[0, 1]],
  );
  expect(apls(line(0), half)).toBeCloseTo(2 / (1 / 0.3 + 1), 12);
  expect(apls(line(0), line(0), { unitMetres: 0.5 })).toBe(1);
  expect(apls(line(0), line(7.9), { unitMetres: 0.5 })).toBeCloseTo(1, 12);
});

test('nothing against something is 0', () => {
  expect(apls(graph([], []), graph(SQUARE, AROUND))).toBe(0);
});
