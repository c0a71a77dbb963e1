/** One arc's exact border and the simplified one that is drawn of it, and distances between points and pieces. */

import type { ArcGraph } from '../trace/arc-graph.ts';

/** Vertices first .. first + count - 1 of a graph, whose coordinates are interleaved in xy. */
export interface Border {
  xy: Int32Array;
  first: number;
  count: number;
  /** Whether the last vertex is the first one. */
  isLoop: boolean;
}

/** Simplified positions: vertex i of the graph is used if kept[i], at (x[i], y[i]). Ends of arcs are where they were. */
export interface Simplified {
  kept: Uint8Array;
  x: Float64Array;
  y: Float64Array;
}

/** Memory for work on one arc at a time, with room for the longest one of a graph. */
export interface Scratch {
  /** Six a vertex. */
  sums: Float64Array;
  drawnX: Float64Array;
  drawnY: Float64Array;
  pieces: Int32Array;
  residues: Float64Array;
  previous: Int32Array;
  /** One more than vertices. */
  waiting: Int32Array;
}

export function createScratch({ count, offsets }: ArcGraph): Scratch {
  let longest = 0;
  for (let arc = 0; arc < count; arc++) longest = Math.max(longest, offsets[arc + 1] - offsets[arc]);
  return {
    sums: new Float64Array(6 * longest),
    drawnX: new Float64Array(longest),
    drawnY: new Float64Array(longest),
    pieces: new Int32Array(longest),
    residues: new Float64Array(longest),
    previous: new Int32Array(longest),
    waiting: new Int32Array(longest + 1),
  };
}

export interface Point {
  x: number;
  y: number;
}

/** Allowance for rounding in squared distances, in square pixels. */
const ROUNDING = 1e-9;

/** The corner at vertex i, counted from the border's first. */
export function cornerAt({ xy, first }: Border, i: number): Point {
  return { x: xy[2 * (first + i)], y: xy[2 * (first + i) + 1] };
}

/** Moves vertex i; both ends of a loop are one vertex. */
export function placeAt(
  { first, count, isLoop }: Border,
  { x, y }: Simplified,
  i: number,
  toX: number,
  toY: number,
): void {
  x[first + i] = toX;
  y[first + i] = toY;
  if (!isLoop || (i !== 0 && i !== count - 1)) return;
  x[first + count - 1 - i] = toX;
  y[first + count - 1 - i] = toY;
}

/** Squared distance of a place from the straight piece from a to b. */
export function squaredDistance(x: number, y: number, ax: number, ay: number, bx: number, by: number): number {
  const dx = bx - ax;
  const dy = by - ay;
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.max(0, Math.min(1, along));
  return (x - ax - share * dx) ** 2 + (y - ay - share * dy) ** 2;
}

/**
 * Of the vertices from i to j, which the piece between their positions stands for, the one that is farthest from it; -1
 * if all are within the tolerance of it or of a piece beside it, whose other ends are the vertices `before` and `after` (-1
 * where there is none).
 */
export function farthestBeyond(
  { xy, first }: Border,
  { x, y }: Simplified,
  i: number,
  j: number,
  before: number,
  after: number,
  tolerance: number,
): number {
  const fromX = x[first + i];
  const fromY = y[first + i];
  const toX = x[first + j];
  const toY = y[first + j];
  const bx = toX - fromX;
  const by = toY - fromY;
  const scale = 1 / (bx * bx + by * by || 1);
  const limit = tolerance * tolerance + ROUNDING;
  let largest = limit;
  let farthest = -1;
  for (let vertex = i; vertex <= j; vertex++) {
    const cornerX = xy[2 * (first + vertex)];
    const cornerY = xy[2 * (first + vertex) + 1];
    const px = cornerX - fromX;
    const py = cornerY - fromY;
    const share = Math.max(0, Math.min(1, (px * bx + py * by) * scale));
    const squared = (px - share * bx) ** 2 + (py - share * by) ** 2;
    if (squared <= largest) continue;
    if (before >= 0 && squaredDistance(cornerX, cornerY, x[first + before], y[first + before], fromX, fromY) <= limit) {
      continue;
    }
    if (after >= 0 && squaredDistance(cornerX, cornerY, toX, toY, x[first + after], y[first + after]) <= limit)
      continue;
    largest = squared;
    farthest = vertex;
  }
  return farthest;
}
