/**
 * The samples of a whole scene, window by window, become the range of values that is shown and given to the network:
 * what stands for 0 and for 255. Samples of at most 16 bits are counted value by value. Others take two passes: the
 * first finds roughly where the percentiles lie, the second counts 65,536 steps between them.
 *
 * Scenes whose values are 256 evenly spaced levels (8-bit imagery in a wider type) get the levels back; the others are
 * stretched from the 2nd to the 98th percentile of each band, as image viewers do.
 */

import { isFloat, type Samples, type SampleType } from '../geotiff/samples.ts';
import { toByte, type ValueRange } from '../rendering/rendering.ts';

export const LOW_SHARE = 0.02;
export const HIGH_SHARE = 0.98;

export interface BandRange {
  range: ValueRange;
  /** How it was found. */
  kind: 'levels' | 'percentiles' | 'declared';
  /** Of the bytes that the valid pixels become. */
  mean: number;
}

/** Counts the chosen bands of the valid pixels. */
export interface RangeCounter {
  /** How often the scene must be added as a whole. */
  readonly passes: 1 | 2;
  /** Must be called between two passes. */
  nextPass(): void;
  add(pixels: Samples, valid: Uint8Array, bands: number): void;
  /** For each of the chosen bands, in their order. `declared`: the range or the way to take instead of finding one. */
  finish(declared: ValueRange | 'percentiles' | null): BandRange[];
}

const BINS = 65_536;
/** Steps between the levels of 8-bit imagery in wider types: bit shifts, full ranges of n bits, reflectance. */
const WHOLE_STEPS = [1, 4, 8, 16, 32, 64, 128, 256, 257, ...[10, 11, 12, 13, 14, 15].map((n) => (2 ** n - 1) / 255)];
const STEPS = [...WHOLE_STEPS, 10_000 / 255];
const FLOAT_STEPS = [1, 1 / 255];
/** Fewer levels prove nothing. */
const FEWEST_LEVELS = 16;

/** `chosen`: numbers of bands, the first being 0. */
export function createRangeCounter(type: SampleType, chosen: readonly number[]): RangeCounter {
  const narrow = !isFloat(type) && type !== 'uint32' && type !== 'int32';
  return narrow ? countValues(type, chosen) : countSteps(type, chosen);
}

function countValues(type: SampleType, chosen: readonly number[]): RangeCounter {
  const bins = type === 'uint8' || type === 'int8' ? 256 : BINS;
  const first = type === 'int16' ? -32_768 : type === 'int8' ? -128 : 0;
  const counts = chosen.map(() => new Uint32Array(bins));
  return {
    passes: 1,
    nextPass() {},
    add(pixels, valid, bands) {
      if (chosen.length === 3) addThree(counts, pixels, valid, chosen, bands, first);
      else for (const [i, band] of chosen.entries()) addCounts(counts[i], pixels, valid, band, bands, first);
    },
    finish(declared) {
      const step = declared ? null : levelStep(counts, first);
      return counts.map((count) => {
        const valueAt = (bin: number) => first + bin;
        if (declared && declared !== 'percentiles') {
          return { range: declared, kind: 'declared', mean: meanByte(count, valueAt, declared) };
        }
        if (step !== null) {
          const range: ValueRange = [0, step * 255];
          return { range, kind: 'levels', mean: meanByte(count, valueAt, range) };
        }
        const range = spread(first + quantile(count, LOW_SHARE), first + quantile(count, HIGH_SHARE), 1);
        return { range, kind: 'percentiles', mean: meanByte(count, valueAt, range) };
      });
    },
  };
}

/** All three in one go over the memory. */
function addThree(
  [red, green, blue]: readonly Uint32Array[],
  pixels: Samples,
  valid: Uint8Array,
  [redBand, greenBand, blueBand]: readonly number[],
  bands: number,
  first: number,
): void {
  for (let pixel = 0, at = 0; pixel < valid.length; pixel++, at += bands) {
    if (valid[pixel] === 0) continue;
    red[pixels[at + redBand] - first]++;
    green[pixels[at + greenBand] - first]++;
    blue[pixels[at + blueBand] - first]++;
  }
}

function addCounts(
  counts: Uint32Array,
  pixels: Samples,
  valid: Uint8Array,
  band: number,
  bands: number,
  first: number,
): void {
  for (let pixel = 0, at = band; pixel < valid.length; pixel++, at += bands) {
    if (valid[pixel] !== 0) counts[pixels[at] - first]++;
  }
}

/** The step of the evenly spaced levels that all values are on, or null. */
function levelStep(counts: readonly Uint32Array[], first: number): number | null {
  const values: number[] = [];
  for (let bin = 0; bin < counts[0].length; bin++) {
    if (!counts.some((count) => count[bin] > 0)) continue;
    values.push(first + bin);
    if (values.length > 256) return null;
  }
  const onLevels = (step: number) =>
    values.every((value) => {
      const level = Math.round(value / step);
      return level >= 0 && level <= 255 && (value === Math.round(level * step) || value === Math.floor(level * step));
    });
  if (onLevels(1)) return 1;
  return values.length < FEWEST_LEVELS ? null : (STEPS.find(onLevels) ?? null);
}

