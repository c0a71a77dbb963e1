/** The vertices of a strip's open borders, to be found by place. */
import type { OpenLand } from './open-land.ts';

export interface VertexIndex {
  /** Whether any vertex in a box, its sides included, passes a test. */
  some(minX: number, minY: number, maxX: number, maxY: number, test: (x: number, y: number) => boolean): boolean;
}

/** Width of a bucket, in pixels, as a power of two. */
const BUCKET_SHIFT = 6;

export function indexVertices({ width, arcs: { xy } }: OpenLand): VertexIndex {
  const buckets = (width >> BUCKET_SHIFT) + 1;
  const first = new Int32Array(buckets + 1);
  for (let i = 0; i < xy.length; i += 2) first[(xy[i] >> BUCKET_SHIFT) + 1]++;
  for (let bucket = 0; bucket < buckets; bucket++) first[bucket + 1] += first[bucket];
  const next = first.slice();
  const vertices = new Int32Array(xy.length / 2);
  for (let i = 0; i < xy.length; i += 2) vertices[next[xy[i] >> BUCKET_SHIFT]++] = i;
  return {
    some(minX, minY, maxX, maxY, test) {
      for (let i = first[minX >> BUCKET_SHIFT]; i < first[(maxX >> BUCKET_SHIFT) + 1]; i++) {
        const x = xy[vertices[i]];
        const y = xy[vertices[i] + 1];
        if (x >= minX && x <= maxX && y >= minY && y <= maxY && test(x, y)) return true;
      }
      return false;
    },
  };
}
