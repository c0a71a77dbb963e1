/** Operators that slide a window over rows and columns: convolutions, pools, resizing. */

import type { OnnxNode } from './read-onnx.ts';
import { resize, slide, slideTransposed, type Window } from './receptive-field.ts';
import { input, int, ints, type Step } from './step.ts';
import { along, extentOf, mix, NotTraceable, shapeOf, spatial, type TracedTensor } from './traced-tensor.ts';

/** Kernel, stride, dilation and pads of each spatial dim of a node. */
interface Kernels {
  kernel: number[];
  strides: number[];
  dilations: number[];
  before: number[];
  after: number[];
}

function kernelsOf(node: OnnxNode, kernel: number[], sizes: readonly number[]): Kernels {
  const rank = kernel.length;
  const ones = kernel.map(() => 1);
  const strides = ints(node, 'strides') ?? ones;
  const dilations = ints(node, 'dilations') ?? ones;
  const pads = ints(node, 'pads') ?? [...ones, ...ones].map(() => 0);
  const kernels = { kernel, strides, dilations, before: pads.slice(0, rank), after: pads.slice(rank) };
  const auto = node.attributes.auto_pad;
  if (auto === 'VALID') kernels.before = kernels.after = ones.map(() => 0);
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = sizes.map((size, i) => {
      const outputs = Math.ceil(size / strides[i]);
      return Math.max(0, (outputs - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size);
    });
    const [small, large] = [total.map((all) => Math.floor(all / 2)), total.map((all) => Math.ceil(all / 2))];
    kernels.before = auto === 'SAME_UPPER' ? small : large;
    kernels.after = auto === 'SAME_UPPER' ? large : small;
  }
  return kernels;
}

/** Slides along every spatial dim, counted from `firstDim`. */
function slideAll(step: Step, flow: TracedTensor, kernels: Kernels, firstDim: number, ceil: boolean): TracedTensor {
  let result = flow;
  for (const [i, kernel] of kernels.kernel.entries()) {
    const dim = firstDim + i;
    const size = extentOf(result.dims[dim]);
    const [stride, dilation] = [kernels.strides[i], kernels.dilations[i]];
    const [padBefore, padAfter] = [kernels.before[i], kernels.after[i]];
    const free = (size + padBefore + padAfter - dilation * (kernel - 1) - 1) / stride;
    let length = (ceil ? Math.ceil(free) : Math.floor(free)) + 1;
    // A window that would begin in the padding behind the image is left out.
    if (ceil && (length - 1) * stride >= size + padBefore) length--;
    result = slideOne(step, result, dim, { kernel, stride, dilation, padBefore, length }, slide);
  }
  return result;
}

function slideOne(step: Step, flow: TracedTensor, dim: number, window: Window, how: typeof slide): TracedTensor {
  const { axis, flow: cleared, reach } = spatial(step.findings, flow, dim, step.name, step.node.op);
  const all = axis && window.kernel > 1 && window.kernel >= reach.first.length && window.length === 1;
  if (all) step.findings.global.set(step.name, step.node.op);
  return along(step.findings, cleared, dim, axis, axis && how(reach, window), window.length);
}

export function convolve(step: Step): TracedTensor[] {
  const weights = input(step, step.node.op === 'QLinearConv' ? 3 : 1);
  const flow = input(step, 0);
  const [outputs, , ...kernel] = shapeOf(weights);
  const kernels = kernelsOf(step.node, kernel, shapeOf(flow).slice(2));
  const channels = mix(step.findings, flow, [1], step.name, step.node.op);
  return [slideAll(step, along(step.findings, channels, 1, null, null, outputs), kernels, 2, false)];
}

