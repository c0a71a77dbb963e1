/** Two pixel rows of a raster become one row of half its width (rounded up): the next overview level. */
import { isFloat, type Samples, type SampleType } from './samples.ts';

/** A row of `width` pixels of `bands` interleaved values, and 0|1 for each pixel. */
export interface Row {
  pixels: Samples;
  valid: Uint8Array;
}

export type Halve = (upper: Row, lower: Row, width: number, bands: number, out: Row) => void;

/**
 * Mean of the valid ones among each 2×2 pixels, rounded half up; valid where any of the four is. The last column of
 * an odd width stands for itself. Where the last row of an odd height has no partner, pass it as both.
 */
export function averageRows(upper: Row, lower: Row, width: number, bands: number, out: Row): void {
  const half = (width + 1) >> 1;
  for (let x = 0; x < half; x++) {
    const left = 2 * x;
    const right = left + 1 < width ? left + 1 : left;
    const a = upper.valid[left];
    const b = upper.valid[right];
    const c = lower.valid[left];
    const d = lower.valid[right];
    const count = a + b + c + d;
    out.valid[x] = count > 0 ? 1 : 0;
    const l = left * bands;
    const r = right * bands;
    const o = x * bands;
    if (count === 4) {
      for (let i = 0; i < bands; i++) {
        const sum = upper.pixels[l + i] + upper.pixels[r + i] + lower.pixels[l + i] + lower.pixels[r + i];
        out.pixels[o + i] = (sum + 2) >> 2;
      }
    } else if (count === 0) {
      for (let i = 0; i < bands; i++) out.pixels[o + i] = upper.pixels[l + i];
    } else {
      for (let i = 0; i < bands; i++) {
        const sum =
          a * upper.pixels[l + i] + b * upper.pixels[r + i] + c * lower.pixels[l + i] + d * lower.pixels[r + i];
        out.pixels[o + i] = Math.floor(sum / count + 0.5);
      }
    }
  }
}

/** The same for any samples: whole numbers rounded half up, floating-point ones as they come. */
export function averageRowsOf(type: SampleType): Halve {
  if (type === 'uint8') return averageRows;
  const half = isFloat(type) ? 0 : 0.5;
  const whole = isFloat(type) ? (value: number) => value : Math.floor;
  return (upper, lower, width, bands, out) => {
    for (let x = 0; x < (width + 1) >> 1; x++) {
      const left = 2 * x;
      const right = left + 1 < width ? left + 1 : left;
      const a = upper.valid[left];
      const b = upper.valid[right];
      const c = lower.valid[left];
      const d = lower.valid[right];
      const count = a + b + c + d;
      out.valid[x] = count > 0 ? 1 : 0;
      for (let i = 0; i < bands; i++) {
        const p = upper.pixels[left * bands + i];
        const q = upper.pixels[right * bands + i];
        const r = lower.pixels[left * bands + i];
        const s = lower.pixels[right * bands + i];
        let mean = p;
        if (count === 4) mean = whole((p + q + r + s) / 4 + half);
        else if (count > 0) mean = whole(((a ? p : 0) + (b ? q : 0) + (c ? r : 0) + (d ? s : 0)) / count + half);
        out.pixels[x * bands + i] = mean;
      }
    }
  };
}

/**
 * The most frequent value among the valid ones of each 2×2 pixels of a single-band raster; of equally frequent ones
 * the first in raster order. Never a value that was not there.
 */
export function majorityRows(upper: Row, lower: Row, width: number, _bands: number, out: Row): void {
  const half = (width + 1) >> 1;
  for (let x = 0; x < half; x++) {
    const left = 2 * x;
    const right = left + 1 < width ? left + 1 : left;
    const p = upper.pixels[left];
    const q = upper.pixels[right];
    const r = lower.pixels[left];
    const s = lower.pixels[right];
    const a = upper.valid[left];
    const b = upper.valid[right];
    const c = lower.valid[left];
    const d = lower.valid[right];
    out.valid[x] = a | b | c | d;
    const votesP = a && a + (p === q ? b : 0) + (p === r ? c : 0) + (p === s ? d : 0);
    const votesQ = b && b + (q === p ? a : 0) + (q === r ? c : 0) + (q === s ? d : 0);
    const votesR = c && c + (r === p ? a : 0) + (r === q ? b : 0) + (r === s ? d : 0);
    let winner = p;
    let votes = votesP;
    if (votesQ > votes) {
      winner = q;
      votes = votesQ;
    }
    if (votesR > votes) {
      winner = r;
      votes = votesR;
    }
    if (d > votes) winner = s;
    out.pixels[x] = winner;
  }
}
