/** Class maps for tests: drawn as text, random, and smooth like a model's output; the same for the same seed. */

import type { Region, VectorizeOptions } from '../../../vectorizer/region.ts';
import { type VectorizeReport, vectorize } from '../../../vectorizer/vectorize.ts';

export interface ClassMap {
  width: number;
  height: number;
  classes: Uint8Array;
}

export const NODATA = 255;

/** Letters are classes (a = 0, b = 1, …), dots are nodata; rows are separated by white space. */
export function drawnMap(text: string): ClassMap {
  const rows = text.trim().split(/\s+/);
  const classes = Uint8Array.from(rows.join(''), (letter) => (letter === '.' ? NODATA : letter.charCodeAt(0) - 97));
  return { width: rows[0].length, height: rows.length, classes };
}

/** Uniform numbers in [0, 1): mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Each pixel for itself; with `nodataShare` of them nodata. */
export function noiseMap(seed: number, width: number, height: number, classCount: number, nodataShare = 0): ClassMap {
  const random = randomNumbers(seed);
  const classes = Uint8Array.from({ length: width * height }, () =>
    random() < nodataShare ? NODATA : Math.floor(random() * classCount),
  );
  return { width, height, classes };
}

/** The class of the highest of several smooth random fields, with a nodata corner and some wrong pixels. */
export function smoothMap(
  seed: number,
  width: number,
  height: number,
  classCount: number,
  options: { scale?: number; nodata?: boolean; wrongShare?: number } = {},
): ClassMap {
  const { scale = 12, nodata = false, wrongShare = 0 } = options;
  const random = randomNumbers(seed);
  const fields = Array.from({ length: classCount }, () => smoothField(random, width, height, scale));
  const classes = new Uint8Array(width * height);
  const highest = new Float64Array(width);
  const slope = random() + 0.5;
  for (let y = 0; y < height; y++) {
    const row = classes.subarray(y * width, (y + 1) * width);
    highest.fill(-1);
    for (const [cls, drawRow] of fields.entries()) drawRow(y, cls, highest, row);
    for (let x = 0; x < width; x++) {
      if (wrongShare > 0 && random() < wrongShare) row[x] = Math.floor(random() * classCount);
      if (nodata && x * slope + y < (width + height) / 5) row[x] = NODATA;
    }
  }
  return { width, height, classes };
}

/**
 * Random values on a coarse lattice, interpolated with smooth steps. The function it returns takes a row of the field
 * for a class: where it is higher than what was there, that class is written.
 */
function smoothField(random: () => number, width: number, height: number, scale: number) {
  const columns = Math.ceil(width / scale) + 2;
  const lattice = Float64Array.from({ length: columns * (Math.ceil(height / scale) + 2) }, random);
  const ease = (t: number): number => t * t * (3 - 2 * t);
  return (y: number, cls: number, highest: Float64Array, classRow: Uint8Array): void => {
    const row = Math.floor(y / scale);
    const v = ease(y / scale - row);
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / scale);
      const u = ease(x / scale - column);
      const at = row * columns + column;
      const top = lattice[at] * (1 - u) + lattice[at + 1] * u;
      const bottom = lattice[at + columns] * (1 - u) + lattice[at + columns + 1] * u;
      const value = top * (1 - v) + bottom * v;
      if (value <= highest[x]) continue;
      highest[x] = value;
      classRow[x] = cls;
    }
  };
}