export function transposedConvolve(step: Step): TracedTensor[] {
  const flow = input(step, 0);
  const [, perGroup, ...kernel] = shapeOf(input(step, 1));
  const kernels = kernelsOf(step.node, kernel, shapeOf(flow).slice(2));
  const extra = ints(step.node, 'output_padding') ?? kernel.map(() => 0);
  const wanted = ints(step.node, 'output_shape');
  const same = String(step.node.attributes.auto_pad ?? '').startsWith('SAME');
  const channels = mix(step.findings, flow, [1], step.name, step.node.op);
  let result = along(step.findings, channels, 1, null, null, perGroup * int(step.node, 'group', 1));
  for (const [i, width] of kernel.entries()) {
    const size = extentOf(result.dims[2 + i]);
    const [stride, dilation] = [kernels.strides[i], kernels.dilations[i]];
    const full = stride * (size - 1) + extra[i] + (width - 1) * dilation + 1;
    const given = wanted?.slice(-kernel.length)[i] ?? (same ? size * stride : null);
    const total = given === null ? kernels.before[i] + kernels.after[i] : Math.max(0, full - given);
    const upper = step.node.attributes.auto_pad === 'SAME_UPPER';
    const padBefore = given === null ? kernels.before[i] : upper ? Math.floor(total / 2) : Math.ceil(total / 2);
    const window = { kernel: width, stride, dilation, padBefore, length: given ?? full - total };
    result = slideOne(step, result, 2 + i, window, slideTransposed);
  }
  return [result];
}

export function pool(step: Step): TracedTensor[] {
  const flow = input(step, 0);
  const last = int(step.node, 'channels_last', 0) === 1;
  const firstDim = last ? 1 : 2;
  const kernel = ints(step.node, 'kernel_shape');
  if (!kernel) throw new NotTraceable('a pool without its kernel');
  const kernels = kernelsOf(step.node, kernel, shapeOf(flow).slice(firstDim, firstDim + kernel.length));
  const pooled = slideAll(step, flow, kernels, firstDim, int(step.node, 'ceil_mode', 0) === 1);
  return [pooled, pooled];
}

export function resizeTensor(step: Step): TracedTensor[] {
  const { node, opset, findings } = step;
  const old = node.op === 'Upsample' || opset < 11;
  const words = (name: string, otherwise: string) => String(node.attributes[name] ?? otherwise);
  const numbers = (at: number) => {
    const flow = step.inputs[at];
    if (!flow || shapeOf(flow)[0] === 0) return null;
    if (!flow.numbers) throw new NotTraceable('a size that depends on the image');
    return flow.numbers.length > 0 ? flow.numbers : null;
  };
  const scales = ints(node, 'scales') ?? numbers(old ? 1 : 2);
  const sizes = old || scales ? null : numbers(3);
  if (!scales && !sizes) throw new NotTraceable('a resize to an unknown size');
  const coordinates = old ? 'asymmetric' : words('coordinate_transformation_mode', 'half_pixel');
  if (coordinates === 'tf_crop_and_resize') throw new NotTraceable('a resize of a part of the image');
  let result = input(step, 0);
  const axes = ints(node, 'axes') ?? result.dims.map((_, dim) => dim);
  for (const [i, each] of axes.entries()) {
    const dim = each < 0 ? each + result.dims.length : each;
    const size = extentOf(result.dims[dim]);
    const length = sizes ? sizes[i] : Math.floor(size * scales![i]);
    const scale = sizes ? length / size : scales![i];
    if (length === size && (scale === 1 || coordinates === 'align_corners')) continue;
    const { axis, flow, reach } = spatial(findings, result, dim, step.name, node.op);
    if (axis && coordinates === 'align_corners') findings.positional.set(step.name, node.op);
    const mode = words('mode', 'nearest');
    const nearest = words('nearest_mode', old ? 'floor' : 'round_prefer_floor');
    const antialias = int(node, 'antialias', 0) === 1;
    const resized = axis && resize(reach, { mode, coordinates, nearest, antialias, scale, length });
    result = along(findings, flow, dim, axis, resized, length);
  }
  return [result];
}
