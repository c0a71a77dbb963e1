/**
 * One arc's vertices thinned out by Douglas and Peucker (1973): a vertex is dropped when it lies within the tolerance
 * of the straight line that replaces it. An arc's first and last vertex always stay.
 */
import type { ArcGraph } from './arc-graph.ts';

/**
 * A loop has no ends to hold it: makes each loop begin at its vertex farthest from the centre of its box, which is a
 * corner where the loop has corners. The farthest vertex from there becomes the second hold by itself.
 */
export function anchorLoops(graph: ArcGraph): void {
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

/** Vertices between two kept ones that are still to be looked at, as a stack of pairs. */
const pending: number[] = [];

/** Sets kept[] to 1 or 0 for the vertices of one arc. The tolerance is in pixels; 0 keeps every vertex. */
export function simplifyArc(graph: ArcGraph, arc: number, tolerance: number, kept: Uint8Array): void {
  const { xy } = graph;
  const start = graph.offsets[arc];
  const end = graph.offsets[arc + 1] - 1;
  if (tolerance === 0 || end - start < 2) {
    kept.fill(1, start, end + 1);
    return;
  }
  kept.fill(0, start, end + 1);
  kept[start] = 1;
  kept[end] = 1;
  const isLoop = graph.from[arc] < 0;
  let inside = 0;
  pending.push(start, end);
  while (pending.length > 0) {
    const last = pending.pop()!;
    const first = pending.pop()!;
    // A loop needs three corners: the first two splits are made in any case.
    const limit = isLoop && inside < 2 ? 0 : tolerance * tolerance;
    const split = farthestVertex(xy, first, last, limit);
    if (split < 0) continue;
    kept[split] = 1;
    inside++;
    if (last - split > 1) pending.push(split, last);
    if (split - first > 1) pending.push(first, split);
  }
}

/** The vertex between two others that is farthest from the line between them, or -1 if none is beyond the limit. */
function farthestVertex(xy: Int32Array, first: number, last: number, limitSquared: number): number {
  const ax = xy[2 * first];
  const ay = xy[2 * first + 1];
  const bx = xy[2 * last] - ax;
  const by = xy[2 * last + 1] - ay;
  const lengthSquared = bx * bx + by * by;
  let farthest = limitSquared * Math.max(1, lengthSquared);
  let split = -1;
  for (let i = first + 1; i < last; i++) {
    const px = xy[2 * i] - ax;
    const py = xy[2 * i + 1] - ay;
    // Squared distance to the line's piece, times its squared length where it has one.
    const along = px * bx + py * by;
    let distance: number;
    if (lengthSquared === 0) distance = px * px + py * py;
    else if (along < 0) distance = (px * px + py * py) * lengthSquared;
    else if (along > lengthSquared) distance = ((px - bx) ** 2 + (py - by) ** 2) * lengthSquared;
    else distance = (px * by - py * bx) ** 2;
    if (distance > farthest) {
      farthest = distance;
      split = i;
    }
  }
  return split;
}
