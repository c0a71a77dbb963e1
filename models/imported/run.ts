/** Runs somebody else's network on chips by its adapter. */

import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { Adapter } from '../adapter.ts';
import type { Answer } from '../runtime/answer.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { type Box, decodeBoxes, type Outputs, suppress } from './boxes.ts';
import { type ChipSize, decodeMap, encodeChip, type Numbers, runSize } from './pixels.ts';

export interface AdaptedNetwork {
  adapter: Adapter;
  /** How many classes the map may hold. */
  classes: number;
  stride: number;
  halo: number;
}

/** Networks of free size are not shown less than this: some cannot be run on a few pixels. */
const LEAST_PIXELS = 128;

export interface Run {
  outputs: Outputs;
  /** What the network was run at. */
  size: ChipSize;
}

/** One run over a chip (height * width of RGB, or of the network's bands), with all outputs as they are. */
export async function runRaw(
  session: ort.InferenceSession,
  network: AdaptedNetwork,
  pixels: Pixels,
  chip: ChipSize,
): Promise<Run> {
  const { input, output } = network.adapter;
  const least = Math.ceil(Math.max(LEAST_PIXELS, 2 * network.halo) / network.stride) * network.stride;
  const wanted = runSize(input, { width: Math.max(least, chip.width), height: Math.max(least, chip.height) });
  if (wanted.width < chip.width || wanted.height < chip.height) {
    const sizes = `${wanted.width} x ${wanted.height}, got ${chip.width} x ${chip.height}`;
    throw new RangeError(`expected a chip of at most ${sizes}`);
  }
  const numbers = encodeChip(input, pixels, chip, wanted);
  const { batch, bands } = input;
  const dims =
    input.layout === 'nchw' ? [batch, bands, wanted.height, wanted.width] : [batch, wanted.height, wanted.width, bands];
  const image = tensorOf(input.type, numbers, dims);
  const results = await session.run({ [input.name]: image }, outputNames(output));
  const outputs: Record<string, { data: Numbers; dims: readonly number[] }> = {};
  for (const [name, { data, dims: shape }] of Object.entries(results))
    outputs[name] = { data: data as Numbers, dims: shape };
  return { outputs, size: wanted };
}

function tensorOf(type: Adapter['input']['type'], numbers: Numbers, dims: readonly number[]): ort.Tensor {
  const tensor = new ort.Tensor(type as 'float32', numbers as Float32Array, dims);
  // The native side of ONNX Runtime 1.30 reads halves from a Uint16Array alone; its JavaScript side wants the others.
  if (type === 'float16') Object.assign(tensor, { cpuData: new Uint16Array(numbers.buffer) });
  return tensor;
}

function outputNames(output: Adapter['output']): string[] {
  if (output.kind === 'map') return [output.name];
  const { layout } = output;
  if (layout.form !== 'lists') return [layout.output];
  return [layout.boxes, layout.scores, layout.labels].filter((name) => name !== null);
}

const NO_PLANES = new Uint8Array(0);

/** Class, score and probabilities of every pixel of a chip. */
export async function inferAdapted(
  session: ort.InferenceSession,
  network: AdaptedNetwork,
  pixels: Pixels,
  chip: ChipSize,
): Promise<Answer & { probabilities: Float32Array }> {
  const { output } = network.adapter;
  if (output.kind !== 'map') throw new TypeError('a detection network gives no map');
  const { outputs, size } = await runRaw(session, network, pixels, chip);
  const { data, dims } = outputs[output.name];
  const { classes, scores, probabilities } = decodeMap(output, data, dims, network.classes, size);
  if (size.width === chip.width && size.height === chip.height)
    return { classes, scores, probabilities, planes: NO_PLANES };
  const crop = <T extends Uint8Array | Float32Array>(plane: T, cropped: T): T => {
    const count = cropped.length / (chip.width * chip.height);
    for (let row = 0; row < count * chip.height; row++) {
      const from = (Math.floor(row / chip.height) * size.height + (row % chip.height)) * size.width;
      cropped.set(plane.subarray(from, from + chip.width), row * chip.width);
    }
    return cropped;
  };
  const pixelCount = chip.width * chip.height;
  return {
    classes: crop(classes, new Uint8Array(pixelCount)),
    scores: crop(scores, new Uint8Array(pixelCount)),
    probabilities: crop(probabilities, new Float32Array(pixelCount * network.classes)),
    planes: NO_PLANES,
  };
}

/** Objects of a chip, each once, in its pixels. */
export async function detectAdapted(
  session: ort.InferenceSession,
  network: AdaptedNetwork,
  pixels: Pixels,
  chip: ChipSize,
): Promise<Box[]> {
  const { output } = network.adapter;
  if (output.kind !== 'boxes') throw new TypeError('a segmentation network gives no boxes');
  const { outputs, size } = await runRaw(session, network, pixels, chip);
  const boxes = decodeBoxes(output, outputs, size);
  return suppress(
    boxes.filter(({ x1, y1, class: code }) => x1 < chip.width && y1 < chip.height && code >= 0),
    output.overlap,
  );
}
