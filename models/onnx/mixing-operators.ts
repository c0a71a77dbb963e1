/** Operators that take much of a tensor together: reductions, normalisations, softmax, products of matrices. */

import { dimAt, input, int, numbersOf, type Operator, type Step } from './step.ts';
import { along, combine, mix, mixAll, mixInPlace, type TracedTensor } from './traced-tensor.ts';

export const inPlace = (step: Step, dims: readonly number[]): TracedTensor =>
  mixInPlace(step.findings, input(step, 0), dims, step.name, step.node.op);

export const mixed = (step: Step, dims: readonly number[]): TracedTensor =>
  mix(step.findings, input(step, 0), dims, step.name, step.node.op);

/** All dims behind the channels. */
export const behind = (flow: TracedTensor, dim: number): number[] => flow.dims.flatMap((_, i) => (i >= dim ? i : []));

export const overSpace: Operator = (step) => [inPlace(step, behind(input(step, 0), 2))];

export const overAxis =
  (fallback: (opset: number) => number): Operator =>
  (step) => {
    const flow = input(step, 0);
    const dim = dimAt(flow, int(step.node, 'axis', fallback(step.opset)));
    // Before opset 13 softmax ran over everything from its axis on.
    const coerced = step.node.op !== 'LpNormalization' && step.opset < 13;
    return [inPlace(step, coerced ? behind(flow, dim) : [dim])];
  };

export const reduce: Operator = (step) => {
  const flow = input(step, 0);
  const given = numbersOf(step, 'axes', 1);
  if (!given?.length && int(step.node, 'noop_with_empty_axes', 0) === 1) return [flow];
  const axes = given?.length ? given : flow.dims.map((_, dim) => dim);
  return [
    withoutDims(
      mixed(
        step,
        axes.map((axis) => dimAt(flow, axis)),
      ),
      axes,
      int(step.node, 'keepdims', 1) === 1,
    ),
  ];
};

export const argument: Operator = (step) => {
  const flow = input(step, 0);
  const axis = int(step.node, 'axis', 0);
  return [withoutDims(mixed(step, [dimAt(flow, axis)]), [axis], int(step.node, 'keepdims', 1) === 1)];
};

function withoutDims(flow: TracedTensor, axes: readonly number[], keep: boolean): TracedTensor {
  const gone = axes.map((axis) => dimAt(flow, axis));
  const dims = keep
    ? flow.dims.map((atoms, dim) => (gone.includes(dim) ? [] : atoms))
    : flow.dims.filter((_, dim) => !gone.includes(dim));
  return { ...flow, dims, numbers: null };
}

export const globalPool: Operator = (step) => {
  const flow = mixed(step, behind(input(step, 0), 2));
  return [{ ...flow, dims: flow.dims.map((atoms, dim) => (dim >= 2 ? [] : atoms)) }];
};

export const layerNorm: Operator = (step) => {
  const flow = input(step, 0);
  return [inPlace(step, behind(flow, dimAt(flow, int(step.node, 'axis', -1))))];
};

/** Products of matrices take the last dim of the one and the last but one of the other together. */
function multiply(step: Step, left: TracedTensor, right: TracedTensor): TracedTensor {
  const { findings, name, node } = step;
  const vectorLeft = left.dims.length === 1;
  const vectorRight = right.dims.length === 1;
  const a = vectorLeft ? { ...left, dims: [[], ...left.dims] } : left;
  const b = vectorRight ? { ...right, dims: [...right.dims, []] } : right;
  let rows = mix(findings, a, [a.dims.length - 1], name, node.op);
  let columns = mix(findings, b, [b.dims.length - 2], name, node.op);
  // Pixels against pixels is attention: each then sees all of the others.
  if (hasPixels(rows, rows.dims.length - 2) && hasPixels(columns, columns.dims.length - 1)) {
    columns = mix(findings, columns, [columns.dims.length - 1], name, node.op);
  }
  rows = { ...rows, dims: [...rows.dims.slice(0, -1), []] };
  columns = { ...columns, dims: [...columns.dims.slice(0, -2), [], columns.dims[columns.dims.length - 1]] };
  const product = combine(findings, [rows, columns], name, node.op);
  const dims = [...product.dims];
  if (vectorRight) dims.pop();
  if (vectorLeft) dims.splice(dims.length - (vectorRight ? 1 : 2), 1);
  return { ...product, dims };
}

const hasPixels = (flow: TracedTensor, dim: number): boolean => flow.dims[dim].some(({ axis }) => axis);

export const matmul: Operator = (step) => [multiply(step, input(step, 0), input(step, 1))];
export const quantizedMatmul: Operator = (step) => [multiply(step, input(step, 0), input(step, 3))];
const swapped = (flow: TracedTensor): TracedTensor => ({ ...flow, dims: [flow.dims[1], flow.dims[0]] });
export const gemm: Operator = (step) => {
  const a = int(step.node, 'transA', 0) ? swapped(input(step, 0)) : input(step, 0);
  const b = int(step.node, 'transB', 0) ? swapped(input(step, 1)) : input(step, 1);
  return [multiply(step, a, b)];
};

export const topK: Operator = (step) => {
  const flow = input(step, 0);
  const dim = dimAt(flow, int(step.node, 'axis', -1));
  const length = step.inputs[1]?.numbers?.[0] ?? int(step.node, 'k', 1);
  const best = along(step.findings, mixed(step, [dim]), dim, null, null, length);
  return [best, best];
};

export const dynamicQuantize: Operator = (step) => {
  const flow = input(step, 0);
  const all = mixAll(step.findings, flow, step.name, step.node.op);
  return [
    mixInPlace(
      step.findings,
      flow,
      flow.dims.map((_, dim) => dim),
      step.name,
      step.node.op,
    ),
    { ...all, dims: [] },
    { ...all, dims: [] },
  ];
};
