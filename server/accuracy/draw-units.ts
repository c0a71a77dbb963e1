/**
 * A class map becomes the places at which people look: pixels of each stratum in an order that is random and follows from
 * the seed and their positions alone, so that it is the same however the map is cut, and a longer sample begins with the
 * shorter one.
 */
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { type Area, areaRows } from '../../tiler/grid/area-mask.ts';

export interface DrawRequest {
  classesPath: string;
  /** Splits each class at this score, 0 to 255: what the network was less sure of apart from the rest. */
  split?: { scoresPath: string; score: number };
  aoi?: Area;
  /** 32 bits. */
  seed: number;
  /** Pixels of each stratum that are given, the first ones in the random order. */
  most: number;
}

export interface DrawnPixel {
  x: number;
  y: number;
}

export interface DrawnStratum {
  /** Code of the class map. */
  value: number;
  /** Which side of the split; `all` where there is none. */
  part: 'all' | 'unsure' | 'sure';
  population: number;
  /** Mean of its pixels' rows: the size of pixels may change from row to row. */
  meanRow: number;
  pixels: DrawnPixel[];
}

const ROWS = 256;
const NODATA = 255;
const PARTS = ['all', 'unsure', 'sure'] as const;

/** Memory follows the width of the map and `most`. */
export async function drawUnits({ classesPath, split, ...wanted }: DrawRequest): Promise<DrawnStratum[]> {
  const classes = await openRaster(classesPath);
  const scores = split ? await openRaster(split.scoresPath) : null;
  try {
    return await drawFrom(classes, scores && { raster: scores, score: split!.score }, wanted, ROWS);
  } finally {
    await Promise.all([classes.close(), scores?.close()]);
  }
}

/** @param rows of the map that are read at a time; no part of the answer follows from it */
export async function drawFrom(
  classes: Raster,
  split: { raster: Raster; score: number } | null,
  { aoi, seed, most }: Omit<DrawRequest, 'classesPath' | 'split'>,
  rows: number,
): Promise<DrawnStratum[]> {
  const { width, height, bands } = classes;
  const strata: (Growing | undefined)[] = [];
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    const window = { x: 0, y: top, width, height: count };
    const [codes, sure] = await Promise.all([classes.read(0, window), split?.raster.read(0, window)]);
    const inside = aoi ? areaRows(aoi, width, top, count) : null;
    for (let row = 0; row < count; row++) {
      const y = top + row;
      const ofRow = mixed(mixed(seed ^ 0x9e3779b9) ^ Math.imul(y + 1, 0xc2b2ae3d));
      for (let x = 0, i = row * width; x < width; x++, i++) {
        const value = codes.pixels[i * bands]!;
        if (value === NODATA || codes.valid[i] === 0 || (inside !== null && inside[i] === 0)) continue;
        const part = sure === undefined ? 0 : sure.pixels[i]! < split!.score ? 1 : 2;
        const key = value * PARTS.length + part;
        strata[key] ??= { population: 0, sumOfRows: 0, last: LAST, kept: [] };
        const stratum = strata[key];
        stratum.population++;
        stratum.sumOfRows += y;
        const at = mixed(ofRow ^ Math.imul(x + 1, 0x85ebca77)) >>> 0;
        if (at <= stratum.last) keep(stratum, { x, y, at }, most);
      }
    }
  }
  return strata.flatMap((stratum, key) => {
    if (!stratum) return [];
    const { population, sumOfRows, kept } = stratum;
    const pixels = kept.sort((a, b) => (comesBefore(a, b) ? -1 : 1)).map(({ x, y }) => ({ x, y }));
    const value = Math.floor(key / PARTS.length);
    return [{ value, part: PARTS[key % PARTS.length]!, population, meanRow: sumOfRows / population, pixels }];
  });
}

const LAST = 2 ** 32 - 1;

interface Growing {
  population: number;
  sumOfRows: number;
  /** Pixels whose place is beyond it are not kept. */
  last: number;
  /** Those that come first in the random order: a heap whose root is the last of them. */
  kept: Kept[];
}

interface Kept {
  x: number;
  y: number;
  /** Place in the random order, 32 bits; those of one place are in the order of the map. */
  at: number;
}

const comesBefore = (a: Kept, b: Kept): boolean => (a.at !== b.at ? a.at < b.at : a.y !== b.y ? a.y < b.y : a.x < b.x);

function keep(stratum: Growing, pixel: Kept, most: number): void {
  const { kept } = stratum;
  if (kept.length < most) rise(kept, pixel);
  else if (comesBefore(pixel, kept[0]!)) sink(kept, pixel);
  if (kept.length === most) stratum.last = kept[0]!.at;
}

function rise(heap: Kept[], pixel: Kept): void {
  let i = heap.push(pixel) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (comesBefore(pixel, heap[parent]!)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = pixel;
}

/** In place of the root. */
function sink(heap: Kept[], pixel: Kept): void {
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right && comesBefore(heap[child]!, right)) child++;
    if (comesBefore(heap[child]!, pixel)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = pixel;
}

/** MurmurHash3's finaliser (Appleby 2011, public domain): every bit of the answer hangs on every bit of the value. */
function mixed(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
