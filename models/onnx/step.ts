/** One node while it is followed, and how to ask for its inputs and attributes. */
import { type Findings, type Flow, NotFollowed } from './flow.ts';
import type { OnnxNode } from './read-onnx.ts';

export interface Step {
  node: OnnxNode;
  /** Of the inputs; null where an optional one is left out. */
  inputs: (Flow | null)[];
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

export function input({ inputs, node }: Step, at: number): Flow {
  const flow = inputs[at];
  if (!flow) throw new NotFollowed(`${node.op} without its input ${at}`);
  return flow;
}
