/** Exact rings of a region in pixel corners become its pixels in a window. */

/** Whole pixels; the window's right and lower sides are x + width and y + height. */
export interface PixelBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The smallest window that holds the region. */
export function pixelBoxOf([shell]: readonly Float64Array[]): PixelBox {
  let [x, y] = shell;
  let [right, bottom] = shell;
  for (let i = 2; i < shell.length; i += 2) {
    x = Math.min(x, shell[i]);
    right = Math.max(right, shell[i]);
    y = Math.min(y, shell[i + 1]);
    bottom = Math.max(bottom, shell[i + 1]);
  }
  return { x, y, width: right - x, height: bottom - y };
}

/** Per pixel of the box 1 inside of the region, 0 elsewhere. */
export function insideOf(rings: readonly Float64Array[], { x: left, y: top, width, height }: PixelBox): Uint8Array {
  const inside = new Uint8Array(width * height);
  for (const ring of rings) {
    for (let i = 0; i + 3 < ring.length; i += 2) {
      const x = ring[i] - left;
      if (ring[i + 2] !== ring[i] || x >= width) continue;
      const from = Math.min(ring[i + 1], ring[i + 3]) - top;
      const to = Math.max(ring[i + 1], ring[i + 3]) - top;
      for (let y = from; y < to; y++) inside[y * width + x] ^= 1;
    }
  }
  // Every vertical side turns inside out for what lies to its right.
  for (let y = 0; y < height; y++) {
    for (let i = y * width + 1; i < (y + 1) * width; i++) inside[i] ^= inside[i - 1];
  }
  return inside;
}
