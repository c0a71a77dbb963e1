/** Files that are broken or made to break something: each is read or refused with a code, soon, and nothing else. */
import { expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { type TestModel, writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { inferAdapter } from '../imported/infer-adapter.ts';
import { ONNX_LIMITS, readOnnx } from './read-onnx.ts';

const MODEL: TestModel = {
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
    { op: 'Pad', inputs: ['a', 'pads'], outputs: ['b'], attributes: { mode: 'reflect' } },
    { op: 'MaxPool', inputs: ['b'], outputs: ['c'], attributes: { kernel_shape: [3, 3], auto_pad: 'SAME_UPPER' } },
    { op: 'Shape', inputs: ['c'], outputs: ['s'] },
    { op: 'Mul', inputs: ['s', 'twice'], outputs: ['t'] },
    { op: 'Resize', inputs: ['c', '', '', 't'], outputs: ['d'], attributes: { mode: 'nearest' } },
    { op: 'Reshape', inputs: ['d', 'flat'], outputs: ['e'] },
    { op: 'Softmax', inputs: ['e'], outputs: ['y'], attributes: { axis: 1 } },
  ],
  constants: {
    w: { dims: [2, 3, 3, 3], values: Array.from({ length: 54 }, (_, i) => i / 54) },
    pads: { dims: [8], values: [0, 0, 1, 1, 0, 0, 1, 1], int: true },
    twice: { dims: [4], values: [1, 1, 2, 2], int: true },
    flat: { dims: [4], values: [1, 2, 68, 68], int: true },
  },
  inputs: [{ name: 'x', dims: [1, 3, 64, 64] }],
  outputs: [{ name: 'y', dims: [1, 2, 68, 68] }],
};

/** What comes of bytes: how they were understood, or the code of the refusal. */
function outcome(bytes: Uint8Array): string {
  try {
    return inferAdapter(readOnnx(bytes), {}).task;
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

test('a network cut off anywhere is refused, or was whole', () => {
  const bytes = writeOnnx(MODEL);
  expect(outcome(bytes)).toBe('segmentation');
  for (let length = 0; length < bytes.length; length++) {
    expect(() => outcome(bytes.subarray(0, length)), `${length} bytes`).not.toThrow();
  }
  expect(outcome(bytes.subarray(0, bytes.length >> 1))).toBe('damaged_model');
});

test('changed bytes never crash the reader', () => {
  const whole = writeOnnx(MODEL);
  const codes = new Set<string>();
  for (let seed = 1; seed <= 2000; seed++) {
    let state = seed * 2654435761;
    const random = (below: number) => {
      state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
      return ((state ^ (state >>> 13)) >>> 0) % below;
    };
    const bytes = whole.slice();
    for (let changes = 1 + random(4); changes > 0; changes--)
      bytes[random(bytes.length)] = random(3) ? random(256) : 255;
    expect(() => codes.add(outcome(bytes)), `seed ${seed}`).not.toThrow();
  }
  expect(codes).toContain('damaged_model');
  expect(codes).toContain('segmentation');
});

test('limits are held, and their refusal says which', () => {
  const bytes = writeOnnx(MODEL);
  const refusal = (changes: Partial<typeof ONNX_LIMITS>) => () => readOnnx(bytes, { ...ONNX_LIMITS, ...changes });
  expect(refusal({ nodes: 3 })).toThrow(/limit is 3 nodes/);
  expect(refusal({ extent: 32 })).toThrow(/68 wide|64 wide/);
  expect(refusal({ elements: 100 })).toThrow(/limit is 100 numbers/);
});

test('operators of strangers are refused, those of ONNX Runtime are not', () => {
  const using = (domain: string) =>
    writeOnnx({ ...MODEL, nodes: [...MODEL.nodes, { op: 'QuickGelu', domain, inputs: ['y'], outputs: ['z'] }] });
  expect(outcome(using('com.example'))).toBe('custom_operator');
  expect(outcome(using('com.microsoft'))).toBe('segmentation');
});
