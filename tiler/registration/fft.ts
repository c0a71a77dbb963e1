/** The discrete Fourier transform of small squares, in place: radix 2, decimation in time (Cooley and Tukey 1965). */

export interface Complex {
  /** side * side, row by row. */
  re: Float64Array;
  im: Float64Array;
}

/** Transforms of squares of one side, a power of two. */
export interface SquareTransform {
  side: number;
  forward(square: Complex): void;
  /** Without the division by side². */
  inverse(square: Complex): void;
}

/** Throws a RangeError for a side that is no power of two. */
export function createTransform(side: number): SquareTransform {
  const bits = Math.log2(side);
  if (!Number.isInteger(bits)) throw new RangeError(`expected a power of two, got ${side}`);
  const reversed = Uint32Array.from({ length: side }, (_, i) => {
    let to = 0;
    for (let bit = 0; bit < bits; bit++) to |= ((i >> bit) & 1) << (bits - 1 - bit);
    return to;
  });
  const cosines = Float64Array.from({ length: side / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / side));
  const sines = Float64Array.from({ length: side / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / side));
  const re = new Float64Array(side);
  const im = new Float64Array(side);

  function line(square: Complex, start: number, step: number, sign: number): void {
    for (let i = 0; i < side; i++) {
      re[i] = square.re[start + reversed[i] * step];
      im[i] = square.im[start + reversed[i] * step];
    }
    for (let size = 2; size <= side; size *= 2) {
      const half = size / 2;
      const turn = side / size;
      for (let from = 0; from < side; from += size) {
        for (let k = 0; k < half; k++) {
          const c = cosines[k * turn];
          const s = -sign * sines[k * turn];
          const [a, b] = [from + k, from + k + half];
          const x = re[b] * c - im[b] * s;
          const y = re[b] * s + im[b] * c;
          re[b] = re[a] - x;
          im[b] = im[a] - y;
          re[a] += x;
          im[a] += y;
        }
      }
    }
    for (let i = 0; i < side; i++) {
      square.re[start + i * step] = re[i];
      square.im[start + i * step] = im[i];
    }
  }

  const transform = (square: Complex, sign: number) => {
    for (let row = 0; row < side; row++) line(square, row * side, 1, sign);
    for (let column = 0; column < side; column++) line(square, column, side, sign);
  };
  return { side, forward: (square) => transform(square, 1), inverse: (square) => transform(square, -1) };
}
