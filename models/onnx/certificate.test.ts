/** The field that is read from a graph against the field that is measured: one pixel is changed, and what else changes? */

import { expect, test } from 'vitest';
import { type TestModel, type TestNode, type TestTensor, writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { listNetworks } from '../registry.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { certify } from './certificate.ts';
import { readOnnx, readOnnxFile } from './read-onnx.ts';
import type { ImageInput } from './trace-graph.ts';

type Random = (below: number) => number;

function randomOf(seed: number): Random {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

const SIZE = 320;

/** A network in the making; every tensor is [1, channels, height, width] at `stride` image pixels a pixel. */
interface Draft {
  nodes: TestNode[];
  constants: Record<string, TestTensor>;
  random: Random;
}

interface Tensor {
  name: string;
  channels: number;
  stride: number;
  size: number;
}

function node(
  draft: Draft,
  op: string,
  inputs: string[],
  attributes: NonNullable<TestNode['attributes']> = {},
): string {
  const name = `t${draft.nodes.length}`;
  draft.nodes.push({ op, inputs, outputs: [name], attributes });
  return name;
}

function constant(draft: Draft, dims: number[], value: () => number, int = false): string {
  const name = `c${Object.keys(draft.constants).length}`;
  const values = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, value);
  draft.constants[name] = { dims, values, int };
  return name;
}

/** Weights above 0, so that no two ways of a pixel cancel out. */
const weight = (draft: Draft) => () => (1 + draft.random(8)) / 16;

function conv(draft: Draft, input: Tensor, stride = 1): Tensor {
  const { random } = draft;
  const kernel = [1, 3, 3, 5][random(4)] + (stride - 1);
  const dilation = stride === 1 ? 1 + random(2) : 1;
  const span = (kernel - 1) * dilation + 1 - stride;
  const before = random(span + 1);
  const w = constant(draft, [2, input.channels, kernel, kernel], weight(draft));
  const name = node(draft, 'Conv', [input.name, w], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    dilations: [dilation, dilation],
    pads: [before, span - before, span - before, before],
  });
  return { name, channels: 2, stride: input.stride * stride, size: input.size / stride };
}

function up(draft: Draft, input: Tensor): Tensor {
  const { random } = draft;
  const grown = { ...input, stride: input.stride / 2, size: input.size * 2 };
  const kind = random(5);
  if (kind === 0) {
    const w = constant(draft, [input.channels, 2, 2, 2], weight(draft));
    return { ...grown, channels: 2, name: node(draft, 'ConvTranspose', [input.name, w], { strides: [2, 2] }) };
  }
  if (kind === 1) {
    const w = constant(draft, [input.channels, 2, 4, 4], weight(draft));
    const attributes = { strides: [2, 2], pads: [1, 1, 1, 1] };
    return { ...grown, channels: 2, name: node(draft, 'ConvTranspose', [input.name, w], attributes) };
  }
  if (kind === 2) {
    const w = constant(draft, [8, input.channels, 1, 1], weight(draft));
    const wide = node(draft, 'Conv', [input.name, w]);
    return { ...grown, channels: 2, name: node(draft, 'DepthToSpace', [wide], { blocksize: 2, mode: 'CRD' }) };
  }
  const mode = kind === 3 ? 'nearest' : 'linear';
  const coordinates = mode === 'nearest' ? 'asymmetric' : ['half_pixel', 'asymmetric', 'pytorch_half_pixel'][random(3)];
  const attributes = { mode, coordinate_transformation_mode: coordinates, nearest_mode: 'floor' };
  if (random(2)) {
    const scales = [1, 1, 2, 2][Symbol.iterator]();
    const factors = constant(draft, [4], () => scales.next().value!);
    return { ...grown, name: node(draft, 'Resize', [input.name, '', factors], attributes) };
  }
  // The size is computed from the shape, as exporters of interpolate(size=x.shape) write it.
  const shape = node(draft, 'Shape', [input.name]);
  const factors = [1, 1, 2, 2][Symbol.iterator]();
  const sizes = node(draft, 'Mul', [shape, constant(draft, [4], () => factors.next().value!, true)]);
  return { ...grown, name: node(draft, 'Resize', [input.name, '', '', sizes], attributes) };
}

