/**
 * One arc of pixel corners turned into the fewest straight pieces that stay within a tolerance of it, and these pieces
 * then laid through the middle of the steps they replace.
 *
 * Breakpoints: among all choices of vertices whose connecting lines pass within the tolerance of every vertex between
 * them, the one with the fewest pieces, then the least squared distance (Imai and Iri 1988, with the cone of directions
 * that are still possible as the limit of the search). Unlike Douglas and Peucker's halving this leaves no needless
 * pairs of vertices on slanted edges, and does not depend on where a first cut happened to fall.
 *
 * Lines: each piece becomes the least-squares line of the border it replaces, and breakpoints move to where neighbouring
 * lines meet (as Selinger's Potrace does, 2003). So slanted edges have no bias to either side and corners come back.
 */
import type { ArcGraph } from './arc-graph.ts';

/** Simplified positions: vertex i of the graph is used if kept[i], at (x[i], y[i]). Ends of arcs are where they were. */
export interface Simplified {
  kept: Uint8Array;
  x: Float64Array;
  y: Float64Array;
}

/** How many vertices one piece may replace: bounds the time for very long straight borders. */
const LONGEST_PIECE = 512;

/** Positions are rounded to 1/256 pixel, so that tests of crossing are exact for maps up to 131,072 pixels wide. */
const GRID = 256;

/** Scratch memory, as long as the longest arc so far. */
let room = 0;
let pieces: Int32Array;
let residues: Float64Array;
let previous: Int32Array;
/** Integrals along the border from the arc's first vertex on: length, x, y, x², xy, y². */
let sums: Float64Array;

function makeRoom(count: number): void {
  if (count <= room) return;
  room = Math.max(count, 2 * room);
  pieces = new Int32Array(room);
  residues = new Float64Array(room);
  previous = new Int32Array(room);
  sums = new Float64Array(6 * room);
}

export function keepExact(graph: ArcGraph, arc: number, result: Simplified): void {
  for (let i = graph.offsets[arc]; i < graph.offsets[arc + 1]; i++) {
    result.kept[i] = 1;
    result.x[i] = graph.xy[2 * i];
    result.y[i] = graph.xy[2 * i + 1];
  }
}

/** Simplifies one arc. The tolerance is in pixels; without `fit` the vertices stay pixel corners. */
export function simplifyArc(graph: ArcGraph, arc: number, tolerance: number, fit: boolean, result: Simplified): void {
  keepExact(graph, arc, result);
  const first = graph.offsets[arc];
  const count = graph.offsets[arc + 1] - first;
  if (count < 3) return;
  makeRoom(count);
  integrate(graph.xy, first, count);
  const isLoop = graph.from[arc] < 0;
  chooseBreakpoints(graph.xy, first, count, tolerance);
  if (isLoop && pieces[count - 1] < 3) return; // too small to lose a corner
  result.kept.fill(0, first + 1, first + count - 1);
  const breaks = [count - 1];
  for (let i = count - 1; i > 0; i = previous[i]) breaks.push(previous[i]);
  breaks.reverse();
  for (const i of breaks) result.kept[first + i] = 1;
  if (fit && breaks.length > 2) layLines(graph.xy, first, breaks, tolerance, isLoop, result);
}

function integrate(xy: Int32Array, first: number, count: number): void {
  const originX = xy[2 * first];
  const originY = xy[2 * first + 1];
  let [length, sx, sy, sxx, sxy, syy] = [0, 0, 0, 0, 0, 0];
  sums.fill(0, 0, 6);
  for (let i = 1; i < count; i++) {
    const at = 2 * (first + i);
    const dx = xy[at] - xy[at - 2];
    const dy = xy[at + 1] - xy[at - 1];
    const l = Math.abs(dx) + Math.abs(dy);
    const mx = xy[at] - originX - dx / 2;
    const my = xy[at + 1] - originY - dy / 2;
    length += l;
    sx += l * mx;
    sy += l * my;
    sxx += l * (mx * mx + (dx * dx) / 12);
    sxy += l * mx * my; // one of dx and dy is 0
    syy += l * (my * my + (dy * dy) / 12);
    const s = 6 * i;
    sums[s] = length;
    sums[s + 1] = sx;
    sums[s + 2] = sy;
    sums[s + 3] = sxx;
    sums[s + 4] = sxy;
    sums[s + 5] = syy;
  }
}

