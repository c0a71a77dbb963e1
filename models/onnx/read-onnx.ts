/**
 * The graph of an ONNX file: nodes with attributes, inputs and outputs with their dims, what is known of the constants,
 * metadata. Weights are skipped where they stand, never copied. The bytes are anybody's: every length is checked, and
 * what a network file has no business to hold is refused with a code of its own.
 *
 * Field numbers are those of onnx.proto (IR version 3 to 13).
 */
import { open } from 'node:fs/promises';
import { PbfReader } from 'pbf';
import { Problem } from '../../errors/problem.ts';

/** What a network file may be, unless another limit is set. */
export const ONNX_LIMITS = {
  bytes: 2 ** 30,
  nodes: 50_000,
  /** Largest extent of a declared input or output along any axis. */
  extent: 16_384,
  /** Most elements of a declared input or output. */
  elements: 2 ** 28,
};

export const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};

export interface OnnxTensor {
  dims: number[];
  type: string;
  /** The numbers of a small one, in row-major order; null where there are many. */
  values: number[] | null;
}

export type Attribute = number | string | number[] | string[] | OnnxTensor | 'subgraph';

export interface OnnxNode {
  op: string;
  /** '' is ONNX itself. */
  domain: string;
  name: string;
  /** '' where an optional one is left out. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

export interface OnnxValue {
  name: string;
  type: string;
  /** Names stand for extents that are known only when the network runs, null for those without a name. */
  dims: (number | string | null)[];
}

export interface OnnxGraph {
  nodes: OnnxNode[];
  constants: Map<string, OnnxTensor>;
  /** Without the constants, which old files list among them. */
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

export interface OnnxModel extends OnnxGraph {
  irVersion: number;
  /** Version by domain. */
  opsets: Record<string, number>;
  metadata: Record<string, string>;
  producer: string;
}

/** Constants of up to so many numbers are read: shapes, scales, pads. */
const SMALL_TENSOR = 1024;
const MAX_DEPTH = 8;
const MAX_AXES = 32;
/** Domains that come with ONNX Runtime's CPU provider. */
const KNOWN_DOMAINS = ['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft'];

/** Reads a file. Throws `damaged_model`, `external_data`, `custom_operator` or `limit_exceeded`. */
export async function readOnnxFile(path: string, limits = ONNX_LIMITS): Promise<OnnxModel> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > limits.bytes) throw tooMuch(`The network has ${size} bytes`, limits.bytes, 'bytes');
    return readOnnx(await file.readFile(), limits);
  } finally {
    await file.close();
  }
}

/** Reads the bytes of a file. Throws as `readOnnxFile`. */
export function readOnnx(bytes: Uint8Array, limits = ONNX_LIMITS): OnnxModel {
  let model: OnnxModel;
  try {
    model = readModel(new PbfReader(bytes), limits);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw damaged('its bytes do not follow the format', error);
  }
  if (model.inputs.length === 0 || model.outputs.length === 0) throw damaged('it has no graph with inputs and outputs');
  checkExtents(model, limits);
  return model;
}

const damaged = (what: string, cause?: unknown) =>
  new Problem('damaged_model', `The file is not a whole ONNX network: ${what}. Export or download it again.`, {
    cause,
  });

const tooMuch = (what: string, most: number, unit: string) =>
  new Problem('limit_exceeded', `${what}; the limit is ${most} ${unit}.`);

function checkExtents({ inputs, outputs }: OnnxModel, limits: typeof ONNX_LIMITS): void {
  for (const { name, dims } of [...inputs, ...outputs]) {
    const known = dims.filter((dim): dim is number => typeof dim === 'number');
    const extent = Math.max(0, ...known);
    if (extent > limits.extent) throw tooMuch(`"${name}" is ${extent} wide`, limits.extent, 'along an axis');
    const elements = known.reduce((product, dim) => product * Math.max(1, dim), 1);
    if (elements > limits.elements) throw tooMuch(`"${name}" has ${elements} numbers`, limits.elements, 'numbers');
  }
}

/** Calls `onField` for each field of a message; what reaches beyond its end is damage. */
function readMessage(pbf: PbfReader, end: number, onField: (tag: number) => void): void {
  if (end > pbf.buf.length) throw damaged('it ends too early');
  while (pbf.pos < end) {
    const tag = pbf.nextField(end);
    const before = pbf.pos;
    onField(tag);
    if (pbf.pos === before) pbf.skip(pbf.type);
    if (pbf.pos > end) throw damaged('it ends too early');
  }
}

/** End of the length-delimited field that comes next. */
function messageEnd(pbf: PbfReader): number {
  const length = pbf.readVarint();
  return pbf.pos + length;
}

const nested = (pbf: PbfReader, onField: (tag: number) => void) => readMessage(pbf, messageEnd(pbf), onField);

function text(pbf: PbfReader): string {
  const end = messageEnd(pbf);
  if (end > pbf.buf.length) throw damaged('it ends too early');
  const bytes = pbf.buf.subarray(pbf.pos, end);
  pbf.pos = end;
  return new TextDecoder().decode(bytes);
}