/** First pass: counts by sign, exponent and 7 bits of the value. Second: by even steps between rough percentiles. */
function countSteps(type: SampleType, chosen: readonly number[]): RangeCounter {
  const rough = chosen.map(() => new Float64Array(BINS));
  const fine = chosen.map(() => new Float64Array(BINS));
  const least = chosen.map(() => Number.POSITIVE_INFINITY);
  const most = chosen.map(() => Number.NEGATIVE_INFINITY);
  let spans: ValueRange[] = [];
  let steps = FLOAT_STEPS;
  const addRough = (pixels: Samples, valid: Uint8Array, bands: number) => {
    for (const [i, band] of chosen.entries()) {
      for (let pixel = 0, at = band; pixel < valid.length; pixel++, at += bands) {
        const value = pixels[at];
        if (valid[pixel] === 0 || !Number.isFinite(value)) continue;
        rough[i][roughBin(value)]++;
        if (value < least[i]) least[i] = value;
        if (value > most[i]) most[i] = value;
        if (steps.length > 0) steps = steps.filter((step) => isLevel(value, step));
      }
    }
  };
  const addFine = (pixels: Samples, valid: Uint8Array, bands: number) => {
    for (const [i, band] of chosen.entries()) {
      const [low, high] = spans[i];
      const scale = BINS / (high - low);
      for (let pixel = 0, at = band; pixel < valid.length; pixel++, at += bands) {
        const value = pixels[at];
        if (valid[pixel] === 0 || !Number.isFinite(value)) continue;
        fine[i][Math.min(BINS - 1, Math.max(0, Math.floor((value - low) * scale)))]++;
      }
    }
  };
  return {
    passes: 2,
    nextPass() {
      spans = rough.map((count, i) => {
        const low = Math.max(least[i], roughValue(quantile(count, LOW_SHARE)));
        const high = Math.min(most[i], roughValue(quantile(count, HIGH_SHARE) + 1));
        return high > low ? [low, high] : [low, low + Math.max(Math.abs(low) * 1e-6, 1e-30)];
      });
    },
    add(pixels, valid, bands) {
      if (spans.length === 0) addRough(pixels, valid, bands);
      else addFine(pixels, valid, bands);
    },
    finish(wanted) {
      const integer = !isFloat(type);
      const declared = wanted === 'percentiles' ? null : wanted;
      const evenSteps = wanted === 'percentiles' ? [] : steps;
      return fine.map((count, i) => {
        const [low, high] = spans[i];
        const width = (high - low) / BINS;
        const middle = (bin: number) => low + (bin + 0.5) * width;
        const given = declared ?? (evenSteps.length > 0 ? ([0, evenSteps[0] * 255] satisfies ValueRange) : null);
        const found = () => spread(middle(quantile(count, LOW_SHARE)), middle(quantile(count, HIGH_SHARE)), width);
        const range = given ?? (integer ? (found().map(Math.round) as ValueRange) : found());
        const kind = declared ? 'declared' : given ? 'levels' : 'percentiles';
        return { range: spread(...range, width), kind, mean: meanByte(count, middle, range) };
      });
    },
  };
}

const isLevel = (value: number, step: number): boolean => {
  const level = Math.round(value / step);
  return level >= 0 && level <= 255 && Math.abs(value / step - level) < 1e-3;
};

/** The range, made wide enough to divide by. */
const spread = (low: number, high: number, least: number): ValueRange =>
  high === low ? [low, low + (least || 1)] : [low, high];

const bits = new DataView(new ArrayBuffer(4));

/** The highest 16 bits of a float, in the order of the numbers. */
function roughBin(value: number): number {
  bits.setFloat32(0, value);
  const high = bits.getUint16(0);
  return high & 0x8000 ? 0xffff - high : high | 0x8000;
}

/** The least number of a rough bin. */
function roughValue(bin: number): number {
  const within = Math.min(BINS - 1, bin);
  const negative = within < 0x8000;
  bits.setUint16(0, negative ? 0xffff - within : within & 0x7fff);
  bits.setUint16(2, negative ? 0xffff : 0);
  const value = bits.getFloat32(0);
  return Number.isFinite(value) ? value : negative ? -3.4e38 : 3.4e38;
}

/** The first bin up to which at least `share` of all counts lie. */
function quantile(counts: Uint32Array | Float64Array, share: number): number {
  let total = 0;
  for (const count of counts) total += count;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    sum += counts[bin];
    if (sum > 0 && sum >= share * total) return bin;
  }
  return 0;
}

function meanByte(counts: Uint32Array | Float64Array, valueAt: (bin: number) => number, range: ValueRange): number {
  let total = 0;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (counts[bin] === 0) continue;
    total += counts[bin];
    sum += counts[bin] * toByte(valueAt(bin), range);
  }
  return total === 0 ? 0 : Math.round(sum / total);
}
