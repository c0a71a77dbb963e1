/**
 * Half-arcs chained into rings: for each region one shell and its holes. A ring keeps its region on the left, so on
 * the displayed map shells run counter-clockwise and holes clockwise.
 */
import { type ArcGraph, nextHalf } from '../trace/arc-graph.ts';

export interface Rings {
  count: number;
  /** Ring r walks the half-arcs halves[offsets[r]] .. halves[offsets[r + 1] - 1]. */
  offsets: Int32Array;
  halves: Int32Array;
  regions: Int32Array;
}

/** `regionCount` is how many regions the graph has. */
export function chainRings(graph: ArcGraph, regionCount: number): Rings {
  const { left, right, from, to } = graph;
  const numbers = Int32Array.from({ length: regionCount }, (_, region) => region);
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
      half = nextHalf(graph, numbers, region, slot);
    } while (half !== start);
    regions[count] = region;
    offsets[++count] = written;
  }
  return { count, offsets: offsets.slice(0, count + 1), halves, regions: regions.slice(0, count) };
}
