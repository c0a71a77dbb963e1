/**
 * Two class maps of the same ground at two times → a map of what changed from which class to which, of what is more than
 * the error of the two. Works on bands of rows with a margin, so memory follows the width.
 */
import type { ClassBand } from '../region.ts';
import { type KnownGround, knownGround } from './known-ground.ts';

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
  /** Complete once the bands are read. */
  known: KnownGround;
}

const BAND_ROWS = 256;
const MOST_KINDS = 254;

/** Throws a RangeError where more than 254 pairs of classes change into one another. */
export function compareMaps(before: DatedMap, after: DatedMap, options: CompareOptions): ComparedMaps {
  const kinds: ChangeKind[] = [];
  const places = new Map<number, number>();
  const pixels = new Map<number, number>();
  const withinError = new Map<number, number>();
  const known = knownGround(options.width, options.height, options.nodata);
  return { bands: compare(), kinds, pixels, withinError, known };

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
      const changed = nearSure(sureChanges(a, b, width, options), a, b, width, reach);
      const own = [(y - top) * width, (y - top + rows) * width] as const;
      known.add(y, a.classes.subarray(...own), b.classes.subarray(...own));
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
          if (!changed[at]) {
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
function sureChanges(a: Rows, b: Rows, width: number, options: CompareOptions): Uint8Array {
  const { nodata, radiusPixels, leastScore } = options;
  const sure = new Uint8Array(a.classes.length);
  const changed: number[] = [];
  for (let at = 0; at < sure.length; at++) {
    const [from, to] = [a.classes[at], b.classes[at]];
    if (from !== to && from !== nodata && to !== nodata) changed.push(at);
  }
  const near = (map: Uint8Array) => {
    const codes = [...new Set(map)].filter((code) => code !== nodata);
    return new Map(codes.map((code) => [code, dilate((at) => map[at] === code, map.length, width, radiusPixels)]));
  };
  const [nearBefore, nearAfter] = [near(a.classes), near(b.classes)];
  for (const at of changed) {
    if (Math.min(a.scores[at], b.scores[at]) < leastScore) continue;
    // A border that lies elsewhere brings the new class from beside it, and leaves the old one beside.
    const [from, to] = [a.classes[at], b.classes[at]];
    sure[at] = Number(!(nearBefore.get(to)?.[at] && nearAfter.get(from)?.[at]));
  }
  return sure;
}

/** Changed pixels within `reach` of one that is sure and has changed from and to the same. */
function nearSure(sure: Uint8Array, a: Rows, b: Rows, width: number, reach: number): Uint8Array {
  const near = new Uint8Array(sure.length);
  const keyOf = (at: number) => a.classes[at] * 256 + b.classes[at];
  const keys = new Set<number>();
  for (let at = 0; at < sure.length; at++) if (sure[at]) keys.add(keyOf(at));
  for (const key of keys) {
    const around = dilate((at) => sure[at] === 1 && keyOf(at) === key, sure.length, width, reach);
    for (let at = 0; at < near.length; at++) if (around[at] && keyOf(at) === key) near[at] = 1;
  }
  return near;
}

/** 1 where a pixel of the set lies in the square of 2 * radius + 1 pixels around. */
function dilate(isIn: (at: number) => boolean, length: number, width: number, radius: number): Uint8Array {
  const across = new Uint8Array(length);
  for (let start = 0; start < length; start += width) {
    let last = -Infinity;
    for (let x = 0; x < width + radius; x++) {
      if (x < width && isIn(start + x)) last = x;
      if (x >= radius && x - last <= 2 * radius) across[start + x - radius] = 1;
    }
  }
  const both = new Uint8Array(length);
  const rows = length / width;
  const last = new Float64Array(width).fill(-Infinity);
  for (let y = 0; y < rows + radius; y++) {
    for (let x = 0; x < width; x++) {
      if (y < rows && across[y * width + x]) last[x] = y;
      if (y >= radius && y - last[x] <= 2 * radius) both[(y - radius) * width + x] = 1;
    }
  }
  return both;
}
