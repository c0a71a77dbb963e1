/**
 * Finds the arcs of a simplified graph that would break the coverage. With none found, the graph is drawn in the plane
 * without crossings and with the faces it had:
 * 1. no two pieces of arcs cross, touch or overlap other than at a vertex they share;
 * 2. around each junction the arcs leave in the order they had;
 * 3. each ring runs in the direction it had and encloses nearly the area it did;
 * 4. each island lies in the region it lay in.
 */
import Flatbush from 'flatbush';
import type { ArcGraph } from '../trace/arc-graph.ts';
import type { Simplified } from './arc-border.ts';
import { checkIslands, type Islands } from './islands.ts';
import type { Rings } from './rings.ts';
import type { Pieces } from './segments.ts';

/** How many times larger or smaller a ring may become. */
const AREA_CHANGE = 1.25;

/**
 * `suspects` is 1 for arcs that have changed since nothing was wrong: each conflict has one of them. `tolerance` is the
 * largest distance, in pixels, of a simplified border from the exact one. Found arcs may be exact already.
 */
export function findConflicts(
  graph: ArcGraph,
  rings: Rings,
  islands: Islands,
  simplified: Simplified,
  suspects: Uint8Array,
  tolerance: number,
): Set<number> {
  const conflicts = new Set<number>();
  checkJunctions(graph, simplified, suspects, conflicts);
  checkRings(graph, rings, simplified, suspects, conflicts);
  const pieces = indexPieces(graph, simplified);
  checkCrossings(graph, pieces, simplified, suspects, conflicts);
  if (conflicts.size === 0) checkIslands(graph, islands, pieces, simplified, tolerance, conflicts);
  return conflicts;
}

function indexPieces(graph: ArcGraph, { kept, x, y }: Simplified): Pieces {
  const { offsets } = graph;
  let count = -graph.count;
  for (let i = 0; i < kept.length; i++) count += kept[i];
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  const arcs = new Int32Array(count);
  const index = new Flatbush(count);
  let piece = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    let start = offsets[arc];
    for (let i = start + 1; i < offsets[arc + 1]; i++) {
      if (!kept[i]) continue;
      starts[piece] = start;
      ends[piece] = i;
      arcs[piece] = arc;
      index.add(Math.min(x[start], x[i]), Math.min(y[start], y[i]), Math.max(x[start], x[i]), Math.max(y[start], y[i]));
      piece++;
      start = i;
    }
  }
  index.finish();
  return { count, starts, ends, arcs, index };
}

function checkCrossings(
  graph: ArcGraph,
  pieces: Pieces,
  simplified: Simplified,
  suspects: Uint8Array,
  conflicts: Set<number>,
): void {
  const { x, y } = simplified;
  const { starts, ends, arcs, index } = pieces;
  /** Vertices that are the same point of the graph have the same number: junctions, and both ends of a loop. */
  function identity(vertex: number, arc: number): number {
    const { from, to, offsets } = graph;
    if (vertex === offsets[arc]) return from[arc] < 0 ? vertex : -1 - (from[arc] >> 2);
    if (vertex === offsets[arc + 1] - 1) return to[arc] < 0 ? offsets[arc] : -1 - (to[arc] >> 2);
    return vertex;
  }
  for (let piece = 0; piece < pieces.count; piece++) {
    const arc = arcs[piece];
    if (!suspects[arc]) continue;
    const a = starts[piece];
    const b = ends[piece];
    const idA = identity(a, arc);
    const idB = identity(b, arc);
    const visit = (other: number): boolean => {
      // A pair of suspects is looked at once.
      if (other === piece || (other < piece && suspects[arcs[other]])) return false;
      const c = starts[other];
      const d = ends[other];
      const idC = identity(c, arcs[other]);
      const idD = identity(d, arcs[other]);
      let clash: boolean;
      if (idA === idC) clash = idB === idD || sameDirection(x, y, a, b, d);
      else if (idA === idD) clash = idB === idC || sameDirection(x, y, a, b, c);
      else if (idB === idC) clash = sameDirection(x, y, b, a, d);
      else if (idB === idD) clash = sameDirection(x, y, b, a, c);
      else clash = piecesMeet(x, y, a, b, c, d);
      if (clash) {
        conflicts.add(arc);
        conflicts.add(arcs[other]);
      }
      return false;
    };
    index.search(Math.min(x[a], x[b]), Math.min(y[a], y[b]), Math.max(x[a], x[b]), Math.max(y[a], y[b]), visit);
  }
}

type Coordinates = Float64Array;

