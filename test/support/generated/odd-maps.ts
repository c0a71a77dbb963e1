/** Maps that are hard on a tracer. */
import { type ClassMap, NODATA } from './generated-maps.ts';

/** A class for each place of a map. */
const ODD_MAPS: Record<string, (x: number, y: number) => number> = {
  'upright stripes': (x) => x % 3,
  'level stripes': (_, y) => y % 2,
  'slanted stripes': (x, y) => (x + y) % 4,
  checkerboard: (x, y) => (x + y) % 2,
  'a region with many holes': (x, y) => Number(x % 2 === 1 && y % 2 === 1),
  'holes that touch at corners': (x, y) => Number(x % 4 === y % 4 || x % 4 === 3 - (y % 4)),
  'a comb': (x, y) => Number(x % 2 === 1 && y > 0),
  rings: (x, y) => Math.max(Math.abs(x - 20), Math.abs(y - 17)) % 2,
  'wide rings': (x, y) => (Math.max(Math.abs(x - 40), Math.abs(y - 70)) >> 3) % 2,
  'round rings': (x, y) => (Math.hypot(x - 40, y - 70) >> 3) % 2,
  'slopes along lines': (x, y) => Number(y % 16 < 8 + Math.sin(x / 9) * 8),
  'all nodata': () => NODATA,
  'nodata among regions': (x, y) => (((x >> 2) + (y >> 1)) % 3 === 0 ? NODATA : (x >> 3) % 2),
  'one class': () => 254,
};

/** All of them in each size. */
export function oddMaps(sizes: readonly (readonly [width: number, height: number])[]): ClassMap[] {
  return Object.values(ODD_MAPS).flatMap((classAt) =>
    sizes.map(([width, height]) => ({
      width,
      height,
      classes: Uint8Array.from({ length: width * height }, (_, i) => classAt(i % width, Math.floor(i / width))),
    })),
  );
}
