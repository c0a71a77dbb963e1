/** A detection network for tests, in Ultralytics' layout. */
import { writeOnnx } from './onnx-writer.ts';

/** Side of its boxes and of what it looks at, in pixels. */
export const RED_CELL = 8;
const CHIP = 64;

/** A box for each cell of 8 pixels, whose score is how much redder than green it is. */
export function redNetwork(): Uint8Array {
  const cells = CHIP / RED_CELL;
  const centre = (i: number) => (i + 0.5) * RED_CELL;
  const at = Array.from({ length: cells ** 2 }, (_, i) => [
    centre(i % cells),
    centre(Math.floor(i / cells)),
    RED_CELL,
    RED_CELL,
  ]);
  return writeOnnx({
    nodes: [
      { op: 'Conv', inputs: ['images', 'w'], outputs: ['redness'] },
      {
        op: 'AveragePool',
        inputs: ['redness'],
        outputs: ['mean'],
        attributes: { kernel_shape: [RED_CELL, RED_CELL], strides: [RED_CELL, RED_CELL] },
      },
      { op: 'Reshape', inputs: ['mean', 'flat'], outputs: ['scores'] },
      { op: 'Concat', inputs: ['boxes', 'scores'], outputs: ['output0'], attributes: { axis: 1 } },
    ],
    constants: {
      w: { dims: [1, 3, 1, 1], values: [1, -1, 0] },
      flat: { dims: [3], values: [1, 1, cells ** 2], int: true },
      boxes: { dims: [1, 4, cells ** 2], values: [0, 1, 2, 3].flatMap((n) => at.map((box) => box[n])) },
    },
    inputs: [{ name: 'images', dims: [1, 3, CHIP, CHIP] }],
    outputs: [{ name: 'output0', dims: [1, 5, cells ** 2] }],
    metadata: { task: 'detect', names: "{0: 'red'}", imgsz: '[64, 64]' },
  });
}
