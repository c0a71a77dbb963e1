/**
 * The shift between two pictures of the same ground: phase correlation (Kuglin and Hines 1975) of gradient magnitudes,
 * which light and season change less than values, under a Hann window.
 */
import { type Complex, createTransform, type SquareTransform } from './fft.ts';

export interface Shift {
  /** How far what is in the first picture lies to the right and below in the second, in pixels. */
  x: number;
  y: number;
  /** How far the peak stands out, in standard deviations of what is around it. */
  sigmas: number;
}

/** Pixels around the peak that belong to it. */
const PEAK_RADIUS = 4;

/** Correlates grey squares of one side, a power of two; null where one of them is flat. */
export function createCorrelator(side: number): (a: Float32Array, b: Float32Array) => Shift | null {
  const transform = createTransform(side);
  const hann = Float64Array.from({ length: side }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / side));
  return (a, b) => {
    const [first, second] = [a, b].map((grey) => spectrumOf(grey, hann, transform));
    if (!first || !second) return null;
    for (let i = 0; i < side * side; i++) {
      const re = first.re[i] * second.re[i] + first.im[i] * second.im[i];
      const im = first.re[i] * second.im[i] - first.im[i] * second.re[i];
      const size = Math.hypot(re, im) || 1;
      first.re[i] = re / size;
      first.im[i] = im / size;
    }
    transform.inverse(first);
    return peakOf(first.re, side);
  };
}

function spectrumOf(grey: Float32Array, hann: Float64Array, transform: SquareTransform): Complex | null {
  const { side } = transform;
  const re = new Float64Array(side * side);
  let sum = 0;
  let weights = 0;
  for (let y = 1; y < side - 1; y++) {
    for (let x = 1; x < side - 1; x++) {
      const at = y * side + x;
      const across = grey[at + 1] - grey[at - 1];
      const down = grey[at + side] - grey[at - side];
      re[at] = Math.hypot(across, down);
      sum += re[at] * hann[x] * hann[y];
      weights += hann[x] * hann[y];
    }
  }
  const mean = sum / weights;
  if (!(mean > 0)) return null;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const isRim = x === 0 || y === 0 || x === side - 1 || y === side - 1;
      re[y * side + x] = isRim ? 0 : (re[y * side + x] - mean) * hann[x] * hann[y];
    }
  }
  const square = { re, im: new Float64Array(side * side) };
  transform.forward(square);
  return square;
}

function peakOf(surface: Float64Array, side: number): Shift {
  let best = 0;
  for (let i = 1; i < surface.length; i++) if (surface[i] > surface[best]) best = i;
  const [column, row] = [best % side, Math.floor(best / side)];
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < surface.length; i++) {
    const far = (d: number) => Math.min(d, side - d) > PEAK_RADIUS;
    if (!far(Math.abs((i % side) - column)) && !far(Math.abs(Math.floor(i / side) - row))) continue;
    count++;
    sum += surface[i];
    squares += surface[i] ** 2;
  }
  const mean = sum / count;
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean)) || 1;
  const at = (x: number, y: number) => surface[((row + y + side) % side) * side + ((column + x + side) % side)];
  const signed = (value: number) => (value >= side / 2 ? value - side : value);
  return {
    x: signed(column) + vertex(at(-1, 0), surface[best], at(1, 0)),
    y: signed(row) + vertex(at(0, -1), surface[best], at(0, 1)),
    sigmas: (surface[best] - mean) / deviation,
  };
}

/** Where between two neighbours the peak lies: the ratio of the two highest (Foroosh et al. 2002). */
function vertex(before: number, peak: number, after: number): number {
  const beside = Math.max(before, after);
  if (!(beside > 0)) return 0;
  return (after >= before ? 1 : -1) * (beside / (beside + peak));
}
