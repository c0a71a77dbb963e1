/** Which regions of a strip's graph reach its lines, and what becomes of them. */
import type { Lines } from '../polygons/draw-ring.ts';
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import type { FaceRuns } from './open-land.ts';

/** Corner rows of the strip on which the map goes on beyond; -1 where it ends. */
export interface InnerLines {
  upper: number;
  lower: number;
}

/** Regions along both lines, by their number in the graph. */
export function regionsOnLines(graph: ArcGraph, inner: InnerLines): { upper: FaceRuns | null; lower: FaceRuns | null } {
  const { left, right, offsets, xy } = graph;
  const found: { upper: [x: number, region: number][]; lower: [x: number, region: number][] } = {
    upper: [],
    lower: [],
  };
  for (let arc = 0; arc < graph.count; arc++) {
    if (left[arc] !== OUTSIDE && right[arc] !== OUTSIDE) continue;
    const region = left[arc] === OUTSIDE ? right[arc] : left[arc];
    for (let i = 2 * offsets[arc] + 2; i < 2 * offsets[arc + 1]; i += 2) {
      const y = xy[i + 1];
      if (y !== xy[i - 1]) continue;
      const x = Math.min(xy[i], xy[i - 2]);
      if (y === inner.upper) found.upper.push([x, region]);
      else if (y === inner.lower) found.lower.push([x, region]);
    }
  }
  return { upper: toRuns(found.upper), lower: toRuns(found.lower) };
}

function toRuns(stretches: [x: number, region: number][]): FaceRuns | null {
  if (stretches.length === 0) return null;
  stretches.sort(([a], [b]) => a - b);
  return {
    starts: Int32Array.from(stretches, ([x]) => x),
    faces: Int32Array.from(stretches, ([, region]) => region),
  };
}

/** Vertices of each region's borders. */
export function countVertices(graph: ArcGraph, lines: Lines, regionCount: number): Int32Array {
  const vertices = new Int32Array(regionCount);
  for (let arc = 0; arc < graph.count; arc++) {
    const count = lines.offsets[arc + 1] - lines.offsets[arc] - 1;
    vertices[graph.left[arc]] += count;
    vertices[graph.right[arc]] += count;
  }
  return vertices;
}
