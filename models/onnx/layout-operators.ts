/** Operators that give the same numbers other places: reshapes, slices, concatenations, padding, cells into depth. */

import { mixed } from './mixing-operators.ts';
import type { OnnxNode } from './read-onnx.ts';
import { emptyField, fraction, hull, include, pick } from './receptive-field.ts';
import { dimAt, input, int, ints, numbersOf, type Operator, type Step } from './step.ts';
import {
  type Atom,
  along,
  combine,
  constantTensor,
  extentOf,
  mixAll,
  NotTraceable,
  plain,
  reshape,
  shapeOf,
  spatial,
  type TracedTensor,
} from './traced-tensor.ts';

const word = (node: OnnxNode, name: string, otherwise: string): string => {
  const value = node.attributes[name];
  return typeof value === 'string' ? value : otherwise;
};

export const transpose: Operator = (step) => {
  const flow = input(step, 0);
  const order = ints(step.node, 'perm') ?? flow.dims.map((_, dim) => flow.dims.length - 1 - dim);
  return [{ ...flow, dims: order.map((dim) => flow.dims[dim]), numbers: null }];
};

export const reshapeTo: Operator = (step) => {
  const flow = input(step, 0);
  const given = numbersOf(step, 'shape', 1)!;
  const shape = shapeOf(flow);
  const wanted = given.map((extent, dim) =>
    extent === 0 && int(step.node, 'allowzero', 0) === 0 ? shape[dim] : extent,
  );
  const all = shape.reduce((product, extent) => product * extent, 1);
  const known = wanted.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
  const full = wanted.map((extent) => (extent === -1 ? all / known : extent));
  return [reshape(step.findings, flow, full, step.name, step.node.op)];
};

export const flatten: Operator = (step) => {
  const flow = input(step, 0);
  const axis = dimAt(flow, int(step.node, 'axis', 1));
  const product = (extents: number[]) => extents.reduce((a, b) => a * b, 1);
  const shape = shapeOf(flow);
  const flat = [product(shape.slice(0, axis)), product(shape.slice(axis))];
  return [reshape(step.findings, flow, flat, step.name, step.node.op)];
};

export const squeeze: Operator = (step) => {
  const flow = input(step, 0);
  const axes = numbersOf(step, 'axes', 1)?.map((axis) => dimAt(flow, axis));
  return [{ ...flow, dims: flow.dims.filter((atoms, dim) => (axes ? !axes.includes(dim) : extentOf(atoms) > 1)) }];
};

export const unsqueeze: Operator = (step) => {
  const flow = input(step, 0);
  const axes = numbersOf(step, 'axes', 1)!;
  const rank = flow.dims.length + axes.length;
  const added = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const rest = [...flow.dims];
  return [{ ...flow, dims: Array.from({ length: rank }, (_, dim) => (added.includes(dim) ? [] : rest.shift()!)) }];
};

export const concat: Operator = (step) => joinAlong(step, step.inputs);
/** Scale and zero point of the output, then tensor, scale and zero point of each input. */
export const quantizedConcat: Operator = (step) =>
  joinAlong(
    step,
    step.inputs.filter((_, i) => i >= 2 && i % 3 === 2),
  );

function joinAlong(step: Step, inputs: (TracedTensor | null)[]): TracedTensor[] {
  const { findings, name, node } = step;
  const flows = inputs.filter((flow) => flow !== null).filter(({ dims }) => dims.every((atoms) => extentOf(atoms) > 0));
  const dim = dimAt(flows[0], int(node, 'axis', 1));
  const found = flows.map((flow) => spatial(findings, flow, dim, name, node.op));
  const axis = found.find((each) => each.axis)?.axis ?? null;
  const without = found.map(({ flow }) => ({ ...flow, dims: flow.dims.map((atoms, i) => (i === dim ? [] : atoms)) }));
  // Along the image only the parts that hold some of it have a place; what is put beside them is padding.
  const parts = found.map(({ reach, flow }) => ({ reach, flow, length: extentOf(flow.dims[dim]) }));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const others = without.map((flow) => (axis ? { ...flow, reach: { ...flow.reach, [axis]: emptyField(1) } } : flow));
  const together = combine(findings, others, name, node.op);
  if (!axis) return [along(findings, together, dim, null, null, length)];
  const stride = parts.find(({ reach }) => reach)!.reach!.stride;
  const joined = emptyField(length, stride);
  let at = 0;
  for (const { reach, flow, length: size } of parts) {
    const beside = hull(flow.reach[axis]);
    for (let i = 0; i < size; i++, at++) {
      include(joined, at, reach ?? beside, reach ? i : 0);
      if (!reach) joined.edge[at] = 1;
    }
  }
  return [along(findings, together, dim, axis, joined, length)];
}

