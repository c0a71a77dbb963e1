/**
 * All arcs of a graph simplified together, so that neighbours keep sharing their border, and checked: where the result
 * would not be a coverage with the same regions, the arcs concerned are kept finer until it is.
 */

import type { Lines } from '../polygons/draw-ring.ts';
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import { createScratch, type Simplified } from './arc-border.ts';
import { createConflicts } from './conflicts.ts';
import { findIslands } from './islands.ts';
import { openJunctions } from './open-junctions.ts';
import { chainRings } from './rings.ts';
import { keepExact, simplifyArc } from './simplify-arc.ts';

/** Shares of the tolerance that are tried one after the other. */
const LEVELS = [1, 0.7];
/** The level after those: the border as it is in the map. */
const EXACT = LEVELS.length;

/**
 * The tolerance is in pixels: no border moves farther. Arcs on the map's edge stay exactly there. Loops of the graph
 * may begin elsewhere after. Also returns how many arcs had to be kept finer than at the first level, and which of the
 * graph's vertices the lines have (null: all).
 */
export function simplify(
  graph: ArcGraph,
  regionCount: number,
  tolerance: number,
): { lines: Lines; arcsKeptFiner: number; kept: Uint8Array | null } {
  if (tolerance <= 0) return { lines: graph, arcsKeptFiner: 0, kept: null };
  const rings = chainRings(graph, regionCount);
  anchorLoops(graph);
  const vertices = graph.offsets[graph.count];
  const simplified = { kept: new Uint8Array(vertices), x: new Float64Array(vertices), y: new Float64Array(vertices) };
  const scratch = createScratch(graph);
  const levels = new Uint8Array(graph.count);
  for (let arc = 0; arc < graph.count; arc++) {
    if (graph.left[arc] === OUTSIDE || graph.right[arc] === OUTSIDE) levels[arc] = EXACT;
    draw(arc);
  }
  openJunctions(graph, simplified, tolerance);
  const conflicts = createConflicts(graph, rings, findIslands(graph), simplified, tolerance);
  const finer = new Set<number>();
  // Exact arcs cannot be in each other's way, and later only those that have changed can be in a new one's way.
  const suspects = levels.map((level) => Number(level < EXACT));
  for (let changed = Array.from(suspects.keys()); ; ) {
    const found = conflicts.find(changed, suspects);
    suspects.fill(0);
    changed = [...found].filter((arc) => levels[arc] < EXACT);
    for (const arc of changed) {
      levels[arc]++;
      draw(arc);
      finer.add(arc);
      suspects[arc] = 1;
    }
    if (changed.length > 0) continue;
    if (found.size > 0) throw new Error(`${found.size} exact arcs are in each other's way`);
    return { lines: collectLines(graph, simplified), arcsKeptFiner: finer.size, kept: simplified.kept };
  }

  function draw(arc: number): void {
    if (levels[arc] === EXACT) keepExact(graph, arc, simplified);
    else simplifyArc(graph, arc, tolerance * LEVELS[levels[arc]], scratch, simplified);
  }
}

function collectLines(graph: ArcGraph, { kept, x, y }: Simplified): Lines {
  let points = 0;
  for (let i = 0; i < kept.length; i++) points += kept[i];
  const offsets = new Int32Array(graph.count + 1);
  const xy = new Float64Array(2 * points);
  let point = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    for (let i = graph.offsets[arc]; i < graph.offsets[arc + 1]; i++) {
      if (!kept[i]) continue;
      xy[2 * point] = x[i];
      xy[2 * point + 1] = y[i];
      point++;
    }
    offsets[arc + 1] = point;
  }
  return { offsets, xy };
}

/**
 * A loop has no ends to hold it: makes each loop begin at its vertex farthest from the centre of its box, which is a
 * corner where the loop has corners.
 */
function anchorLoops(graph: ArcGraph): void {
  const { xy, offsets } = graph;
  for (let arc = 0; arc < graph.count; arc++) {
    if (graph.from[arc] >= 0) continue;
    const first = 2 * offsets[arc];
    const last = 2 * offsets[arc + 1] - 2;
    let minX = xy[first];
    let maxX = minX;
    let minY = xy[first + 1];
    let maxY = minY;
    for (let i = first; i < last; i += 2) {
      minX = Math.min(minX, xy[i]);
      maxX = Math.max(maxX, xy[i]);
      minY = Math.min(minY, xy[i + 1]);
      maxY = Math.max(maxY, xy[i + 1]);
    }
    let corner = first;
    let farthest = -1;
    for (let i = first; i < last; i += 2) {
      const dx = 2 * xy[i] - minX - maxX;
      const dy = 2 * xy[i + 1] - minY - maxY;
      if (dx * dx + dy * dy > farthest) {
        farthest = dx * dx + dy * dy;
        corner = i;
      }
    }
    if (corner === first) continue;
    const loop = xy.slice(first, last);
    xy.set(loop.subarray(corner - first), first);
    xy.set(loop.subarray(0, corner - first), first + last - corner);
    xy[last] = xy[first];
    xy[last + 1] = xy[first + 1];
  }
}
