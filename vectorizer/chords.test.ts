/** Points on long edges: the same for both polygons that share an edge, and none where none are needed. */
import { expect, test } from 'vitest';
import { withPoints } from './chords.ts';
import { lineToWkb, regionToWkb } from './wkb.ts';

const STRAIGHT = [0, 1, 0, 0, 0, 1];

/** Points of the first line or ring. */
function pointsOf(wkb: Uint8Array): [number, number][] {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  const at = view.getUint32(1, true) === 2 ? 5 : 9;
  return Array.from({ length: view.getUint32(at, true) }, (_, i) => [
    view.getFloat64(at + 4 + 16 * i, true),
    view.getFloat64(at + 12 + 16 * i, true),
  ]);
}

const partsOf = (x0: number, y0: number, x1: number, y1: number) => Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 10);

test('an edge has the same points whichever way it is run through', () => {
  const ends = [0.1, 0.7, 97.3, 31.9];
  const there = pointsOf(withPoints(lineToWkb(Float64Array.from(ends), STRAIGHT), partsOf));
  const [x0, y0, x1, y1] = ends;
  const back = pointsOf(withPoints(lineToWkb(Float64Array.of(x1!, y1!, x0!, y0!), STRAIGHT), partsOf));
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
  const drawn = withPoints(wkb, partsOf);
  expect(pointsOf(drawn)).toHaveLength(5 + 2 * 3);
  for (const point of pointsOf(wkb)) expect(pointsOf(drawn)).toContainEqual(point);
  const view = new DataView(drawn.buffer);
  expect([view.getUint32(5, true), view.getUint32(9 + 4 + 16 * 11, true)]).toEqual([2, 4]);
  expect(drawn.length).toBe(9 + 8 + 16 * (11 + 4));
  expect(withPoints(wkb, () => 1)).toBe(wkb);
});
