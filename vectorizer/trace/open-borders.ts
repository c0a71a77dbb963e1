/**
 * Borders that are still being drawn, as doubly linked lists of vertices that grow at both ends while rows come in.
 * A finished one is written to the arc graph and its vertices are used again, so that only open borders take room.
 *
 * A list does not know which of its ends is first: each vertex has two links in no order, and each end of an open
 * border knows the other end (its mate).
 */
import { type ArcGraph, addArc, withRoom } from './arc-graph.ts';

export interface OpenBorders {
  x: Int32Array;
  y: Int32Array;
  link0: Int32Array;
  link1: Int32Array;
  mate: Int32Array;
  /** For the end of a border at a junction 4 * junction + direction, else -1. */
  anchor: Int32Array;
  /** Vertices that may be used again. */
  free: Int32Array;
  freeCount: number;
  used: number;
  /** Labels around each junction, clockwise from its north-west: cornerLabels[4 * junction + 0..3]. */
  cornerLabels: Int32Array;
}

export function createOpenBorders(): OpenBorders {
  return {
    x: new Int32Array(64),
    y: new Int32Array(64),
    link0: new Int32Array(64),
    link1: new Int32Array(64),
    mate: new Int32Array(64),
    anchor: new Int32Array(64),
    free: new Int32Array(64),
    freeCount: 0,
    used: 0,
    cornerLabels: new Int32Array(64),
  };
}

/** A border of one vertex. */
export function beginBorder(borders: OpenBorders, x: number, y: number, anchor: number): number {
  let vertex: number;
  if (borders.freeCount > 0) vertex = borders.free[--borders.freeCount];
  else {
    vertex = borders.used++;
    if (vertex >= borders.x.length) {
      for (const key of ['x', 'y', 'link0', 'link1', 'mate', 'anchor', 'free'] as const) {
        borders[key] = withRoom(borders[key], borders.used);
      }
    }
  }
  borders.x[vertex] = x;
  borders.y[vertex] = y;
  borders.link0[vertex] = -1;
  borders.link1[vertex] = -1;
  borders.mate[vertex] = vertex;
  borders.anchor[vertex] = anchor;
  return vertex;
}

function link(borders: OpenBorders, a: number, b: number): void {
  if (borders.link0[a] < 0) borders.link0[a] = b;
  else borders.link1[a] = b;
  if (borders.link0[b] < 0) borders.link0[b] = a;
  else borders.link1[b] = a;
}

/** Lengthens the border that ends at `end` by a vertex, which becomes its end. */
export function extendBorder(borders: OpenBorders, end: number, x: number, y: number): number {
  const vertex = beginBorder(borders, x, y, -1);
  const { mate } = borders;
  const other = mate[end];
  link(borders, end, vertex);
  mate[other] = vertex;
  mate[vertex] = other;
  return vertex;
}

/** Ends the border at a junction; where its other end has one too, it is an arc. */
export function anchorBorder(
  borders: OpenBorders,
  graph: ArcGraph,
  end: number,
  x: number,
  y: number,
  anchor: number,
): void {
  if (borders.anchor[end] >= 0 && borders.mate[end] === end) {
    emitStraightArc(borders, graph, end, x, y, anchor);
    return;
  }
  const vertex = beginBorder(borders, x, y, anchor);
  const other = borders.mate[end];
  link(borders, end, vertex);
  borders.mate[other] = vertex;
  borders.mate[vertex] = other;
  if (borders.anchor[other] >= 0) emitArc(borders, graph, vertex, other);
}

/**
 * Joins two ends at a corner: of one border, which becomes a loop, or of two. `inner` and `outer` are the labels
 * north-west and south-east of the corner; they are wanted for loops only, whose last corner this is.
 */
