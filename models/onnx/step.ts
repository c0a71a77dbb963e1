/** One node while it is followed, and how to ask for its inputs and attributes. */

import type { OnnxNode } from './read-onnx.ts';
import { type Findings, NotTraceable, type TracedTensor } from './traced-tensor.ts';

export interface Step {
  node: OnnxNode;
  /** Of the inputs; null where an optional one is left out. */
  inputs: (TracedTensor | null)[];
  opset: number;
  findings: Findings;
  /** Name of the node, or of its first output. */
  name: string;
}

export const ints = (node: OnnxNode, name: string): number[] | null => {
  const value = node.attributes[name];
  return Array.isArray(value) && value.every((each) => typeof each === 'number') ? (value as number[]) : null;
};
export const int = (node: OnnxNode, name: string, otherwise: number): number => {
  const value = node.attributes[name];
  return typeof value === 'number' ? value : otherwise;
};

export function input({ inputs, node }: Step, at: number): TracedTensor {
  const flow = inputs[at];
  if (!flow) throw new NotTraceable(`${node.op} without its input ${at}`);
  return flow;
}

/** What an operator does to flows. */
export type Operator = (step: Step) => TracedTensor[];

/** Numbers of an attribute (old opsets) or of an input (new ones). */
export function numbersOf(step: Step, attribute: string, at: number): number[] | null {
  const given = ints(step.node, attribute);
  if (given) return given;
  const flow = step.inputs[at];
  if (!flow) return null;
  if (!flow.numbers) throw new NotTraceable(`${step.node.op} whose ${attribute} depend on the image`);
  return flow.numbers;
}

/** The dim that an axis names, from the end where it is negative. */
export const dimAt = (flow: TracedTensor, axis: number): number => (axis < 0 ? axis + flow.dims.length : axis);
