/**
 * What is proven of a network from its graph: how far each of its outputs looks, to every side, which grid chips have
 * to lie on, and what stands in the way of exact stitching.
 */

import type { OnnxModel } from './read-onnx.ts';
import type { ReceptiveField } from './receptive-field.ts';
import { type ImageInput, type TracedGraph, traceGraph } from './trace-graph.ts';
import {
  AXES,
  type Axis,
  along,
  atomsOf,
  extentOf,
  type Findings,
  NotTraceable,
  shapeOf,
  spatial,
  type TracedTensor,
} from './traced-tensor.ts';

export interface Obstacle {
  operator: string;
  node: string;
}

export interface Certificate {
  /** Image pixels; origins and sizes of chips are multiples of it. */
  stride: number;
  /** How far the network looks to the left, top, right and bottom of a pixel; null where that has no end. */
  receptive_field: [number, number, number, number] | null;
  /** The same rounded up to the stride: what a chip must see to each side. Padding can make them uneven. */
  halo_sides: [number, number, number, number] | null;
  /** Smallest halo for all sides, a multiple of the stride, that makes stitching exact; null where none does. */
  halo: number | null;
  /** Operators that look at all of a chip. */
  global_operations: Obstacle[];
  /** Operators whose answer depends on where in the chip they look. */
  positional_operations: Obstacle[];
  /** Why the network could not be followed. */
  not_followed: string | null;
  /** Whether chips leave no trace. */
  exact: boolean;
}

/** One output as it lies over the image. */
export interface OutputShape {
  name: string;
  shape: number[];
  /** Its dims that are rows and columns of the image, or null where it has none. */
  rowDim: number | null;
  columnDim: number | null;
  /** Image pixels from one row (column) to the next, and the image row (column) that the first one begins at. */
  scale: [y: number, x: number];
  offset: [y: number, x: number];
}

export interface GraphReport {
  certificate: Certificate;
  /** Empty where the network could not be followed. */
  outputs: OutputShape[];
  /** Extents of every tensor at the size that was followed, by name. */
  shapes: ReadonlyMap<string, number[]>;
}

/** Sizes at which networks of free size are followed: fields that grow between them have no end. */
const SIZES = [
  [768, 1280],
  [2560, 4096],
] as const;

/** `imageAt` gives the input for a size in pixels; a network of one fixed size is asked for that size alone. */
export function certify(
  model: OnnxModel,
  imageAt: (size: number) => ImageInput,
  fixed: boolean,
  used: readonly string[] = model.outputs.map(({ name }) => name),
): GraphReport {
  try {
    if (fixed) return report(traceGraph(model, imageAt(0)), imageAt(0), used);
    for (const [small, large] of SIZES) {
      const [one, other] = [small, large].map((size) => report(traceGraph(model, imageAt(size)), imageAt(size), used));
      const steady =
        one.certificate.exact === other.certificate.exact &&
        one.certificate.stride === other.certificate.stride &&
        one.certificate.receptive_field?.join() === other.certificate.receptive_field?.join() &&
        one.outputs.every(
          ({ scale, offset }, i) => `${scale} ${offset}` === `${other.outputs[i].scale} ${other.outputs[i].offset}`,
        );
      if (steady) return one;
      if (small === SIZES[SIZES.length - 1][0]) return { ...one, certificate: unbounded(one.certificate) };
    }
    throw new Error('unreachable');
  } catch (error) {
    const certificate = { ...NOTHING, not_followed: reasonOf(error) };
    return { certificate, outputs: [], shapes: new Map() };
  }
}

/** Graphs that were damaged ask for lists of no length, or of tensors that are not there. */
function reasonOf(error: unknown): string {
  if (error instanceof NotTraceable) return error.message;
  if (error instanceof RangeError || error instanceof TypeError) return 'a graph that contradicts itself';
  throw error;
}

const NOTHING: Certificate = {
  stride: 1,
  receptive_field: null,
  halo_sides: null,
  halo: null,
  global_operations: [],
  positional_operations: [],
  not_followed: null,
  exact: false,
};

const unbounded = (certificate: Certificate): Certificate => ({
  ...certificate,
  receptive_field: null,
  halo_sides: null,
  halo: null,
  exact: false,
});

