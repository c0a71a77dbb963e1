/** The dialects in which detectors write boxes: the same two objects come out of each. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { type TestTensor, type TestValue, writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { detectAdapted } from './run.ts';

const SIZE = 320;
/** Class, score, corners. */
const OBJECTS = [
  { class: 2, score: 0.9, x1: 40, y1: 30, x2: 120, y2: 90 },
  { class: 0, score: 0.75, x1: 200, y1: 150, x2: 216, y2: 310 },
];
const CLASSES = 3;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-dialects-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Output = TestTensor & { end?: string; type?: number };
const INT64 = 7;

/** A network whose answers are always these: each is added to nothing of the image. */
function constantNetwork(outputs: Record<string, Output>, extra: { topK?: boolean } = {}): Uint8Array {
  const nodes = [
    { op: 'ReduceMean', inputs: ['image'], outputs: ['mean'], attributes: { keepdims: 0 } },
    { op: 'Mul', inputs: ['mean', 'zero'], outputs: ['nothing'] },
  ];
  const constants: Record<string, TestTensor> = {
    zero: { dims: [], values: [0] },
    one: { dims: [1], values: [1], int: true },
  };
  const values: TestValue[] = [];
  for (const [name, { end, type = 1, ...tensor }] of Object.entries(outputs)) {
    constants[`${name}.values`] = { ...tensor, int: false };
    const last = end ?? (type === INT64 ? 'Cast' : 'Identity');
    nodes.push({ op: 'Add', inputs: [`${name}.values`, 'nothing'], outputs: [`${name}.sum`] });
    const attributes = (last === 'Cast' ? { to: type } : last === 'Softmax' ? { axis: -1 } : {}) as never;
    nodes.push({ op: last, inputs: [`${name}.sum`], outputs: [name], attributes });
    values.push({ name, dims: tensor.dims, type });
  }
  if (extra.topK) {
    nodes.push({ op: 'Flatten', inputs: ['image'], outputs: ['flat'], attributes: { axis: 0 } as never });
    nodes.push({ op: 'TopK', inputs: ['flat', 'one'], outputs: ['best', 'place'] });
  }
  return writeOnnx({
    nodes,
    constants,
    inputs: [{ name: 'image', dims: [1, 3, SIZE, SIZE] }],
    outputs: values,
  });
}

const logit = (p: number) => Math.log(p / (1 - p));
const centre = ({ x1, y1, x2, y2 }: (typeof OBJECTS)[number]) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
const corners = ({ x1, y1, x2, y2 }: (typeof OBJECTS)[number]) => [x1, y1, x2, y2];
const oneHot = (object: (typeof OBJECTS)[number], other = 0.01) =>
  Array.from({ length: CLASSES }, (_, c) => (c === object.class ? object.score : other));
const shares = (numbers: number[]) => numbers.map((value) => value / SIZE);

/** Rows for the objects among `count` rows of something that is none. */
function rows(count: number, nothing: number[], of: (object: (typeof OBJECTS)[number]) => number[]): number[] {
  const list = Array.from({ length: count }, () => nothing);
  for (const [i, object] of OBJECTS.entries()) list[7 + 11 * i] = of(object);
  return list.flat();
}
const none = [5, 5, 4, 4];
const turned = (numbers: number[], each: number) =>
  Array.from({ length: each }, (_, n) => numbers.filter((__, i) => i % each === n)).flat();

/** YOLOX leaves places in cells and sizes as logarithms. */
function yolox(): number[] {
  const sides = [8, 16, 32];
  const list = sides.flatMap((side) => Array.from({ length: (SIZE / side) ** 2 }, () => [0, 0, -1, -1, 0, 0, 0, 0]));
  for (const [i, object] of OBJECTS.entries()) {
    const side = sides[i];
    const [x, y, w, h] = centre(object).map((value) => value / side);
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const start = sides.slice(0, i).reduce((sum, each) => sum + (SIZE / each) ** 2, 0);
    const scores = oneHot(object, 0).map((score) => (score > 0 ? 1 : 0));
    list[start + row * (SIZE / side) + column] = [
      x - column,
      y - row,
      Math.log(w),
      Math.log(h),
      object.score,
      ...scores,
    ];
  }
  return list.flat();
}