const signed = (pbf: PbfReader) => pbf.readVarint(true);

function readModel(pbf: PbfReader, limits: typeof ONNX_LIMITS): OnnxModel {
  const model: OnnxModel = {
    irVersion: 0,
    opsets: {},
    metadata: {},
    producer: '',
    ...emptyGraph(),
  };
  const found: Found = { limits, nodes: 0, operators: new Map() };
  const functionDomains: string[] = [];
  readMessage(pbf, pbf.length, (tag) => {
    if (tag === 1) model.irVersion = signed(pbf);
    else if (tag === 2) model.producer = text(pbf);
    else if (tag === 7) Object.assign(model, readGraph(pbf, found, 0));
    else if (tag === 8) {
      const opset = { domain: '', version: 0 };
      nested(pbf, (field) => {
        if (field === 1) opset.domain = text(pbf);
        else if (field === 2) opset.version = signed(pbf);
      });
      model.opsets[opset.domain === 'ai.onnx' ? '' : opset.domain] = opset.version;
    } else if (tag === 14) {
      const entry = { key: '', value: '' };
      nested(pbf, (field) => {
        if (field === 1) entry.key = text(pbf);
        else if (field === 2) entry.value = text(pbf);
      });
      model.metadata[entry.key] = entry.value;
    } else if (tag === 25) {
      nested(pbf, (field) => {
        if (field === 10) functionDomains.push(text(pbf));
      });
    }
  });
  const known = [...KNOWN_DOMAINS, ...functionDomains];
  const stranger = [...found.operators].find(([domain]) => !known.includes(domain));
  if (stranger) {
    const what = `The network uses "${stranger[1]}" of "${stranger[0]}", which is not part of ONNX`;
    throw new Problem('custom_operator', `${what}. Export it with standard operators only.`);
  }
  return model;
}

/** What all graphs of a model together hold. */
interface Found {
  limits: typeof ONNX_LIMITS;
  nodes: number;
  /** The first operator of each domain. */
  operators: Map<string, string>;
}

const emptyGraph = (): OnnxGraph => ({ nodes: [], constants: new Map(), inputs: [], outputs: [] });

function readGraph(pbf: PbfReader, found: Found, depth: number): OnnxGraph {
  if (depth > MAX_DEPTH) throw tooMuch('Graphs lie within graphs', MAX_DEPTH, 'levels');
  const graph = emptyGraph();
  nested(pbf, (tag) => {
    if (tag === 1) {
      graph.nodes.push(readNode(pbf, found, depth));
      if (++found.nodes > found.limits.nodes) throw tooMuch('The network has more nodes', found.limits.nodes, 'nodes');
    } else if (tag === 5) {
      const { name, ...tensor } = readTensor(pbf);
      graph.constants.set(name, tensor);
    } else if (tag === 15) nested(pbf, (field) => field === 1 && readTensor(pbf));
    else if (tag === 11) graph.inputs.push(readValue(pbf));
    else if (tag === 12) graph.outputs.push(readValue(pbf));
  });
  graph.inputs = graph.inputs.filter(({ name }) => !graph.constants.has(name));
  return graph;
}

function readNode(pbf: PbfReader, found: Found, depth: number): OnnxNode {
  const node: OnnxNode = { op: '', domain: '', name: '', inputs: [], outputs: [], attributes: {} };
  nested(pbf, (tag) => {
    if (tag === 1) node.inputs.push(text(pbf));
    else if (tag === 2) node.outputs.push(text(pbf));
    else if (tag === 3) node.name = text(pbf);
    else if (tag === 4) node.op = text(pbf);
    else if (tag === 7) node.domain = text(pbf);
    else if (tag === 5) {
      const [name, value] = readAttribute(pbf, found, depth);
      node.attributes[name] = value;
    }
  });
  if (node.domain === 'ai.onnx') node.domain = '';
  if (!found.operators.has(node.domain)) found.operators.set(node.domain, node.op);
  return node;
}

function readAttribute(pbf: PbfReader, found: Found, depth: number): [string, Attribute] {
  let name = '';
  let value: Attribute = 0;
  const numbers: number[] = [];
  const strings: string[] = [];
  let list: 'numbers' | 'strings' | null = null;
  nested(pbf, (tag) => {
    if (tag === 1) name = text(pbf);
    else if (tag === 2) value = pbf.readFloat();
    else if (tag === 3) value = signed(pbf);
    else if (tag === 4) value = text(pbf);
    else if (tag === 5) value = readTensor(pbf);
    else if (tag === 6 || tag === 11) {
      readGraph(pbf, found, depth + 1); // for what it may not hold
      value = 'subgraph';
    } else if (tag === 10) readTensor(pbf);
    else if (tag === 7) {
      list = 'numbers';
      repeated(pbf, 5, () => numbers.push(pbf.readFloat()));
    } else if (tag === 8) {
      list = 'numbers';
      repeated(pbf, 0, () => numbers.push(signed(pbf)));
    } else if (tag === 9) {
      list = 'strings';
      strings.push(text(pbf));
    } else if (tag === 20) {
      const type = pbf.readVarint();
      if (type === 6 || type === 7) list ??= 'numbers'; // an empty list writes nothing but its type
      if (type === 8) list ??= 'strings';
    }
  });
  return [name, list === null ? value : list === 'numbers' ? numbers : strings];
}

