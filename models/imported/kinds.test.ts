/** Networks of the kinds that people try: maps are maps, and what is none is refused by a code that says what it is. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import {
  generator,
  type TestModel,
  type TestNode,
  type TestTensor,
  writeOnnx,
} from '../../test/support/networks/onnx-writer.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import type { NetworkMetadata } from './network-metadata.ts';
import { inferAdapted } from './run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-kinds-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SIZE = 128;
const node = (op: string, x: string | string[], y: string, attributes: TestNode['attributes'] = {}): TestNode => ({
  op,
  inputs: [x].flat(),
  outputs: [y],
  attributes,
});
const weights = (to: number, from = 3, kernel = 1): TestTensor => ({
  dims: [to, from, kernel, kernel],
  values: Array.from({ length: to * from * kernel ** 2 }, (_, i) => (i % 2 === 0 ? 1 : -1) * (1 + ((i * 7) % 5) / 5)),
});
const image = { name: 'x', dims: [1, 3, SIZE, SIZE] };
const bytes = { name: 'x', dims: [1, 3, SIZE, SIZE], type: 2 };

const model = (
  nodes: TestNode[],
  w: TestTensor,
  outputs: [string, number[], number?][],
  more: Partial<TestModel> = {},
) =>
  writeOnnx({
    nodes,
    inputs: [image],
    outputs: outputs.map(([name, dims, type = 1]) => ({ name, dims, type })),
    ...more,
    constants: { w, ...more.constants },
  });
const whole = (planes: number) => [1, planes, SIZE, SIZE];

const REFUSED: Record<string, { file: Uint8Array; code: string; said?: NetworkMetadata }> = {
  'nothing at all': { file: new Uint8Array(0), code: 'damaged_model' },
  'a picture': { file: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), code: 'damaged_model' },
  'depths, without a channel': {
    file: model(
      [node('Conv', ['x', 'w'], 'a'), node('Relu', 'a', 'b'), node('Squeeze', ['b', 'one'], 'y')],
      weights(1),
      [['y', [1, SIZE, SIZE]]],
      { constants: { one: { dims: [1], values: [1], int: true } } },
    ),
    code: 'regression_model',
  },
  'another image, of bytes': {
    file: model(
      [node('Conv', ['x', 'w'], 'a'), node('Mul', ['a', 'most'], 'y')],
      { dims: [3, 3, 1, 1], values: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
      [['y', whole(3)]],
      {
        constants: { most: { dims: [], values: [255] } },
      },
    ),
    code: 'super_resolution_model',
  },
  'another image, of -1 to 1': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Tanh', 'a', 'y')], weights(3), [['y', whole(3)]]),
    code: 'super_resolution_model',
  },
  'depths by a sigmoid': {
    file: model(
      [node('Conv', ['x', 'w'], 'a'), node('Sigmoid', 'a', 'b'), node('Mul', ['b', 'most'], 'y')],
      weights(1),
      [['y', whole(1)]],
      {
        constants: { most: { dims: [], values: [20] } },
      },
    ),
    code: 'regression_model',
  },
  'a cleaner image': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Sub', ['x', 'a'], 'b'), node('Clip', 'b', 'y')], weights(3), [
      ['y', whole(3)],
    ]),
    code: 'super_resolution_model',
  },
  'haze taken off by a factor': {
    file: model(
      [
        node('Conv', ['x', 'w'], 'k'),
        node('Mul', ['k', 'x'], 'kx'),
        node('Sub', ['kx', 'k'], 'a'),
        node('Add', ['a', 'one'], 'b'),
        node('Relu', 'b', 'y'),
      ],
      weights(3),
      [['y', whole(3)]],
      { constants: { one: { dims: [], values: [1] } } },
    ),
    code: 'super_resolution_model',
  },
  'a brighter image, by a curve': {
    file: model(
      [
        node('Conv', ['x', 'w'], 'z'),
        node('Tanh', 'z', 'a'),
        node('Mul', ['x', 'x'], 'square'),
        node('Sub', ['square', 'x'], 'bow'),
        node('Mul', ['a', 'bow'], 'more'),
        node('Add', ['x', 'more'], 'y'),
      ],
      weights(3),
      [['y', whole(3)]],
    ),
    code: 'super_resolution_model',
  },
  'planes that are called an image': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Sigmoid', 'a', 'output_image')], weights(3), [
      ['output_image', whole(3)],
    ]),
    code: 'super_resolution_model',
  },
  'one plane that is called a depth': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Sigmoid', 'a', 'depth')], weights(1), [['depth', whole(1)]]),
    code: 'regression_model',
  },
  'a sigmoid that is said to be a regression': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Sigmoid', 'a', 'y')], weights(1), [['y', whole(1)]], {
      metadata: { task: 'canopy height' },
    }),
    code: 'regression_model',
  },
  'a softmax that is said to be a regression': {
    file: model(
      [node('Conv', ['x', 'w'], 'a'), node('Softmax', 'a', 'y', { axis: 1 })],
      weights(3),
      [['y', whole(3)]],
      {
        metadata: { model_type: 'Regressor', class_names: '{"0": "a", "1": "b", "2": "c"}' },
      },
    ),
    code: 'regression_model',
  },
  'features of an encoder': {
    file: model([node('Conv', ['x', 'w'], 'y', { strides: [16, 16] })], weights(256), [['y', [1, 256, 8, 8]]]),
    code: 'recognition_model',
  },
  'an image and points': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Add', ['a', 'points'], 'y')], weights(2), [['y', whole(2)]], {
      inputs: [image, { name: 'points', dims: [1] }],
    }),
    code: 'unsupported_model',
  },
  words: {
    file: writeOnnx({
      nodes: [node('Cast', 'x', 'y', { to: 1 })],
      inputs: [{ name: 'x', dims: ['n', 'length'], type: 7 }],
      outputs: [{ name: 'y', dims: ['n', 'length'] }],
    }),
    code: 'unsupported_model',
  },
  sound: {
    file: writeOnnx({
      nodes: [node('Relu', 'x', 'y')],
      inputs: [{ name: 'x', dims: [1, 1, 16_000] }],
      outputs: [{ name: 'y', dims: [1, 1, 16_000] }],
    }),
    code: 'unsupported_model',
  },
  'four times as fine': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('DepthToSpace', 'a', 'y', { blocksize: 4 })], weights(16), [
      ['y', [1, 1, 4 * SIZE, 4 * SIZE]],
    ]),
    code: 'super_resolution_model',
  },
};

test.each(Object.keys(REFUSED))('refused: %s', async (name) => {
  const { file, code, said = {} } = REFUSED[name];
  const path = join(folder, 'refused.onnx');
  await writeFile(path, file);
  await expect(addedNetwork(path, { said })).rejects.toMatchObject({ code });
});

const split = (count: number, end: string) => [
  ...Array.from({ length: count }, (_, i) => [node('Conv', ['x', 'w'], `z${i}`), node(end, `z${i}`, `d${i}`)]).flat(),
];
const MAPS: Record<string, { file: Uint8Array; classes: number; code?: string; said?: NetworkMetadata }> = {
  'U2Net: seven sigmoids, of which the first counts': {
    file: model(
      split(7, 'Sigmoid'),
      weights(1),
      Array.from({ length: 7 }, (_, i) => [`d${i}`, whole(1)]),
    ),
    classes: 2,
    code: 'outputs_not_used',
  },
  'DeepLab: bytes in, labels out, rows before bands': {
    file: model(
      [
        node('Cast', 'x', 'f', { to: 1 }),
        node('Transpose', 'f', 'p', { perm: [0, 3, 1, 2] }),
        node('Conv', ['p', 'w'], 'z'),
        node('ArgMax', 'z', 'SemanticPredictions', { axis: 1, keepdims: 0 }),
      ],
      weights(4),
      [['SemanticPredictions', [1, SIZE, SIZE], 7]],
      { inputs: [{ name: 'x', dims: [1, SIZE, SIZE, 3], type: 2 }] },
    ),
    classes: 4,
  },
  'SegFormer: logits of a quarter of the size': {
    file: model([node('Conv', ['x', 'w'], 'logits', { strides: [4, 4] })], weights(5, 3, 4), [
      ['logits', [1, 5, SIZE / 4, SIZE / 4]],
    ]),
    classes: 5,
  },
  'depths that are said to be a segmentation': {
    file: model([node('Conv', ['x', 'w'], 'a'), node('Relu', 'a', 'y')], weights(1), [['y', whole(1)]]),
    classes: 2,
    said: { task: 'segmentation' },
  },
  'a choice within the graph: blended': {
    file: model(
      [
        node('ReduceMean', 'x', 'mean', { keepdims: 0 }),
        node('Less', ['mean', 'high'], 'dark'),
        node('Conv', ['x', 'w'], 'z'),
        node('If', 'dark', 'chosen', {
          then_branch: { graph: { nodes: [node('Identity', 'z', 'p')], outputs: [{ name: 'p', dims: whole(3) }] } },
          else_branch: { graph: { nodes: [node('Neg', 'z', 'n')], outputs: [{ name: 'n', dims: whole(3) }] } },
        }),
        node('Softmax', 'chosen', 'y', { axis: 1 }),
      ],
      weights(3),
      [['y', whole(3)]],
      { constants: { high: { dims: [], values: [1e9] } } },
    ),
    classes: 3,
    code: 'not_exact',
  },
  'two heads of labels': {
    file: model(
      [
        node('Cast', 'x', 'f', { to: 1 }),
        node('Conv', ['f', 'w'], 'z'),
        node('ArgMax', 'z', 'a', { axis: 1, keepdims: 1 }),
        node('ArgMin', 'z', 'b', { axis: 1, keepdims: 1 }),
      ],
      weights(3),
      [
        ['a', whole(1), 7],
        ['b', whole(1), 7],
      ],
      { inputs: [bytes] },
    ),
    classes: 3,
    code: 'outputs_not_used',
  },
};

test.each(Object.keys(MAPS))('mapped: %s', async (name) => {
  const { file, classes, code, said = {} } = MAPS[name];
  const path = join(folder, `${Object.keys(MAPS).indexOf(name)}.onnx`);
  await writeFile(path, file);
  const { network, understanding } = await addedNetwork(path, { said });
  expect([understanding.task, network.classes.length]).toEqual(['segmentation', classes]);
  if (code) expect(understanding.findings.map((finding) => finding.code)).toContain(code);
  const adapted = { ...network, adapter: network.adapter!, classes };
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
  const pixels = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => ((i % 3) + 1) * (i >> 9) * 53);
  const answer = await inferAdapted(session, adapted, pixels, { width: SIZE, height: SIZE });
  await session.release();
  expect(new Set(answer.classes).size).toBeGreaterThan(1);
});

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed);
const ENDS = ['Identity', 'Sigmoid', 'Clip', 'HardSigmoid'];

/** Two convolutions of random weights; `passed` is how much of each band goes through them to its own plane. */
function threePlanes(seed: number, passed: number, rows = false): Uint8Array {
  const random = generator(seed * 77 + 5);
  for (let i = 0; i < 4; i++) random();
  const kernel = (to: number, from: number, noise: number): TestTensor => ({
    dims: [to, from, 3, 3],
    values: Array.from({ length: to * from * 9 }, (_, i) => {
      const [own, centre] = [Math.floor(i / 9 / from) === Math.floor(i / 9) % from, i % 9 === 4];
      return random() * noise + (own && centre ? passed : 0);
    }),
  });
  const pads = { pads: [1, 1, 1, 1] };
  const size = rows ? [1, SIZE, SIZE, 3] : whole(3);
  return writeOnnx({
    nodes: [
      ...(rows ? [node('Transpose', 'x', 'planes', { perm: [0, 3, 1, 2] })] : []),
      node('Conv', [rows ? 'planes' : 'x', 'w1'], 'a', pads),
      node('Relu', 'a', 'b'),
      node('Conv', ['b', 'w2'], 'c', pads),
      node(ENDS[seed % ENDS.length], 'c', rows ? 'd' : 'y'),
      ...(rows ? [node('Transpose', 'd', 'y', { perm: [0, 2, 3, 1] })] : []),
    ],
    constants: { w1: kernel(8, 3, passed > 0 ? 0.1 : 1.2), w2: kernel(3, 8, passed > 0 ? 0.1 : 1.2) },
    inputs: [{ name: 'x', dims: size }],
    outputs: [{ name: 'y', dims: size }],
  });
}

test.each(SEEDS)(
  'three planes of random weights are classes, and those that follow the image are one: seed %s',
  async (seed) => {
    const path = join(folder, `planes-${seed}.onnx`);
    await writeFile(path, threePlanes(seed, 0));
    expect((await addedNetwork(path)).network.classes).toHaveLength(3);
    await writeFile(path, threePlanes(seed, 1.1, seed % 3 === 0));
    await expect(addedNetwork(path)).rejects.toMatchObject({ code: 'super_resolution_model' });
    const said = await addedNetwork(path, { said: { task: 'segmentation' } });
    expect(said.network.classes).toHaveLength(3);
    const classes = ['background', 'b', 'c'].map((name, value) => ({ name, value }));
    expect((await addedNetwork(path, { said: { classes } })).network.classes).toHaveLength(3);
  },
);
