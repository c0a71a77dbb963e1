/**
 * Finds the arcs of a simplified graph that would break the coverage. With none found, the graph is drawn in the plane
 * without crossings and with the faces it had:
 * 1. no two pieces of arcs cross, touch or overlap other than at a vertex they share;
 * 2. around each junction the arcs leave in the order they had;
 * 3. each ring runs in the direction it had, and no region loses more than half of what its shell encloses;
 * 4. each island lies in the region it lay in.
 */
import Flatbush from 'flatbush';
import type { ArcGraph } from './arc-graph.ts';
import { checkIslands, type Islands } from './islands.ts';
import type { Rings } from './rings.ts';

/** Pieces between kept vertices: piece p runs from vertex starts[p] to ends[p] of arc arcs[p]. */
export interface Pieces {
  count: number;
  starts: Int32Array;
  ends: Int32Array;
  arcs: Int32Array;
  index: Flatbush;
}

/** `tolerance` is the largest distance, in pixels, of a simplified border from the exact one. */
export function findConflicts(
  graph: ArcGraph,
  rings: Rings,
  islands: Islands,
  kept: Uint8Array,
  tolerance: number,
): Set<number> {
  const conflicts = new Set<number>();
  const simplified = simplifiedArcs(graph, kept);
  checkJunctions(graph, kept, simplified, conflicts);
  checkRings(graph, rings, kept, conflicts);
  const pieces = indexPieces(graph, kept);
  checkCrossings(graph, pieces, simplified, conflicts);
  if (conflicts.size === 0) checkIslands(graph, islands, pieces, simplified, tolerance, conflicts);
  return conflicts;
}

/** 1 for each arc that lost a vertex. */
function simplifiedArcs(graph: ArcGraph, kept: Uint8Array): Uint8Array {
  const simplified = new Uint8Array(graph.count);
  for (let arc = 0; arc < graph.count; arc++) {
    const end = graph.offsets[arc + 1];
    const dropped = kept.indexOf(0, graph.offsets[arc]);
    if (dropped >= 0 && dropped < end) simplified[arc] = 1;
  }
  return simplified;
}

function indexPieces(graph: ArcGraph, kept: Uint8Array): Pieces {
  const { xy, offsets } = graph;
  let count = -graph.count;
  for (let i = 0; i < kept.length; i++) count += kept[i];
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  const arcs = new Int32Array(count);
  const index = new Flatbush(Math.max(1, count), 16, Int32Array);
  let piece = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    let start = offsets[arc];
    for (let i = start + 1; i < offsets[arc + 1]; i++) {
      if (!kept[i]) continue;
      starts[piece] = start;
      ends[piece] = i;
      arcs[piece] = arc;
      const [x0, y0, x1, y1] = [xy[2 * start], xy[2 * start + 1], xy[2 * i], xy[2 * i + 1]];
      index.add(Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1));
      piece++;
      start = i;
    }
  }
  if (count === 0) index.add(0, 0, 0, 0);
  index.finish();
  return { count, starts, ends, arcs, index };
}

function checkCrossings(graph: ArcGraph, pieces: Pieces, simplified: Uint8Array, conflicts: Set<number>): void {
  const { xy } = graph;
  const { starts, ends, arcs, index } = pieces;
  for (let piece = 0; piece < pieces.count; piece++) {
    const arc = arcs[piece];
    if (!simplified[arc]) continue;
    const a = 2 * starts[piece];
    const b = 2 * ends[piece];
    index.search(
      Math.min(xy[a], xy[b]),
      Math.min(xy[a + 1], xy[b + 1]),
      Math.max(xy[a], xy[b]),
      Math.max(xy[a + 1], xy[b + 1]),
      (other) => {
        // A pair of simplified arcs is looked at once.
        if (other === piece || (other < piece && simplified[arcs[other]])) return false;
        if (piecesClash(xy, a, b, 2 * starts[other], 2 * ends[other])) {
          conflicts.add(arc);
          conflicts.add(arcs[other]);
        }
        return false;
      },
    );
  }
}

/** Twice the signed area of the triangle of three vertices, each given by the place of its x. */
function turn(xy: Int32Array, a: number, b: number, c: number): number {
  return (xy[b] - xy[a]) * (xy[c + 1] - xy[a + 1]) - (xy[b + 1] - xy[a + 1]) * (xy[c] - xy[a]);
}

/**
 * Whether the pieces a–b and c–d meet other than at one end that both have. Borders of the map meet at common vertices
 * only, so equal coordinates mean the same vertex.
 */
