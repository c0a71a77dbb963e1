/**
 * A map's size in, its strips out: bands of whole rows that features are drawn in, one by one, by whoever is free. They
 * follow from the size of the map alone, never from who computes what, so every way to divide the work gives the same
 * features. A strip is drawn from its own rows and a margin of those above and below it; what reaches a line between two
 * strips is handed to whoever joins them.
 */

/** Rows of the map. */
export interface Strip {
  /** Counted from the top. */
  index: number;
  /** First row. */
  y: number;
  rows: number;
}

/** What a strip is drawn from: the rows of a class map with scores from `top` on, which hold the strip and its margins. */
export interface StripWindow {
  strip: Strip;
  /** Of the whole map, in pixels. */
  width: number;
  height: number;
  /** The map's row that comes first here. */
  top: number;
  rows: number;
  /** rows * width class codes. */
  classes: Uint8Array;
  /** rows * width probabilities of these classes, 0–255; all 0 where they are not known. */
  scores: Uint8Array;
}

/** Rows of a strip; a multiple of the sides of cells that levels of detail and pieces of regions are made of. */
const STRIP_ROWS = 2048;
/** Maps wider than this have strips of half as many rows, which bounds what drawing one takes. */
const WIDE_MAP = 16_384;
/** Rows above and below a strip that may decide what is drawn in it. */
export const STRIP_MARGIN = 256;

/** The strips of a map, from the top. The last one is never so low that its neighbour's margin would reach past it. */
export function planStrips({ width, height }: { width: number; height: number }): Strip[] {
  const most = width > WIDE_MAP ? STRIP_ROWS / 2 : STRIP_ROWS;
  const count = Math.max(1, Math.ceil((height - 2 * STRIP_MARGIN) / most));
  return Array.from({ length: count }, (_, index) => {
    const y = index * most;
    return { index, y, rows: index === count - 1 ? height - y : most };
  });
}
