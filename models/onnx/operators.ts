/** ONNX operators as what they do to rows and columns: for each, a tensor's flow in, its flow out. */
import {
  type Atom,
  along,
  combine,
  constantFlow,
  extentOf,
  type Flow,
  mix,
  mixAll,
  mixInPlace,
  NotFollowed,
  plain,
  reshape,
  shapeOf,
  spatial,
} from './flow.ts';
import { emptyReach, fraction, hull, include, pick } from './reach.ts';
import type { OnnxNode } from './read-onnx.ts';
import { input, int, ints, type Step } from './step.ts';
import { convolve, pool, resizeFlow, transposedConvolve } from './windows.ts';

type Operator = (step: Step) => Flow[];

const word = (node: OnnxNode, name: string, otherwise: string): string => {
  const value = node.attributes[name];
  return typeof value === 'string' ? value : otherwise;
};

/** Numbers of an attribute (old opsets) or of an input (new ones). */
function numbersOf(step: Step, attribute: string, at: number): number[] | null {
  const given = ints(step.node, attribute);
  if (given) return given;
  const flow = step.inputs[at];
  if (!flow) return null;
  if (!flow.numbers) throw new NotFollowed(`${step.node.op} whose ${attribute} depend on the image`);
  return flow.numbers;
}

const dimAt = (flow: Flow, axis: number): number => (axis < 0 ? axis + flow.dims.length : axis);

const same: Operator = (step) => [{ ...input(step, 0), numbers: null }];
const each: Operator = (step) => [
  combine(
    step.findings,
    step.inputs.filter((flow) => flow !== null),
    step.name,
    step.node.op,
  ),
];

const inPlace = (step: Step, dims: readonly number[]): Flow =>
  mixInPlace(step.findings, input(step, 0), dims, step.name, step.node.op);

const mixed = (step: Step, dims: readonly number[]): Flow =>
  mix(step.findings, input(step, 0), dims, step.name, step.node.op);

/** All dims behind the channels. */
const behind = (flow: Flow, dim: number): number[] => flow.dims.flatMap((_, i) => (i >= dim ? i : []));

const overSpace: Operator = (step) => [inPlace(step, behind(input(step, 0), 2))];

const overAxis =
  (fallback: (opset: number) => number): Operator =>
  (step) => {
    const flow = input(step, 0);
    const dim = dimAt(flow, int(step.node, 'axis', fallback(step.opset)));
    // Before opset 13 softmax ran over everything from its axis on.
    const coerced = step.node.op !== 'LpNormalization' && step.opset < 13;
    return [inPlace(step, coerced ? behind(flow, dim) : [dim])];
  };

