/**
 * All arcs of a graph simplified together, so that neighbours keep sharing their border, and checked: where the result
 * would not be a coverage with the same regions, the arcs concerned are kept finer until it is.
 */
import { type ArcGraph, OUTSIDE } from './arc-graph.ts';
import { findConflicts } from './conflicts.ts';
import { findIslands } from './islands.ts';
import type { Rings } from './rings.ts';
import { anchorLoops, simplifyArc } from './simplify-arc.ts';

/** Shares of the tolerance that are tried one after the other; 0 is the exact border, which is always right. */
const SHARES = [1, 0.5, 0.25, 0];

export interface Simplified {
  /** 1 for each vertex of the graph that stays. */
  kept: Uint8Array;
  arcsKeptFiner: number;
}

/** The tolerance is in pixels. Arcs on the map's edge stay exactly there. Loops of the graph may begin elsewhere after. */
export function simplify(graph: ArcGraph, rings: Rings, tolerance: number): Simplified {
  const kept = new Uint8Array(graph.offsets[graph.count]).fill(1);
  if (tolerance <= 0) return { kept, arcsKeptFiner: 0 };
  anchorLoops(graph);
  const levels = new Uint8Array(graph.count);
  for (let arc = 0; arc < graph.count; arc++) {
    if (graph.left[arc] === OUTSIDE || graph.right[arc] === OUTSIDE) levels[arc] = SHARES.length - 1;
    else simplifyArc(graph, arc, tolerance, kept);
  }
  const islands = findIslands(graph);
  const finer = new Set<number>();
  for (;;) {
    const conflicts = findConflicts(graph, rings, islands, kept, tolerance);
    if (conflicts.size === 0) return { kept, arcsKeptFiner: finer.size };
    let changed = 0;
    for (const arc of conflicts) {
      if (levels[arc] === SHARES.length - 1) continue;
      levels[arc]++;
      simplifyArc(graph, arc, tolerance * SHARES[levels[arc]], kept);
      finer.add(arc);
      changed++;
    }
    if (changed === 0) throw new Error(`simplification cannot resolve ${conflicts.size} arcs that are exact already`);
  }
}
