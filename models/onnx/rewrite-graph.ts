/**
 * An ONNX file with some of its nodes taken out and others put in. All that stays is copied byte by byte, weights too;
 * field numbers are those of onnx.proto.
 */
import { PbfReader, PbfWriter } from 'pbf';

/** A node to put in; attributes are whole numbers, lists of them, or words. */
export interface NewNode {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, number | readonly number[] | string>>;
}

/** A constant to put in. */
export interface NewConstant {
  name: string;
  dims: readonly number[];
  values: Float32Array | BigInt64Array;
}

export interface GraphChange {
  /** Nodes that make any of these tensors are taken out … */
  dropNodes: ReadonlySet<string>;
  /** … and constants of these names. */
  dropConstants: ReadonlySet<string>;
  nodes: readonly NewNode[];
  constants: readonly NewConstant[];
}

const MODEL_GRAPH = 7;
const [GRAPH_NODE, GRAPH_INITIALIZER] = [1, 5];
const NODE_OUTPUT = 2;
const TENSOR_NAME = 8;

/** The bytes of the changed file; nodes are added behind those that stay, which make what they take. */
export function rewriteGraph(bytes: Uint8Array, change: GraphChange): Uint8Array {
  return Buffer.concat(
    fieldsOf(bytes).map(({ tag, whole, content }) =>
      tag === MODEL_GRAPH ? message(MODEL_GRAPH, changedGraph(content, change)) : whole,
    ),
  );
}

function changedGraph(graph: Uint8Array, change: GraphChange): Uint8Array {
  const kept = fieldsOf(graph).filter(({ tag, content }) => {
    if (tag === GRAPH_NODE) return !textsOf(content, NODE_OUTPUT).some((name) => change.dropNodes.has(name));
    return tag !== GRAPH_INITIALIZER || !textsOf(content, TENSOR_NAME).some((name) => change.dropConstants.has(name));
  });
  const added = [
    ...change.nodes.map((node) => message(GRAPH_NODE, nodeBytes(node))),
    ...change.constants.map((constant) => message(GRAPH_INITIALIZER, tensorBytes(constant))),
  ];
  return Buffer.concat([...kept.map(({ whole }) => whole), ...added]);
}

interface Field {
  tag: number;
  /** With its tag and length. */
  whole: Uint8Array;
  /** Of a field that is a message, text or bytes; else its number's bytes. */
  content: Uint8Array;
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const pbf = new PbfReader(bytes);
  const fields: Field[] = [];
  while (pbf.pos < pbf.length) {
    const start = pbf.pos;
    const key = pbf.readVarint();
    const isBytes = (key & 7) === 2;
    const length = isBytes ? pbf.readVarint() : 0;
    const at = pbf.pos;
    if (isBytes) pbf.pos += length;
    else pbf.skip(key);
    fields.push({ tag: key >>> 3, whole: bytes.subarray(start, pbf.pos), content: bytes.subarray(at, pbf.pos) });
  }
  return fields;
}

const textsOf = (bytes: Uint8Array, tag: number): string[] =>
  fieldsOf(bytes).flatMap((field) => (field.tag === tag ? Buffer.from(field.content).toString('utf8') : []));

function message(tag: number, content: Uint8Array): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeBytesField(tag, content);
  return pbf.finish();
}

function nodeBytes({ op, inputs, outputs, attributes = {} }: NewNode): Uint8Array {
  const pbf = new PbfWriter();
  for (const input of inputs) pbf.writeStringField(1, input);
  for (const output of outputs) pbf.writeStringField(NODE_OUTPUT, output);
  pbf.writeStringField(3, outputs[0]);
  pbf.writeStringField(4, op);
  for (const [name, value] of Object.entries(attributes)) pbf.writeBytesField(5, attributeBytes(name, value));
  return pbf.finish();
}

const [INT, STRING, INTS] = [2, 3, 7];

function attributeBytes(name: string, value: number | readonly number[] | string): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeStringField(1, name);
  if (typeof value === 'number') pbf.writeVarintField(3, value);
  else if (typeof value === 'string') pbf.writeStringField(4, value);
  else for (const each of value) pbf.writeVarintField(8, each);
  pbf.writeVarintField(20, typeof value === 'number' ? INT : typeof value === 'string' ? STRING : INTS);
  return pbf.finish();
}

function tensorBytes({ name, dims, values }: NewConstant): Uint8Array {
  const pbf = new PbfWriter();
  for (const dim of dims) pbf.writeVarintField(1, dim);
  pbf.writeVarintField(2, values instanceof Float32Array ? 1 : 7);
  pbf.writeStringField(TENSOR_NAME, name);
  pbf.writeBytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return pbf.finish();
}