export function joinBorders(
  borders: OpenBorders,
  graph: ArcGraph,
  endA: number,
  endB: number,
  x: number,
  y: number,
  inner: number,
  outer: number,
): void {
  const vertex = beginBorder(borders, x, y, -1);
  const { mate } = borders;
  link(borders, endA, vertex);
  link(borders, vertex, endB);
  if (mate[endA] === endB) {
    closeBorder(borders, graph, vertex, inner, outer);
    return;
  }
  const otherA = mate[endA];
  const otherB = mate[endB];
  mate[otherA] = otherB;
  mate[otherB] = otherA;
  if (borders.anchor[otherA] >= 0 && borders.anchor[otherB] >= 0) emitArc(borders, graph, otherA, otherB);
}

/** Writes an arc without corners, from the junction that was met first to the one at (x, y). */
function emitStraightArc(
  borders: OpenBorders,
  graph: ArcGraph,
  start: number,
  x: number,
  y: number,
  anchor: number,
): void {
  const from = borders.anchor[start];
  const at = 2 * graph.offsets[graph.count];
  graph.xy = withRoom(graph.xy, at + 8);
  const { xy } = graph;
  xy[at] = borders.x[start];
  xy[at + 1] = borders.y[start];
  xy[at + 2] = x;
  xy[at + 3] = y;
  borders.free[borders.freeCount++] = start;
  addArc(graph, at / 2 + 2, leftLabel(borders, from), rightLabel(borders, from), from, anchor);
}

/** Leaving to the north the left side is the north-west corner, to the east the north-east one, and so on. */
function leftLabel({ cornerLabels }: OpenBorders, from: number): number {
  return cornerLabels[from];
}

function rightLabel({ cornerLabels }: OpenBorders, from: number): number {
  return cornerLabels[(from & ~3) | ((from + 1) & 3)];
}

/** Writes an arc from the junction that was met first; ties (both ends at one junction) by direction. */
export function emitArc(borders: OpenBorders, graph: ArcGraph, endA: number, endB: number): void {
  const { anchor } = borders;
  const forwards = anchor[endA] < anchor[endB];
  const start = forwards ? endA : endB;
  const end = forwards ? endB : endA;
  const from = anchor[start];
  const last = writeVertices(borders, graph, start, borders.link0[start], end);
  addArc(graph, last, leftLabel(borders, from), rightLabel(borders, from), from, anchor[end]);
}

/** Writes a loop, of which one vertex is given, clockwise from its topmost, then leftmost vertex. */
export function closeBorder(borders: OpenBorders, graph: ArcGraph, any: number, inner: number, outer: number): void {
  const { x, y, link0, link1 } = borders;
  let start = any;
  for (let previous = any, vertex = link0[any]; vertex !== any; ) {
    if (y[vertex] < y[start] || (y[vertex] === y[start] && x[vertex] < x[start])) start = vertex;
    const next = link0[vertex] === previous ? link1[vertex] : link0[vertex];
    previous = vertex;
    vertex = next;
  }
  const second = y[link0[start]] === y[start] ? link0[start] : link1[start];
  const last = writeVertices(borders, graph, start, second, start);
  addArc(graph, last, outer, inner, -1, -1);
}

/** Writes the vertices from start over second to end behind the graph's last arc and frees them. */
function writeVertices(borders: OpenBorders, graph: ArcGraph, start: number, second: number, end: number): number {
  const { x, y, link0, link1, free } = borders;
  let written = graph.offsets[graph.count];
  let { xy } = graph;
  let previous = start;
  let vertex = second;
  xy[2 * written] = x[start];
  xy[2 * written + 1] = y[start];
  written++;
  for (;;) {
    if (2 * written + 4 > xy.length) xy = graph.xy = withRoom(xy, 2 * written + 4);
    xy[2 * written] = x[vertex];
    xy[2 * written + 1] = y[vertex];
    written++;
    free[borders.freeCount++] = vertex;
    if (vertex === end) break;
    const next = link0[vertex] === previous ? link1[vertex] : link0[vertex];
    previous = vertex;
    vertex = next;
  }
  if (start !== end) free[borders.freeCount++] = start;
  return written;
}
