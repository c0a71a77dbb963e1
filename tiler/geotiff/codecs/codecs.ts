/**
 * Stored bytes of TIFF blocks become plain ones: LZW, PackBits and the predictors, the slowest of it in WebAssembly
 * (`codecs.wat`). Results lie in the memory of the WebAssembly: they hold until the next call, so whoever wants them for
 * longer copies them at once (`kept` in buffer-pool.ts).
 */
import { readFileSync } from 'node:fs';
import { compile } from 'watr';
import { markScratch } from '../buffer-pool.ts';
import { addLeft, joinBytes, type PredictedRows, splitBytes, subtractLeft } from './predictors.ts';

/** Of vectors, by the bytes of a number. */
const LANES = { 1: 'i8x16', 2: 'i16x8', 4: 'i32x4', 8: 'i64x2' } as const;
type Lanes = (typeof LANES)[keyof typeof LANES];

const lanesOf = (size: number): Lanes => LANES[size as keyof typeof LANES];
const VECTOR_BYTES = 16;

type Kernels = {
  memory: WebAssembly.Memory;
  freeFrom: { readonly value: number };
  lzw(input: number, inLength: number, out: number, outLength: number): number;
} & Record<`${'add' | 'subtract'}${Lanes}`, (start: number, rowBytes: number, rows: number, stride: number) => void>;

/** That many bytes around input and output may be read and written. */
const MARGIN = 64;
const PAGE_BYTES = 1 << 16;
/** Memory never shrinks: after a larger block it is given back as a whole. */
const MOST_KEPT_BYTES = 64 << 20;

let module: WebAssembly.Module | null = null;
let kernels: Kernels | null = null;

/** The kernels with room for that many bytes from `freeFrom` on. */
function withRoom(bytes: number): { wasm: Kernels; memory: Uint8Array; start: number } {
  const large = kernels !== null && kernels.memory.buffer.byteLength > MOST_KEPT_BYTES;
  if (large && bytes < MOST_KEPT_BYTES) kernels = null;
  module ??= new WebAssembly.Module(compile(kernelText()));
  const wasm = kernels ?? (new WebAssembly.Instance(module).exports as Kernels);
  kernels = wasm;
  const start = wasm.freeFrom.value + MARGIN;
  const missing = start + bytes + MARGIN - wasm.memory.buffer.byteLength;
  if (missing > 0) wasm.memory.grow(Math.ceil(missing / PAGE_BYTES));
  markScratch(wasm.memory.buffer);
  return { wasm, memory: new Uint8Array(wasm.memory.buffer), start };
}

/** The part between its marks is there for numbers of each size. */
function kernelText(): string {
  const text = readFileSync(new URL('./codecs.wat', import.meta.url), 'utf8');
  const [before, part, after] = text.split(/;; each LANES|;; done with LANES/);
  return [before, ...Object.values(LANES).map((lanes) => part.replaceAll('LANES', lanes)), after].join('');
}

/** Segments decoded to `lengths` bytes each, one behind the other; null where one has fewer or is damaged. */
export function decodeRuns(
  kind: 'lzw' | 'packBits',
  segments: readonly Uint8Array[],
  lengths: readonly number[],
): Uint8Array | null {
  const outBytes = lengths.reduce((sum, length) => sum + length, 0);
  const inBytes = Math.max(...segments.map(({ length }) => length));
  const { wasm, memory, start } = withRoom(outBytes + inBytes + 2 * MARGIN);
  const input = start + outBytes + MARGIN;
  let at = start;
  for (const [i, segment] of segments.entries()) {
    memory.set(segment, input);
    const complete =
      kind === 'lzw'
        ? wasm.lzw(input, segment.length, at, lengths[i]) === 0
        : unpackRuns(segment, memory.subarray(at, at + lengths[i]));
    if (!complete) return null;
    at += lengths[i];
  }
  return memory.subarray(start, at);
}

/** PackBits (TIFF 6.0, section 9). Whether the segment fills `out`. */
function unpackRuns(segment: Uint8Array, out: Uint8Array): boolean {
  let to = 0;
  for (let from = 0; to < out.length && from < segment.length; ) {
    const head = segment[from++];
    if (head < 128) {
      const run = segment.subarray(from, from + Math.min(head + 1, out.length - to));
      out.set(run, to);
      if (from + head + 1 > segment.length && to + run.length < out.length) return false;
      from += head + 1;
      to += run.length;
    } else if (head > 128) {
      if (from >= segment.length) return false;
      const end = Math.min(out.length, to + 257 - head);
      out.fill(segment[from++], to, end);
      to = end;
    }
  }
  return to === out.length;
}

/** Predictor 2: little-endian integers become sums from their row's start on (`add`), or differences again. */
export function differences(bytes: Uint8Array, kind: 'add' | 'subtract', rows: PredictedRows): Uint8Array {
  const placed = place(bytes);
  if (kind === 'add') add(placed, rows);
  else subtract(placed, rows);
  return placed;
}

/**
 * Predictor 3 (TIFF Technical Note 3): rows of bytes, the highest of all numbers first, as differences, become
 * little-endian numbers (`add`), or the other way round.
 */
export function floatDifferences(bytes: Uint8Array, kind: 'add' | 'subtract', rows: PredictedRows): Uint8Array {
  const placed = place(bytes);
  const ofBytes = { ...rows, size: 1 };
  if (kind === 'add') {
    add(placed, ofBytes);
    joinBytes(placed, rows);
  } else {
    splitBytes(placed, rows);
    subtract(placed, ofBytes);
  }
  return placed;
}

/** In the kernels' memory. */
function add(placed: Uint8Array, rows: PredictedRows): void {
  const { rowBytes, samples, size } = rows;
  const stride = samples * size;
  let done = 0;
  if (stride <= VECTOR_BYTES) {
    kernels![`add${lanesOf(size)}`](placed.byteOffset, rowBytes, placed.length / rowBytes, stride);
    done = rowBytes - (rowBytes % VECTOR_BYTES);
  }
  if (done < rowBytes) addLeft(placed, rows, done);
}

function subtract(placed: Uint8Array, rows: PredictedRows): void {
  const { rowBytes, samples, size } = rows;
  const stride = samples * size;
  if (rowBytes <= stride) return;
  kernels![`subtract${lanesOf(size)}`](placed.byteOffset, rowBytes, placed.length / rowBytes, stride);
  subtractLeft(placed, rows, stride + ((rowBytes - stride) % VECTOR_BYTES));
}

/** The bytes in the kernels' memory. */
function place(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (isScratch(bytes)) return bytes;
  const { memory, start } = withRoom(length);
  memory.set(bytes, start);
  return memory.subarray(start, start + length);
}

const isScratch = ({ buffer }: ArrayBufferView): boolean => buffer === kernels?.memory.buffer;
