/**
 * A row of class bytes turned into runs of equal classes, four pixels at a time, and sums of score bytes over them.
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

export function copyRuns(from: Runs, to: Runs): void {
  to.count = from.count;
  to.starts.set(from.starts);
  to.classes.set(from.classes);
  to.labels.set(from.labels);
}

/** Bytes of one row with a view of four bytes a word; both start at the same address. */
export interface RowBuffer {
  bytes: Uint8Array;
  words: Int32Array;
}

export function createRowBuffer(width: number): RowBuffer {
  const buffer = new ArrayBuffer((width + 7) & ~3);
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}

export function findRuns(row: RowBuffer, width: number, runs: Runs): void {
  const { bytes, words } = row;
  const { starts, classes } = runs;
  starts[0] = -1;
  classes[0] = OUTSIDE_CLASS;
  let count = 1;
  let x = 0;
  while (x < width) {
    const value = bytes[x];
    starts[count] = x;
    classes[count] = value;
    count++;
    x++;
    while ((x & 3) !== 0 && bytes[x] === value) x++;
    if ((x & 3) === 0) {
      const four = Math.imul(value, 0x01010101);
      let word = x >> 2;
      const end = (width + 3) >> 2;
      while (word < end && words[word] === four) word++;
      x = word << 2;
      while (x < width && bytes[x] === value) x++;
    }
  }
  starts[count] = width;
  classes[count] = OUTSIDE_CLASS;
  count++;
  starts[count] = width + 1;
  runs.count = count;
}

/** Sum of the bytes from..to-1. Pairs of bytes are added inside one word; 64 words cannot overflow 15 bits a half. */
export function sumBytes(row: RowBuffer, from: number, to: number): number {
  const { bytes, words } = row;
  let sum = 0;
  let x = from;
  while (x < to && (x & 3) !== 0) sum += bytes[x++];
  let word = x >> 2;
  const lastWord = to >> 2;
  while (word < lastWord) {
    const end = Math.min(lastWord, word + 64);
    let halves = 0;
    for (; word < end; word++) halves += (words[word] & 0x00ff00ff) + ((words[word] >>> 8) & 0x00ff00ff);
    sum += (halves & 0xffff) + (halves >>> 16);
    x = word << 2;
  }
  while (x < to) sum += bytes[x++];
  return sum;
}
