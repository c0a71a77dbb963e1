/**
 * For tests: networks with random weights in all the forms that people export them in. Each comes with a twin of free
 * size, so that a map made of chips can be held against one pass over the whole scene.
 */
import { generator, type TestModel, type TestNode, type TestTensor, writeOnnx } from './onnx-writer.ts';

const FLOAT = 1;
const UINT8 = 2;
const INT32 = 6;
const INT64 = 7;
const FLOAT16 = 10;

export const KINDS = [
  'softmax',
  'logits',
  'log-softmax',
  'one sigmoid',
  'one logit',
  'sigmoids of objects',
  'sigmoids',
  'argmax',
  'argmax with a channel',
  'labels int32',
  'labels uint8',
  'sigmoid without a channel',
] as const;
export const EXTENTS = ['same', 'half', 'quarter', 'valid'] as const;

export interface Form {
  seed: number;
  kind: (typeof KINDS)[number];
  extent: (typeof EXTENTS)[number];
  layout: 'nchw' | 'nhwc';
  bands: 1 | 3 | 4;
  type: 'float32' | 'float16' | 'uint8';
  opset: number;
  /** Outputs besides the map. */
  heads: number;
  batch: number | 'n';
  /** Of fixed size, or free. */
  size: [height: number, width: number] | null;
}

/** A form that follows from the seed. */
export function randomForm(seed: number): Form {
  const random = generator(seed * 7919 + 13);
  for (let i = 0; i < 4; i++) random(); // the first numbers of near seeds are alike
  const one = <T>(list: readonly T[]): T => list[Math.min(list.length - 1, Math.floor((random() + 0.5) * list.length))];
  return {
    seed,
    kind: KINDS[seed % KINDS.length],
    extent: one(EXTENTS),
    layout: one(['nchw', 'nchw', 'nhwc']),
    bands: one([3, 3, 1, 4]),
    type: one(['float32', 'float32', 'float16', 'uint8']),
    opset: one([9, 10, 11, 12, 13, 15, 17, 19, 21]),
    heads: one([0, 0, 1, 3]),
    batch: one([1, 'n', 2]),
    size: one([null, null, [128, 128], [160, 128], [192, 256]]),
  };
}

/** Cells of the output along each axis for a side of the image. */
const EXTENT_OF: Record<Form['extent'], (side: number) => number> = {
  same: (side) => side,
  half: (side) => side / 2,
  quarter: (side) => side / 4,
  valid: (side) => side - 4,
};

export const planesOfForm = ({ kind }: Form): number =>
  ['one sigmoid', 'one logit', 'sigmoid without a channel'].includes(kind) ? 1 : 4;

