/** Follows rows and columns of an image of a given size through a network, from its input to its outputs. */

import { foldConstants } from './constant-folding.ts';
import { OPERATORS } from './operators.ts';
import type { OnnxModel, OnnxNode, OnnxTensor } from './read-onnx.ts';
import { emptyField, identityField } from './receptive-field.ts';
import { constantTensor, type Findings, NotTraceable, shapeOf, type TracedTensor } from './traced-tensor.ts';

/** Places of the image's rows and columns among the dims of an input. */
export interface ImageInput {
  name: string;
  shape: number[];
  rowDim: number;
  columnDim: number;
}

export interface TracedGraph {
  /** By output name. */
  outputs: Map<string, TracedTensor>;
  /** Extents of every tensor, by name. */
  shapes: Map<string, number[]>;
  findings: Findings;
}

const WHOLE = /^u?int|^bool/;

/** Throws NotTraceable, with the operator, where the way of a pixel is lost. */
export function traceGraph(model: OnnxModel, image: ImageInput): TracedGraph {
  const findings: Findings = { alignment: { y: 1, x: 1 }, global: new Map(), positional: new Map() };
  const flows = new Map<string, TracedTensor>([[image.name, imageFlow(image)]]);
  const known = new Map<string, TracedTensor>();
  for (const [name, tensor] of model.constants) known.set(name, ofTensor(tensor));
  const uses = countUses(model);
  const shapes = new Map([[image.name, image.shape]]);
  for (const [index, node] of inOrder(model).entries()) {
    const inputs = node.inputs.map((name) => (name === '' ? null : (flows.get(name) ?? known.get(name) ?? null)));
    const name = node.name || node.outputs[0] || `node ${index}`;
    const outputs = followNode(node, inputs, { opset: model.opsets[''] ?? 1, findings, name });
    for (const [at, output] of node.outputs.entries()) {
      if (!output || !outputs[at]) continue;
      flows.set(output, outputs[at]);
      shapes.set(output, shapeOf(outputs[at]));
    }
    for (const used of node.inputs) {
      const left = (uses.get(used) ?? 0) - 1;
      uses.set(used, left);
      if (left === 0) flows.delete(used);
    }
  }
  const outputs = new Map<string, TracedTensor>();
  for (const { name } of model.outputs) {
    const flow = flows.get(name);
    if (!flow) throw new NotTraceable(`no node makes the output "${name}"`);
    outputs.set(name, flow);
  }
  return { outputs, shapes, findings };
}

function imageFlow({ shape, rowDim, columnDim }: ImageInput): TracedTensor {
  const flow = { ...constantTensor(shape), constant: false };
  const [height, width] = [shape[rowDim], shape[columnDim]];
  flow.dims[rowDim] = height === 1 ? [] : [{ axis: 'y', size: height, step: 1 }];
  flow.dims[columnDim] = width === 1 ? [] : [{ axis: 'x', size: width, step: 1 }];
  return { ...flow, reach: { y: identityField(height), x: identityField(width) } };
}

const ofTensor = ({ dims, values, type }: OnnxTensor): TracedTensor =>
  constantTensor(
    dims.map((dim) => dim),
    values,
    WHOLE.test(type),
  );

type StepContext = { opset: number; findings: Findings; name: string };

function followNode(node: OnnxNode, inputs: (TracedTensor | null)[], context: StepContext): TracedTensor[] {
  const { op } = node;
  if (op === 'Constant') return [constantNode(node)];
  const operator = OPERATORS.get(op);
  if (!operator) {
    if (inputs.every((flow) => flow === null || flow.constant)) throw new NotTraceable(`numbers made by ${op}`);
    throw new NotTraceable(op);
  }
  const outputs = operator({ node, inputs, ...context });
  const constant = inputs.every((flow) => flow === null || flow.constant) || op === 'Shape' || op === 'Size';
  const whole =
    op === 'Cast' ? node.attributes.to !== 1 && node.attributes.to !== 10 && node.attributes.to !== 11 : null;
  return outputs.map((flow, at) => ({
    ...flow,
    constant,
    whole:
      whole ?? (inputs[0] && flow.numbers === null ? inputs.every((each) => each === null || each.whole) : flow.whole),
    numbers: flow.numbers ?? (constant && at === 0 ? numbersOf(node, inputs, flow) : null),
    ...(constant && { reach: { y: emptyField(1), x: emptyField(1) } }),
  }));
}

function numbersOf(node: OnnxNode, inputs: (TracedTensor | null)[], output: TracedTensor): number[] | null {
  const known = inputs.map((flow) => (flow?.numbers ? { shape: shapeOf(flow), numbers: flow.numbers } : null));
  const numbers = foldConstants(
    node,
    known,
    inputs.every((flow) => flow === null || flow.whole),
  );
  const count = shapeOf(output).reduce((a, b) => a * b, 1);
  return numbers && (numbers.length === count || numbers.length === 1) ? numbers : null;
}

function constantNode({ attributes }: OnnxNode): TracedTensor {
  const { value, value_int, value_float, value_ints, value_floats } = attributes;
  if (typeof value === 'object' && 'dims' in value) return ofTensor(value);
  if (typeof value_int === 'number') return constantTensor([], [value_int], true);
  if (typeof value_float === 'number') return constantTensor([], [value_float]);
  if (Array.isArray(value_ints)) return constantTensor([value_ints.length], value_ints as number[], true);
  if (Array.isArray(value_floats)) return constantTensor([value_floats.length], value_floats as number[]);
  return constantTensor([]);
}

function countUses(model: OnnxModel): Map<string, number> {
  const uses = new Map<string, number>();
  const names = [...model.nodes.flatMap(({ inputs }) => inputs), ...model.outputs.map(({ name }) => name)];
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

/** Nodes after those whose outputs they take; files keep this order, but nothing makes them. */
function inOrder(model: OnnxModel): OnnxNode[] {
  const ready = new Set(['', ...model.constants.keys(), ...model.inputs.map(({ name }) => name)]);
  const ordered: OnnxNode[] = [];
  let waiting = model.nodes;
  while (waiting.length > 0) {
    const left: OnnxNode[] = [];
    for (const node of waiting) {
      if (!node.inputs.every((name) => ready.has(name))) {
        left.push(node);
        continue;
      }
      ordered.push(node);
      for (const name of node.outputs) ready.add(name);
    }
    if (left.length === waiting.length) throw new NotTraceable('nodes that wait for each other');
    waiting = left;
  }
  return ordered;
}
