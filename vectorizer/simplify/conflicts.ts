/**
 * Finds the arcs of a simplified graph that would break the coverage. With none found, the graph is drawn in the plane
 * without crossings and with the faces it had:
 * 1. no two pieces of arcs cross, touch or overlap other than at a vertex they share;
 * 2. around each junction the arcs leave in the order they had;
 * 3. each ring runs in the direction it had and encloses nearly the area it did;
 * 4. each island lies in the region it lay in.
 */
import { type ArcGraph, withRoom } from '../trace/arc-graph.ts';
import type { Simplified } from './arc-border.ts';
import { checkIslands, type Islands } from './islands.ts';
import { addPiece, columnOf, columnsInRow, createPieces, enterCell, type Pieces, rowOf } from './pieces.ts';
import type { Rings } from './rings.ts';

/** How many times larger or smaller a ring may become. */
const AREA_CHANGE = 1.25;

/** Straight pieces over more cells than this are followed from row to row of cells. */
const SHORT_CELLS = 6;

/** What is known of a simplified graph from one search for conflicts to the next. */
export interface Conflicts {
  /**
   * The arcs in a conflict. `changed` are those that were drawn anew since the last search, at first all of them: each
   * conflict has one of those that are `suspect` (1). Found arcs may be exact already.
   */
  find(changed: readonly number[], suspects: Uint8Array): Set<number>;
}

/** `tolerance` is the largest distance, in pixels, of a simplified border from the exact one. */
export function createConflicts(
  graph: ArcGraph,
  rings: Rings,
  islands: Islands,
  simplified: Simplified,
  tolerance: number,
): Conflicts {
  const pieces = createPieces(graph);
  const crossings = createCrossings(graph, pieces, simplified);
  const checkRings = createRingCheck(graph, rings, simplified);
  const seen = new Int32Array(graph.junctions);
  let search = 0;
  return {
    find(changed, suspects) {
      const conflicts = new Set<number>();
      search++;
      for (const arc of changed) {
        if (suspects[arc] === 0 || graph.from[arc] < 0) continue;
        for (const junction of [graph.from[arc] >> 2, graph.to[arc] >> 2]) {
          if (seen[junction] === search) continue;
          seen[junction] = search;
          checkJunction(graph, simplified, junction, conflicts);
        }
      }
      checkRings(changed, suspects, conflicts);
      crossings(changed, suspects, conflicts);
      if (conflicts.size === 0) checkIslands(graph, islands, pieces, simplified, tolerance, conflicts);
      return conflicts;
    },
  };
}

