import type { Region } from '../../vectorizer/region.ts';

const pointsOf = (ring: Float64Array): number[][] =>
  Array.from({ length: ring.length / 2 }, (_, i) => [ring[2 * i], ring[2 * i + 1]]);

/** Largest distance of a vertex of one region's rings from the rings of the other. */
export function largestDistance(from: Region, to: Region): number {
  const pieces = to.rings.flatMap((ring) => {
    const points = pointsOf(ring);
    return points.slice(1).map((end, i) => [...points[i], ...end]);
  });
  let largest = 0;
  for (const [px, py] of from.rings.flatMap(pointsOf)) {
    let nearest = Infinity;
    for (const [ax, ay, bx, by] of pieces) {
      const squared = (bx - ax) ** 2 + (by - ay) ** 2;
      const share = Math.max(0, Math.min(1, ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / squared));
      nearest = Math.min(nearest, Math.hypot(px - ax - share * (bx - ax), py - ay - share * (by - ay)));
    }
    largest = Math.max(largest, nearest);
  }
  return largest;
}
