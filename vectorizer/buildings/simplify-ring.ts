/** The shape of buildings that have no regular one: their exact outline with fewer vertices (Douglas & Peucker, 1973). */

/** Metres per pixel. */
export interface Scale {
  pixelMetresX: number;
  pixelMetresY: number;
}

/** A closed ring in, a closed ring out; the ring itself where fewer than four corners would remain. */
export function simplifyRing(ring: Float64Array, toleranceMetres: number, scale: Scale): Float64Array {
  const count = ring.length / 2 - 1;
  const farthestFrom = (from: number): number => {
    let farthest = 0;
    for (let i = 1; i < count; i++) {
      if (squaredDistance(ring, i, from, scale) > squaredDistance(ring, farthest, from, scale)) farthest = i;
    }
    return farthest;
  };
  const one = farthestFrom(0);
  const other = farthestFrom(one);
  const kept = new Uint8Array(count);
  keepFarthest(ring, count, one, other, kept, toleranceMetres, scale);
  keepFarthest(ring, count, other, one, kept, toleranceMetres, scale);
  const vertices: number[] = [];
  for (let i = 0; i < count; i++) if (kept[i]) vertices.push(ring[2 * i], ring[2 * i + 1]);
  if (vertices.length < 8) return ring;
  vertices.push(vertices[0], vertices[1]);
  return Float64Array.from(vertices);
}

/** An open line of flat points, whose ends stay. */
export function simplifyLine(line: ArrayLike<number>, toleranceMetres: number, scale: Scale): number[] {
  const count = line.length / 2;
  const kept = new Uint8Array(count);
  keepFarthest(line, count, 0, count - 1, kept, toleranceMetres, scale);
  const vertices: number[] = [];
  for (let i = 0; i < count; i++) if (kept[i]) vertices.push(line[2 * i], line[2 * i + 1]);
  return vertices;
}

function squaredDistance(xy: ArrayLike<number>, i: number, j: number, { pixelMetresX, pixelMetresY }: Scale): number {
  return ((xy[2 * i] - xy[2 * j]) * pixelMetresX) ** 2 + ((xy[2 * i + 1] - xy[2 * j + 1]) * pixelMetresY) ** 2;
}

/** Marks two vertices and those between them (modulo the count) without which the line would stray too far. */
function keepFarthest(
  xy: ArrayLike<number>,
  count: number,
  from: number,
  to: number,
  kept: Uint8Array,
  toleranceMetres: number,
  { pixelMetresX, pixelMetresY }: Scale,
): void {
  kept[from] = 1;
  kept[to] = 1;
  const open: [number, number][] = [[from, to]];
  for (let piece = open.pop(); piece; piece = open.pop()) {
    const [start, stop] = piece;
    const dx = (xy[2 * stop] - xy[2 * start]) * pixelMetresX;
    const dy = (xy[2 * stop + 1] - xy[2 * start + 1]) * pixelMetresY;
    const length = dx * dx + dy * dy;
    let farthest = -1;
    let most = toleranceMetres * toleranceMetres;
    for (let i = (start + 1) % count; i !== stop; i = (i + 1) % count) {
      const px = (xy[2 * i] - xy[2 * start]) * pixelMetresX;
      const py = (xy[2 * i + 1] - xy[2 * start + 1]) * pixelMetresY;
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
}
