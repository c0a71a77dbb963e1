/** Class maps for tests: drawn as text, random, and smooth like a model's output; the same for the same seed. */
import { type Region, type VectorizeOptions, type VectorizeReport, vectorize } from './vectorize.ts';

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
  const slope = random() + 0.5;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      let best = 0;
      for (let field = 1; field < classCount; field++) if (fields[field][pixel] > fields[best][pixel]) best = field;
      if (random() < wrongShare) best = Math.floor(random() * classCount);
      classes[pixel] = nodata && x * slope + y < (width + height) / 5 ? NODATA : best;
    }
  }
  return { width, height, classes };
}

/** Random values on a coarse lattice, interpolated with smooth steps. */
function smoothField(random: () => number, width: number, height: number, scale: number): Float64Array {
  const columns = Math.ceil(width / scale) + 2;
  const lattice = Float64Array.from({ length: columns * (Math.ceil(height / scale) + 2) }, random);
  const field = new Float64Array(width * height);
  const ease = (t: number): number => t * t * (3 - 2 * t);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / scale);
    const v = ease(y / scale - row);
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / scale);
      const u = ease(x / scale - column);
      const at = row * columns + column;
      const top = lattice[at] * (1 - u) + lattice[at + 1] * u;
      const bottom = lattice[at + columns] * (1 - u) + lattice[at + columns + 1] * u;
      field[y * width + x] = top * (1 - v) + bottom * v;
    }
  }
  return field;
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
