/**
 * A row of class bytes turned into runs of equal classes, four pixels at a time, and sums of score bytes over them, with
 * how many of these are not 0.
 */
import { OUTSIDE_CLASS } from './labels.ts';

/**
 * Runs of one row from left to right. They begin with one of the outside at x = -1 and end with one at x = width;
 * starts[count] = width + 1.
 */
export interface Runs {
  count: number;
  starts: Int32Array;
  classes: Uint16Array;
  labels: Int32Array;
}

export function createRuns(width: number): Runs {
  return {
    count: 0,
    starts: new Int32Array(width + 3),
    classes: new Uint16Array(width + 3),
    labels: new Int32Array(width + 3),
  };
}

/** The row above the first and below the last: all outside. */
export function fillOutside(runs: Runs, width: number): void {
  runs.count = 1;
  runs.starts[0] = -1;
  runs.starts[1] = width + 1;
  runs.classes[0] = OUTSIDE_CLASS;
  runs.labels[0] = 0;
}

/** One row: its bytes begin at `at`, which is a multiple of four; `words` are the same bytes, four at a time. */
export interface RowView {
  bytes: Uint8Array;
  words: Int32Array;
  at: number;
}

/** Shows rows of `width` bytes as they are where they lie on words, else in a copy. */
export function createRowViewer(width: number): (source: Uint8Array, from: number) => RowView {
  const own = new ArrayBuffer((width + 7) & ~3);
  const copy: RowView = { bytes: new Uint8Array(own), words: new Int32Array(own), at: 0 };
  const inPlace: RowView = { ...copy };
  return (source, from) => {
    if (((width | source.byteOffset | source.byteLength | from) & 3) !== 0) {
      copy.bytes.set(source.subarray(from, from + width));
      return copy;
    }
    if (inPlace.bytes !== source) {
      inPlace.bytes = source;
      inPlace.words = new Int32Array(source.buffer, source.byteOffset, source.byteLength >> 2);
    }
    inPlace.at = from;
    return inPlace;
  };
}

export function findRuns({ bytes, words, at }: RowView, width: number, runs: Runs): void {
  const { starts, classes } = runs;
  starts[0] = -1;
  classes[0] = OUTSIDE_CLASS;
  let count = 1;
  let x = at;
  const end = at + width;
  const lastWord = (end + 3) >> 2;
  while (x < end) {
    const value = bytes[x];
    starts[count] = x - at;
    classes[count] = value;
    count++;
    x++;
    while ((x & 3) !== 0 && bytes[x] === value) x++;
    if ((x & 3) === 0) {
      const four = Math.imul(value, 0x01010101);
      let word = x >> 2;
      while (word < lastWord && words[word] === four) word++;
      x = word << 2;
      while (x < end && bytes[x] === value) x++;
    }
  }
  starts[count] = width;
  classes[count] = OUTSIDE_CLASS;
  count++;
  starts[count] = width + 1;
  runs.count = count;
}

/** Every other byte of a word. */
const PAIRS = 0x00ff00ff;
const LOW_BITS = 0x7f7f7f7f;
const ONES = 0x01010101;

/** Where sums are added up. */
export interface ScoreSums {
  scoreSums: Float64Array;
  classPixels: Float64Array;
}

/**
 * Adds the sum of the row's bytes from..to-1, and how many of them are not 0, to those of `label`. Pairs of bytes are
 * added inside one word; 64 words cannot overflow 15 bits a half, nor their count 8 bits a byte.
 */
export function addScores(
  { bytes, words, at }: RowView,
  from: number,
  to: number,
  sums: ScoreSums,
  label: number,
): void {
  let sum = 0;
  let known = 0;
  let x = at + from;
  const end = at + to;
  for (; x < end && (x & 3) !== 0; x++) {
    sum += bytes[x];
    if (bytes[x] !== 0) known++;
  }
  let word = x >> 2;
  const lastWord = end >> 2;
  while (word < lastWord) {
    const stop = Math.min(lastWord, word + 64);
    let even = 0;
    let odd = 0;
    let marks = 0;
    for (; word < stop; word++) {
      const a = words[word];
      even = (even + (a & PAIRS)) | 0;
      odd = (odd + ((a >>> 8) & PAIRS)) | 0;
      marks = (marks + (((((a & LOW_BITS) + LOW_BITS) | a) >>> 7) & ONES)) | 0;
    }
    const halves = even + odd;
    sum += (halves & 0xffff) + (halves >>> 16);
    const counts = (marks & PAIRS) + ((marks >>> 8) & PAIRS);
    known += (counts & 0xffff) + (counts >>> 16);
    x = word << 2;
  }
  for (; x < end; x++) {
    sum += bytes[x];
    if (bytes[x] !== 0) known++;
  }
  sums.scoreSums[label] += sum;
  sums.classPixels[label] += known;
}
