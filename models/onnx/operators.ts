/** ONNX operators as what they do to rows and columns: for each, a tensor's flow in, its flow out. */

import {
  concat,
  depthToSpace,
  expand,
  flatten,
  gather,
  pad,
  quantizedConcat,
  reshapeTo,
  slice,
  spaceToDepth,
  split,
  squeeze,
  tile,
  transpose,
  unsqueeze,
} from './layout-operators.ts';
import {
  argument,
  behind,
  dynamicQuantize,
  gemm,
  globalPool,
  inPlace,
  layerNorm,
  matmul,
  mixed,
  overAxis,
  overSpace,
  quantizedMatmul,
  reduce,
  topK,
} from './mixing-operators.ts';
import { dimAt, input, int, ints, type Operator } from './step.ts';
import { combine, constantTensor, NotTraceable, shapeOf } from './traced-tensor.ts';
import { convolve, pool, resizeTensor, transposedConvolve } from './windows.ts';

const same: Operator = (step) => [{ ...input(step, 0), numbers: null }];
const each: Operator = (step) => [
  combine(
    step.findings,
    step.inputs.filter((flow) => flow !== null),
    step.name,
    step.node.op,
  ),
];

const shapeOperator: Operator = (step) => {
  const shape = shapeOf(input(step, 0));
  const rank = shape.length;
  const at = (value: number) => (value < 0 ? value + rank : Math.min(value, rank));
  const part = shape.slice(at(int(step.node, 'start', 0)), at(int(step.node, 'end', rank)));
  return [constantTensor([part.length], part, true)];
};

const size: Operator = (step) => [constantTensor([], [shapeOf(input(step, 0)).reduce((a, b) => a * b, 1)], true)];

const constantOfShape: Operator = (step) => {
  const shape = input(step, 0).numbers;
  if (!shape) throw new NotTraceable('an array whose size depends on the image');
  const value = step.node.attributes.value;
  const number = typeof value === 'object' && 'dims' in value ? (value.values?.[0] ?? 0) : 0;
  const count = shape.reduce((a, b) => a * b, 1);
  // One number stands for all of them where there are many.
  return [
    constantTensor(
      shape,
      Array.from({ length: Math.min(count, 1024) }, () => number),
      true,
    ),
  ];
};

const range: Operator = (step) => {
  const [start, end, by] = [0, 1, 2].map((at) => input(step, at).numbers?.[0]);
  if (start === undefined || end === undefined || by === undefined) throw new NotTraceable('a range of unknown length');
  return [constantTensor([Math.max(0, Math.ceil((end - start) / by))], null, true)];
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
  ...table('QLinearSoftmax', (step) => {
    const dim = dimAt(input(step, 0), int(step.node, 'axis', -1));
    return [inPlace(step, int(step.node, 'opset', step.opset) < 13 ? behind(input(step, 0), dim) : [dim])];
  }),
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
  ...table('Resize Upsample', resizeTensor),
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
