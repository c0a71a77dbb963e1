/** The pixels of strata, in their random order, become a sample: so many of each stratum, as far apart as is asked for. */
import type { DrawnPixel } from './draw-units.ts';

export interface ChosenPoint extends DrawnPixel {
  /** Index of its stratum. */
  stratum: number;
  /** Whether a second person is to look at it. */
  second: boolean;
}

/**
 * @param wanted points of each stratum; fewer are given where no more lie far enough apart
 * @param apart least distance in pixels along x and y, as a pixel is wide and high; 0: none
 * @param secondShare of each stratum's points
 * @returns in the order in which they are looked at: whoever stops half way has about half of each stratum's, which is a
 * smaller sample of the same kind
 */
export function choosePoints(
  strata: readonly (readonly DrawnPixel[])[],
  wanted: readonly number[],
  { apart, secondShare }: { apart: { x: number; y: number } | null; secondShare: number },
): ChosenPoint[] {
  const isFree = apart ? awayFromOthers(apart) : () => true;
  const chosen = strata.map((): DrawnPixel[] => []);
  // In turns, so that no stratum is crowded out by the one before it.
  const next = strata.map((pixels) => pixels[Symbol.iterator]());
  const open = new Set(strata.keys());
  while (open.size > 0) {
    for (const h of open) {
      const { value, done } = chosen[h]!.length < wanted[h]! ? next[h]!.next() : { value: undefined, done: true };
      if (done) open.delete(h);
      else if (isFree(value!)) chosen[h]!.push(value!);
    }
  }
  const points = chosen.flatMap((pixels, stratum) =>
    pixels.map((pixel, i) => ({
      ...{ ...pixel, stratum, turn: (i + 0.5) / pixels.length },
      second: Math.floor((i + 1) * secondShare) > Math.floor(i * secondShare),
    })),
  );
  return points
    .sort((a, b) => a.turn - b.turn || a.stratum - b.stratum)
    .map(({ x, y, stratum, second }) => ({ x, y, stratum, second }));
}

/** Says of one pixel after the other whether it is as far from all before of which this was said. */
function awayFromOthers({ x: apartX, y: apartY }: { x: number; y: number }): (pixel: DrawnPixel) => boolean {
  const cells = new Map<string, DrawnPixel[]>();
  return (pixel) => {
    const [column, row] = [Math.floor(pixel.x / apartX), Math.floor(pixel.y / apartY)];
    for (let c = column - 1; c <= column + 1; c++) {
      for (let r = row - 1; r <= row + 1; r++) {
        for (const other of cells.get(`${c} ${r}`) ?? []) {
          if (Math.hypot((other.x - pixel.x) / apartX, (other.y - pixel.y) / apartY) < 1) return false;
        }
      }
    }
    const key = `${column} ${row}`;
    cells.set(key, [...(cells.get(key) ?? []), pixel]);
    return true;
  };
}
