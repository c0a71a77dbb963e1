/**
 * How far a polygon and a set of pixels agree: areas by exact coverage of each pixel (signed areas accumulated along the
 * edges, as font rasterizers do it), so no polygons are intersected.
 */

let room = [new Float64Array(0), new Float64Array(0)] as const;
/** More than this is not kept. */
const MOST_KEPT = 1 << 16;

/** Two arrays that hold at least so many zeros, kept from call to call. */
function roomFor(count: number): readonly [Float64Array, Float64Array] {
  if (count > MOST_KEPT) return [new Float64Array(count), new Float64Array(count)];
  if (room[0].length < count) room = [new Float64Array(count), new Float64Array(count)];
  else for (const cells of room) cells.fill(0, 0, count);
  return room;
}

/** Intersection over union of two polygons in pixel coordinates; `exact` is the pixels themselves. */
export function intersectionOverUnion(exact: readonly Float64Array[], shape: readonly Float64Array[]): number {
  let minX = Number.POSITIVE_INFINITY;
  let minY = Number.POSITIVE_INFINITY;
  let maxX = Number.NEGATIVE_INFINITY;
  let maxY = Number.NEGATIVE_INFINITY;
  for (const ring of [exact[0], shape[0]]) {
    for (let i = 0; i < ring.length; i += 2) {
      if (ring[i] < minX) minX = ring[i];
      if (ring[i] > maxX) maxX = ring[i];
      if (ring[i + 1] < minY) minY = ring[i + 1];
      if (ring[i + 1] > maxY) maxY = ring[i + 1];
    }
  }
  const originX = Math.floor(minX);
  const originY = Math.floor(minY);
  const width = Math.ceil(maxX) - originX + 2;
  const height = Math.ceil(maxY) - originY + 1;
  const [pixels, covered] = roomFor(width * height);
  for (const ring of exact) accumulate(pixels, width, ring, originX, originY);
  for (const ring of shape) accumulate(covered, width, ring, originX, originY);
  let both = 0;
  let either = 0;
  for (let row = 0; row < height; row++) {
    let a = 0;
    let b = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      a += pixels[i];
      b += covered[i];
      const inside = a > 0.5 || a < -0.5;
      const share = Math.abs(b);
      if (inside) {
        both += share;
        either += 1;
      } else either += share;
    }
  }
  return both / either;
}

/** Adds a ring's edges: the running sum over a row is then the share of each pixel that the ring covers. */
function accumulate(cells: Float64Array, width: number, ring: Float64Array, originX: number, originY: number): void {
  for (let i = 0; i + 3 < ring.length; i += 2) {
    let x0 = ring[i] - originX;
    let y0 = ring[i + 1] - originY;
    let x1 = ring[i + 2] - originX;
    let y1 = ring[i + 3] - originY;
    if (y0 === y1) continue;
    let sign = 1;
    if (y0 > y1) {
      [x0, y0, x1, y1] = [x1, y1, x0, y0];
      sign = -1;
    }
    const slope = (x1 - x0) / (y1 - y0);
    for (let row = Math.floor(y0); row < y1; row++) {
      const top = Math.max(row, y0);
      const bottom = Math.min(row + 1, y1);
      const tall = sign * (bottom - top);
      let left = x0 + (top - y0) * slope;
      let right = x0 + (bottom - y0) * slope;
      if (left > right) [left, right] = [right, left];
      const at = row * width;
      let column = Math.floor(left);
      if (right <= column + 1) {
        const mean = (left + right) / 2 - column;
        cells[at + column] += tall * (1 - mean);
        cells[at + column + 1] += tall * mean;
        continue;
      }
      const perColumn = tall / (right - left);
      let before = 0;
      for (; column < right; column++) {
        const from = Math.max(column, left);
        const to = Math.min(column + 1, right);
        const part = perColumn * (to - from);
        // This part of the edge covers its own column on average by what is right of it, all further columns wholly.
        const own = part * (column + 1 - (from + to) / 2);
        cells[at + column] += own + before;
        before = part - own;
      }
      cells[at + column] += before;
    }
  }
}