function report(
  { outputs, shapes: extents, findings }: TracedGraph,
  image: ImageInput,
  used: readonly string[],
): GraphReport {
  const laid = new Map([...outputs].map(([name, flow]) => [name, laidOut(flow, findings, name)]));
  const shapes = [...laid].map(([name, flow]) => outputShape(name, flow, image));
  const obstacles = (found: Map<string, string>) => [...found].map(([node, operator]) => ({ operator, node }));
  const stride = leastCommonMultiple(findings.alignment.y, findings.alignment.x);
  const certificate: Certificate = {
    ...NOTHING,
    stride,
    global_operations: obstacles(findings.global),
    positional_operations: obstacles(findings.positional),
  };
  let field: [number, number, number, number] | null = [0, 0, 0, 0];
  let margin = 0;
  for (const shape of shapes.filter(({ name }) => used.includes(name))) {
    const flow = laid.get(shape.name)!;
    const sides = shape.rowDim === null || shape.columnDim === null ? null : fieldOf(flow, shape, image);
    field = sides && field ? (field.map((side, i) => Math.max(side, sides.field[i])) as typeof field) : null;
    margin = Math.max(margin, sides?.margin ?? 0);
  }
  if (!field) return { certificate, outputs: shapes, shapes: extents };
  const halo = Math.ceil(Math.max(margin, ...field) / stride) * stride;
  const exact = findings.positional.size === 0 && findings.global.size === 0;
  if (findings.global.size > 0) return { certificate, outputs: shapes, shapes: extents };
  return {
    certificate: {
      ...certificate,
      receptive_field: field,
      halo_sides: exact ? (field.map((side) => Math.ceil(side / stride) * stride) as typeof field) : null,
      halo: exact ? halo : null,
      exact,
    },
    outputs: shapes,
    shapes: extents,
  };
}

/** Rows and columns as one index each, where cells of channels were put between those of the image. */
function laidOut(flow: TracedTensor, findings: Findings, name: string): TracedTensor {
  let result = flow;
  for (const axis of AXES) {
    const dims = flow.dims.flatMap((atoms, dim) => (atoms.some((atom) => atom.axis === axis) ? dim : []));
    if (dims.length !== 1) continue;
    const found = spatial(findings, result, dims[0], name, 'output');
    if (found.axis === axis)
      result = along(findings, found.flow, dims[0], axis, found.reach, extentOf(flow.dims[dims[0]]));
  }
  return result;
}

/** The dims of an output that are rows and columns of the image: whole ones, each on its own. */
function outputShape(name: string, flow: TracedTensor, image: ImageInput): OutputShape {
  const dimOf = (axis: Axis): number | null => {
    const dims = flow.dims.flatMap((atoms, dim) => (atoms.some((atom) => atom.axis === axis) ? dim : []));
    const alone = dims.length === 1 && flow.dims[dims[0]].every((atom) => atom.axis === axis);
    return alone ? dims[0] : null;
  };
  const [rowDim, columnDim] = [dimOf('y'), dimOf('x')];
  const laid = (axis: Axis, dim: number | null, size: number): [scale: number, offset: number] => {
    if (dim === null) return [0, 0];
    const [numerator, denominator] = flow.reach[axis].stride;
    const scale = numerator / denominator;
    return [scale, (size - extentOf(flow.dims[dim]) * scale) / 2];
  };
  const [y, x] = [laid('y', rowDim, image.shape[image.rowDim]), laid('x', columnDim, image.shape[image.columnDim])];
  return { name, shape: shapeOf(flow), rowDim, columnDim, scale: [y[0], x[0]], offset: [y[1], x[1]] };
}

/** Left, top, right and bottom; and the pixels along the chip's edges that its padding reaches. Null without an end. */
function fieldOf(flow: TracedTensor, { scale, offset }: OutputShape, image: ImageInput) {
  const sizes = { y: image.shape[image.rowDim], x: image.shape[image.columnDim] };
  const sides = AXES.map((axis, i) => {
    if (atomsOf(flow, axis).length === 0) return null;
    return axisField(flow.reach[axis], sizes[axis], scale[i], offset[i]);
  });
  const [y, x] = sides;
  if (!y || !x) return null;
  return {
    field: [x.before, y.before, x.after, y.after] as [number, number, number, number],
    margin: Math.max(x.margin, y.margin),
  };
}

function axisField({ first, last, edge }: ReceptiveField, size: number, scale: number, offset: number) {
  const length = first.length;
  let [before, after, low, high] = [0, 0, 0, length];
  while (low < length && edge[low]) low++;
  while (high > low && edge[high - 1]) high--;
  if (low >= high) return null; // every place is in sight of the edge
  // Padding may mirror what lies within: only places out of its reach show the network as it is.
  for (let j = low; j < high; j++) {
    if (edge[j]) return null;
    if (first[j] > last[j]) continue;
    if (first[j] === 0 && last[j] === size - 1 && size > 1) return null;
    const start = Math.floor(offset + j * scale);
    const end = Math.ceil(offset + (j + 1) * scale) - 1;
    before = Math.max(before, start - first[j]);
    after = Math.max(after, last[j] - end);
  }
  const margin = Math.max(
    Math.ceil(low * scale + Math.max(0, offset)),
    Math.ceil((length - high) * scale + Math.max(0, offset)),
  );
  return { before, after, margin };
}

const leastCommonMultiple = (a: number, b: number): number => {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
};
