/** Which ground two class maps of one grid both show, by squares of pixels. */

/** Side of the squares. */
const SQUARE_PIXELS = 8;

export interface KnownGround {
  /** Rows of both maps, from row `y` on. */
  add(y: number, before: Uint8Array, after: Uint8Array): void;
  /** Whether every pixel of a box, in pixel corners, has a class in both maps. */
  holds(minX: number, minY: number, maxX: number, maxY: number): boolean;
}

export function knownGround(width: number, height: number, nodata: number): KnownGround {
  const columns = Math.ceil(width / SQUARE_PIXELS);
  const unknown = new Uint8Array(columns * Math.ceil(height / SQUARE_PIXELS));
  return {
    add(y, before, after) {
      for (let at = 0; at < before.length; at++) {
        if (before[at] !== nodata && after[at] !== nodata) continue;
        const row = y + Math.floor(at / width);
        unknown[Math.floor(row / SQUARE_PIXELS) * columns + Math.floor((at % width) / SQUARE_PIXELS)] = 1;
      }
    },
    holds(minX, minY, maxX, maxY) {
      if (minX < 0 || minY < 0 || maxX > width || maxY > height) return false;
      const last = (edge: number) => Math.max(0, Math.ceil(edge / SQUARE_PIXELS) - 1);
      for (let row = Math.floor(minY / SQUARE_PIXELS); row <= last(maxY); row++) {
        for (let column = Math.floor(minX / SQUARE_PIXELS); column <= last(maxX); column++) {
          if (unknown[row * columns + column]) return false;
        }
      }
      return true;
    },
  };
}