/** A grid of streets (class 2) with houses (1), half of them turned, and round trees (3) on open ground (0). */
export function urbanMap(seed: number, width: number, height: number): ClassMap {
  const random = randomNumbers(seed);
  const classes = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    if (y % 120 < 9) classes.fill(2, y * width, (y + 1) * width);
    else for (let x = 0; x < width; x += 160) classes.fill(2, y * width + x, y * width + Math.min(x + 9, width));
  }
  for (let count = Math.round((width * height) / 560); count > 0; count--) {
    const centreX = random() * width;
    const centreY = random() * height;
    const angle = random() < 0.5 ? 0 : random() * Math.PI;
    const along = 3 + 7 * random();
    const across = 3 + 7 * random();
    const isRound = random() < 0.4;
    const cls = isRound ? 3 : 1;
    const reach = Math.ceil(isRound ? along : along + across);
    for (let y = Math.max(0, Math.floor(centreY) - reach); y < Math.min(height, centreY + reach); y++) {
      for (let x = Math.max(0, Math.floor(centreX) - reach); x < Math.min(width, centreX + reach); x++) {
        const dx = x + 0.5 - centreX;
        const dy = y + 0.5 - centreY;
        const u = Math.abs(dx * Math.cos(angle) + dy * Math.sin(angle));
        const v = Math.abs(dy * Math.cos(angle) - dx * Math.sin(angle));
        if (isRound ? dx * dx + dy * dy < along * along : u < along && v < across) classes[y * width + x] = cls;
      }
    }
  }
  return { width, height, classes };
}

/** All regions of a map; scores are 255, and the defaults are the exact borders. */
export async function vectorizeMap(
  map: ClassMap,
  options: Partial<VectorizeOptions> = {},
  bandRows: readonly number[] = [map.height],
): Promise<{ regions: Region[]; report: VectorizeReport }> {
  const { width, height, classes } = map;
  const scores = new Uint8Array(width * height).fill(255);
  const bands = [];
  for (let row = 0, i = 0; row < height; i++) {
    const rows = Math.min(bandRows[i % bandRows.length], height - row);
    const from = row * width;
    const to = (row + rows) * width;
    bands.push({ rows, classes: classes.subarray(from, to), scores: scores.subarray(from, to) });
    row += rows;
  }
  const { regions, report } = await vectorize(bands, {
    width,
    height,
    pixelAreaM2: 1,
    minAreaM2: 0,
    tolerancePixels: 0,
    nodata: NODATA,
    ...options,
  });
  return { regions: [...regions], report };
}

/** For each pixel the number of the region whose rings hold its centre (even-odd over all rings); -1 none, -2 several. */
export function rasterize(regions: readonly Region[], width: number, height: number): Int32Array {
  const owner = new Int32Array(width * height).fill(-1);
  for (const [number, region] of regions.entries()) {
    const crossings: number[][] = Array.from({ length: height }, () => []);
    for (const ring of region.rings) {
      for (let i = 0; i + 3 < ring.length; i += 2) {
        const [x0, y0, x1, y1] = ring.subarray(i, i + 4);
        const [low, high] = y0 < y1 ? [y0, y1] : [y1, y0];
        for (let y = Math.ceil(low - 0.5); y + 0.5 < high; y++) {
          crossings[y].push(x0 + ((x1 - x0) * (y + 0.5 - y0)) / (y1 - y0));
        }
      }
    }
    for (let y = 0; y < height; y++) {
      const row = crossings[y].sort((a, b) => a - b);
      for (let i = 0; i + 1 < row.length; i += 2) {
        for (let x = Math.ceil(row[i] - 0.5); x + 0.5 < row[i + 1]; x++) {
          owner[y * width + x] = owner[y * width + x] === -1 ? number : -2;
        }
      }
    }
  }
  return owner;
}

/** 4-connected regions by flood fill: for each pixel the place of its region's first pixel in raster order. */
export function floodRegions(map: ClassMap): Int32Array {
  const { width, height, classes } = map;
  const first = new Int32Array(width * height).fill(-1);
  for (let start = 0; start < first.length; start++) {
    if (first[start] >= 0) continue;
    const stack = [start];
    first[start] = start;
    while (stack.length > 0) {
      const pixel = stack.pop()!;
      const x = pixel % width;
      const neighbours = [
        x > 0 ? pixel - 1 : -1,
        x < width - 1 ? pixel + 1 : -1,
        pixel - width,
        pixel + width < width * height ? pixel + width : -1,
      ];
      for (const next of neighbours) {
        if (next < 0 || first[next] >= 0 || classes[next] !== classes[start]) continue;
        first[next] = start;
        stack.push(next);
      }
    }
  }
  return first;
}
