/**
 * Tiny networks with random weights for tests, written as ONNX: a strided and a dilated convolution, nearest
 * up-sampling, a convolution, softmax. They look `TINY_FIELD` pixels far; with `global`, everywhere.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PbfWriter } from 'pbf';
import type { Network } from '../../../models/registry.ts';
import { sha256OfFile } from '../../../tiler/ingest/sha256.ts';

const CLASSES = ['other', 'building', 'road'];
const COLORS = ['#cccccc', '#cc4444', '#ffffff'];
const CHANNELS = 8;
const STRIDE = 2;
/** One for the last convolution, one for the cell's other pixel, six for the dilated one and one for the first. */
const TINY_FIELD = 9;
const TINY_HALO = 10;

const FLOAT = 1;
const UINT8 = 2;
const INT64 = 7;

export interface TinyOptions {
  seed?: number;
  /** Adds the scene's mean to every pixel: nothing finite makes stitching exact then. */
  global?: boolean;
  /** Writes the outputs `planes` (building, road) and `features`. */
  planes?: boolean;
}

/** Writes the network into `folder` and describes it. */
export async function tinyNetwork(folder: string, { seed = 1, global = false, planes = false }: TinyOptions = {}) {
  const id = `tiny-${seed}${global ? '-global' : ''}${planes ? '-planes' : ''}`;
  const modelPath = join(folder, `${id}.onnx`);
  await writeFile(modelPath, encodeNetwork(seed, global, planes));
  const network: Network = {
    id,
    name: id,
    description: 'Random weights',
    gsdMetres: 1,
    stride: STRIDE,
    halo: TINY_HALO,
    receptiveField: [TINY_FIELD, TINY_FIELD, TINY_FIELD, TINY_FIELD],
    classes: CLASSES.map((name, value) => ({ name, value, color: COLORS[value] })),
    planes: planes
      ? [
          { name: 'building', class: 1, role: 'object' },
          { name: 'road', class: 2, role: 'line' },
        ]
      : [],
    modelPath,
    sha256: await sha256OfFile(modelPath),
  };
  return network;
}

function encodeNetwork(seed: number, global: boolean, planes: boolean): Uint8Array {
  const random = generator(seed);
  const nodes: Uint8Array[] = [];
  const constants: Uint8Array[] = [];
  const add = (kind: string, inputs: string[], output: string, attributes: Uint8Array[] = []) => {
    nodes.push(message((pbf) => writeNode(pbf, kind, inputs, output, attributes)));
    return output;
  };
  const floats = (name: string, dims: number[], values: readonly number[]) => {
    constants.push(message((pbf) => writeTensor(pbf, name, FLOAT, dims, values)));
    return name;
  };
  const integers = (name: string, values: readonly number[]) => {
    constants.push(message((pbf) => writeTensor(pbf, name, INT64, [values.length], values)));
    return name;
  };
  const conv = (name: string, x: string, [from, to]: [number, number], scale: number, stride = 1, dilation = 1) => {
    const weights = Array.from({ length: to * from * 9 }, () => (random() - 0.5) * scale);
    const bias = Array.from({ length: to }, () => (random() - 0.5) * 0.5);
    return add('Conv', [x, floats(`${name}.w`, [to, from, 3, 3], weights), floats(`${name}.b`, [to], bias)], name, [
      intsAttribute('kernel_shape', [3, 3]),
      intsAttribute('strides', [stride, stride]),
      intsAttribute('pads', new Array(4).fill(dilation)),
      intsAttribute('dilations', [dilation, dilation]),
    ]);
  };

  const centred = add(
    'Sub',
    [add('Cast', ['image'], 'float', [intAttribute('to', FLOAT)]), floats('128', [], [128])],
    'centred',
  );
  const scaled = add('Mul', [centred, floats('scale', [], [1 / 64])], 'scaled');
  const planar = add('Transpose', [scaled], 'planar', [intsAttribute('perm', [0, 3, 1, 2])]);
  let features = add('Relu', [conv('first', planar, [3, CHANNELS], 1.2, STRIDE)], 'relu');
  features = add(
    'Relu',
    [conv('second', features, [CHANNELS, CHANNELS], 1, 1, 3)],
    planes && !global ? 'features' : 'relu2',
  );
  if (global) {
    const mean = add('GlobalAveragePool', [features], 'mean');
    features = add(
      'Add',
      [features, add('Mul', [mean, floats('8', [], [0.3])], 'mean8')],
      planes ? 'features' : 'shifted',
    );
  }
  const scales = floats('scales', [4], [1, 1, STRIDE, STRIDE]);
  const upsampled = add('Resize', [features, '', scales], 'upsampled', [
    stringAttribute('mode', 'nearest'),
    stringAttribute('coordinate_transformation_mode', 'asymmetric'),
    stringAttribute('nearest_mode', 'floor'),
  ]);
  const logits = conv('last', upsampled, [CHANNELS, CLASSES.length], 2.5);
  const p = add('Softmax', [logits], 'p', [intAttribute('axis', 1)]);
  const best = add('ArgMax', [p], 'best', [intAttribute('axis', 1), intAttribute('keepdims', 0)]);
  add('Cast', [best], 'class', [intAttribute('to', UINT8)]);
  const bytes = (x: string, name: string) => {
    const rounded = add(
      'Round',
      [add('Mul', [x, floats(`${name}.255`, [], [255])], `${name}.scaled`)],
      `${name}.round`,
    );
    return add('Cast', [rounded], name, [intAttribute('to', UINT8)]);
  };
  const keep = [intAttribute('keepdims', 0)];
  bytes(add('ReduceMax', [p, integers('axis1', [1])], 'most', keep), 'score');
  if (planes) {
    bytes(add('Slice', [p, integers('from', [1]), integers('to', [3]), 'axis1'], 'objects'), 'planes');
  }
  const outputs: [string, number, (number | string)[]][] = [
    ['class', UINT8, ['n', 'h', 'w']],
    ['score', UINT8, ['n', 'h', 'w']],
  ];
  if (planes) {
    outputs.push(['planes', UINT8, ['n', 2, 'h', 'w']], ['features', FLOAT, ['n', CHANNELS, 'fh', 'fw']]);
  }
  const graph = message((pbf) => {
    for (const node of nodes) pbf.writeBytesField(1, node);
    pbf.writeStringField(2, 'tiny');
    for (const constant of constants) pbf.writeBytesField(5, constant);
    pbf.writeBytesField(11, valueInfo('image', UINT8, ['n', 'h', 'w', 3]));
    for (const output of outputs) pbf.writeBytesField(12, valueInfo(...output));
  });
  return message((pbf) => {
    pbf.writeVarintField(1, 8); // IR version
    pbf.writeBytesField(7, graph);
    pbf.writeBytesField(
      8,
      message((opset) => opset.writeVarintField(2, 18)),
    );
  });
}

