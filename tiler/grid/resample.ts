/**
 * Pixels of one grid become pixels of a coarser or finer one through a separable filter: Lanczos-3 widened to the
 * output's pixel going down (antialiasing), Catmull-Rom bicubic going up. The weights of an output pixel depend on its
 * absolute index alone and are summed in a fixed order, so any window equals the crop of the whole, byte for byte.
 * Taps beyond the edge are left out and the rest scaled to one, as Pillow's resize does.
 */

import type { Window } from '../geotiff/window.ts';
import type { Pixels } from '../rendering/rendering.ts';

/** For every output index of one axis: where its taps begin in the source, and their weights (sum 1). */
export interface AxisFilter {
  taps: number;
  first: Int32Array;
  /** `taps` per output index; unused ones are 0. */
  weights: Float64Array;
  /** The source pixel that holds the output pixel's centre. */
  nearest: Int32Array;
}

/** Of both axes. */
export interface Filters {
  columns: AxisFilter;
  rows: AxisFilter;
}

const LANCZOS_LOBES = 3;
const BICUBIC_RADIUS = 2;

function lanczos3(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= LANCZOS_LOBES) return 0;
  const px = Math.PI * x;
  return (LANCZOS_LOBES * Math.sin(px) * Math.sin(px / LANCZOS_LOBES)) / (px * px);
}

/** Keys (1981) with a = -1/2. */
function catmullRom(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  if (d < 2) return ((-0.5 * d + 2.5) * d - 4) * d + 2;
  return 0;
}

/**
 * The filter of an axis of `outputs` pixels, each `scale` source pixels wide, over `inputs` source pixels whose first
 * corner is the output's first corner.
 */
export function axisFilter(inputs: number, outputs: number, scale: number): AxisFilter {
  const down = scale > 1;
  const kernel = down ? lanczos3 : catmullRom;
  const width = down ? scale : 1;
  const radius = (down ? LANCZOS_LOBES : BICUBIC_RADIUS) * width;
  // Pixel centres j + 1/2 strictly within the radius of the output's centre.
  const taps = Math.min(inputs, Math.ceil(2 * radius));
  const first = new Int32Array(outputs);
  const nearest = new Int32Array(outputs);
  const weights = new Float64Array(outputs * taps);
  for (let i = 0; i < outputs; i++) {
    const centre = (i + 0.5) * scale;
    nearest[i] = Math.min(inputs - 1, Math.floor(centre));
    const start = Math.max(0, Math.min(inputs - taps, Math.floor(centre - radius + 0.5)));
    first[i] = start;
    let sum = 0;
    for (let t = 0; t < taps; t++) sum += kernel((start + t + 0.5 - centre) / width);
    for (let t = 0; t < taps; t++) weights[i * taps + t] = kernel((start + t + 0.5 - centre) / width) / sum;
  }
  return { taps, first, weights, nearest };
}

/** The source range [start, end) that outputs [from, to) draw on. */
export function sourceRange(filter: AxisFilter, from: number, to: number): { start: number; end: number } {
  return { start: filter.first[from], end: filter.first[to - 1] + filter.taps };
}

/**
 * Resamples pixels of `bands` values to a window of the outputs. `source` holds what this draws on: the columns and rows
 * that sourceRange gives. Returns height*width*bands values of the source's kind.
 */
export function resample<P extends Pixels>(
  source: P,
  bands: number,
  { columns, rows }: Filters,
  { x, y, width, height }: Window,
): P {
  const xs = sourceRange(columns, x, x + width);
  const ys = sourceRange(rows, y, y + height);
  const sourceRowValues = (xs.end - xs.start) * bands;
  const rowValues = width * bands;
  // Horizontally filtered source rows; one stays as long as an output row may still draw on it.
  const ring = Array.from({ length: rows.taps }, () => new Float32Array(rowValues));
  const sum = new Float32Array(rowValues);
  const line = new Float64Array(sourceRowValues);
  const bytes = source instanceof Uint8Array;
  const out = (bytes ? new Uint8Array(height * rowValues) : new Float32Array(height * rowValues)) as P;
  let filtered = ys.start;
  for (let row = 0; row < height; row++) {
    const first = rows.first[y + row];
    filtered = Math.max(filtered, first);
    for (; filtered < first + rows.taps; filtered++) {
      const start = (filtered - ys.start) * sourceRowValues;
      for (let i = 0; i < sourceRowValues; i++) line[i] = source[start + i];
      const filteredRow = ring[filtered % rows.taps];
      if (bands === 3) filterRgbRow(line, columns, x, width, xs.start, filteredRow);
      else filterRow(line, bands, columns, x, width, xs.start, filteredRow);
    }
    sumRows(ring, first, rows.weights, (y + row) * rows.taps, sum);
    const at = row * rowValues;
    if (!bytes) {
      out.set(sum, at);
      continue;
    }
    for (let i = 0; i < rowValues; i++) {
      const value = sum[i];
      out[at + i] = value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5;
    }
  }
  return out;
}

/** As `filterRow`, for three bands: their sums stay in registers. */
function filterRgbRow(
  line: Float64Array,
  columns: AxisFilter,
  x: number,
  width: number,
  sourceX: number,
  out: Float32Array,
): void {
  const { taps, first, weights } = columns;
  for (let column = 0, at = 0; column < width; column++, at += 3) {
    let from = (first[x + column] - sourceX) * 3;
    let w = (x + column) * taps;
    const end = w + taps;
    let red = 0;
    let green = 0;
    let blue = 0;
    for (; w < end; w++, from += 3) {
      const weight = weights[w];
      red += weight * line[from];
      green += weight * line[from + 1];
      blue += weight * line[from + 2];
    }
    out[at] = red;
    out[at + 1] = green;
    out[at + 2] = blue;
  }
}

function filterRow(
  line: Float64Array,
  bands: number,
  columns: AxisFilter,
  x: number,
  width: number,
  sourceX: number,
  out: Float32Array,
): void {
  const { taps, first, weights } = columns;
  for (let column = 0, at = 0; column < width; column++) {
    const start = (first[x + column] - sourceX) * bands;
    const w = (x + column) * taps;
    for (let band = 0; band < bands; band++, at++) {
      let sum = 0;
      for (let t = 0, from = start + band; t < taps; t++, from += bands) sum += weights[w + t] * line[from];
      out[at] = sum;
    }
  }
}

/** The weighted sum of the `ring`'s rows from number `first` on; four at a time, so that sums are stored less often. */
function sumRows(
  ring: Float32Array[],
  first: number,
  weights: Float64Array,
  weightsAt: number,
  sum: Float32Array,
): void {
  const taps = ring.length;
  sum.fill(0);
  let tap = 0;
  for (; tap + 4 <= taps; tap += 4) {
    const a = ring[(first + tap) % taps];
    const b = ring[(first + tap + 1) % taps];
    const c = ring[(first + tap + 2) % taps];
    const d = ring[(first + tap + 3) % taps];
    const wa = weights[weightsAt + tap];
    const wb = weights[weightsAt + tap + 1];
    const wc = weights[weightsAt + tap + 2];
    const wd = weights[weightsAt + tap + 3];
    for (let i = 0; i < sum.length; i++) sum[i] += wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
  }
  for (; tap < taps; tap++) {
    const a = ring[(first + tap) % taps];
    const wa = weights[weightsAt + tap];
    for (let i = 0; i < sum.length; i++) sum[i] += wa * a[i];
  }
}
