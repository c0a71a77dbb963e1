/** Runs somebody else's network on chips by its adapter. */

import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { Adapter } from '../adapter.ts';
import type { NetworkFeatures } from '../registry.ts';
import { type Answer, CLASS_NODATA } from '../runtime/answer.ts';
import { shareScores, softmaxOfCells } from '../runtime/class-probabilities.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { type Box, decodeBoxes, type Outputs, suppress } from './boxes.ts';
import { type ChipSize, type Decoded, decodeMap, encodeChip, type Numbers, runSize } from './pixels.ts';

export interface AdaptedNetwork {
  adapter: Adapter;
  /** How many classes the map may hold. */
  classes: number;
  stride: number;
  halo: number;
  /** The layer that answers hold, where it is asked for. */
  features?: NetworkFeatures;
  /** The output with the logits of a network of our making, where answers hold the probabilities of all classes. */
  logits?: string;
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
  const further = [network.features?.output, network.logits].filter((name) => name !== undefined);
  const results = await session.run({ [input.name]: image }, [...outputNames(output), ...further]);
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
  if (output.kind === 'map') return [output.name, output.score, output.planes].filter((name) => name !== undefined);
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
  const decoded = decodeMap(output, data, dims, network.classes, size);
  if (output.score) takeScores(decoded, outputs[output.score].data as Uint8Array, network.classes);
  if (network.logits !== undefined) {
    const logits = outputs[network.logits];
    const side = size.height / logits.dims[2];
    decoded.probabilities = softmaxOfCells(logits.data as Float32Array, network.classes, side, size);
  }
  const planes = output.planes ? (outputs[output.planes].data as Uint8Array) : NO_PLANES;
  const layer = network.features;
  const features = layer && (outputs[layer.output].data as Float32Array);
  const crop = <T extends Uint8Array | Float32Array>(all: T, scale = 1): T => cropped(all, size, chip, scale);
  return {
    classes: crop(decoded.classes),
    scores: crop(decoded.scores),
    probabilities: crop(decoded.probabilities),
    planes: crop(planes),
    ...(features && { features: crop(features, layer.stride) }),
  };
}

/** Scores of the labels, and from them the probabilities. */
function takeScores(decoded: Decoded, given: Uint8Array, count: number): void {
  const { classes, scores } = decoded;
  for (let i = 0; i < classes.length; i++) if (classes[i] !== CLASS_NODATA) scores[i] = Math.max(1, given[i]);
  decoded.probabilities = shareScores(
    classes,
    given,
    Array.from({ length: count }, (_, code) => code),
  );
}

/** Planes of a run at `size` → those of the chip, which is at its upper left; a cell of them is `scale` pixels. */
function cropped<T extends Uint8Array | Float32Array>(all: T, size: ChipSize, chip: ChipSize, scale: number): T {
  if (size.width === chip.width && size.height === chip.height) return all;
  const [across, down] = [size.width / scale, size.height / scale];
  const [width, height] = [chip.width / scale, chip.height / scale];
  const rows = (all.length / (across * down)) * height;
  const result = all.slice(0, rows * width) as T;
  for (let row = 0; row < rows; row++) {
    const from = (Math.floor(row / height) * down + (row % height)) * across;
    result.set(all.subarray(from, from + width), row * width);
  }
  return result;
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
