/**
 * Straight in one coordinate system is not straight in another. Points are put onto long edges, so that what is drawn
 * straight between them in the other system stays where the edge was. An edge gets the same points whichever way it is
 * run through: polygons that share it still do.
 */

import type { Shape } from './shape.ts';

/** Of one edge; a hundred metres of the equator is a part of 400,000. */
const MOST_PARTS = 4096;

/** In how many parts an edge is drawn, the same either way. */
export type PartsOf = (x0: number, y0: number, x1: number, y1: number) => number;

/** A shape with the points that its edges need; itself where they need none. */
export function withPoints(shape: Shape, partsOf: PartsOf): Shape {
  const { kind, xy, ends } = shape;
  const parts = new Int32Array(xy.length / 2);
  let [start, added] = [0, 0];
  for (const end of ends) {
    for (let i = start; i < end - 1; i++) {
      parts[i] = Math.min(MOST_PARTS, partsOf(xy[2 * i], xy[2 * i + 1], xy[2 * i + 2], xy[2 * i + 3]));
      added += parts[i] - 1;
    }
    parts[end - 1] = 1;
    start = end;
  }
  if (added === 0) return shape;
  const drawn = new Float64Array(xy.length + 2 * added);
  const drawnEnds: number[] = [];
  let [point, at] = [0, 0];
  for (const end of ends) {
    for (; point < end; point++) {
      const [x0, y0] = [xy[2 * point], xy[2 * point + 1]];
      drawn[at++] = x0;
      drawn[at++] = y0;
      const count = parts[point];
      for (let part = 1; part < count; part++) {
        const [x1, y1] = [xy[2 * point + 2], xy[2 * point + 3]];
        const backwards = x0 > x1 || (x0 === x1 && y0 > y1);
        drawn[at++] = backwards ? x1 + ((x0 - x1) * (count - part)) / count : x0 + ((x1 - x0) * part) / count;
        drawn[at++] = backwards ? y1 + ((y0 - y1) * (count - part)) / count : y0 + ((y1 - y0) * part) / count;
      }
    }
    drawnEnds.push(at / 2);
  }
  return { kind, xy: drawn, ends: drawnEnds };
}