function same(draft: Draft, input: Tensor): Tensor {
  const kind = draft.random(6);
  if (kind === 0) return { ...input, name: node(draft, 'LeakyRelu', [input.name], { alpha: { float: 0.5 } }) };
  if (kind === 1) {
    const pads = [0, 0, 2, 1, 0, 0, 0, 1][Symbol.iterator]();
    const padded = node(draft, 'Pad', [input.name, constant(draft, [8], () => pads.next().value!, true)], {
      mode: 'reflect',
    });
    const w = constant(draft, [2, input.channels, 3, 3], weight(draft));
    return { ...input, channels: 2, name: node(draft, 'Conv', [padded, w]) };
  }
  if (kind === 2) {
    const last = node(draft, 'Transpose', [input.name], { perm: [0, 2, 3, 1] });
    const product = node(draft, 'MatMul', [last, constant(draft, [input.channels, 2], weight(draft))]);
    return { ...input, channels: 2, name: node(draft, 'Transpose', [product], { perm: [0, 3, 1, 2] }) };
  }
  if (kind === 3) {
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 };
    return { ...input, name: node(draft, 'AveragePool', [input.name], attributes) };
  }
  if (kind === 4) {
    const attributes = { kernel_shape: [2, 2], auto_pad: draft.random(2) ? 'SAME_UPPER' : 'SAME_LOWER' };
    return { ...input, name: node(draft, 'AveragePool', [input.name], attributes) };
  }
  return conv(draft, input);
}

/** A U of one to three levels, with everything on the way that keeps pixels in their places. */
function randomNetwork(seed: number): TestModel {
  const draft: Draft = { nodes: [], constants: {}, random: randomOf(seed) };
  let x: Tensor = { name: 'x', channels: 1, stride: 1, size: SIZE };
  const skips: Tensor[] = [];
  for (let level = 1 + draft.random(3); level > 0; level--) {
    x = same(draft, x);
    skips.push(x);
    x = conv(draft, x, 2);
  }
  x = same(draft, x);
  for (const skip of skips.reverse()) {
    x = up(draft, x);
    if (draft.random(3))
      x = { ...x, channels: x.channels + skip.channels, name: node(draft, 'Concat', [x.name, skip.name], { axis: 1 }) };
    x = conv(draft, x);
  }
  const w = constant(draft, [1, x.channels, 1, 1], weight(draft));
  draft.nodes.push({ op: 'Conv', inputs: [x.name, w], outputs: ['y'], attributes: {} });
  const dims = draft.random(2) ? [1, 1, SIZE, SIZE] : [1, 1, 'h', 'w'];
  return {
    nodes: draft.nodes,
    constants: draft.constants,
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims: dims.map((dim, i) => (typeof dim === 'number' ? dim : `o${i}`)) }],
  };
}

type Sides = [left: number, top: number, right: number, bottom: number];

/** How far a change of one pixel is seen, for pixels at every place of the stride's grid. */
async function measuredField(
  run: (image: Float32Array) => Promise<Float32Array>,
  size: number,
  stride: number,
): Promise<Sides> {
  const image = new Float32Array(size * size); // all 0, so that no change is lost in rounding
  const before = await run(image);
  const field: Sides = [0, 0, 0, 0];
  const middle = Math.floor(size / 2 / stride) * stride;
  for (let phase = 0; phase < stride; phase++) {
    const at = middle + phase;
    const changed = image.slice();
    changed[at * size + at] += 64;
    const after = await run(changed);
    for (let i = 0; i < after.length; i++) {
      if (after[i] === before[i]) continue;
      const [y, x] = [Math.floor(i / size), i % size];
      field[0] = Math.max(field[0], x - at);
      field[1] = Math.max(field[1], y - at);
      field[2] = Math.max(field[2], at - x);
      field[3] = Math.max(field[3], at - y);
    }
  }
  return field;
}

const imageOf =
  (dims: readonly (number | string | null)[]) =>
  (size: number): ImageInput => ({
    name: 'x',
    shape: dims.map((dim) => (typeof dim === 'number' ? dim : size)),
    rowDim: 2,
    columnDim: 3,
  });

test('the computed field is the measured one on random networks', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const bytes = writeOnnx(randomNetwork(seed));
    const model = readOnnx(bytes);
    const { dims } = model.inputs[0];
    const { certificate } = certify(model, imageOf(dims), typeof dims[2] === 'number');
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const run = async (image: Float32Array) => {
      const { y } = await session.run({ x: new ort.Tensor('float32', image, [1, 1, SIZE, SIZE]) });
      return y.data as Float32Array;
    };
    const measured = await measuredField(run, SIZE, certificate.stride);
    await session.release();
    expect(certificate.exact, `seed ${seed}`).toBe(true);
    expect(certificate.receptive_field, `seed ${seed}`).toEqual(measured);
    expect(certificate.halo! % certificate.stride, `seed ${seed}`).toBe(0);
    expect(certificate.halo!, `seed ${seed}`).toBeGreaterThanOrEqual(Math.max(...measured));
  }
}, 120_000);

