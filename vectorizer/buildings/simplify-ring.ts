/** The shape of buildings that have no regular one: their exact ring with fewer vertices (Douglas & Peucker, 1973). */

/** The tolerance is in the ring's units. Closed in, closed out; the ring itself where fewer than four corners remain. */
export function simplifyRing(ring: Float64Array, tolerance: number, unitsX: number, unitsY: number): Float64Array {
  const count = ring.length / 2 - 1;
  const squared = (i: number, j: number): number =>
    ((ring[2 * i] - ring[2 * j]) * unitsX) ** 2 + ((ring[2 * i + 1] - ring[2 * j + 1]) * unitsY) ** 2;
  const farthestFrom = (from: number): number => {
    let farthest = 0;
    for (let i = 1; i < count; i++) if (squared(i, from) > squared(farthest, from)) farthest = i;
    return farthest;
  };
  const one = farthestFrom(0);
  const other = farthestFrom(one);
  const kept = new Uint8Array(count);
  kept[one] = 1;
  kept[other] = 1;
  const open: [number, number][] = [
    [one, other],
    [other, one],
  ];
  for (let piece = open.pop(); piece; piece = open.pop()) {
    const [start, stop] = piece;
    const dx = (ring[2 * stop] - ring[2 * start]) * unitsX;
    const dy = (ring[2 * stop + 1] - ring[2 * start + 1]) * unitsY;
    const length = dx * dx + dy * dy;
    let farthest = -1;
    let most = tolerance * tolerance;
    for (let i = (start + 1) % count; i !== stop; i = (i + 1) % count) {
      const px = (ring[2 * i] - ring[2 * start]) * unitsX;
      const py = (ring[2 * i + 1] - ring[2 * start + 1]) * unitsY;
      const along = length > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const distance = (px - along * dx) ** 2 + (py - along * dy) ** 2;
      if (distance > most) {
        most = distance;
        farthest = i;
      }
    }
    if (farthest < 0) continue;
    kept[farthest] = 1;
    open.push([start, farthest], [farthest, stop]);
  }
  const vertices: number[] = [];
  for (let i = 0; i < count; i++) if (kept[i]) vertices.push(ring[2 * i], ring[2 * i + 1]);
  if (vertices.length < 8) return ring;
  vertices.push(vertices[0], vertices[1]);
  return Float64Array.from(vertices);
}