const N = 1600;
const DIALECTS: Record<string, { outputs: Record<string, Output>; topK?: boolean; names?: number }> = {
  'YOLOv5 and 7: candidates with objectness': {
    outputs: {
      output: {
        dims: [1, N, 5 + CLASSES],
        values: rows(N, [...none, 0, 0, 0, 0], (o) => [...centre(o), 1, ...oneHot(o)]),
      },
    },
  },
  'YOLOv8 and 11: numbers beside candidates': {
    outputs: {
      output0: {
        dims: [1, 4 + CLASSES, N],
        values: turned(
          rows(N, [...none, 0, 0, 0], (o) => [...centre(o), ...oneHot(o)]),
          4 + CLASSES,
        ),
      },
    },
  },
  'YOLOX: cells and logarithms': { outputs: { output: { dims: [1, 2100, 5 + CLASSES], values: yolox() } } },
  'YOLOv10 and 26: selected rows': {
    outputs: {
      output0: { dims: [1, 300, 6], values: rows(300, [1, 1, 2, 2, 0, 0], (o) => [...corners(o), o.score, o.class]) },
    },
  },
  'YOLOv7 with suppression: rows that begin with the image': {
    outputs: {
      output: { dims: [40, 7], values: rows(40, [0, 1, 1, 2, 2, 0, 0], (o) => [0, ...corners(o), o.class, o.score]) },
    },
    topK: true,
  },
  'DETR: softmax with nothing as the last class': {
    outputs: {
      logits: {
        dims: [1, 100, CLASSES + 1],
        values: rows(100, [0, 0, 0, 20], (o) => [...oneHot(o, 1e-9), 1 - o.score].map((p) => Math.log(p + 1e-9))),
      },
      pred_boxes: { dims: [1, 100, 4], values: rows(100, shares(none), (o) => shares(centre(o))) },
    },
  },
  'RT-DETR: a sigmoid for each class': {
    outputs: {
      logits: { dims: [1, 100, CLASSES], values: rows(100, [-9, -9, -9], (o) => oneHot(o).map(logit)) },
      pred_boxes: { dims: [1, 100, 4], values: rows(100, shares(none), (o) => shares(centre(o))) },
    },
  },
  'SSD: boxes and scores with a background': {
    outputs: {
      scores: {
        dims: [1, N, CLASSES + 1],
        values: rows(N, [20, 0, 0, 0], (o) => [1 - o.score, ...oneHot(o, 1e-9)].map((p) => Math.log(p + 1e-9))),
        end: 'Softmax',
      },
      boxes: { dims: [1, N, 4], values: rows(N, shares([1, 1, 5, 5]), (o) => shares(corners(o))) },
    },
  },
  'YOLO-NAS: boxes in pixels and scores': {
    outputs: {
      boxes: { dims: [1, N, 4], values: rows(N, [1, 1, 5, 5], corners) },
      scores: { dims: [1, N, CLASSES], values: rows(N, [0, 0, 0], (o) => oneHot(o)) },
    },
  },
  'YOLOv4: a box an axis': {
    outputs: {
      boxes: { dims: [1, N, 1, 4], values: rows(N, shares([1, 1, 5, 5]), (o) => shares(corners(o))) },
      confs: { dims: [1, N, CLASSES], values: rows(N, [0, 0, 0], (o) => oneHot(o)) },
    },
  },
  'torchvision: boxes, labels from 1, scores': {
    outputs: {
      boxes: { dims: [50, 4], values: rows(50, [1, 1, 5, 5], corners) },
      labels: { dims: [50], values: rows(50, [1], (o) => [o.class + 1]), type: INT64 },
      scores: { dims: [50], values: rows(50, [0], (o) => [o.score]) },
    },
  },
  'TensorFlow: y before x, classes from 1': {
    outputs: {
      num_detections: { dims: [1], values: [2] },
      detection_boxes: {
        dims: [1, 50, 4],
        values: rows(50, [0, 0, 0.1, 0.1], ({ x1, y1, x2, y2 }) => shares([y1, x1, y2, x2])),
      },
      detection_scores: { dims: [1, 50], values: rows(50, [0], (o) => [o.score]) },
      detection_classes: { dims: [1, 50], values: rows(50, [1], (o) => [o.class + 1]) },
    },
  },
  'MMDetection: scores behind the boxes': {
    outputs: {
      dets: { dims: [1, 50, 5], values: rows(50, [1, 1, 5, 5, 0], (o) => [...corners(o), o.score]) },
      labels: { dims: [1, 50], values: rows(50, [0], (o) => [o.class]), type: INT64 },
    },
  },
};

test.each(Object.keys(DIALECTS))('%s', async (name) => {
  const { outputs, topK = false } = DIALECTS[name];
  const path = join(folder, `${Object.keys(DIALECTS).indexOf(name)}.onnx`);
  await writeFile(path, constantNetwork(outputs, { topK }));
  const classes = ['a', 'b', 'c'].map((each, value) => ({ value, name: each }));
  for (const said of [{ classes }, {}]) {
    if (name.startsWith('DETR') && !said.classes) continue; // without names nothing tells it from RT-DETR
    const { network, understanding } = await addedNetwork(path, { said });
    expect(understanding.task).toBe('detection');
    const adapted = { ...network, adapter: network.adapter!, classes: network.classes.length };
    const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
    const found = await detectAdapted(session, adapted, new Uint8Array(SIZE * SIZE * 3), { width: SIZE, height: SIZE });
    await session.release();
    expect(found.length).toBe(OBJECTS.length);
    for (const [i, object] of OBJECTS.entries()) {
      expect([found[i].class, ...corners(found[i]).map(Math.round)]).toEqual([object.class, ...corners(object)]);
      expect(found[i].score).toBeCloseTo(object.score, 2);
      expect(network.classes[object.class]).toBeDefined();
    }
  }
});

test('what is still to be decoded with anchors is refused', async () => {
  const offsets = Array.from({ length: N * 4 }, (_, i) => Math.sin(i * 12.9898) * 2);
  const faces = join(folder, 'faces.onnx');
  const scores = { dims: [1, N, 2], values: Array.from({ length: 2 * N }, (_, i) => (i * 7) % 3), end: 'Softmax' };
  await writeFile(faces, constantNetwork({ loc: { dims: [1, N, 4], values: offsets }, conf: scores }));
  await expect(addedNetwork(faces)).rejects.toMatchObject({ code: 'unusable_output' });
  const heads = join(folder, 'heads.onnx');
  const conv = (name: string, step: number) => ({
    op: 'Conv',
    inputs: ['image', 'w'],
    outputs: [name],
    attributes: { strides: [step, step] },
  });
  await writeFile(
    heads,
    writeOnnx({
      nodes: [conv('a', 8), conv('b', 16), conv('c', 32)],
      constants: { w: { dims: [255, 3, 1, 1], values: Array.from({ length: 765 }, (_, i) => Math.sin(i)) } },
      inputs: [{ name: 'image', dims: [1, 3, SIZE, SIZE] }],
      outputs: ['a', 'b', 'c'].map((name, i) => ({ name, dims: [1, 255, SIZE / (8 << i), SIZE / (8 << i)] })),
    }),
  );
  await expect(addedNetwork(heads)).rejects.toMatchObject({ code: 'unsupported_model' });
});