test('shipped networks declare what their graphs say', async () => {
  for (const network of await listNetworks()) {
    const model = await readOnnxFile(network.modelPath);
    const [image] = model.inputs;
    const at = (size: number) => ({ name: image.name, shape: [1, size, size, 3], rowDim: 1, columnDim: 2 });
    const { certificate } = certify(model, at, false, ['class', 'score']);
    expect(certificate, network.id).toMatchObject({ exact: true, receptive_field: network.receptiveField });
    expect(certificate.stride, network.id).toBe(network.stride);
    expect(network.halo, network.id).toBeGreaterThanOrEqual(certificate.halo!);
  }
});

/** A 3 × 3 convolution, something, and another convolution. */
function around(middle: (draft: Draft, x: string) => string, dims: (number | string)[] = [1, 1, 'h', 'w']): TestModel {
  const draft: Draft = { nodes: [], constants: {}, random: randomOf(5) };
  const first = conv(draft, { name: 'x', channels: 1, stride: 1, size: SIZE });
  const name = middle(draft, first.name);
  draft.nodes.push({ op: 'Softsign', inputs: [name], outputs: ['y'] });
  return {
    nodes: draft.nodes,
    constants: draft.constants,
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims: [1, 'c', 'i', 'j'] }],
  };
}

const GLOBAL: Record<string, (draft: Draft, x: string) => string> = {
  GlobalAveragePool: (draft, x) => node(draft, 'Mul', [x, node(draft, 'GlobalAveragePool', [x])]),
  ReduceMean: (draft, x) => node(draft, 'Sub', [x, node(draft, 'ReduceMean', [x], { axes: [2, 3] })]),
  InstanceNormalization: (draft, x) => {
    const [scale, bias] = [1, 0].map((value) => constant(draft, [2], () => value));
    return node(draft, 'InstanceNormalization', [x, scale, bias]);
  },
  Softmax: (draft, x) => {
    const shape = node(draft, 'Shape', [x]);
    const flat = [1, 2, -1][Symbol.iterator]();
    const pixels = node(draft, 'Reshape', [x, constant(draft, [3], () => flat.next().value!, true)]);
    return node(draft, 'Reshape', [node(draft, 'Softmax', [pixels], { axis: 2 }), shape]);
  },
  MatMul: (draft, x) => {
    // Attention: pixels against pixels.
    const shape = node(draft, 'Shape', [x]);
    const flat = [1, 2, -1][Symbol.iterator]();
    const keys = node(draft, 'Reshape', [x, constant(draft, [3], () => flat.next().value!, true)]);
    const queries = node(draft, 'Transpose', [keys], { perm: [0, 2, 1] });
    const seen = node(draft, 'Softmax', [node(draft, 'MatMul', [queries, keys])], { axis: -1 });
    const values = node(draft, 'MatMul', [seen, queries]);
    return node(draft, 'Reshape', [node(draft, 'Transpose', [values], { perm: [0, 2, 1] }), shape]);
  },
};

test.each(Object.keys(GLOBAL))('%s over the image is seen to look everywhere', async (operator) => {
  const bytes = writeOnnx(around(GLOBAL[operator]));
  const { certificate } = certify(readOnnx(bytes), imageOf([1, 1, 'h', 'w']), false);
  expect(certificate).toMatchObject({ exact: false, receptive_field: null, halo: null });
  expect(certificate.global_operations.map((each) => each.operator)).toContain(operator);
  // and it does
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const image = Float32Array.from({ length: 32 * 32 }, (_, i) => (i * 37) % 11);
  const run = async () =>
    (await session.run({ x: new ort.Tensor('float32', image.slice(), [1, 1, 32, 32]) })).y.data as Float32Array;
  const before = await run();
  image[0] += 50;
  const after = await run();
  expect(after[32 * 32 - 1]).not.toBe(before[32 * 32 - 1]);
});

