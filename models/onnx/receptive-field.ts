/**
 * What one axis of a tensor knows of the image: for each index along it, the first and last column (or row) of the
 * image that it depends on, and whether the image's edge had a part in it (padding, clamping). One-dimensional and
 * exact, since operators of networks see boxes: rows and columns are followed apart.
 */
export interface ReceptiveField {
  /** First image column that matters; above `last` where none does. */
  first: Int32Array;
  last: Int32Array;
  /** 1 where padding or clamping at an edge had a part. */
  edge: Uint8Array;
  /** Image pixels from one index to the next, as a fraction; 0/1 where there is no such thing. */
  stride: Fraction;
}

export type Fraction = readonly [numerator: number, denominator: number];

const NOTHING_FIRST = 2 ** 30;
const NOTHING_LAST = -(2 ** 30);

/** An operator, or a use of one, that cannot be followed. */
export class NotTraceable extends Error {}

/** Longest axis and most work on one; what asks for more is nobody's network. */
export const MAX_LENGTH = 2 ** 16;
const MAX_TAPS = 2 ** 22;

export function emptyField(length: number, stride: Fraction = [0, 1]): ReceptiveField {
  if (!(length >= 1 && length <= MAX_LENGTH)) throw new NotTraceable(`an axis of ${length}`);
  return {
    first: new Int32Array(length).fill(NOTHING_FIRST),
    last: new Int32Array(length).fill(NOTHING_LAST),
    edge: new Uint8Array(length),
    stride,
  };
}

/** Of the image itself: every column depends on itself. */
export function identityField(length: number): ReceptiveField {
  const reach = emptyField(length, [1, 1]);
  for (let i = 0; i < length; i++) reach.first[i] = reach.last[i] = i;
  return reach;
}

/** Adds what `from` has at `index` to what `to` has at `at`. */
export function include(to: ReceptiveField, at: number, from: ReceptiveField, index: number): void {
  if (from.first[index] < to.first[at]) to.first[at] = from.first[index];
  if (from.last[index] > to.last[at]) to.last[at] = from.last[index];
  to.edge[at] |= from.edge[index];
}

/** All of it in one. */
export function hull(reach: ReceptiveField): ReceptiveField {
  const all = emptyField(1);
  for (let i = 0; i < reach.first.length; i++) include(all, 0, reach, i);
  return all;
}

/** Index by index; a reach of one index stands beside all of the other. */
export function union(a: ReceptiveField, b: ReceptiveField): ReceptiveField {
  if (a === b) return a;
  if (a.first.length < b.first.length) return union(b, a);
  const both = emptyField(a.first.length, a.stride[0] === 0 ? b.stride : a.stride);
  for (let i = 0; i < a.first.length; i++) {
    include(both, i, a, i);
    include(both, i, b, b.first.length === 1 ? 0 : i);
  }
  return both;
}

export const isEmpty = (reach: ReceptiveField): boolean => reach.first.every((first, i) => first > reach.last[i]);

export function fraction(numerator: number, denominator: number): Fraction {
  const divisor = greatestCommonDivisor(numerator, denominator) || 1;
  return [numerator / divisor, denominator / divisor];
}

export function greatestCommonDivisor(a: number, b: number): number {
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) throw new NotTraceable('a stride that is no whole number');
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
}

/** A window slides over an axis: output j takes the inputs j * stride - padBefore + k * dilation. */
export interface Window {
  kernel: number;
  stride: number;
  dilation: number;
  padBefore: number;
  length: number;
}

export function slide(from: ReceptiveField, { kernel, stride, dilation, padBefore, length }: Window): ReceptiveField {
  checkTaps(kernel, length);
  const to = emptyField(length, fraction(from.stride[0] * stride, from.stride[1]));
  for (let j = 0; j < length; j++) {
    for (let k = 0; k < kernel; k++) takeOrEdge(to, j, from, j * stride - padBefore + k * dilation);
  }
  return to;
}

/** The transposed window: input i adds to the outputs i * stride - padBefore + k * dilation. */
export function slideTransposed(
  from: ReceptiveField,
  { kernel, stride, dilation, padBefore, length }: Window,
): ReceptiveField {
  checkTaps(kernel, length);
  const to = emptyField(length, fraction(from.stride[0], from.stride[1] * stride));
  for (let j = 0; j < length; j++) {
    for (let k = 0; k < kernel; k++) {
      const position = j + padBefore - k * dilation;
      if (position % stride === 0) takeOrEdge(to, j, from, position / stride);
    }
  }
  return to;
}

function checkTaps(kernel: number, length: number): void {
  if (!(kernel * length <= MAX_TAPS)) throw new NotTraceable(`a window of ${kernel}`);
}

function takeOrEdge(to: ReceptiveField, at: number, from: ReceptiveField, index: number): void {
  if (index >= 0 && index < from.first.length) include(to, at, from, index);
  else to.edge[at] = 1;
}

/** Outputs that are single inputs: `index(j)`, with `edge` where that is not where j stands. */
export function pick(
  from: ReceptiveField,
  length: number,
  index: (j: number) => number,
  stride: Fraction = from.stride,
  edge: (j: number) => boolean = () => false,
): ReceptiveField {
  const to = emptyField(length, stride);
  for (let j = 0; j < length; j++) {
    const i = index(j);
    if (i >= 0) include(to, j, from, i);
    if (edge(j)) to.edge[j] = 1;
  }
  return to;
}

export interface Resizing {
  mode: string;
  coordinates: string;
  nearest: string;
  antialias: boolean;
  /** Output size over input size as the operator computes with it. */
  scale: number;
  length: number;
}

/** ONNX Resize along one axis. */
export function resize(
  from: ReceptiveField,
  { mode, coordinates, nearest, antialias, scale, length }: Resizing,
): ReceptiveField {
  const size = from.first.length;
  const stride = fraction(from.stride[0] * size, from.stride[1] * length);
  const to = emptyField(length, stride);
  const spread = antialias && scale < 1 ? 1 / scale : 1;
  checkTaps(4 * spread, length);
  for (let j = 0; j < length; j++) {
    const x = sourcePosition(j, coordinates, scale, size, length);
    if (mode === 'nearest') {
      const index = nearestIndex(x, nearest);
      include(to, j, from, Math.min(size - 1, Math.max(0, index)));
      if (index < 0 || index >= size) to.edge[j] = 1;
      continue;
    }
    const support = (mode === 'cubic' ? 2 : 1) * spread;
    for (let i = Math.floor(x - support) + 1; i < x + support; i++) {
      include(to, j, from, Math.min(size - 1, Math.max(0, i)));
      if (i < 0 || i >= size) to.edge[j] = 1;
    }
  }
  return to;
}

function sourcePosition(j: number, coordinates: string, scale: number, size: number, length: number): number {
  if (coordinates === 'asymmetric') return j / scale;
  if (coordinates === 'align_corners') return length > 1 ? (j * (size - 1)) / (length - 1) : 0;
  if (coordinates === 'pytorch_half_pixel' && length === 1) return 0;
  if (coordinates === 'tf_half_pixel_for_nn') return (j + 0.5) / scale;
  return (j + 0.5) / scale - 0.5;
}

function nearestIndex(x: number, mode: string): number {
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  if (mode === 'round_prefer_ceil') return Math.floor(x + 0.5);
  return Math.ceil(x - 0.5);
}