/** Puts the pieces of changed arcs in the place of their old ones and looks for those that others are in the way of. */
function createCrossings(graph: ArcGraph, pieces: Pieces, { kept, x, y }: Simplified) {
  const { from, to, offsets } = graph;
  const { grid } = pieces;
  /** First piece of each arc, and how many it has. */
  const firstPiece = new Int32Array(graph.count);
  const pieceCount = new Int32Array(graph.count);
  /**
   * Vertices that are the same point of the graph have the same number: junctions, and both ends of a loop. Of each piece
   * the numbers of its ends.
   */
  let startIds = new Int32Array(1024);
  let endIds = new Int32Array(1024);
  let suspects: Uint8Array;
  let conflicts: Set<number>;

  function enter(cell: number, piece: number): void {
    const { starts, ends, arcs, gone } = pieces;
    const arc = arcs[piece];
    const a = starts[piece];
    const b = ends[piece];
    const left = x[a] < x[b] ? x[a] : x[b];
    const right = x[a] < x[b] ? x[b] : x[a];
    const top = y[a] < y[b] ? y[a] : y[b];
    const bottom = y[a] < y[b] ? y[b] : y[a];
    const isSuspect = suspects[arc] !== 0;
    for (let entry = grid.heads[cell]; entry >= 0; entry = grid.next[entry]) {
      const other = grid.pieces[entry];
      const c = starts[other];
      const d = ends[other];
      if ((x[c] < left && x[d] < left) || (x[c] > right && x[d] > right)) continue;
      if ((y[c] < top && y[d] < top) || (y[c] > bottom && y[d] > bottom)) continue;
      if (gone[other] !== 0 || (!isSuspect && suspects[arcs[other]] === 0)) continue;
      if (!clash(a, b, startIds[piece], endIds[piece], c, d, startIds[other], endIds[other])) continue;
      conflicts.add(arc);
      conflicts.add(arcs[other]);
    }
    enterCell(pieces, cell, piece);
  }

  /** Whether two pieces have more in common than a point of the graph that both end at. */
  function clash(
    a: number,
    b: number,
    idA: number,
    idB: number,
    c: number,
    d: number,
    idC: number,
    idD: number,
  ): boolean {
    if (idA === idC) return idB === idD || sameDirection(x, y, a, b, d);
    if (idA === idD) return idB === idC || sameDirection(x, y, a, b, c);
    if (idB === idC) return sameDirection(x, y, b, a, d);
    if (idB === idD) return sameDirection(x, y, b, a, c);
    return piecesMeet(x, y, a, b, c, d);
  }

  function enterAll(piece: number): void {
    const a = pieces.starts[piece];
    const b = pieces.ends[piece];
    const firstRow = rowOf(grid, Math.min(y[a], y[b]));
    const lastRow = rowOf(grid, Math.max(y[a], y[b]));
    const firstColumn = columnOf(grid, Math.min(x[a], x[b]));
    const lastColumn = columnOf(grid, Math.max(x[a], x[b]));
    const isShort = lastRow === firstRow || lastColumn - firstColumn + lastRow - firstRow < SHORT_CELLS;
    for (let row = firstRow; row <= lastRow; row++) {
      let [first, last] = [firstColumn, lastColumn];
      if (!isShort) ({ first, last } = columnsInRow(grid, row, x[a], y[a], x[b], y[b]));
      for (let column = first; column <= last; column++) enter(row * grid.columns + column, piece);
    }
  }

  function addPieces(arc: number): void {
    firstPiece[arc] = pieces.count;
    const last = offsets[arc + 1] - 1;
    let start = offsets[arc];
    let startId = from[arc] < 0 ? start : -1 - (from[arc] >> 2);
    for (let i = start + 1; i <= last; i++) {
      if (!kept[i]) continue;
      const endId = i < last ? i : to[arc] < 0 ? offsets[arc] : -1 - (to[arc] >> 2);
      const piece = addPiece(pieces, start, i, arc);
      if (piece >= startIds.length) {
        startIds = withRoom(startIds, piece + 1);
        endIds = withRoom(endIds, piece + 1);
      }
      startIds[piece] = startId;
      endIds[piece] = endId;
      start = i;
      startId = endId;
    }
    pieceCount[arc] = pieces.count - firstPiece[arc];
  }

  return (changed: readonly number[], suspect: Uint8Array, found: Set<number>): void => {
    suspects = suspect;
    conflicts = found;
    for (const arc of changed) pieces.gone.fill(1, firstPiece[arc], firstPiece[arc] + pieceCount[arc]);
    const first = pieces.count;
    for (const arc of changed) addPieces(arc);
    for (let piece = first; piece < pieces.count; piece++) enterAll(piece);
  };
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

function checkJunction(
  { offsets, leaving }: ArcGraph,
  { kept, x, y }: Simplified,
  junction: number,
  conflicts: Set<number>,
): void {
  const first = 4 * junction;
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
  if (descents === 1) return;
  for (let slot = first; slot < first + 4; slot++) if (leaving[slot] >= 0) conflicts.add(leaving[slot] >> 1);
}

function createRingCheck({ count, offsets, xy }: ArcGraph, rings: Rings, { kept, x, y }: Simplified) {
  const exactAreas = new Float64Array(count);
  const areas = new Float64Array(count);
  for (let arc = 0; arc < count; arc++) {
    let exact = 0;
    for (let i = offsets[arc] + 1; i < offsets[arc + 1]; i++) {
      exact += xy[2 * i - 2] * xy[2 * i + 1] - xy[2 * i] * xy[2 * i - 1];
    }
    exactAreas[arc] = exact;
  }
  /** Ring of each half-arc. */
  const ringOf = new Int32Array(2 * count);
  for (let ring = 0; ring < rings.count; ring++) {
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) ringOf[rings.halves[i]] = ring;
  }
  const seen = new Int32Array(rings.count);
  let search = 0;

  function checkRing(ring: number, conflicts: Set<number>): void {
    let exact = 0;
    let area = 0;
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) {
      const arc = rings.halves[i] >> 1;
      const sign = (rings.halves[i] & 1) === 0 ? 1 : -1;
      exact += sign * exactAreas[arc];
      area += sign * areas[arc];
    }
    const share = area / exact;
    if (share > 1 / AREA_CHANGE && share < AREA_CHANGE) return;
    for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) conflicts.add(rings.halves[i] >> 1);
  }

  return (changed: readonly number[], suspects: Uint8Array, conflicts: Set<number>): void => {
    search++;
    for (const arc of changed) {
      let area = 0;
      let previous = offsets[arc];
      for (let i = previous + 1; i < offsets[arc + 1]; i++) {
        if (!kept[i]) continue;
        area += x[previous] * y[i] - x[i] * y[previous];
        previous = i;
      }
      areas[arc] = area;
    }
    for (const arc of changed) {
      if (suspects[arc] === 0) continue;
      for (let half = 2 * arc; half <= 2 * arc + 1; half++) {
        if (seen[ringOf[half]] === search) continue;
        seen[ringOf[half]] = search;
        checkRing(ringOf[half], conflicts);
      }
    }
  };
}
