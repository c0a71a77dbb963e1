/** Writes ONNX files for tests: a list of nodes and constants becomes the bytes of a model. */
import { PbfWriter } from 'pbf';

export interface TestNode {
  op: string;
  inputs: string[];
  outputs: string[];
  domain?: string;
  attributes?: Record<
    string,
    | number
    | string
    | number[]
    | { float: number }
    | { floats: number[] }
    | { graph: Pick<TestModel, 'nodes' | 'outputs'> }
  >;
}

export interface TestTensor {
  dims: number[];
  /** float32 unless `int` (int64) or `half` (float16) is set. */
  values: number[];
  int?: boolean;
  half?: boolean;
}

export interface TestValue {
  name: string;
  dims: (number | string)[];
  /** Number of the element type; 1 is float32, 2 uint8, 7 int64. */
  type?: number;
}

export interface TestModel {
  nodes: TestNode[];
  constants?: Record<string, TestTensor>;
  inputs: TestValue[];
  outputs: TestValue[];
  opset?: number;
  metadata?: Record<string, string>;
}

/** The bytes of an ONNX file. */
export function writeOnnx({
  nodes,
  constants = {},
  inputs,
  outputs,
  opset = 17,
  metadata = {},
}: TestModel): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, 8);
  pbf.writeMessage(7, writeGraph, { nodes, constants, inputs, outputs });
  const domains = new Map([
    ['', opset],
    ...nodes.flatMap(({ domain }): [string, number][] => (domain ? [[domain, 1]] : [])),
  ]);
  for (const [domain, version] of domains) {
    pbf.writeMessage(
      8,
      (_, entry) => {
        entry.writeStringField(1, domain);
        entry.writeVarintField(2, version);
      },
      null,
    );
  }
  for (const [key, value] of Object.entries(metadata)) {
    pbf.writeMessage(
      14,
      (_, entry) => {
        entry.writeStringField(1, key);
        entry.writeStringField(2, value);
      },
      null,
    );
  }
  return pbf.finish();
}

function writeGraph({ nodes, constants = {}, inputs, outputs }: TestModel, graph: PbfWriter): void {
  for (const node of nodes) graph.writeMessage(1, writeNode, node);
  graph.writeStringField(2, 'test');
  for (const [name, tensor] of Object.entries(constants)) graph.writeMessage(5, writeTensor, { name, ...tensor });
  for (const value of inputs) graph.writeMessage(11, writeValue, value);
  for (const value of outputs) graph.writeMessage(12, writeValue, value);
}

const GRAPH = 5;
const INT = 2;
const STRING = 3;
const FLOAT = 1;
const FLOATS = 6;
const INTS = 7;

function writeNode({ op, inputs, outputs, domain, attributes = {} }: TestNode, pbf: PbfWriter): void {
  for (const name of inputs) pbf.writeStringField(1, name);
  for (const name of outputs) pbf.writeStringField(2, name);
  pbf.writeStringField(3, outputs[0]);
  pbf.writeStringField(4, op);
  if (domain) pbf.writeStringField(7, domain);
  for (const [name, value] of Object.entries(attributes)) {
    pbf.writeMessage(
      5,
      (_, attribute) => {
        attribute.writeStringField(1, name);
        if (typeof value === 'number') {
          attribute.writeVarintField(3, value);
          attribute.writeVarintField(20, INT);
        } else if (typeof value === 'string') {
          attribute.writeBytesField(4, new TextEncoder().encode(value));
          attribute.writeVarintField(20, STRING);
        } else if (Array.isArray(value)) {
          attribute.writePackedVarint(8, value);
          attribute.writeVarintField(20, INTS);
        } else if ('graph' in value) {
          attribute.writeMessage(6, writeGraph, { constants: {}, inputs: [], ...value.graph });
          attribute.writeVarintField(20, GRAPH);
        } else if ('float' in value) {
          attribute.writeFloatField(2, value.float);
          attribute.writeVarintField(20, FLOAT);
        } else {
          attribute.writePackedFloat(7, value.floats);
          attribute.writeVarintField(20, FLOATS);
        }
      },
      null,
    );
  }
}

function writeTensor({ name, dims, values, int, half }: TestTensor & { name: string }, pbf: PbfWriter): void {
  pbf.writePackedVarint(1, dims);
  pbf.writeVarintField(2, int ? 7 : half ? 10 : 1);
  if (half) pbf.writeBytesField(9, new Uint8Array(Float16Array.from(values).buffer));
  else if (int) pbf.writePackedVarint(7, values);
  else pbf.writePackedFloat(4, values);
  pbf.writeStringField(8, name);
}

function writeValue({ name, dims, type = 1 }: TestValue, pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  pbf.writeMessage(
    2,
    (_, kind) =>
      kind.writeMessage(
        1,
        (__, tensor) => {
          tensor.writeVarintField(1, type);
          tensor.writeMessage(
            2,
            (___, shape) => {
              for (const dim of dims) {
                shape.writeMessage(
                  1,
                  (____, each) =>
                    typeof dim === 'number' ? each.writeVarintField(1, dim) : each.writeStringField(2, dim),
                  null,
                );
              }
            },
            null,
          );
        },
        null,
      ),
    null,
  );
}

/** Numerical Recipes' linear congruential generator, -0.5..0.5. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

/**
 * A network with random weights of two levels: a strided convolution, a dilated one, nearest up-sampling, softmax over
 * the classes. [n, bands, h, w] → [n, classes, h, w]; looks nine pixels far, stride 2.
 */
export function randomUNet({ seed, bands, classes }: { seed: number; bands: number; classes: number }): Uint8Array {
  const random = generator(seed);
  const weights = (from: number, to: number, scale: number): TestTensor => ({
    dims: [to, from, 3, 3],
    values: Array.from({ length: to * from * 9 }, () => random() * scale),
  });
  const pads = (by: number) => [by, by, by, by];
  return writeOnnx({
    nodes: [
      { op: 'Conv', inputs: ['x', 'w1'], outputs: ['a'], attributes: { strides: [2, 2], pads: pads(1) } },
      { op: 'Relu', inputs: ['a'], outputs: ['b'] },
      { op: 'Conv', inputs: ['b', 'w2'], outputs: ['c'], attributes: { dilations: [3, 3], pads: pads(3) } },
      { op: 'Relu', inputs: ['c'], outputs: ['d'] },
      {
        op: 'Resize',
        inputs: ['d', '', 'scales'],
        outputs: ['e'],
        attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      },
      { op: 'Conv', inputs: ['e', 'w3'], outputs: ['f'], attributes: { pads: pads(1) } },
      { op: 'Softmax', inputs: ['f'], outputs: ['y'], attributes: { axis: 1 } },
    ],
    constants: {
      w1: weights(bands, 8, 1.2),
      w2: weights(8, 8, 1),
      w3: weights(8, classes, 2.5),
      scales: { dims: [4], values: [1, 1, 2, 2] },
    },
    inputs: [{ name: 'x', dims: ['n', bands, 'h', 'w'] }],
    outputs: [{ name: 'y', dims: ['n', classes, 'h', 'w'] }],
  });
}