function piecesClash(xy: Int32Array, a: number, b: number, c: number, d: number): boolean {
  const same = (p: number, q: number): boolean => xy[p] === xy[q] && xy[p + 1] === xy[q + 1];
  const ac = same(a, c);
  const ad = same(a, d);
  const bc = same(b, c);
  const bd = same(b, d);
  if ((ac && bd) || (ad && bc)) return true;
  if (ac) return pointsAlong(xy, a, b, d);
  if (ad) return pointsAlong(xy, a, b, c);
  if (bc) return pointsAlong(xy, b, a, d);
  if (bd) return pointsAlong(xy, b, a, c);
  const abc = turn(xy, a, b, c);
  const abd = turn(xy, a, b, d);
  const cda = turn(xy, c, d, a);
  const cdb = turn(xy, c, d, b);
  if (((abc > 0 && abd < 0) || (abc < 0 && abd > 0)) && ((cda > 0 && cdb < 0) || (cda < 0 && cdb > 0))) return true;
  return (
    (abc === 0 && inBox(xy, a, b, c)) ||
    (abd === 0 && inBox(xy, a, b, d)) ||
    (cda === 0 && inBox(xy, c, d, a)) ||
    (cdb === 0 && inBox(xy, c, d, b))
  );
}

/** Whether origin–p and origin–q point the same way. */
function pointsAlong(xy: Int32Array, origin: number, p: number, q: number): boolean {
  if (turn(xy, origin, p, q) !== 0) return false;
  const dot = (xy[p] - xy[origin]) * (xy[q] - xy[origin]) + (xy[p + 1] - xy[origin + 1]) * (xy[q + 1] - xy[origin + 1]);
  return dot > 0;
}

function inBox(xy: Int32Array, a: number, b: number, p: number): boolean {
  return (
    xy[p] >= Math.min(xy[a], xy[b]) &&
    xy[p] <= Math.max(xy[a], xy[b]) &&
    xy[p + 1] >= Math.min(xy[a + 1], xy[b + 1]) &&
    xy[p + 1] <= Math.max(xy[a + 1], xy[b + 1])
  );
}

function checkJunctions(graph: ArcGraph, kept: Uint8Array, simplified: Uint8Array, conflicts: Set<number>): void {
  const { xy, offsets, leaving } = graph;
  for (let first = 0; first < 4 * graph.junctions; first += 4) {
    let descents = 0;
    let firstAngle = 0;
    let previous = 0;
    let arcs = 0;
    let concerned = false;
    for (let slot = first; slot < first + 4; slot++) {
      const half = leaving[slot];
      if (half < 0) continue;
      const arc = half >> 1;
      if (simplified[arc]) concerned = true;
      const backwards = (half & 1) === 1;
      const origin = backwards ? offsets[arc + 1] - 1 : offsets[arc];
      const step = backwards ? -1 : 1;
      let next = origin + step;
      while (!kept[next]) next += step;
      // With y down, angles grow clockwise on the map, as directions do.
      const angle = Math.atan2(xy[2 * next + 1] - xy[2 * origin + 1], xy[2 * next] - xy[2 * origin]);
      if (arcs === 0) firstAngle = angle;
      else if (angle <= previous) descents++;
      previous = angle;
      arcs++;
    }
    if (!concerned) continue;
    if (firstAngle <= previous) descents++;
    if (descents === 1) continue;
    for (let slot = first; slot < first + 4; slot++) {
      if (leaving[slot] >= 0 && simplified[leaving[slot] >> 1]) conflicts.add(leaving[slot] >> 1);
    }
  }
}

function checkRings(graph: ArcGraph, rings: Rings, kept: Uint8Array, conflicts: Set<number>): void {
  for (let ring = 0; ring < rings.count; ring++) {
    let exact = 0;
    let simple = 0;
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) {
      const half = rings.halves[i];
      const sign = (half & 1) === 0 ? 1 : -1;
      exact += sign * doubleArea(graph, half >> 1, null);
      simple += sign * doubleArea(graph, half >> 1, kept);
    }
    const ratio = simple / exact;
    if (ratio > 0.5) continue;
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) conflicts.add(rings.halves[i] >> 1);
  }
}

/** Twice the signed area between an arc and the origin, of all vertices or of those that are kept. */
function doubleArea(graph: ArcGraph, arc: number, kept: Uint8Array | null): number {
  const { xy, offsets } = graph;
  let area = 0;
  let previous = 2 * offsets[arc];
  for (let vertex = offsets[arc] + 1; vertex < offsets[arc + 1]; vertex++) {
    if (kept && !kept[vertex]) continue;
    const i = 2 * vertex;
    area += xy[previous] * xy[i + 1] - xy[i] * xy[previous + 1];
    previous = i;
  }
  return area;
}
