/**
 * Islands are parts of the arc graph that are connected to nothing else. Arcs that do not cross can still change places
 * with a whole island; this finds where they did.
 */
import { type ArcGraph, OUTSIDE } from './arc-graph.ts';
import type { Pieces } from './conflicts.ts';
import { findRoot, unite } from './labels.ts';

export interface Islands {
  count: number;
  /** Island of each arc. */
  ofArc: Int32Array;
}

export function findIslands(graph: ArcGraph): Islands {
  const parents = Int32Array.from({ length: graph.junctions }, (_, junction) => junction);
  for (let arc = 0; arc < graph.count; arc++) {
    if (graph.from[arc] >= 0) unite(parents, graph.from[arc] >> 2, graph.to[arc] >> 2);
  }
  const numbers = new Int32Array(graph.junctions).fill(-1);
  const ofArc = new Int32Array(graph.count);
  let count = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    if (graph.from[arc] < 0) {
      ofArc[arc] = count++;
      continue;
    }
    const root = findRoot(parents, graph.from[arc] >> 2);
    if (numbers[root] < 0) numbers[root] = count++;
    ofArc[arc] = numbers[root];
  }
  return { count, ofArc };
}

/**
 * Looks from each island's leftmost vertex (of several the topmost) to the left: the first border there must show the
 * region that the island shows. Where it does not, a simplified arc was drawn across that vertex, so it is one of those
 * that pass it within the tolerance. To be called when nothing crosses.
 */
export function checkIslands(
  graph: ArcGraph,
  islands: Islands,
  pieces: Pieces,
  simplified: Uint8Array,
  tolerance: number,
  conflicts: Set<number>,
): void {
  const { xy } = graph;
  const { count, leftmost, around } = describeIslands(graph, islands, pieces);
  for (let island = 0; island < count; island++) {
    if (around[island] === OUTSIDE) continue;
    const x = xy[2 * leftmost[island]];
    const y = xy[2 * leftmost[island] + 1];
    if (regionToTheLeft(graph, pieces, x, y) === around[island]) continue;
    pieces.index.search(x - tolerance, y - tolerance, x + tolerance, y + tolerance, (piece) => {
      if (simplified[pieces.arcs[piece]]) conflicts.add(pieces.arcs[piece]);
      return false;
    });
  }
}

/** The leftmost vertex of each island and the region to the left of it. */
function describeIslands(graph: ArcGraph, islands: Islands, pieces: Pieces) {
  const { xy, left, right } = graph;
  const { count, ofArc } = islands;
  const leftmost = new Int32Array(count).fill(-1);
  const angles = new Float64Array(count);
  const around = new Int32Array(count);
  // All pieces at the leftmost vertex leave it to the right or straight down; what lies left of it lies on the right
  // hand of the piece that is last clockwise.
  function look(island: number, vertex: number, towards: number, rightHand: number): void {
    const best = leftmost[island];
    const farther = best < 0 ? -1 : xy[2 * vertex] - xy[2 * best] || xy[2 * vertex + 1] - xy[2 * best + 1];
    if (farther > 0) return;
    const angle = Math.atan2(xy[2 * towards + 1] - xy[2 * vertex + 1], xy[2 * towards] - xy[2 * vertex]);
    if (farther === 0 && angle < angles[island]) return;
    leftmost[island] = vertex;
    angles[island] = angle;
    around[island] = rightHand;
  }
  for (let piece = 0; piece < pieces.count; piece++) {
    const arc = pieces.arcs[piece];
    look(ofArc[arc], pieces.starts[piece], pieces.ends[piece], right[arc]);
    look(ofArc[arc], pieces.ends[piece], pieces.starts[piece], left[arc]);
  }
  return { count, leftmost, around };
}

/** The region that the first border left of a point shows. The view is lowered infinitely little: it meets no vertex. */
function regionToTheLeft(graph: ArcGraph, pieces: Pieces, x: number, y: number): number {
  const { xy } = graph;
  let best = -1;
  let bestX = -Infinity;
  let bestSlope = 0;
  for (let reach = 16; best < 0 || bestX < x - reach / 8; reach *= 8) {
    if (reach > 8 * x + 128) throw new Error(`no border to the left of the island at ${x}, ${y}`);
    pieces.index.search(x - reach, y, x, y, (piece) => {
      const a = 2 * pieces.starts[piece];
      const b = 2 * pieces.ends[piece];
      const [top, bottom] = xy[a + 1] < xy[b + 1] ? [a, b] : [b, a];
      if (xy[top + 1] > y || xy[bottom + 1] <= y) return false;
      const slope = (xy[bottom] - xy[top]) / (xy[bottom + 1] - xy[top + 1]);
      const crossing = xy[top] + slope * (y - xy[top + 1]);
      if (crossing >= x || crossing < bestX || (crossing === bestX && slope <= bestSlope)) return false;
      best = piece;
      bestX = crossing;
      bestSlope = slope;
      return false;
    });
  }
  const arc = pieces.arcs[best];
  const downwards = xy[2 * pieces.ends[best] + 1] > xy[2 * pieces.starts[best] + 1];
  return downwards ? graph.left[arc] : graph.right[arc];
}