/** Twice the signed area of the triangle of three vertices. */
function turn(x: Coordinates, y: Coordinates, a: number, b: number, c: number): number {
  return (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]);
}

/** Whether the pieces a–b and c–d have a point in common. */
function piecesMeet(x: Coordinates, y: Coordinates, a: number, b: number, c: number, d: number): boolean {
  const abc = turn(x, y, a, b, c);
  const abd = turn(x, y, a, b, d);
  const cda = turn(x, y, c, d, a);
  const cdb = turn(x, y, c, d, b);
  if (((abc > 0 && abd < 0) || (abc < 0 && abd > 0)) && ((cda > 0 && cdb < 0) || (cda < 0 && cdb > 0))) return true;
  return (
    (abc === 0 && inBox(x, y, a, b, c)) ||
    (abd === 0 && inBox(x, y, a, b, d)) ||
    (cda === 0 && inBox(x, y, c, d, a)) ||
    (cdb === 0 && inBox(x, y, c, d, b))
  );
}

/** Whether p and q lie in the same direction from the origin. */
function sameDirection(x: Coordinates, y: Coordinates, origin: number, p: number, q: number): boolean {
  if (turn(x, y, origin, p, q) !== 0) return false;
  return (x[p] - x[origin]) * (x[q] - x[origin]) + (y[p] - y[origin]) * (y[q] - y[origin]) > 0;
}

function inBox(x: Coordinates, y: Coordinates, a: number, b: number, p: number): boolean {
  return (
    x[p] >= Math.min(x[a], x[b]) &&
    x[p] <= Math.max(x[a], x[b]) &&
    y[p] >= Math.min(y[a], y[b]) &&
    y[p] <= Math.max(y[a], y[b])
  );
}

function checkJunctions(
  graph: ArcGraph,
  { kept, x, y }: Simplified,
  suspects: Uint8Array,
  conflicts: Set<number>,
): void {
  const { offsets, leaving } = graph;
  for (let first = 0; first < 4 * graph.junctions; first += 4) {
    let concerned = false;
    for (let slot = first; slot < first + 4; slot++) {
      if (leaving[slot] >= 0 && suspects[leaving[slot] >> 1]) concerned = true;
    }
    if (!concerned) continue;
    let descents = 0;
    let firstAngle = 0;
    let previous = 0;
    let arcs = 0;
    for (let slot = first; slot < first + 4; slot++) {
      const half = leaving[slot];
      if (half < 0) continue;
      const arc = half >> 1;
      const backwards = (half & 1) === 1;
      const origin = backwards ? offsets[arc + 1] - 1 : offsets[arc];
      const step = backwards ? -1 : 1;
      let next = origin + step;
      while (!kept[next]) next += step;
      // With y down, angles grow clockwise on the map, as directions do.
      const angle = Math.atan2(y[next] - y[origin], x[next] - x[origin]);
      if (arcs === 0) firstAngle = angle;
      else if (angle <= previous) descents++;
      previous = angle;
      arcs++;
    }
    if (firstAngle <= previous) descents++;
    if (descents === 1) continue;
    for (let slot = first; slot < first + 4; slot++) if (leaving[slot] >= 0) conflicts.add(leaving[slot] >> 1);
  }
}

function checkRings(
  graph: ArcGraph,
  rings: Rings,
  simplified: Simplified,
  suspects: Uint8Array,
  conflicts: Set<number>,
): void {
  const { offsets, xy } = graph;
  const { kept, x, y } = simplified;
  const exactAreas = new Float64Array(graph.count);
  const areas = new Float64Array(graph.count);
  for (let arc = 0; arc < graph.count; arc++) {
    let exact = 0;
    let area = 0;
    let previous = offsets[arc];
    for (let i = previous + 1; i < offsets[arc + 1]; i++) {
      exact += xy[2 * i - 2] * xy[2 * i + 1] - xy[2 * i] * xy[2 * i - 1];
      if (!kept[i]) continue;
      area += x[previous] * y[i] - x[i] * y[previous];
      previous = i;
    }
    exactAreas[arc] = exact;
    areas[arc] = area;
  }
  for (let ring = 0; ring < rings.count; ring++) {
    let exact = 0;
    let area = 0;
    let concerned = false;
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) {
      const arc = rings.halves[i] >> 1;
      const sign = (rings.halves[i] & 1) === 0 ? 1 : -1;
      exact += sign * exactAreas[arc];
      area += sign * areas[arc];
      if (suspects[arc]) concerned = true;
    }
    const share = area / exact;
    if (!concerned || (share > 1 / AREA_CHANGE && share < AREA_CHANGE)) continue;
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) conflicts.add(rings.halves[i] >> 1);
  }
}
