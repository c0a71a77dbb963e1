/**
 * The arc graph of a class map: every border between two regions once, as an arc of pixel corners between two
 * junctions, or as a closed loop where it meets no third region. Everything after the tracer works on this structure.
 *
 * Frame: pixel corners of the model grid, x to the right, y down, integers. "Left" is left of somebody who walks along
 * the arc on the map as it is displayed. Region 0 is what lies outside of the map.
 */

/** Directions in which arcs leave a junction, clockwise. */
export const NORTH = 0;
export const EAST = 1;
export const SOUTH = 2;
export const WEST = 3;

/** The region that surrounds the map. */
export const OUTSIDE = 0;

export interface ArcGraph {
  count: number;
  /** Arc i has the vertices offsets[i] .. offsets[i + 1] - 1; loops repeat their first vertex at the end. */
  offsets: Int32Array;
  /** x and y of all vertices, interleaved. */
  xy: Int32Array;
  /** Regions on both sides of each arc. */
  left: Int32Array;
  right: Int32Array;
  /** Where each arc begins and ends: 4 * junction + direction in which it leaves that junction; -1 for loops. */
  from: Int32Array;
  to: Int32Array;
  junctions: number;
  /**
   * The half-arcs that leave junction n: leaving[4 * n + direction], or -1. Half-arc 2 * i walks arc i as stored,
   * 2 * i + 1 walks it backwards.
   */
  leaving: Int32Array;
}

type Growable = Int32Array | Float64Array | Uint8Array | Uint16Array;

/** The same array with room for at least `needed` elements; the old one must not be used any more. */
export function withRoom<T extends Growable>(array: T, needed: number): T {
  if (needed <= array.length) return array;
  const length = Math.max(needed, array.length * 2);
  const Kind = array.constructor as new (buffer: ArrayBuffer) => T;
  return new Kind((array.buffer as ArrayBuffer).transfer(length * array.BYTES_PER_ELEMENT));
}

export function emptyArcGraph(): ArcGraph {
  return {
    count: 0,
    offsets: new Int32Array(65),
    xy: new Int32Array(256),
    left: new Int32Array(64),
    right: new Int32Array(64),
    from: new Int32Array(64),
    to: new Int32Array(64),
    junctions: 0,
    leaving: new Int32Array(64),
  };
}

/** Adds a junction without arcs and returns its number. */
export function addJunction(graph: ArcGraph): number {
  const junction = graph.junctions++;
  graph.leaving = withRoom(graph.leaving, 4 * graph.junctions);
  graph.leaving.fill(-1, 4 * junction, 4 * junction + 4);
  return junction;
}

/** Adds an arc whose vertices were already written to graph.xy behind the last arc's, up to vertex number `end`. */
export function addArc(graph: ArcGraph, end: number, left: number, right: number, from: number, to: number): void {
  const arc = graph.count++;
  if (graph.count > graph.left.length) {
    graph.offsets = withRoom(graph.offsets, 2 * graph.count + 1);
    graph.left = withRoom(graph.left, 2 * graph.count);
    graph.right = withRoom(graph.right, 2 * graph.count);
    graph.from = withRoom(graph.from, 2 * graph.count);
    graph.to = withRoom(graph.to, 2 * graph.count);
  }
  graph.offsets[graph.count] = end;
  graph.left[arc] = left;
  graph.right[arc] = right;
  graph.from[arc] = from;
  graph.to[arc] = to;
  if (from >= 0) graph.leaving[from] = 2 * arc;
  if (to >= 0) graph.leaving[to] = 2 * arc + 1;
}

/** Length of an arc of horizontal and vertical pieces, in pixel sides. */
export function arcLength(graph: ArcGraph, arc: number): number {
  const { xy, offsets } = graph;
  let length = 0;
  for (let i = 2 * offsets[arc] + 2, end = 2 * offsets[arc + 1]; i < end; i += 2) {
    length += Math.abs(xy[i] - xy[i - 2]) + Math.abs(xy[i + 1] - xy[i - 1]);
  }
  return length;
}

/**
 * The half-arc with which a region's ring goes on after one that arrives at a junction by `slot`. Regions are told apart
 * by the `numbers` of the labels beside arcs. The region is on the left.
 *
 * Where a region touches itself at a corner only, its ring goes straight across instead of turning back (the region on
 * both sides of the corner is joined by another way, or it would be two regions): so no ring ever passes a point twice,
 * and a hole that touches the shell is a hole of its own, as the OGC's simple features want it.
 */
export function nextHalf(graph: ArcGraph, numbers: Int32Array, region: number, slot: number): number {
  const { leaving, left, right } = graph;
  const junction = slot & ~3;
  const beside = leaving[junction | ((slot + 1) & 3)];
  const ahead = leaving[junction | ((slot + 2) & 3)];
  const across = leaving[junction | ((slot + 3) & 3)];
  if (beside < 0) return ahead < 0 ? across : ahead;
  if (ahead < 0 || across < 0) return beside;
  return numbers[(across & 1) === 0 ? left[across >> 1] : right[across >> 1]] === region ? across : beside;
}
