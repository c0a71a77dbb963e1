/** How many class codes an output of labels can hold, proven from its graph: no trial shows the classes that it lacks. */

import type { GraphReport } from '../onnx/certificate.ts';
import type { OnnxModel, OnnxNode } from '../onnx/read-onnx.ts';

/** Operators that move numbers about, or take whole ones of them, and make none larger. */
const MOVING =
  'Identity Cast Reshape Squeeze Unsqueeze Transpose Flatten Slice Expand Tile Resize Upsample MaxPool Floor Round Gather GatherElements GatherND DepthToSpace SpaceToDepth Split'.split(
    ' ',
  );
/** What is between 0 and 1. */
const UNIT =
  'Greater GreaterOrEqual Less LessOrEqual Equal Not And Or Xor IsNaN IsInf Sigmoid HardSigmoid Softmax'.split(' ');
/** Nodes between an output and what bounds it. */
const MOST_STEPS = 256;

/** Null where nothing bounds the labels. */
export function labelCount(model: OnnxModel, graph: GraphReport, output: string): number | null {
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let steps = 0;

  /** The largest that a number of a tensor can be; Infinity where nothing says it. */
  const most = (name: string | undefined): number => {
    if (!name || ++steps > MOST_STEPS) return Infinity;
    const constant = model.constants.get(name);
    if (constant) return constant.values ? Math.max(...constant.values) : Infinity;
    const node = makers.get(name);
    if (!node) return Infinity;
    const { op, inputs } = node;
    if (UNIT.includes(op)) return 1;
    if (MOVING.includes(op)) return most(inputs[0]);
    const [first, second] = inputs;
    switch (op) {
      case 'ArgMax':
      case 'ArgMin':
        return extentAlong(node, Number(node.attributes.axis ?? 0)) - 1;
      case 'TopK':
        return name === node.outputs[1] ? extentAlong(node, Number(node.attributes.axis ?? -1)) - 1 : most(first);
      case 'Ceil':
        return Math.ceil(most(first));
      case 'Add':
      case 'Sum':
        return inputs.reduce((sum, each) => sum + most(each), 0);
      case 'Sub':
        return most(first) - least(second);
      case 'Mul':
        return scaled(least(second) >= 0 ? [first, second] : [second, first]);
      case 'Div':
        return least(second) > 0 ? Math.max(0, most(first)) / least(second) : Infinity;
      case 'Mod':
        return most(second) - 1;
      case 'Min':
        return Math.min(...inputs.map(most));
      case 'Max':
      case 'Concat':
        return Math.max(...inputs.map(most));
      case 'Where':
        return Math.max(most(second), most(inputs[2]));
      case 'Pad':
        return Math.max(most(first), inputs[2] ? most(inputs[2]) : 0);
      case 'Clip':
        return Math.min(most(first), Number(node.attributes.max ?? Infinity), inputs[2] ? most(inputs[2]) : Infinity);
      default:
        return Infinity;
    }
  };
  const least = (name: string | undefined): number => {
    const values = name === undefined ? null : model.constants.get(name)?.values;
    return values ? Math.min(...values) : -Infinity;
  };
  const scaled = ([value, factor]: (string | undefined)[]): number =>
    least(factor) >= 0 ? Math.max(0, most(value)) * most(factor) : Infinity;
  const extentAlong = ({ inputs: [first] }: OnnxNode, axis: number): number => {
    const shape = graph.shapes.get(first);
    return shape?.at(axis) ?? (axis === 1 ? channels(first) : Infinity);
  };
  /** Of a network that could not be followed: what its last convolution gives. */
  const channels = (name: string | undefined): number => {
    let node = makers.get(name ?? '');
    while (node && node.op !== 'Conv' && ++steps < MOST_STEPS) node = makers.get(node.inputs[0]);
    return (node?.op === 'Conv' && model.constants.get(node.inputs[1])?.dims[0]) || Infinity;
  };
  const highest = most(output);
  return Number.isFinite(highest) && highest >= 0 ? Math.floor(highest) + 1 : null;
}
