/**
 * Exact answers about polygons whose coordinates are multiples of 1 / GRID: do segments touch, is a ring simple, do two
 * polygons share a point. Rings are closed and flat.
 */

/** Steps per pixel of all coordinates here: so fine that right angles stay right to 1e-8. */
export const GRID = 2 ** 26;

/** Error bound of the determinant in doubles (J. R. Shewchuk, Discrete & Computational Geometry 18, 1997: ccwerrboundA). */
const ERROR_BOUND = (3 + 16 * 2 ** -53) * 2 ** -53;

/** On which side of a → b the point c lies: -1, 0 or 1, exactly. */
export function sideOf(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  const left = (ax - cx) * (by - cy);
  const right = (ay - cy) * (bx - cx);
  const determinant = left - right;
  if (Math.abs(determinant) > ERROR_BOUND * (Math.abs(left) + Math.abs(right))) return Math.sign(determinant);
  const exact = (ticks(ax) - ticks(cx)) * (ticks(by) - ticks(cy)) - (ticks(ay) - ticks(cy)) * (ticks(bx) - ticks(cx));
  return exact > 0n ? 1 : exact < 0n ? -1 : 0;
}

const ticks = (coordinate: number): bigint => BigInt(coordinate * GRID);

/** Whether the segment that begins at a[i] and the one that begins at b[j] have a point in common. */
export function segmentsTouch(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): boolean {
  const ax = a[i];
  const ay = a[i + 1];
  const bx = a[i + 2];
  const by = a[i + 3];
  const cx = b[j];
  const cy = b[j + 1];
  const dx = b[j + 2];
  const dy = b[j + 3];
  if (Math.max(ax, bx) < Math.min(cx, dx) || Math.max(cx, dx) < Math.min(ax, bx)) return false;
  if (Math.max(ay, by) < Math.min(cy, dy) || Math.max(cy, dy) < Math.min(ay, by)) return false;
  if (sideOf(ax, ay, bx, by, cx, cy) * sideOf(ax, ay, bx, by, dx, dy) > 0) return false;
  return sideOf(cx, cy, dx, dy, ax, ay) * sideOf(cx, cy, dx, dy, bx, by) <= 0;
}

/** Numbers of a polygon's edges as ring and vertex, ordered by their smallest x. */
interface Edges {
  rings: readonly Float64Array[];
  ring: number[];
  vertex: number[];
  minX: number[];
  maxX: number[];
}

function edgesOf(rings: readonly Float64Array[]): Edges {
  const edges: { ring: number; vertex: number; minX: number; maxX: number }[] = [];
  for (const [ring, xy] of rings.entries()) {
    for (let i = 0; i + 3 < xy.length; i += 2) {
      edges.push({ ring, vertex: i, minX: Math.min(xy[i], xy[i + 2]), maxX: Math.max(xy[i], xy[i + 2]) });
    }
  }
  edges.sort((a, b) => a.minX - b.minX);
  return {
    rings,
    ring: edges.map(({ ring }) => ring),
    vertex: edges.map(({ vertex }) => vertex),
    minX: edges.map(({ minX }) => minX),
    maxX: edges.map(({ maxX }) => maxX),
  };
}

/** Whether rings[0] is a simple ring around the others, which are simple and apart from it and from each other. */
export function isValidPolygon(rings: readonly Float64Array[]): boolean {
  const edges = edgesOf(rings);
  for (let i = 0; i < edges.ring.length; i++) {
    const ring = rings[edges.ring[i]];
    const last = ring.length - 4;
    for (let j = i + 1; j < edges.ring.length && edges.minX[j] <= edges.maxX[i]; j++) {
      const a = edges.vertex[i];
      const b = edges.vertex[j];
      if (edges.ring[i] === edges.ring[j]) {
        if (a + 2 === b || (b === 0 && a === last)) {
          if (foldsBack(ring, a, b)) return false;
          continue;
        }
        if (b + 2 === a || (a === 0 && b === last)) {
          if (foldsBack(ring, b, a)) return false;
          continue;
        }
      }
      if (segmentsTouch(ring, a, rings[edges.ring[j]], b)) return false;
    }
  }
  for (let hole = 1; hole < rings.length; hole++) {
    if (!isInside(rings[hole][0], rings[hole][1], [rings[0]])) return false;
    for (let other = 1; other < rings.length; other++) {
      if (other !== hole && isInside(rings[hole][0], rings[hole][1], [rings[other]])) return false;
    }
  }
  return rings.every((ring) => ring.length >= 8);
}

/** Whether the edge at `after` goes back over the edge at `before`, which ends where it begins. */
function foldsBack(ring: Float64Array, before: number, after: number): boolean {
  const [ax, ay, bx, by] = ring.subarray(before, before + 4);
  const cx = ring[after + 2];
  const cy = ring[after + 3];
  if ((ax === bx && ay === by) || (bx === cx && by === cy)) return true;
  return sideOf(ax, ay, bx, by, cx, cy) === 0 && (bx - ax) * (cx - bx) + (by - ay) * (cy - by) < 0;
}

/** Whether two valid polygons have any point in common. */
export function polygonsTouch(a: readonly Float64Array[], b: readonly Float64Array[]): boolean {
  if (ringsTouch(a, b)) return true;
  return isInside(a[0][0], a[0][1], b) || isInside(b[0][0], b[0][1], a);
}

function ringsTouch(a: readonly Float64Array[], b: readonly Float64Array[]): boolean {
  for (const ring of a) {
    for (let i = 0; i + 3 < ring.length; i += 2) if (edgeTouches(ring, i, b)) return true;
  }
  return false;
}

/** Whether the edge from vertex i / 2 on has a point in common with the rings. */
export function edgeTouches(ring: Float64Array, i: number, rings: readonly Float64Array[]): boolean {
  for (const other of rings) {
    for (let j = 0; j + 3 < other.length; j += 2) if (segmentsTouch(ring, i, other, j)) return true;
  }
  return false;
}

/** Whether a point lies inside an odd number of rings; points on a ring may go either way. */
export function isInside(x: number, y: number, rings: readonly Float64Array[]): boolean {
  let inside = false;
  for (const ring of rings) {
    for (let i = 0; i + 3 < ring.length; i += 2) {
      const y0 = ring[i + 1];
      const y1 = ring[i + 3];
      if (y0 > y === y1 > y) continue;
      const side = sideOf(ring[i], y0, ring[i + 2], y1, x, y);
      if (side > 0 === y1 > y0) inside = !inside;
    }
  }
  return inside;
}
