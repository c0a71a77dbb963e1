/**
 * Two class maps of the same ground at two times → a map of what changed from which class to which, of what is more than
 * the error of the two. Works on bands of rows with a margin, so memory follows the width.
 */
import type { ClassBand } from '../region.ts';

/** A class map and its scores, asked for by rows; both on the grid of the first map. */
export interface DatedMap {
  /** rows * width class codes and scores of the rows from `y` on, which lie within the map. */
  read(y: number, rows: number): Promise<{ classes: Uint8Array; scores: Uint8Array }>;
}

export interface CompareOptions {
  width: number;
  height: number;
  /** Class code of pixels without a class, of both maps and of the map of changes. */
  nodata: number;
  /**
   * How far a border may lie beside where it is without having moved, in pixels: what is left of the shift between both
   * images, and the pixels themselves.
   */
  radiusPixels: number;
  /** Of classes, 0–255, below which a pixel begins no change. */
  leastScore: number;
}

export interface ChangeKind {
  from: number;
  to: number;
}

export interface ComparedMaps {
  /** Bands of the map of changes: `classes` are places in `kinds`, scores the lesser of both maps'. */
  bands: AsyncGenerator<ClassBand>;
  /** Grows while the bands are read. */
  kinds: ChangeKind[];
  /** Pixels by class before and after, [from * 256 + to]; and those of them that only the error makes differ. */
  pixels: Map<number, number>;
  withinError: Map<number, number>;
}

const BAND_ROWS = 256;
const MOST_KINDS = 254;

/** Throws a RangeError where more than 254 pairs of classes change into one another. */
export function compareMaps(before: DatedMap, after: DatedMap, options: CompareOptions): ComparedMaps {
  const kinds: ChangeKind[] = [];
  const places = new Map<number, number>();
  const pixels = new Map<number, number>();
  const withinError = new Map<number, number>();
  return { bands: compare(), kinds, pixels, withinError };

  function kindOf(from: number, to: number): number {
    const key = from * 256 + to;
    let kind = places.get(key);
    if (kind === undefined) {
      kind = kinds.length;
      if (kind >= MOST_KINDS) throw new RangeError(`expected at most ${MOST_KINDS} pairs of classes that change`);
      kinds.push({ from, to });
      places.set(key, kind);
    }
    return kind;
  }

  async function* compare(): AsyncGenerator<ClassBand> {
    const { width, height, nodata, radiusPixels: radius } = options;
    const reach = 2 * radius; // what belongs to a change lies within this of a pixel that must have changed
    const margin = reach + radius;
    for (let y = 0; y < height; y += BAND_ROWS) {
      const rows = Math.min(BAND_ROWS, height - y);
      const top = Math.max(0, y - margin);
      const bottom = Math.min(height, y + rows + margin);
      const [a, b] = await Promise.all([before.read(top, bottom - top), after.read(top, bottom - top)]);
      const sure = sureChanges(a, b, width, bottom - top, options);
      const classes = new Uint8Array(rows * width).fill(nodata);
      const scores = new Uint8Array(rows * width);
      for (let row = 0; row < rows; row++) {
        for (let x = 0; x < width; x++) {
          const at = (y - top + row) * width + x;
          const [from, to] = [a.classes[at], b.classes[at]];
          if (from === nodata || to === nodata) continue;
          const key = from * 256 + to;
          pixels.set(key, (pixels.get(key) ?? 0) + 1);
          if (from === to) continue;
          if (!isNearSure(sure, a, b, width, bottom - top, x, y - top + row, reach)) {
            withinError.set(key, (withinError.get(key) ?? 0) + 1);
            continue;
          }
          classes[row * width + x] = kindOf(from, to);
          scores[row * width + x] = Math.min(a.scores[at], b.scores[at]);
        }
      }
      yield { rows, classes, scores };
    }
  }
}

type Rows = Awaited<ReturnType<DatedMap['read']>>;

/** Pixels whose change no displacement of a border explains: the class of either time is not near in the other map. */
function sureChanges(a: Rows, b: Rows, width: number, rows: number, options: CompareOptions): Uint8Array {
  const { nodata, radiusPixels, leastScore } = options;
  const sure = new Uint8Array(rows * width);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const [from, to] = [a.classes[at], b.classes[at]];
      if (from === to || from === nodata || to === nodata) continue;
      if (Math.min(a.scores[at], b.scores[at]) < leastScore) continue;
      const isNear = (map: Uint8Array, code: number) => {
        for (let v = Math.max(0, y - radiusPixels); v <= Math.min(rows - 1, y + radiusPixels); v++) {
          for (let u = Math.max(0, x - radiusPixels); u <= Math.min(width - 1, x + radiusPixels); u++) {
            if (map[v * width + u] === code) return true;
          }
        }
        return false;
      };
      // A border that lies elsewhere brings the new class from beside it, and leaves the old one beside.
      sure[at] = Number(!(isNear(a.classes, to) && isNear(b.classes, from)));
    }
  }
  return sure;
}

function isNearSure(
  sure: Uint8Array,
  a: Rows,
  b: Rows,
  width: number,
  rows: number,
  x: number,
  y: number,
  reach: number,
): boolean {
  const at = y * width + x;
  for (let v = Math.max(0, y - reach); v <= Math.min(rows - 1, y + reach); v++) {
    for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) {
      const there = v * width + u;
      if (sure[there] && a.classes[there] === a.classes[at] && b.classes[there] === b.classes[at]) return true;
    }
  }
  return false;
}
