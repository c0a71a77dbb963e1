/**
 * Layouts, types and ends of networks that all say the same: which of red, green and blue is the brightest. Whatever
 * their shape, the map must be that.
 */

import { expect, test } from 'vitest';
import { type TestModel, type TestNode, writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { readOnnx } from '../onnx/read-onnx.ts';
import { SCORE_NODATA } from '../runtime/answer.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { inferAdapter } from './infer-adapter.ts';
import type { NetworkMetadata } from './network-metadata.ts';
import { inferAdapted } from './run.ts';

const FLOAT16 = 10;
const UINT8 = 2;
const INT64 = 7;
const SIZE = 160;
/** Blocks of one colour, so that coarser cells and windows do not mix them but at their borders. */
const BLOCK = 16;

function colours(seed: number) {
  const pixels = new Uint8Array(SIZE * SIZE * 3);
  const brightest = new Uint8Array(SIZE * SIZE);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const block = Math.floor(y / BLOCK) * 31 + Math.floor(x / BLOCK) * 17 + seed;
      const which = (block * 7919) % 3;
      const at = y * SIZE + x;
      for (let band = 0; band < 3; band++)
        pixels[at * 3 + band] = band === which ? 200 : 20 + ((block + band * 40) % 90);
      brightest[at] = which;
    }
  }
  return { pixels, brightest };
}

const node = (
  op: string,
  input: string,
  output: string,
  attributes: NonNullable<TestNode['attributes']> = {},
): TestNode => ({
  op,
  inputs: [input],
  outputs: [output],
  attributes,
});
const planar = (nodes: TestNode[], more: Partial<TestModel> = {}): TestModel => ({
  nodes,
  inputs: [{ name: 'x', dims: [1, 3, 'h', 'w'] }],
  outputs: [{ name: 'y', dims: [1, 3, 'h', 'w'] }],
  ...more,
});

const NETWORKS: Record<string, { model: TestModel; said?: NetworkMetadata }> = {
  'softmax over channels': { model: planar([node('Softmax', 'x', 'y', { axis: 1 })]) },
  logits: { model: planar([node('Relu', 'x', 'y')]) },
  'logarithms of probabilities': { model: planar([node('LogSoftmax', 'x', 'y', { axis: 1 })]) },
  'channels last': {
    model: planar([node('Softmax', 'x', 'y', { axis: -1 })], {
      inputs: [{ name: 'x', dims: [1, 'h', 'w', 3] }],
      outputs: [{ name: 'y', dims: [1, 'h', 'w', 3] }],
    }),
  },
  'half precision': {
    model: planar([node('Softmax', 'x', 'y', { axis: 1 })], {
      inputs: [{ name: 'x', dims: [1, 3, SIZE, SIZE], type: FLOAT16 }],
      outputs: [{ name: 'y', dims: [1, 3, SIZE, SIZE], type: FLOAT16 }],
    }),
  },
  'bytes in, labels out': {
    model: planar([node('Cast', 'x', 'f', { to: 1 }), node('ArgMax', 'f', 'y', { axis: 1, keepdims: 0 })], {
      inputs: [{ name: 'x', dims: [1, 3, 'h', 'w'], type: UINT8 }],
      outputs: [{ name: 'y', dims: [1, 'h', 'w'], type: INT64 }],
    }),
  },
  'labels with a channel': {
    model: planar([node('ArgMax', 'x', 'y', { axis: 1, keepdims: 1 })], {
      outputs: [{ name: 'y', dims: [1, 1, 'h', 'w'], type: INT64 }],
    }),
  },
  'a map of a quarter of the size': {
    model: planar(
      [
        node('AveragePool', 'x', 'p', { kernel_shape: [4, 4], strides: [4, 4] }),
        node('Softmax', 'p', 'y', { axis: 1 }),
      ],
      {
        outputs: [{ name: 'y', dims: [1, 3, 'i', 'j'] }],
      },
    ),
  },
  'an output smaller than the input': {
    model: planar([node('AveragePool', 'x', 'p', { kernel_shape: [5, 5] }), node('Softmax', 'p', 'y', { axis: 1 })], {
      inputs: [{ name: 'x', dims: [1, 3, SIZE, SIZE] }],
      outputs: [{ name: 'y', dims: [1, 3, SIZE - 4, SIZE - 4] }],
    }),
  },
  'independent planes': {
    model: planar([node('Sigmoid', 'x', 'y')]),
    said: { classes: ['red', 'green', 'blue'].map((name, value) => ({ value, name })), threshold: 0 },
  },
  'blue first': {
    model: planar(
      [
        node('Softmax', 'x', 's', { axis: 1 }),
        { op: 'Slice', inputs: ['s', 'from', 'to', 'axis', 'step'], outputs: ['y'] },
      ],
      {
        constants: Object.fromEntries(
          Object.entries({ from: -1, to: -4, axis: 1, step: -1 }).map(([name, value]) => [
            name,
            { dims: [1], values: [value], int: true },
          ]),
        ),
      },
    ),
    said: { order: 'bgr' },
  },
  'four copies in a batch': {
    model: planar([node('Softmax', 'x', 'y', { axis: 1 })], {
      inputs: [{ name: 'x', dims: [4, 3, SIZE, SIZE] }],
      outputs: [{ name: 'y', dims: [4, 3, SIZE, SIZE] }],
    }),
  },
};

test.each(Object.keys(NETWORKS))('%s', async (name) => {
  const { model, said = {} } = NETWORKS[name];
  const bytes = writeOnnx(model);
  const understanding = inferAdapter(readOnnx(bytes), said);
  const background = understanding.classes.length - 3; // of independent planes
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const { pixels, brightest } = colours(5);
  const network = { ...understanding, classes: understanding.classes.length };
  const { classes, scores, probabilities } = await inferAdapted(session, network, pixels, {
    width: SIZE,
    height: SIZE,
  });
  await session.release();
  let differing = 0;
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      // Not at the borders of blocks, where cells and windows mix colours.
      const inner = [x % BLOCK, y % BLOCK].every((at) => at >= 4 && at < BLOCK - 4);
      const at = y * SIZE + x;
      if (inner) differing += Number(classes[at] !== brightest[at] + background);
    }
  }
  expect(differing).toBe(0);
  const { output } = understanding.adapter;
  const unknown = output.kind === 'map' && output.numbers === 'labels';
  expect(scores.every((score) => (score === SCORE_NODATA) === unknown)).toBe(true);
  expect(probabilities.length).toBe(SIZE * SIZE * understanding.classes.length);
  expect(probabilities.every((value) => value >= 0 && value <= 1)).toBe(true);
});