/** The bytes of the network, or of its twin of free size. */
export function writeForm(form: Form, free = false): Uint8Array {
  const { kind, extent, layout, bands, type, opset, heads, batch, seed } = form;
  const size = free ? null : form.size;
  const random = generator(seed + 1);
  const half = type === 'float16';
  const nodes: TestNode[] = [];
  const constants: Record<string, TestTensor> = {};
  let named = 0;
  const add = (op: string, inputs: string[], attributes: TestNode['attributes'] = {}, output = `t${named++}`) => {
    nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  };
  const constant = (tensor: TestTensor) => {
    const name = `c${named++}`;
    constants[name] = tensor;
    return name;
  };
  const conv = (x: string, from: number, to: number, scale: number, kernel: number, attributes: object) => {
    const values = Array.from({ length: to * from * kernel ** 2 }, () => random() * scale);
    const bias = Array.from({ length: to }, () => random());
    const weights = constant({ dims: [to, from, kernel, kernel], values, half });
    return add('Conv', [x, weights, constant({ dims: [to], values: bias, half })], { ...attributes });
  };
  const moved = (x: string, perm: number[], output?: string) => add('Transpose', [x], { perm }, output);

  let x = 'image';
  if (type === 'uint8') {
    x = add('Cast', [x], { to: FLOAT });
    x = add('Mul', [x, constant({ dims: [], values: [1 / 128] })]);
    x = add('Add', [x, constant({ dims: [], values: [-1] })]);
  }
  if (layout === 'nhwc') x = moved(x, [0, 3, 1, 2]);
  x = add('Relu', [conv(x, bands, 8, 1.2, 3, { strides: [2, 2], pads: [1, 1, 1, 1] })]);
  x = add('Relu', [conv(x, 8, 8, 1, 3, { dilations: [2, 2], pads: [2, 2, 2, 2] })]);
  if (extent === 'quarter') x = add('Relu', [conv(x, 8, 8, 1, 3, { strides: [2, 2], pads: [1, 1, 1, 1] })]);
  if (extent === 'same' || extent === 'valid') {
    const scales = constant({ dims: [4], values: [1, 1, 2, 2] });
    if (opset < 10) x = add('Upsample', [x, scales], { mode: 'nearest' });
    else if (opset === 10) x = add('Resize', [x, scales], { mode: 'nearest' });
    else {
      const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
      x = add('Resize', [x, opset < 13 ? constant({ dims: [0], values: [] }) : '', scales], attributes);
    }
  }
  const planes = planesOfForm(form);
  const last = extent === 'valid' ? { kernel: 5, pads: [0, 0, 0, 0] } : { kernel: 3, pads: [1, 1, 1, 1] };
  const head = (i: number) => {
    const z = conv(x, 8, planes, 2.5, last.kernel, { pads: last.pads });
    const name = i === 0 ? 'y' : `y${i}`;
    if (/^softmax|^log-softmax/.test(kind)) {
      const op = kind === 'softmax' ? 'Softmax' : 'LogSoftmax';
      // Before opset 13 it ran over all that follows: exporters put the classes last.
      const last = moved(z, [0, 2, 3, 1]);
      if (layout === 'nhwc') return add(op, [last], { axis: 3 }, name);
      return opset < 13 ? moved(add(op, [last], { axis: 3 }), [0, 3, 1, 2], name) : add(op, [z], { axis: 1 }, name);
    }
    if (/^argmax|^labels/.test(kind)) {
      const keep = kind === 'argmax with a channel';
      const cast = kind === 'labels int32' ? INT32 : kind === 'labels uint8' ? UINT8 : null;
      const best = add('ArgMax', [z], { axis: 1, keepdims: Number(keep) }, cast === null ? name : undefined);
      return cast === null ? best : add('Cast', [best], { to: cast }, name);
    }
    if (kind === 'sigmoid without a channel') {
      const p = add('Sigmoid', [z]);
      return opset < 13
        ? add('Squeeze', [p], { axes: [1] }, name)
        : add('Squeeze', [p, constant({ dims: [1], values: [1], int: true })], {}, name);
    }
    const plain = layout === 'nhwc' ? moved(z, [0, 2, 3, 1]) : z;
    return add(/sigmoid/.test(kind) ? 'Sigmoid' : 'Identity', [plain], {}, name);
  };
  const names = Array.from({ length: 1 + heads }, (_, i) => head(i));

  const [height, width] = size ?? ['h', 'w'];
  const cells = (side: number | string, name: string) =>
    typeof side === 'number' ? EXTENT_OF[extent](side) : `${name} of the map`;
  const [rows, columns] = [cells(height, 'rows'), cells(width, 'columns')];
  const labels = /^argmax|^labels/.test(kind);
  const flat = kind === 'sigmoid without a channel' || (labels && kind !== 'argmax with a channel');
  const depth = labels ? 1 : planes;
  const n = free ? 'n' : batch;
  const planar = layout === 'nchw' || labels;
  const dims = flat ? [n, rows, columns] : planar ? [n, depth, rows, columns] : [n, rows, columns, depth];
  const floats = half ? FLOAT16 : FLOAT;
  const outputType = !labels ? floats : kind === 'labels int32' ? INT32 : kind === 'labels uint8' ? UINT8 : INT64;
  const model: TestModel = {
    nodes,
    constants,
    inputs: [
      {
        name: 'image',
        type: type === 'uint8' ? UINT8 : floats,
        dims: layout === 'nchw' ? [n, bands, height, width] : [n, height, width, bands],
      },
    ],
    outputs: names.map((name) => ({ name, dims, type: outputType })),
    opset,
  };
  return writeOnnx(model);
}