test('a position code, align_corners and an unknown operator stand in the way of exact stitching', () => {
  const code = around(
    (draft, x) => node(draft, 'Add', [x, constant(draft, [1, 1, SIZE, SIZE], () => draft.random(9))]),
    [1, 1, SIZE, SIZE],
  );
  const fixed = certify(readOnnx(writeOnnx(code)), imageOf([1, 1, SIZE, SIZE]), true).certificate;
  expect(fixed).toMatchObject({ exact: false, halo: null, positional_operations: [{ operator: 'Add' }] });

  const corners = around((draft, x) => {
    const half = node(draft, 'AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
    const scales = [1, 1, 2, 2][Symbol.iterator]();
    const attributes = { mode: 'linear', coordinate_transformation_mode: 'align_corners' };
    return node(draft, 'Resize', [half, '', constant(draft, [4], () => scales.next().value!)], attributes);
  });
  const stretched = certify(readOnnx(writeOnnx(corners)), imageOf([1, 1, 'h', 'w']), false).certificate;
  expect(stretched.exact).toBe(false);
  expect(stretched.positional_operations).toMatchObject([{ operator: 'Resize' }]);

  const strange = around((draft, x) => node(draft, 'GridSample', [x, x]));
  expect(certify(readOnnx(writeOnnx(strange)), imageOf([1, 1, 'h', 'w']), false).certificate).toMatchObject({
    exact: false,
    not_followed: 'GridSample',
  });
});

test('windows cut by reshapes stay within themselves and bind chips to their grid', () => {
  // Pixels of 8 × 8 windows against each other, as window attention has it: no farther than the window, on its grid.
  const windows = around(
    (draft, x) => {
      const ints = (values: number[]) => {
        const all = values[Symbol.iterator]();
        return constant(draft, [values.length], () => all.next().value!, true);
      };
      const n = SIZE / 8;
      const cut = node(draft, 'Reshape', [x, ints([2, n, 8, n, 8])]);
      const tokens = node(draft, 'Reshape', [
        node(draft, 'Transpose', [cut], { perm: [1, 3, 2, 4, 0] }),
        ints([n * n, 64, 2]),
      ]);
      const keys = node(draft, 'Transpose', [tokens], { perm: [0, 2, 1] });
      const seen = node(draft, 'MatMul', [
        node(draft, 'Softmax', [node(draft, 'MatMul', [tokens, keys])], { axis: -1 }),
        tokens,
      ]);
      const back = node(draft, 'Transpose', [node(draft, 'Reshape', [seen, ints([n, n, 8, 8, 2])])], {
        perm: [4, 0, 2, 1, 3],
      });
      return node(draft, 'Reshape', [back, ints([1, 2, SIZE, SIZE])]);
    },
    [1, 1, SIZE, SIZE],
  );
  const { certificate, outputs } = certify(readOnnx(writeOnnx(windows)), imageOf([1, 1, SIZE, SIZE]), true);
  expect(outputs[0]).toMatchObject({ rowDim: 2, columnDim: 3, scale: [1, 1] });
  expect(certificate).toMatchObject({ exact: true, stride: 8 });
  for (const side of certificate.receptive_field!) expect(side).toBeGreaterThanOrEqual(7);
});

test('pads that a graph computes from constants are known, as PyTorch writes reflection', () => {
  const reflected = around((draft, x) => {
    const ints = (values: number[], dims = [values.length]) => {
      const all = values[Symbol.iterator]();
      return constant(draft, dims, () => all.next().value!, true);
    };
    // Last dim first, in pairs of before and after: filled up with zeros, turned round, and laid out as ONNX wants it.
    const rest = node(draft, 'ConstantOfShape', [ints([4])]);
    const pairs = node(draft, 'Reshape', [
      node(draft, 'Concat', [ints([1, 2, 3, 4]), rest], { axis: 0 }),
      ints([-1, 2]),
    ]);
    const turned = node(draft, 'Slice', [pairs, ints([-1]), ints([-1000]), ints([0]), ints([-1])]);
    const flat = node(draft, 'Reshape', [node(draft, 'Transpose', [turned], { perm: [1, 0] }), ints([-1])]);
    const padded = node(draft, 'Pad', [x, node(draft, 'Cast', [flat], { to: 7 })], { mode: 'reflect' });
    return node(draft, 'AveragePool', [padded], { kernel_shape: [8, 4] });
  });
  const certificateOf = (model: TestModel) =>
    certify(readOnnx(writeOnnx(model)), imageOf([1, 1, 'h', 'w']), false).certificate;
  const without = certificateOf(around((_, x) => x)).halo_sides!;
  const sides = [1, 3, 2, 4].map((side, i) => side + without[i]); // left, top, right, bottom
  expect(certificateOf(reflected)).toMatchObject({ not_followed: null, exact: true, halo_sides: sides });
});
