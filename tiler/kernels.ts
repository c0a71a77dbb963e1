/**
 * Stored bytes of TIFF blocks become plain ones: LZW, PackBits and the predictors, in WebAssembly (`kernels/`), sixteen
 * bytes at a time. Results lie in the memory of the WebAssembly: they hold until the next call, so whoever wants them for
 * longer copies them at once (`kept` in scratch.ts).
 */
import { readFileSync } from 'node:fs';
import { markScratch } from './scratch.ts';

interface Kernels {
  memory: WebAssembly.Memory;
  freeFrom: { readonly value: number };
  lzw: Decode;
  packBits: Decode;
  addLeft: Differences;
  subtractLeft: Differences;
  addFloats: FloatDifferences;
  subtractFloats: FloatDifferences;
}
type Differences = (start: number, rowBytes: number, rows: number, stride: number, size: number) => void;
type FloatDifferences = (
  start: number,
  rowBytes: number,
  rows: number,
  samples: number,
  size: number,
  room: number,
) => void;
type Decode = (input: number, inLength: number, out: number, outLength: number) => number;

/** That many bytes around input and output may be read and written. */
const MARGIN = 64;
const PAGE_BYTES = 1 << 16;
/** Memory never shrinks: after a larger block it is given back as a whole. */
const MOST_KEPT_BYTES = 64 << 20;

let module: WebAssembly.Module | null = null;
let kernels: Kernels | null = null;

/** The kernels with room for that many bytes from `freeFrom` on. */
function withRoom(bytes: number, inUse = false): { wasm: Kernels; memory: Uint8Array; start: number } {
  const large = kernels !== null && kernels.memory.buffer.byteLength > MOST_KEPT_BYTES;
  if (large && !inUse && bytes < MOST_KEPT_BYTES) kernels = null;
  module ??= new WebAssembly.Module(readFileSync(new URL('./kernels/kernels.wasm', import.meta.url)));
  const wasm = kernels ?? (new WebAssembly.Instance(module).exports as Kernels);
  kernels = wasm;
  const start = wasm.freeFrom.value + MARGIN;
  const missing = start + bytes + MARGIN - wasm.memory.buffer.byteLength;
  if (missing > 0) wasm.memory.grow(Math.ceil(missing / PAGE_BYTES));
  markScratch(wasm.memory.buffer);
  return { wasm, memory: new Uint8Array(wasm.memory.buffer), start };
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
    if (wasm[kind](input, segment.length, at, lengths[i]) !== 0) return null;
    at += lengths[i];
  }
  return memory.subarray(start, at);
}

/** What a predictor works on: rows of that many bytes, in each pixel `samples` numbers of `size` bytes. */
export interface PredictedRows {
  rowBytes: number;
  samples: number;
  size: number;
}

/** Predictor 2: little-endian integers become sums from their row's start on (`add`), or differences again. */
export function differences(bytes: Uint8Array, kind: 'add' | 'subtract', rows: PredictedRows): Uint8Array {
  const { rowBytes, samples, size } = rows;
  const { length } = bytes;
  const { wasm, placed, at } = place(bytes, 0);
  wasm[kind === 'add' ? 'addLeft' : 'subtractLeft'](at, rowBytes, length / rowBytes, samples * size, size);
  return placed;
}

/**
 * Predictor 3: rows of bytes, the highest of all numbers first, as differences, become little-endian numbers (`add`), or
 * the other way round.
 */
export function floatDifferences(bytes: Uint8Array, kind: 'add' | 'subtract', rows: PredictedRows): Uint8Array {
  const { rowBytes, samples, size } = rows;
  const { length } = bytes;
  const { wasm, placed, at } = place(bytes, rowBytes);
  const room = at + length + MARGIN;
  wasm[kind === 'add' ? 'addFloats' : 'subtractFloats'](at, rowBytes, length / rowBytes, samples, size, room);
  return placed;
}

/** The bytes in the kernels' memory, with that much room behind them. */
function place(bytes: Uint8Array, room: number) {
  const { length, byteOffset } = bytes; // of what is there, growing the memory makes nothing
  const inside = isScratch(bytes);
  const { wasm, memory, start } = withRoom((inside ? byteOffset : 0) + length + room + 2 * MARGIN, inside);
  const at = inside ? byteOffset : start;
  if (!inside) memory.set(bytes, at);
  return { wasm, placed: memory.subarray(at, at + length), at };
}

const isScratch = ({ buffer }: ArrayBufferView): boolean => buffer === kernels?.memory.buffer;
