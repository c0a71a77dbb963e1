/**
 * Islands are parts of the arc graph that are connected to nothing else. Arcs that do not cross can still change places
 * with a whole island; this finds where they did.
 */
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import { findRoot, unite } from '../trace/labels.ts';
import type { Simplified } from './arc-border.ts';
import { type Pieces, searchPieces } from './pieces.ts';

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
  simplified: Simplified,
  tolerance: number,
  conflicts: Set<number>,
): void {
  const { count, leftmost, around } = describeIslands(graph, islands, pieces, simplified);
  for (let island = 0; island < count; island++) {
    if (around[island] === OUTSIDE) continue;
    const x = simplified.x[leftmost[island]];
    const y = simplified.y[leftmost[island]];
    if (regionToTheLeft(graph, pieces, simplified, x, y) === around[island]) continue;
    const reach = 2 * tolerance; // the island may have moved too
    searchPieces(pieces, simplified, x - reach, y - reach, x + reach, y + reach, (piece) => {
      conflicts.add(pieces.arcs[piece]);
    });
  }
}

/** The leftmost vertex of each island and the region to the left of it. */
function describeIslands(graph: ArcGraph, islands: Islands, pieces: Pieces, { x, y }: Simplified) {
  const { left, right } = graph;
  const { count, ofArc } = islands;
  const leftmost = new Int32Array(count).fill(-1);
  const angles = new Float64Array(count);
  const around = new Int32Array(count);
  // All pieces at the leftmost vertex leave it to the right or straight down; what lies left of it lies on the right
  // hand of the piece that is last clockwise.
  function look(island: number, vertex: number, towards: number, rightHand: number): void {
    const best = leftmost[island];
    const farther = best < 0 ? -1 : x[vertex] - x[best] || y[vertex] - y[best];
    if (farther > 0) return;
    const angle = Math.atan2(y[towards] - y[vertex], x[towards] - x[vertex]);
    if (farther === 0 && angle < angles[island]) return;
    leftmost[island] = vertex;
    angles[island] = angle;
    around[island] = rightHand;
  }
  for (let piece = 0; piece < pieces.count; piece++) {
    if (pieces.gone[piece]) continue;
    const arc = pieces.arcs[piece];
    look(ofArc[arc], pieces.starts[piece], pieces.ends[piece], right[arc]);
    look(ofArc[arc], pieces.ends[piece], pieces.starts[piece], left[arc]);
  }
  return { count, leftmost, around };
}

/** The region that the first border left of a point shows. The view is lowered infinitely little: it meets no vertex. */
function regionToTheLeft(
  graph: ArcGraph,
  pieces: Pieces,
  simplified: Simplified,
  fromX: number,
  fromY: number,
): number {
  const { x, y } = simplified;
  let best = -1;
  let bestX = -Infinity;
  let bestSlope = 0;
  for (let reach = 16; best < 0 || bestX < fromX - reach / 8; reach *= 8) {
    if (reach > 8 * fromX + 128) throw new Error(`no border to the left of the island at ${fromX}, ${fromY}`);
    searchPieces(pieces, simplified, fromX - reach, fromY, fromX, fromY, (piece) => {
      const a = pieces.starts[piece];
      const b = pieces.ends[piece];
      const [top, bottom] = y[a] < y[b] ? [a, b] : [b, a];
      if (y[top] > fromY || y[bottom] <= fromY) return;
      const slope = (x[bottom] - x[top]) / (y[bottom] - y[top]);
      const crossing = x[top] + slope * (fromY - y[top]);
      if (crossing >= fromX || crossing < bestX || (crossing === bestX && slope <= bestSlope)) return;
      best = piece;
      bestX = crossing;
      bestSlope = slope;
    });
  }
  const downwards = y[pieces.ends[best]] > y[pieces.starts[best]];
  return downwards ? graph.left[pieces.arcs[best]] : graph.right[pieces.arcs[best]];
}
