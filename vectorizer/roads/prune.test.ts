import { expect, test } from 'vitest';
import { addLine, addNode, type Line, type LineGraph, lines, type Rows } from './line-graph.ts';
import { pruneDoubles } from './prune.ts';

const ALL: Rows = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Three lines from (0, 0) to (40, 0), half as wide as 4: one straight, two that bend aside in the middle. */
function sketchWith(...aside: number[]): LineGraph {
  const sketch: LineGraph = { x: [], y: [], radius: [], at: [] };
  const [from, to] = [addNode(sketch, 0, 0, 4), addNode(sketch, 40, 0, 4)];
  for (const far of aside) {
    const line: Line = { from, to, x: [], y: [], radius: [] };
    for (let x = 0; x <= 40; x++) {
      line.x.push(x);
      line.y.push(far * Math.sin((x / 40) * Math.PI));
      line.radius.push(4);
    }
    addLine(sketch, line);
  }
  return sketch;
}

test("of two lines in each other's surface the shorter one stays, lines apart both do", () => {
  const sketch = sketchWith(3, 0, 12);
  expect(pruneDoubles(sketch, 1, 100, ALL)).toBe(1);
  expect(Array.from(lines(sketch), ({ y }) => Math.round(y[20]))).toEqual([0, 12]);
});

test('of two lines of the same points one stays', () => {
  const sketch = sketchWith(0, 0);
  expect(pruneDoubles(sketch, 1, 100, ALL)).toBe(1);
  expect(lines(sketch).size).toBe(1);
});