/** Indices start, start + step … of a dim. */
function cut(step: Step, flow: TracedTensor, dim: number, start: number, every: number, length: number): TracedTensor {
  if (start === 0 && every === 1 && length === extentOf(flow.dims[dim])) return flow;
  if (length < 1) throw new NotTraceable('an empty slice');
  const { axis, flow: cleared, reach } = spatial(step.findings, flow, dim, step.name, step.node.op);
  if (!axis) return along(step.findings, cleared, dim, null, null, length);
  const stride = fraction(reach.stride[0] * Math.abs(every), reach.stride[1]);
  const taken = pick(reach, length, (j) => start + j * every, stride);
  return along(step.findings, cleared, dim, axis, taken, length);
}

export const slice: Operator = (step) => {
  const flow = input(step, 0);
  const starts = numbersOf(step, 'starts', 1)!;
  const ends = numbersOf(step, 'ends', 2)!;
  const axes = numbersOf(step, 'axes', 3) ?? starts.map((_, i) => i);
  const steps = numbersOf(step, 'steps', 4) ?? starts.map(() => 1);
  let result = flow;
  let numbers = flow.numbers;
  for (const [i, axis] of axes.entries()) {
    const dim = dimAt(flow, axis);
    const extent = extentOf(flow.dims[dim]);
    const every = steps[i];
    const bound = (value: number, least: number, most: number) =>
      Math.min(most, Math.max(least, value < 0 ? value + extent : value));
    const start = every > 0 ? bound(starts[i], 0, extent) : bound(starts[i], 0, extent - 1);
    const end = every > 0 ? bound(ends[i], 0, extent) : bound(ends[i], -1, extent - 1);
    const length = Math.max(0, Math.ceil((end - start) / every));
    if (numbers && flow.dims.length === 1) {
      numbers = Array.from({ length }, (_, j) => flow.numbers![start + j * every]);
      return [{ ...flow, dims: [length === 0 ? [{ axis: null, size: 0, step: 0 }] : plain(length)], numbers }];
    }
    numbers = null;
    result = cut(step, result, dim, start, every, length);
  }
  return [{ ...result, numbers }];
};

export const split: Operator = (step) => {
  const flow = input(step, 0);
  const dim = dimAt(flow, int(step.node, 'axis', 0));
  const extent = extentOf(flow.dims[dim]);
  const count = step.node.outputs.length;
  const even = Math.ceil(extent / count);
  const sizes = numbersOf(step, 'split', 1) ?? step.node.outputs.map((_, i) => Math.min(even, extent - i * even));
  let start = 0;
  return sizes.map((size) => {
    const part = cut(step, flow, dim, start, 1, size);
    const numbers = flow.numbers && flow.dims.length === 1 ? flow.numbers.slice(start, start + size) : null;
    start += size;
    return { ...part, numbers };
  });
};

export const gather: Operator = (step) => {
  const [flow, indices] = [input(step, 0), input(step, 1)];
  const dim = dimAt(flow, int(step.node, 'axis', 0));
  const extent = extentOf(flow.dims[dim]);
  const { axis, flow: cleared, reach } = spatial(step.findings, flow, dim, step.name, step.node.op);
  const count = shapeOf(indices).reduce((a, b) => a * b, 1);
  let taken: TracedTensor;
  if (axis) {
    const { numbers } = indices;
    if (!numbers || indices.dims.length > 1) throw new NotTraceable('rows that are looked up');
    const chosen = pick(reach, count, (j) => (numbers[j] < 0 ? numbers[j] + extent : numbers[j]));
    if (count > 1) step.findings.positional.set(step.name, step.node.op);
    taken = along(step.findings, cleared, dim, axis, chosen, count);
  } else {
    taken = along(step.findings, cleared, dim, null, null, count);
  }
  const dims = [
    ...taken.dims.slice(0, dim),
    ...splitDim(taken.dims[dim], shapeOf(indices)),
    ...taken.dims.slice(dim + 1),
  ];
  const both = indices.constant ? taken : combineReach(step, taken, indices);
  return [{ ...both, dims, numbers: null }];
};

