/** Points on long edges: the same for both polygons that share an edge, and none where none are needed. */
import { expect, test } from 'vitest';
import { withPoints } from './chords.ts';
import { readShape, type Shape, writeShape } from './shape.ts';
import { lineToWkb, regionToWkb } from './wkb.ts';

const STRAIGHT = [0, 1, 0, 0, 0, 1];

/** Points of the first line or ring. */
const pointsOf = ({ xy, ends }: Shape): [number, number][] =>
  Array.from({ length: ends[0]! }, (_, i) => [xy[2 * i]!, xy[2 * i + 1]!]);

const partsOf = (x0: number, y0: number, x1: number, y1: number) => Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 10);

test('an edge has the same points whichever way it is run through', () => {
  const ends = [0.1, 0.7, 97.3, 31.9];
  const there = pointsOf(withPoints(readShape(lineToWkb(Float64Array.from(ends), STRAIGHT)), partsOf));
  const [x0, y0, x1, y1] = ends;
  const back = pointsOf(withPoints(readShape(lineToWkb(Float64Array.of(x1!, y1!, x0!, y0!), STRAIGHT)), partsOf));
  expect(there).toHaveLength(12);
  expect(back.reverse()).toEqual(there);
  expect([there[0], there.at(-1)]).toEqual([
    [x0, y0],
    [x1, y1],
  ]);
});

test('a polygon keeps its vertices, its rings and its short edges', () => {
  const shell = Float64Array.of(0, 0, 0, 35, 4, 35, 4, 0, 0, 0);
  const hole = Float64Array.of(1, 1, 3, 1, 3, 3, 1, 1);
  const wkb = regionToWkb({ rings: [shell, hole] }, STRAIGHT);
  const shape = readShape(wkb);
  const drawn = withPoints(shape, partsOf);
  expect(pointsOf(drawn)).toHaveLength(5 + 2 * 3);
  for (const point of pointsOf(shape)) expect(pointsOf(drawn)).toContainEqual(point);
  expect([drawn.ends, drawn.xy.length]).toEqual([[11, 11 + 4], 2 * (11 + 4)]);
  expect(withPoints(shape, () => 1)).toBe(shape);
});

test('shapes are read and written as they are', () => {
  const rings = [Float64Array.of(0, 0, 0, 35, 4, 35, 4, 0, 0, 0), Float64Array.of(1, 1, 3, 1, 3, 3, 1, 1)];
  for (const wkb of [regionToWkb({ rings }, STRAIGHT), lineToWkb(Float64Array.of(1, 2, 3, 4.5), STRAIGHT)]) {
    const shifted = new Uint8Array(wkb.length + 3);
    shifted.set(wkb, 3);
    expect(writeShape(readShape(shifted.subarray(3)))).toEqual(wkb);
  }
});
