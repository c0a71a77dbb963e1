/**
 * Which vertices of an arc to keep: among all choices whose connecting lines pass within a tolerance of every vertex
 * between them, the one with the fewest pieces, then the least squared distance (Imai and Iri 1988, with the cone of
 * directions that are still possible as the limit of the search). Unlike Douglas and Peucker's halving this leaves no
 * needless pairs of vertices on slanted edges, and does not depend on where a first cut happened to fall.
 */
import type { Border, Scratch } from './arc-border.ts';
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
 * Fills scratch.drawnX and drawnY: each vertex drawn in by a quarter pixel from both sides, towards the line that the steps
 * stand for. Ends of arcs stay where they are.
 */
function drawIn({ xy, first, count, isLoop }: Border, { drawnX, drawnY }: Scratch): void {
  const last = count - 1;
  let at = 2 * first;
  for (let i = 0; i <= last; i++, at += 2) {
    const x = xy[at];
    const y = xy[at + 1];
    const before = i === 0 ? 2 * (first + last - 1) : at - 2;
    const after = i === last ? 2 * (first + 1) : at + 2;
    if (!isLoop && (i === 0 || i === last)) {
      drawnX[i] = x;
      drawnY[i] = y;
      continue;
    }
    drawnX[i] = x + (Math.sign(xy[before] - x) + Math.sign(xy[after] - x)) / 4;
    drawnY[i] = y + (Math.sign(xy[before + 1] - y) + Math.sign(xy[after + 1] - y)) / 4;
  }
}

/** Fills scratch.previous: the breakpoint before each vertex on the best way from vertex 0. */
function search(border: Border, fit: LineFit, tolerance: number, scratch: Scratch): void {
  const { count } = border;
  const limit = tolerance * tolerance;
  const { drawnX, drawnY, pieces, residues, previous, waiting } = scratch;
  drawIn(border, scratch);
  pieces.fill(count, 0, count);
  pieces[0] = 0;
  residues[0] = 0;
  // How many of the vertices that come are at the end of so many pieces, and of how many the one with most.
  waiting.fill(0, 0, count + 1);
  waiting[count] = count - 1;
  let most = count;
  for (let i = 0; i < count - 1; i++) {
    if (i > 0) waiting[pieces[i]]--;
    while (waiting[most] === 0) most--;
    const total = pieces[i] + 1;
    if (total > most) continue; // nothing that comes is reached by more pieces
    const originX = drawnX[i];
    const originY = drawnY[i];
    const end = Math.min(count - 1, i + LONGEST_PIECE);
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
      if (squared >= farthest) {
        farthest = squared;
        // A vertex nearer than one before it would leave that one beyond the piece's end.
        // Nor is one looked at that is reached by as few pieces that fit better than the way to here alone.
        if (squared > 0 && (total < pieces[j] || (total === pieces[j] && residues[i] < residues[j]))) {
          if (!bounded || (lowX * dy - lowY * dx >= 0 && dx * highY - dy * highX >= 0)) {
            const sum = residues[i] + residue(fit, i, j);
            if (total < pieces[j] || sum < residues[j] - 1e-9) {
              waiting[pieces[j]]--;
              waiting[total]++;
              pieces[j] = total;
              residues[j] = sum;
              previous[j] = i;
            }
          }
        }
      }
      if (squared <= limit) continue;
      const along = Math.sqrt(squared - limit);
      const newLowX = dx * along + dy * tolerance;
      const newLowY = dy * along - dx * tolerance;
      const newHighX = dx * along - dy * tolerance;
      const newHighY = dy * along + dx * tolerance;
      if (!bounded) {
        lowX = newLowX;
        lowY = newLowY;
        highX = newHighX;
        highY = newHighY;
        bounded = true;
        continue;
      }
      if (lowX * newLowY - lowY * newLowX > 0) {
        lowX = newLowX;
        lowY = newLowY;
      }
      if (newHighX * highY - newHighY * highX > 0) {
        highX = newHighX;
        highY = newHighY;
      }
      if (lowX * highY - lowY * highX < 0) break;
    }
  }
}