/** Sum of squared distances of the border between two vertices from its least-squares line. */
function residue(i: number, j: number): number {
  const a = 6 * i;
  const b = 6 * j;
  const length = sums[b] - sums[a];
  const sx = sums[b + 1] - sums[a + 1];
  const sy = sums[b + 2] - sums[a + 2];
  const xx = sums[b + 3] - sums[a + 3] - (sx * sx) / length;
  const xy = sums[b + 4] - sums[a + 4] - (sx * sy) / length;
  const yy = sums[b + 5] - sums[a + 5] - (sy * sy) / length;
  return (xx + yy) / 2 - Math.hypot((xx - yy) / 2, xy);
}

/** Fills previous[]: the breakpoint before each vertex on the best way from vertex 0. */
function chooseBreakpoints(xy: Int32Array, first: number, count: number, tolerance: number): void {
  const limit = tolerance * tolerance;
  pieces.fill(count, 0, count);
  pieces[0] = 0;
  residues[0] = 0;
  for (let i = 0; i < count - 1; i++) {
    const originX = xy[2 * (first + i)];
    const originY = xy[2 * (first + i) + 1];
    const end = Math.min(count - 1, i + LONGEST_PIECE);
    let farthest = 0;
    // Directions between right (clockwise bound, on y down) and left; none excluded before the first far vertex.
    let bounded = false;
    let [lowX, lowY, highX, highY] = [0, 0, 0, 0];
    for (let j = i + 1; j <= end; j++) {
      const dx = xy[2 * (first + j)] - originX;
      const dy = xy[2 * (first + j) + 1] - originY;
      const squared = dx * dx + dy * dy;
      const inCone = !bounded || (lowX * dy - lowY * dx >= 0 && dx * highY - dy * highX >= 0);
      if (inCone && squared >= farthest && squared > 0) {
        const total = pieces[i] + 1;
        if (total <= pieces[j]) {
          const sum = residues[i] + residue(i, j);
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
      if (!bounded) {
        [lowX, lowY, highX, highY] = [newLowX, newLowY, newHighX, newHighY];
        bounded = true;
        continue;
      }
      if (lowX * newLowY - lowY * newLowX > 0) [lowX, lowY] = [newLowX, newLowY];
      if (newHighX * highY - newHighY * highX > 0) [highX, highY] = [newHighX, newHighY];
      if (lowX * highY - lowY * highX < 0) break;
    }
  }
}

interface Line {
  x: number;
  y: number;
  directionX: number;
  directionY: number;
}

/** Least-squares line of the border between two vertices; through (x, y) if given. Frame: the arc's first vertex. */
function fitLine(i: number, j: number, through: { x: number; y: number } | null): Line {
  const a = 6 * i;
  const b = 6 * j;
  const length = sums[b] - sums[a];
  const sx = sums[b + 1] - sums[a + 1];
  const sy = sums[b + 2] - sums[a + 2];
  const { x, y } = through ?? { x: sx / length, y: sy / length };
  const xx = sums[b + 3] - sums[a + 3] - 2 * x * sx + x * x * length;
  const xy = sums[b + 4] - sums[a + 4] - x * sy - y * sx + x * y * length;
  const yy = sums[b + 5] - sums[a + 5] - 2 * y * sy + y * y * length;
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  return { x, y, directionX: Math.cos(angle), directionY: Math.sin(angle) };
}

/** Moves the breakpoints to where the lines of their pieces meet, as far as the tolerance allows. */
function layLines(
  xy: Int32Array,
  first: number,
  breaks: readonly number[],
  tolerance: number,
  isLoop: boolean,
  result: Simplified,
): void {
  const last = breaks.length - 1;
  const originX = xy[2 * first];
  const originY = xy[2 * first + 1];
  const vertex = (i: number) => ({ x: xy[2 * (first + i)] - originX, y: xy[2 * (first + i) + 1] - originY });
  const lines: Line[] = [];
  for (let piece = 0; piece < last; piece++) {
    const held = isLoop ? null : piece === 0 ? vertex(0) : piece === last - 1 ? vertex(breaks[last]) : null;
    lines.push(fitLine(breaks[piece], breaks[piece + 1], held));
  }
  const moved = new Uint8Array(breaks.length);
  for (let i = isLoop ? 0 : 1; i < last; i++) {
    const from = vertex(breaks[i]);
    const to = meet(lines[i === 0 ? last - 1 : i - 1], lines[i], from, tolerance);
    if (!to) continue;
    moved[i] = 1;
    place(breaks[i], originX + to.x, originY + to.y);
    if (i === 0) {
      moved[last] = 1;
      place(breaks[last], originX + to.x, originY + to.y);
    }
  }
  // Between unmoved breakpoints the tolerance holds by their choice; where a move broke it, it is taken back.
  for (let clean = false; !clean; ) {
    clean = true;
    for (let piece = 0; piece < last; piece++) {
      if (!moved[piece] && !moved[piece + 1]) continue;
      if (withinTolerance(xy, first + breaks[piece], first + breaks[piece + 1], tolerance, result)) continue;
      clean = false;
      restore(piece);
      restore(piece + 1);
      if (isLoop && piece === 0) restore(last);
      if (isLoop && piece === last - 1) restore(0);
    }
  }

  function place(i: number, x: number, y: number): void {
    result.x[first + i] = x;
    result.y[first + i] = y;
  }
  function restore(i: number): void {
    moved[i] = 0;
    place(breaks[i], xy[2 * (first + breaks[i])], xy[2 * (first + breaks[i]) + 1]);
  }
}

/** Where two lines meet, or between them where they hardly do; null if that is farther than `reach` from the point. */
function meet(a: Line, b: Line, from: { x: number; y: number }, reach: number): { x: number; y: number } | null {
  const sine = a.directionX * b.directionY - a.directionY * b.directionX;
  const along = ((b.x - a.x) * b.directionY - (b.y - a.y) * b.directionX) / sine;
  const crossing = { x: a.x + along * a.directionX, y: a.y + along * a.directionY };
  const footA = foot(a, from);
  const footB = foot(b, from);
  for (const to of [crossing, { x: (footA.x + footB.x) / 2, y: (footA.y + footB.y) / 2 }]) {
    const x = Math.round(to.x * GRID) / GRID;
    const y = Math.round(to.y * GRID) / GRID;
    if ((x - from.x) ** 2 + (y - from.y) ** 2 <= reach * reach) return { x, y };
  }
  return null;
}

function foot(line: Line, point: { x: number; y: number }): { x: number; y: number } {
  const along = (point.x - line.x) * line.directionX + (point.y - line.y) * line.directionY;
  return { x: line.x + along * line.directionX, y: line.y + along * line.directionY };
}

/** Whether all vertices between two are within the tolerance of the piece between their simplified positions. */
function withinTolerance(xy: Int32Array, i: number, j: number, tolerance: number, result: Simplified): boolean {
  const ax = result.x[i];
  const ay = result.y[i];
  const bx = result.x[j] - ax;
  const by = result.y[j] - ay;
  const squared = bx * bx + by * by;
  const limit = tolerance * tolerance + 1e-9;
  for (let vertex = i; vertex <= j; vertex++) {
    const px = xy[2 * vertex] - ax;
    const py = xy[2 * vertex + 1] - ay;
    const share = Math.max(0, Math.min(1, (px * bx + py * by) / squared));
    if ((px - share * bx) ** 2 + (py - share * by) ** 2 > limit) return false;
  }
  return true;
}
