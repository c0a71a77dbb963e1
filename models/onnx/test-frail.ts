/** A segmentation network for tests that breaks on every window with a pixel of pure red in it. */
import { writeOnnx } from './test-networks.ts';

/** Side of its windows. */
export const FRAIL_CHIP = 64;

/**
 * Two classes, by brightness. How much redder than green and blue the reddest pixel is becomes an index into a list of
 * one: 1 is beyond its end, and ONNX Runtime throws.
 */
export function frailNetwork(): Uint8Array {
  return writeOnnx({
    nodes: [
      { op: 'Conv', inputs: ['image', 'redness'], outputs: ['red'] },
      { op: 'ReduceMax', inputs: ['red'], outputs: ['reddest'], attributes: { keepdims: 0 } },
      { op: 'Floor', inputs: ['reddest'], outputs: ['whole'] },
      { op: 'Max', inputs: ['whole', 'none'], outputs: ['least'] },
      { op: 'Cast', inputs: ['least'], outputs: ['index'], attributes: { to: 7 } },
      { op: 'Gather', inputs: ['one', 'index'], outputs: ['nothing'], attributes: { axis: 0 } },
      { op: 'Conv', inputs: ['image', 'w', 'b'], outputs: ['bare'] },
      { op: 'Add', inputs: ['bare', 'nothing'], outputs: ['logits'] },
    ],
    constants: {
      redness: { dims: [1, 3, 1, 1], values: [1, -0.5, -0.5] },
      none: { dims: [], values: [0] },
      one: { dims: [1], values: [0] },
      w: { dims: [2, 3, 1, 1], values: [-4, -4, -4, 4, 4, 4] },
      b: { dims: [2], values: [6, -6] },
    },
    inputs: [{ name: 'image', dims: [1, 3, FRAIL_CHIP, FRAIL_CHIP] }],
    outputs: [{ name: 'logits', dims: [1, 2, FRAIL_CHIP, FRAIL_CHIP] }],
    metadata: { class_names: '{"0": "dark", "1": "bright"}' },
  });
}