/** Numerical Recipes' linear congruential generator, 0..1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function message(write: (pbf: PbfWriter) => void): Uint8Array {
  const pbf = new PbfWriter();
  write(pbf);
  return pbf.finish().slice();
}

function writeNode(pbf: PbfWriter, kind: string, inputs: string[], output: string, attributes: Uint8Array[]): void {
  for (const input of inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, output);
  pbf.writeStringField(3, output);
  pbf.writeStringField(4, kind);
  for (const attribute of attributes) pbf.writeBytesField(5, attribute);
}

function writeTensor(pbf: PbfWriter, name: string, type: number, dims: number[], values: readonly number[]): void {
  for (const dim of dims) pbf.writeVarintField(1, dim);
  pbf.writeVarintField(2, type);
  pbf.writeStringField(8, name);
  const raw = type === INT64 ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
  pbf.writeBytesField(9, new Uint8Array(raw.buffer));
}

const attribute = (name: string, type: number, write: (pbf: PbfWriter) => void): Uint8Array =>
  message((pbf) => {
    pbf.writeStringField(1, name);
    write(pbf);
    pbf.writeVarintField(20, type);
  });
const intAttribute = (name: string, value: number) => attribute(name, 2, (pbf) => pbf.writeVarintField(3, value));
const stringAttribute = (name: string, value: string) => attribute(name, 3, (pbf) => pbf.writeStringField(4, value));
const intsAttribute = (name: string, values: number[]) =>
  attribute(name, 7, (pbf) => {
    for (const value of values) pbf.writeVarintField(8, value);
  });

function valueInfo(name: string, type: number, dims: (number | string)[]): Uint8Array {
  const shape = message((pbf) => {
    for (const dim of dims) {
      pbf.writeBytesField(
        1,
        message((each) => (typeof dim === 'number' ? each.writeVarintField(1, dim) : each.writeStringField(2, dim))),
      );
    }
  });
  const tensor = message((pbf) => {
    pbf.writeVarintField(1, type);
    pbf.writeBytesField(2, shape);
  });
  return message((pbf) => {
    pbf.writeStringField(1, name);
    pbf.writeBytesField(
      2,
      message((kind) => kind.writeBytesField(1, tensor)),
    );
  });
}