/** A repeated number, packed or one by one. */
function repeated(pbf: PbfReader, plainType: number, read: () => void): void {
  if (pbf.type === plainType) {
    read();
    return;
  }
  const end = messageEnd(pbf);
  if (end > pbf.buf.length) throw damaged('it ends too early');
  while (pbf.pos < end) read();
}

const RAW_READERS: Record<string, [bytes: number, read: (view: DataView, at: number) => number]> = {
  float32: [4, (view, at) => view.getFloat32(at, true)],
  float16: [2, (view, at) => view.getFloat16(at, true)],
  float64: [8, (view, at) => view.getFloat64(at, true)],
  uint8: [1, (view, at) => view.getUint8(at)],
  int8: [1, (view, at) => view.getInt8(at)],
  bool: [1, (view, at) => view.getUint8(at)],
  uint16: [2, (view, at) => view.getUint16(at, true)],
  int16: [2, (view, at) => view.getInt16(at, true)],
  int32: [4, (view, at) => view.getInt32(at, true)],
  uint32: [4, (view, at) => view.getUint32(at, true)],
  int64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  uint64: [8, (view, at) => Number(view.getBigUint64(at, true))],
};

function readTensor(pbf: PbfReader): OnnxTensor & { name: string } {
  const dims: number[] = [];
  const numbers: number[] = [];
  let name = '';
  let type = 'float32';
  let raw: Uint8Array | null = null;
  let external = false;
  const number = (plainType: number, read: () => number) =>
    repeated(pbf, plainType, () => {
      const value = read();
      if (numbers.length < SMALL_TENSOR) numbers.push(value);
    });
  nested(pbf, (tag) => {
    if (tag === 1) repeated(pbf, 0, () => dims.push(signed(pbf)));
    else if (tag === 2) type = ELEMENT_TYPES[pbf.readVarint()] ?? 'unknown';
    else if (tag === 4) number(5, () => pbf.readFloat());
    else if (tag === 5 || tag === 7) number(0, () => signed(pbf));
    else if (tag === 8) name = text(pbf);
    else if (tag === 9) {
      const end = messageEnd(pbf);
      if (end > pbf.buf.length) throw damaged('its weights end too early');
      raw = pbf.buf.subarray(pbf.pos, end);
      pbf.pos = end;
    } else if (tag === 10) number(1, () => pbf.readDouble());
    else if (tag === 11) number(0, () => pbf.readVarint());
    else if (tag === 13) external = true;
    else if (tag === 14) external ||= pbf.readVarint() === 1;
  });
  if (external) {
    const what = `The weights "${name}" lie in another file, which is not read`;
    throw new Problem('external_data', `${what}. Save the network as one file (onnx.save without external data).`);
  }
  if (dims.length > MAX_AXES) throw damaged('a constant has too many axes');
  if (dims.some((dim) => !(dim >= 0))) throw damaged('a constant has a negative extent');
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (type === 'float16' && !raw) for (const [i, bits] of numbers.entries()) numbers[i] = halfOf(bits);
  return { name, dims, type, values: count <= SMALL_TENSOR ? (rawNumbers(raw, type, count) ?? numbers) : null };
}

/** Halves that are not raw stand as their bits in whole numbers. */
const halfOf = (bits: number): number => new Float16Array(Uint16Array.of(bits).buffer)[0];

function rawNumbers(raw: Uint8Array | null, type: string, count: number): number[] | null {
  const reader = RAW_READERS[type];
  if (!raw || !reader) return null;
  const [size, read] = reader;
  if (raw.length < size * count) throw damaged('its weights end too early');
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: count }, (_, i) => read(view, i * size));
}

function readValue(pbf: PbfReader): OnnxValue {
  const value: OnnxValue = { name: '', type: 'unknown', dims: [] };
  const readDim = () => {
    let dim: number | string | null = null;
    nested(pbf, (tag) => {
      if (tag === 1) dim = signed(pbf);
      else if (tag === 2) dim = text(pbf) || null;
    });
    // Extents of 0 and -1 are how some exporters write "any".
    value.dims.push(typeof dim === 'number' && dim < 1 ? null : dim);
  };
  nested(pbf, (tag) => {
    if (tag === 1) value.name = text(pbf);
    else if (tag === 2) {
      nested(pbf, (kind) => {
        if (kind !== 1) return; // sequences, maps and optionals are no images
        nested(pbf, (field) => {
          if (field === 1) value.type = ELEMENT_TYPES[pbf.readVarint()] ?? 'unknown';
          else if (field === 2) nested(pbf, (each) => each === 1 && readDim());
        });
      });
    }
  });
  return value;
}
