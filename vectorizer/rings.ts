/**
 * Half-arcs chained into rings: for each region one shell and its holes. A ring keeps its region on the left, so on
 * the displayed map shells run counter-clockwise and holes clockwise.
 *
 * Where a region touches itself at a corner only, its ring goes straight across instead of turning back (the region on
 * both sides of the corner is joined by another way, or it would be two regions): so no ring ever passes a point twice,
 * and a hole that touches the shell is a hole of its own, as the OGC's simple features want it.
 */
import type { ArcGraph } from './arc-graph.ts';

export interface Rings {
  count: number;
  /** Ring r walks the half-arcs halves[offsets[r]] .. halves[offsets[r + 1] - 1]. */
  offsets: Int32Array;
  halves: Int32Array;
  regions: Int32Array;
}

export function chainRings(graph: ArcGraph): Rings {
  const { left, right, from, to, leaving } = graph;
  const halfCount = 2 * graph.count;
  const offsets = new Int32Array(halfCount + 1);
  const halves = new Int32Array(halfCount);
  const regions = new Int32Array(halfCount);
  const done = new Uint8Array(halfCount);
  const regionOf = (half: number): number => ((half & 1) === 0 ? left[half >> 1] : right[half >> 1]);
  let count = 0;
  let written = 0;
  for (let start = 0; start < halfCount; start++) {
    if (done[start]) continue;
    const region = regionOf(start);
    let half = start;
    do {
      done[half] = 1;
      halves[written++] = half;
      const slot = (half & 1) === 0 ? to[half >> 1] : from[half >> 1];
      if (slot < 0) break;
      const junction = slot & ~3;
      let turn = 1;
      while (leaving[junction | ((slot + turn) & 3)] < 0) turn++;
      if (turn === 1) {
        const across = leaving[junction | ((slot + 3) & 3)];
        if (leaving[junction | ((slot + 2) & 3)] >= 0 && across >= 0 && regionOf(across) === region) turn = 3;
      }
      half = leaving[junction | ((slot + turn) & 3)];
    } while (half !== start);
    regions[count] = region;
    offsets[++count] = written;
  }
  return { count, offsets: offsets.slice(0, count + 1), halves, regions: regions.slice(0, count) };
}
