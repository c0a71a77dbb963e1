/**
 * Networks that make images better (low light, haze, noise, blur): their answer has as many planes as the image has
 * bands and is as wide, as a map of so many classes is. What tells them apart: the image is handed on to the answer, or
 * the answer looks like the image.
 */

import type { OnnxModel } from '../onnx/read-onnx.ts';

/** Operators that work number by number, or move numbers about, and learn nothing. */
const BY_NUMBER = new Set(
  'Identity Cast Add Sub Mul Div Sum Mean Max Min Pow Sqrt Neg Abs Exp Log Clip Relu LeakyRelu Tanh Sigmoid HardSigmoid HardTanh Where BatchNormalization InstanceNormalization Reshape Transpose Squeeze Unsqueeze Slice Pad Gather Split Concat DepthToSpace SpaceToDepth Resize Upsample QuantizeLinear DequantizeLinear'.split(
    ' ',
  ),
);
const LEARNT = /^(Conv|QLinearConv|ConvInteger|FusedConv|MatMul|Gemm)/;
/** How those who export such networks call their answer. */
const NAMES =
  /enhanc|dehaz|haze.?free|denois|derain|debl+ur|restor|super.?res|low.?light|(^|[/_.-])(image|img|rgb)([/_.-]|$)/i;

export const learnsNothing = (model: OnnxModel): boolean => !model.nodes.some(({ op }) => LEARNT.test(op));

/** Whether the image reaches the answer past everything that was learnt: what is added to it, or by what it is multiplied, makes a better image. */
export function handsOnImage(model: OnnxModel, input: string, output: string): boolean {
  if (learnsNothing(model)) return false;
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const seen = new Set<string>();
  const open = [output];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === input) return true;
    const node = makers.get(name);
    if (!node || !BY_NUMBER.has(node.op) || seen.has(name)) continue;
    seen.add(name);
    open.push(...node.inputs);
  }
  return false;
}

export const isCalledImage = (output: string): boolean => NAMES.test(output);

/** Whether one plane is called an amount: a depth, a height. */
export const isCalledAmount = (output: string): boolean =>
  /(^|[/_.-])(depths?|heights?|n?dsm|dtm|elevations?|disp|disparity|density)([/_.-]|$)/i.test(output);

/** Pixels that are looked at, at most. */
const SAMPLES = 20_000;
/** Of each plane with its own band: those of networks that were trained to better images have 0.57 and more. */
const LEAST_CORRELATION = 0.5;
/** Images of 0 to 1, or with mean and deviation taken off; logits of trained classes go further. */
const FARTHEST = 4;

/**
 * Whether three planes, each of `size` numbers, are a picture of the place that `pixels` (RGB pixel by pixel) show: all
 * follow their own bands at once. Classes take turns instead.
 */
export function looksLikeImage(
  numberAt: (plane: number, pixel: number) => number,
  pixels: ArrayLike<number>,
  size: number,
): boolean {
  const step = Math.max(1, Math.floor(size / SAMPLES));
  for (let part = 0; part < 3; part++) {
    const made: number[] = [];
    const given: number[] = [];
    for (let i = 0; i < size; i += step) {
      made.push(numberAt(part, i));
      given.push(pixels[i * 3 + part]);
    }
    if (made.some((value) => Math.abs(value) > FARTHEST)) return false;
    if (correlation(made, given) < LEAST_CORRELATION) return false;
  }
  return true;
}

/** Pearson's; 0 where one of them is constant. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - meanA, b[i] - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
