/** Segmentation networks for tests that break, or work for very long, on every window with a pixel of pure red in it. */
import { writeOnnx } from './onnx-writer.ts';

/** Side of its windows. */
export const FRAIL_CHIP = 64;

const REDDEST = [
  { op: 'Conv', inputs: ['image', 'redness'], outputs: ['red'] },
  { op: 'ReduceMax', inputs: ['red'], outputs: ['reddest'], attributes: { keepdims: 0 } },
  { op: 'Floor', inputs: ['reddest'], outputs: ['whole'] },
  { op: 'Max', inputs: ['whole', 'none'], outputs: ['least'] },
  { op: 'Cast', inputs: ['least'], outputs: ['index'], attributes: { to: 7 } },
];

/** Two classes, by brightness, to which `nothing` is added. */
const OTHERWISE = [
  { op: 'Conv', inputs: ['image', 'w', 'b'], outputs: ['bare'] },
  { op: 'Add', inputs: ['bare', 'nothing'], outputs: ['logits'] },
];

const CONSTANTS = {
  redness: { dims: [1, 3, 1, 1], values: [1, -0.5, -0.5] },
  none: { dims: [], values: [0] },
  w: { dims: [2, 3, 1, 1], values: [-4, -4, -4, 4, 4, 4] },
  b: { dims: [2], values: [6, -6] },
};

const SHAPE = {
  inputs: [{ name: 'image', dims: [1, 3, FRAIL_CHIP, FRAIL_CHIP] }],
  outputs: [{ name: 'logits', dims: [1, 2, FRAIL_CHIP, FRAIL_CHIP] }],
  metadata: { class_names: '{"0": "dark", "1": "bright"}' },
};

/**
 * How much redder than green and blue the reddest pixel is becomes an index into a list of one: 1 is beyond its end, and
 * ONNX Runtime throws.
 */
export function frailNetwork(): Uint8Array {
  return writeOnnx({
    nodes: [
      ...REDDEST,
      { op: 'Gather', inputs: ['one', 'index'], outputs: ['nothing'], attributes: { axis: 0 } },
      ...OTHERWISE,
    ],
    constants: { ...CONSTANTS, one: { dims: [1], values: [0] } },
    ...SHAPE,
  });
}

/** Side of the square matrix that is multiplied with itself where there is red: minutes of work. */
const LONG = 16_000;

/** How red the reddest pixel is says how large the matrices are of a product that nobody needs. */
export function slowNetwork(): Uint8Array {
  return writeOnnx({
    nodes: [
      ...REDDEST,
      { op: 'Mul', inputs: ['least', 'long'], outputs: ['longer'] },
      { op: 'Add', inputs: ['longer', 'shortest'], outputs: ['side'] },
      { op: 'Cast', inputs: ['side'], outputs: ['sides'], attributes: { to: 7 } },
      { op: 'ConstantOfShape', inputs: ['sides'], outputs: ['square'] },
      { op: 'MatMul', inputs: ['square', 'square'], outputs: ['product'] },
      { op: 'ReduceMax', inputs: ['product'], outputs: ['nothing'], attributes: { keepdims: 0 } },
      ...OTHERWISE,
    ],
    constants: {
      ...CONSTANTS,
      long: { dims: [2], values: [LONG, LONG] },
      shortest: { dims: [2], values: [1, 1] },
    },
    ...SHAPE,
  });
}
