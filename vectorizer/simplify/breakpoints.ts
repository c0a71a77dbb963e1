/**
 * Which vertices of an arc to keep: among all choices whose connecting lines pass within a tolerance of every vertex
 * between them, the one with the fewest pieces, then the least squared distance (Imai and Iri 1988, with the cone of
 * directions that are still possible as the limit of the search). Unlike Douglas and Peucker's halving this leaves no
 * needless pairs of vertices on slanted edges, and does not depend on where a first cut happened to fall.
 */
import type { Border, Point, Scratch } from './arc-border.ts';
import { type LineFit, residue } from './fit-lines.ts';

/** How many vertices one piece may replace: bounds the time for very long straight borders. */
const LONGEST_PIECE = 512;

/** Returns the vertices to keep, counted from the arc's first, which is kept like its last. Tolerance in pixels. */
export function chooseBreakpoints(border: Border, fit: LineFit, tolerance: number, scratch: Scratch): number[] {
  search(border, fit, tolerance, scratch);
  const { previous } = scratch;
  const last = border.count - 1;
  const breaks = [last];
  for (let i = last; i > 0; i = previous[i]) breaks.push(previous[i]);
  return breaks.reverse();
}

/**
 * The corner of a step drawn in by a quarter pixel from both sides, towards the line that the steps stand for. Ends of
 * arcs stay where they are.
 */
export function drawnIn({ xy, first, count, isLoop }: Border, i: number): Point {
  const at = 2 * (first + i);
  const isEnd = i === 0 || i === count - 1;
  if (isEnd && !isLoop) return { x: xy[at], y: xy[at + 1] };
  const before = isEnd ? 2 * (first + count - 2) : at - 2;
  const after = isEnd ? 2 * (first + 1) : at + 2;
  return {
    x: xy[at] + (Math.sign(xy[before] - xy[at]) + Math.sign(xy[after] - xy[at])) / 4,
    y: xy[at + 1] + (Math.sign(xy[before + 1] - xy[at + 1]) + Math.sign(xy[after + 1] - xy[at + 1])) / 4,
  };
}

/** Fills scratch.previous: the breakpoint before each vertex on the best way from vertex 0. */
function search(border: Border, fit: LineFit, tolerance: number, scratch: Scratch): void {
  const { count } = border;
  const limit = tolerance * tolerance;
  const { drawnX, drawnY, pieces, residues, previous } = scratch;
  for (let i = 0; i < count; i++) {
    const { x, y } = drawnIn(border, i);
    drawnX[i] = x;
    drawnY[i] = y;
  }
  pieces.fill(count, 0, count);
  pieces[0] = 0;
  residues[0] = 0;
  for (let i = 0; i < count - 1; i++) {
    const originX = drawnX[i];
    const originY = drawnY[i];
    const end = Math.min(count - 1, i + LONGEST_PIECE);
    const total = pieces[i] + 1;
    let farthest = 0;
    // The directions that are still possible lie clockwise (y is down) from low to high.
    let bounded = false;
    let lowX = 0;
    let lowY = 0;
    let highX = 0;
    let highY = 0;
    for (let j = i + 1; j <= end; j++) {
      const dx = drawnX[j] - originX;
      const dy = drawnY[j] - originY;
      const squared = dx * dx + dy * dy;
      // A vertex nearer than one before it would leave that one beyond the piece's end.
      if (squared >= farthest && squared > 0 && total <= pieces[j]) {
        if (!bounded || (lowX * dy - lowY * dx >= 0 && dx * highY - dy * highX >= 0)) {
          const sum = residues[i] + residue(fit, i, j);
          if (total < pieces[j] || sum < residues[j] - 1e-9) {
            pieces[j] = total;
            residues[j] = sum;
            previous[j] = i;
          }
        }
      }
      if (squared > farthest) farthest = squared;
      if (squared <= limit) continue;
      const sine = tolerance / Math.sqrt(squared);
      const cosine = Math.sqrt(1 - sine * sine);
      const newLowX = dx * cosine + dy * sine;
      const newLowY = dy * cosine - dx * sine;
      const newHighX = dx * cosine - dy * sine;
      const newHighY = dy * cosine + dx * sine;
      if (!bounded || lowX * newLowY - lowY * newLowX > 0) {
        lowX = newLowX;
        lowY = newLowY;
      }
      if (!bounded || newHighX * highY - newHighY * highX > 0) {
        highX = newHighX;
        highY = newHighY;
      }
      bounded = true;
      if (lowX * highY - lowY * highX < 0) break;
    }
  }
}