const reduce: Operator = (step) => {
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

const argument: Operator = (step) => {
  const flow = input(step, 0);
  const axis = int(step.node, 'axis', 0);
  return [withoutDims(mixed(step, [dimAt(flow, axis)]), [axis], int(step.node, 'keepdims', 1) === 1)];
};

function withoutDims(flow: Flow, axes: readonly number[], keep: boolean): Flow {
  const gone = axes.map((axis) => dimAt(flow, axis));
  const dims = keep
    ? flow.dims.map((atoms, dim) => (gone.includes(dim) ? [] : atoms))
    : flow.dims.filter((_, dim) => !gone.includes(dim));
  return { ...flow, dims, numbers: null };
}

const globalPool: Operator = (step) => {
  const flow = mixed(step, behind(input(step, 0), 2));
  return [{ ...flow, dims: flow.dims.map((atoms, dim) => (dim >= 2 ? [] : atoms)) }];
};

const layerNorm: Operator = (step) => {
  const flow = input(step, 0);
  return [inPlace(step, behind(flow, dimAt(flow, int(step.node, 'axis', -1))))];
};

const transpose: Operator = (step) => {
  const flow = input(step, 0);
  const order = ints(step.node, 'perm') ?? flow.dims.map((_, dim) => flow.dims.length - 1 - dim);
  return [{ ...flow, dims: order.map((dim) => flow.dims[dim]), numbers: null }];
};

const reshapeTo: Operator = (step) => {
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

const flatten: Operator = (step) => {
  const flow = input(step, 0);
  const axis = dimAt(flow, int(step.node, 'axis', 1));
  const product = (extents: number[]) => extents.reduce((a, b) => a * b, 1);
  const shape = shapeOf(flow);
  const flat = [product(shape.slice(0, axis)), product(shape.slice(axis))];
  return [reshape(step.findings, flow, flat, step.name, step.node.op)];
};

const squeeze: Operator = (step) => {
  const flow = input(step, 0);
  const axes = numbersOf(step, 'axes', 1)?.map((axis) => dimAt(flow, axis));
  return [{ ...flow, dims: flow.dims.filter((atoms, dim) => (axes ? !axes.includes(dim) : extentOf(atoms) > 1)) }];
};

const unsqueeze: Operator = (step) => {
  const flow = input(step, 0);
  const axes = numbersOf(step, 'axes', 1)!;
  const rank = flow.dims.length + axes.length;
  const added = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const rest = [...flow.dims];
  return [{ ...flow, dims: Array.from({ length: rank }, (_, dim) => (added.includes(dim) ? [] : rest.shift()!)) }];
};

const concat: Operator = (step) => joinAlong(step, step.inputs);
/** Scale and zero point of the output, then tensor, scale and zero point of each input. */
const quantizedConcat: Operator = (step) =>
  joinAlong(
    step,
    step.inputs.filter((_, i) => i >= 2 && i % 3 === 2),
  );

function joinAlong(step: Step, inputs: (Flow | null)[]): Flow[] {
  const { findings, name, node } = step;
  const flows = inputs.filter((flow) => flow !== null).filter(({ dims }) => dims.every((atoms) => extentOf(atoms) > 0));
  const dim = dimAt(flows[0], int(node, 'axis', 1));
  const found = flows.map((flow) => spatial(findings, flow, dim, name, node.op));
  const axis = found.find((each) => each.axis)?.axis ?? null;
  const without = found.map(({ flow }) => ({ ...flow, dims: flow.dims.map((atoms, i) => (i === dim ? [] : atoms)) }));
  // Along the image only the parts that hold some of it have a place; what is put beside them is padding.
  const parts = found.map(({ reach, flow }) => ({ reach, flow, length: extentOf(flow.dims[dim]) }));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const others = without.map((flow) => (axis ? { ...flow, reach: { ...flow.reach, [axis]: emptyReach(1) } } : flow));
  const together = combine(findings, others, name, node.op);
  if (!axis) return [along(findings, together, dim, null, null, length)];
  const stride = parts.find(({ reach }) => reach)!.reach!.stride;
  const joined = emptyReach(length, stride);
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
function cut(step: Step, flow: Flow, dim: number, start: number, every: number, length: number): Flow {
  if (start === 0 && every === 1 && length === extentOf(flow.dims[dim])) return flow;
  if (length < 1) throw new NotFollowed('an empty slice');
  const { axis, flow: cleared, reach } = spatial(step.findings, flow, dim, step.name, step.node.op);
  if (!axis) return along(step.findings, cleared, dim, null, null, length);
  const stride = fraction(reach.stride[0] * Math.abs(every), reach.stride[1]);
  const taken = pick(reach, length, (j) => start + j * every, stride);
  return along(step.findings, cleared, dim, axis, taken, length);
}

const slice: Operator = (step) => {
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

const split: Operator = (step) => {
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

const gather: Operator = (step) => {
  const [flow, indices] = [input(step, 0), input(step, 1)];
  const dim = dimAt(flow, int(step.node, 'axis', 0));
  const extent = extentOf(flow.dims[dim]);
  const { axis, flow: cleared, reach } = spatial(step.findings, flow, dim, step.name, step.node.op);
  const count = shapeOf(indices).reduce((a, b) => a * b, 1);
  let taken: Flow;
  if (axis) {
    const { numbers } = indices;
    if (!numbers || indices.dims.length > 1) throw new NotFollowed('rows that are looked up');
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
function combineReach(step: Step, flow: Flow, indices: Flow): Flow {
  const all = mixAll(step.findings, indices, step.name, step.node.op);
  return combine(step.findings, [flow, { ...all, dims: [] }], step.name, step.node.op);
}

const expand: Operator = (step) => {
  const flow = input(step, 0);
  return [combine(step.findings, [flow, constantFlow(numbersOf(step, 'shape', 1)!, [0])], step.name, step.node.op)];
};

const tile: Operator = (step) => {
  const flow = input(step, 0);
  const repeats = numbersOf(step, 'repeats', 1)!;
  return [{ ...flow, dims: flow.dims.map((atoms, dim) => [...plain(repeats[dim]), ...atoms]), numbers: null }];
};

/** Products of matrices take the last dim of the one and the last but one of the other together. */
function multiply(step: Step, left: Flow, right: Flow): Flow {
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

const hasPixels = (flow: Flow, dim: number): boolean => flow.dims[dim].some(({ axis }) => axis);

const matmul: Operator = (step) => [multiply(step, input(step, 0), input(step, 1))];
const quantizedMatmul: Operator = (step) => [multiply(step, input(step, 0), input(step, 3))];
const swapped = (flow: Flow): Flow => ({ ...flow, dims: [flow.dims[1], flow.dims[0]] });
const gemm: Operator = (step) => {
  const a = int(step.node, 'transA', 0) ? swapped(input(step, 0)) : input(step, 0);
  const b = int(step.node, 'transB', 0) ? swapped(input(step, 1)) : input(step, 1);
  return [multiply(step, a, b)];
};

const pad: Operator = (step) => {
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

const depthToSpace: Operator = (step) => {
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

const spaceToDepth: Operator = (step) => {
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

const shapeOperator: Operator = (step) => {
  const shape = shapeOf(input(step, 0));
  const rank = shape.length;
  const at = (value: number) => (value < 0 ? value + rank : Math.min(value, rank));
  const part = shape.slice(at(int(step.node, 'start', 0)), at(int(step.node, 'end', rank)));
  return [constantFlow([part.length], part, true)];
};

const size: Operator = (step) => [constantFlow([], [shapeOf(input(step, 0)).reduce((a, b) => a * b, 1)], true)];

const constantOfShape: Operator = (step) => {
  const shape = input(step, 0).numbers;
  if (!shape) throw new NotFollowed('an array whose size depends on the image');
  const value = step.node.attributes.value;
  const number = typeof value === 'object' && 'dims' in value ? (value.values?.[0] ?? 0) : 0;
  const count = shape.reduce((a, b) => a * b, 1);
  // One number stands for all of them where there are many.
  return [
    constantFlow(
      shape,
      Array.from({ length: Math.min(count, 1024) }, () => number),
      true,
    ),
  ];
};

const range: Operator = (step) => {
  const [start, end, by] = [0, 1, 2].map((at) => input(step, at).numbers?.[0]);
  if (start === undefined || end === undefined || by === undefined) throw new NotFollowed('a range of unknown length');
  return [constantFlow([Math.max(0, Math.ceil((end - start) / by))], null, true)];
};

const topK: Operator = (step) => {
  const flow = input(step, 0);
  const dim = dimAt(flow, int(step.node, 'axis', -1));
  const length = step.inputs[1]?.numbers?.[0] ?? int(step.node, 'k', 1);
  const best = along(step.findings, mixed(step, [dim]), dim, null, null, length);
  return [best, best];
};

const dynamicQuantize: Operator = (step) => {
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

const table = (names: string, operator: Operator): [string, Operator][] =>
  names.split(' ').map((name) => [name, operator]);

/** By operator type; what is not here is not followed, and the network counts as one that looks everywhere. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ...table(
    'Relu LeakyRelu Sigmoid HardSigmoid HardSwish Elu Selu Celu Tanh Exp Log Sqrt Neg Abs Round Floor Ceil Erf Gelu Mish Softplus Softsign ThresholdedRelu Reciprocal Sign Not Identity Dropout IsNaN IsInf Sin Cos Tan Atan Shrink Swish QuickGelu FastGelu BiasGelu LRN BatchNormalization SpatialBN ImageScaler Scaler',
    same,
  ),
  ...table('Cast CastLike Clip QuantizeLinear DequantizeLinear QLinearSigmoid QLinearLeakyRelu', same),
  ...table(
    'Add Sub Mul Div Pow Mod Max Min Sum Mean PRelu Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Where BitShift',
    each,
  ),
  ...table('QLinearAdd QLinearMul', (step) => [
    combine(step.findings, [input(step, 0), input(step, 3)], step.name, step.node.op),
  ]),
  ...table(
    'Softmax LogSoftmax Hardmax',
    overAxis((opset) => (opset < 13 ? 1 : -1)),
  ),
  ...table(
    'LpNormalization',
    overAxis(() => -1),
  ),
  ...table('CumSum', (step) => {
    step.findings.positional.set(step.name, step.node.op);
    return [mixed(step, [dimAt(input(step, 0), input(step, 1).numbers?.[0] ?? 0)])];
  }),
  ...table(
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare',
    reduce,
  ),
  ...table('ArgMax ArgMin', argument),
  ...table('InstanceNormalization GroupNormalization GroupNorm', overSpace),
  ...table('MeanVarianceNormalization', (step) => [inPlace(step, ints(step.node, 'axes') ?? [0, 2, 3])]),
  ...table('LayerNormalization SimplifiedLayerNormalization RMSNormalization', layerNorm),
  ...table('GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearGlobalAveragePool', globalPool),
  ...table('Conv ConvInteger FusedConv QLinearConv', convolve),
  ...table('ConvTranspose', transposedConvolve),
  ...table('MaxPool AveragePool LpPool QLinearAveragePool', pool),
  ...table('Resize Upsample', resizeFlow),
  ['Pad', pad],
  ['Slice', slice],
  ['Split', split],
  ['Concat', concat],
  ['QLinearConcat', quantizedConcat],
  ['Gather', gather],
  ['Transpose', transpose],
  ['Reshape', reshapeTo],
  ['Flatten', flatten],
  ['Squeeze', squeeze],
  ['Unsqueeze', unsqueeze],
  ['Expand', expand],
  ['Tile', tile],
  ['MatMul', matmul],
  ['MatMulInteger', matmul],
  ['QLinearMatMul', quantizedMatmul],
  ['Gemm', gemm],
  ['DepthToSpace', depthToSpace],
  ['SpaceToDepth', spaceToDepth],
  ['Shape', shapeOperator],
  ['Size', size],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
  ['TopK', topK],
  ['DynamicQuantizeLinear', dynamicQuantize],
]);
