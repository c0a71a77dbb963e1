/** The map through the shifts of windows: one shift, or an affine map where the windows ask for it; outliers do not pull. */
import type { Geotransform } from '../crs/geotransform.ts';

/** Of one window that both images can be told apart in. */
export interface WindowShift {
  /** Its middle, in pixels of the first image. */
  x: number;
  y: number;
  /** How far its ground lies beside where the geotransforms say, in the second image, in pixels of the first. */
  dx: number;
  dy: number;
  sigmas: number;
}

export interface AffineFit {
  /** From positions to where their ground lies. */
  map: Geotransform;
  /** Distances that it leaves, one a window. */
  residuals: number[];
}

/** Fewer windows cannot tell a turn from noise. */
const LEAST_FOR_AFFINE = 12;
/** By how much an affine map must leave less, at the median, to be taken. */
const AFFINE_GAIN = 0.8;
/** Beyond so many median residuals a window weighs nothing (Tukey's biweight at about 4.7 standard deviations). */
const TUKEY = 7;
const LEAST_SCALE_PIXELS = 0.05;
const ROUNDS = 12;

/** Null without windows. */
export function fitShifts(windows: readonly WindowShift[]): AffineFit | null {
  if (windows.length === 0) return null;
  const shifted = leastSquares(windows, false);
  if (windows.length < LEAST_FOR_AFFINE) return shifted;
  const turned = leastSquares(windows, true);
  return median(turned.residuals) < AFFINE_GAIN * median(shifted.residuals) ? turned : shifted;
}

/** Least squares, weighed anew by what it leaves. */
function leastSquares(windows: readonly WindowShift[], affine: boolean): AffineFit {
  // Around the middle of the windows and in their extent, so that the equations are well conditioned.
  const middle = { x: mean(windows.map(({ x }) => x)), y: mean(windows.map(({ y }) => y)) };
  const extent = Math.max(1, ...windows.map(({ x, y }) => Math.hypot(x - middle.x, y - middle.y)));
  const terms = windows.map(({ x, y }) => (affine ? [1, (x - middle.x) / extent, (y - middle.y) / extent] : [1]));
  let across = [median(windows.map(({ dx }) => dx)), 0, 0];
  let down = [median(windows.map(({ dy }) => dy)), 0, 0];
  const value = (of: number[], i: number) => terms[i].reduce((sum, term, k) => sum + term * of[k], 0);
  const residualsOf = () => windows.map(({ dx, dy }, i) => Math.hypot(dx - value(across, i), dy - value(down, i)));
  for (let round = 0; round < ROUNDS; round++) {
    const residuals = residualsOf();
    const limit = TUKEY * Math.max(median(residuals), LEAST_SCALE_PIXELS);
    const weights = residuals.map((residual) => (residual < limit ? (1 - (residual / limit) ** 2) ** 2 : 0));
    across =
      solve(
        terms,
        weights,
        windows.map(({ dx }) => dx),
      ) ?? across;
    down =
      solve(
        terms,
        weights,
        windows.map(({ dy }) => dy),
      ) ?? down;
  }
  const slopes = (of: number[]) => [of[1] / extent, of[2] / extent];
  const [[ax, ay], [bx, by]] = [slopes(across), slopes(down)];
  const map: Geotransform = [
    across[0] - ax * middle.x - ay * middle.y,
    1 + ax,
    ay,
    down[0] - bx * middle.x - by * middle.y,
    bx,
    1 + by,
  ];
  return { map, residuals: residualsOf() };
}

/** Weighted normal equations by Gauss–Jordan; unknowns beyond the terms are 0. Null where they have no one solution. */
function solve(terms: readonly number[][], weights: readonly number[], values: readonly number[]): number[] | null {
  const size = terms[0].length;
  const rows = Array.from({ length: size }, () => new Float64Array(size + 1));
  for (const [i, each] of terms.entries()) {
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) rows[row][column] += weights[i] * each[row] * each[column];
      rows[row][size] += weights[i] * each[row] * values[i];
    }
  }
  for (let pivot = 0; pivot < size; pivot++) {
    const best = rows.reduce(
      (most, row, i) => (i >= pivot && Math.abs(row[pivot]) > Math.abs(rows[most][pivot]) ? i : most),
      pivot,
    );
    [rows[pivot], rows[best]] = [rows[best], rows[pivot]];
    if (Math.abs(rows[pivot][pivot]) < 1e-9) return null;
    for (const [i, row] of rows.entries()) {
      if (i === pivot) continue;
      const factor = row[pivot] / rows[pivot][pivot];
      for (let column = pivot; column <= size; column++) row[column] -= factor * rows[pivot][column];
    }
  }
  return [0, 1, 2].map((i) => (i < size ? rows[i][size] / rows[i][i] : 0));
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The value so far up the sorted ones, without interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const median = (values: readonly number[]): number => quantile(values, 0.5);