const splitDim = (atoms: Atom[], shape: number[]): Atom[][] => (shape.length === 1 ? [atoms] : shape.map(plain));

/** Indices that depend on the image bring all that they depend on. */
function combineReach(step: Step, flow: TracedTensor, indices: TracedTensor): TracedTensor {
  const all = mixAll(step.findings, indices, step.name, step.node.op);
  return combine(step.findings, [flow, { ...all, dims: [] }], step.name, step.node.op);
}

export const expand: Operator = (step) => {
  const flow = input(step, 0);
  return [combine(step.findings, [flow, constantTensor(numbersOf(step, 'shape', 1)!, [0])], step.name, step.node.op)];
};

export const tile: Operator = (step) => {
  const flow = input(step, 0);
  const repeats = numbersOf(step, 'repeats', 1)!;
  return [{ ...flow, dims: flow.dims.map((atoms, dim) => [...plain(repeats[dim]), ...atoms]), numbers: null }];
};

export const pad: Operator = (step) => {
  let flow = input(step, 0);
  const pads = numbersOf(step, 'pads', 1) ?? ints(step.node, 'paddings')!;
  const mode = word(step.node, 'mode', 'constant');
  const axes = step.inputs[3]?.numbers ?? flow.dims.map((_, dim) => dim);
  for (const [i, each] of axes.entries()) {
    const dim = dimAt(flow, each);
    const [before, after] = [pads[i], pads[i + axes.length]];
    if (before === 0 && after === 0) continue;
    const found = spatial(step.findings, flow, dim, step.name, step.node.op);
    const size = extentOf(flow.dims[dim]);
    const length = size + before + after;
    if (!found.axis) {
      flow = along(step.findings, found.flow, dim, null, null, length);
      continue;
    }
    const outside = (j: number) => j < before || j >= before + size;
    const index = (j: number) => (outside(j) && mode === 'constant' ? -1 : mirrored(j - before, size, mode));
    const padded = pick(found.reach, length, index, found.reach.stride, outside);
    flow = along(step.findings, found.flow, dim, found.axis, padded, length);
  }
  return [flow];
};

function mirrored(index: number, size: number, mode: string): number {
  if (mode === 'reflect' && size > 1) {
    const period = 2 * (size - 1);
    const phase = ((index % period) + period) % period;
    return phase < size ? phase : period - phase;
  }
  if (mode === 'wrap') return ((index % size) + size) % size;
  return Math.min(size - 1, Math.max(0, index));
}

export const depthToSpace: Operator = (step) => {
  const block = int(step.node, 'blocksize', 1);
  const flow = mixed(step, [1]);
  let result = along(step.findings, flow, 1, null, null, extentOf(flow.dims[1]) / block ** 2);
  for (const dim of [2, 3]) {
    const { axis, flow: cleared, reach } = spatial(step.findings, result, dim, step.name, step.node.op);
    const length = extentOf(result.dims[dim]) * block;
    const stride = axis && fraction(reach.stride[0], reach.stride[1] * block);
    const spread = axis && pick(reach, length, (j) => Math.floor(j / block), stride!);
    result = along(step.findings, cleared, dim, axis, spread, length);
  }
  return [result];
};

export const spaceToDepth: Operator = (step) => {
  const block = int(step.node, 'blocksize', 1);
  const flow = input(step, 0);
  const [batch, channels, height, width] = shapeOf(flow);
  const cells = reshape(
    step.findings,
    flow,
    [batch, channels, height / block, block, width / block, block],
    step.name,
    step.node.op,
  );
  const dims = [0, 3, 5, 1, 2, 4].map((dim) => cells.dims[dim]);
  const shape = [batch, channels * block ** 2, height / block, width / block];
  return [reshape(step.findings, { ...cells, dims }, shape, step.name, step.node.op)];
};
