/**
 * Probabilities of every class from networks as models/training writes them, which give the likeliest class and its
 * score alone: what the classes are made of stands within their graphs, and becomes an output when it is asked for.
 */
import { PbfWriter } from 'pbf';
import type { OnnxModel } from '../onnx/read-onnx.ts';
import { CLASS_NODATA } from './answer.ts';

/**
 * The tensor within such a graph that holds the logits of all classes, divided by the temperature already: [batch,
 * class * cell pixels, rows, columns] (models/training/graph.py, class_and_score); null in other graphs.
 */
export function logitsWithin({ nodes }: OnnxModel, classCount: number): string | null {
  const split = nodes.find(({ op, outputs }) => op === 'Split' && outputs.every((name) => name.startsWith('logit.')));
  const best = nodes.find(({ op, outputs }) => op === 'Max' && outputs[0] === 'best');
  if (split?.outputs.length !== classCount || best?.inputs.join() !== split.outputs.join()) return null;
  return split.inputs[0];
}

/**
 * The bytes of a network with one of its tensors as a further output. Messages of a protobuf that stand twice are
 * merged (https://protobuf.dev/programming-guides/encoding/#last-one-wins), and lists of both are joined.
 */
export function withOutput(network: Uint8Array, tensor: string): Uint8Array {
  const pbf = new PbfWriter();
  const [modelGraph, graphOutput, valueName] = [7, 12, 1]; // field numbers of onnx.proto
  pbf.writeMessage(
    modelGraph,
    () => pbf.writeMessage(graphOutput, () => pbf.writeStringField(valueName, tensor), null),
    null,
  );
  return Buffer.concat([network, pbf.finish()]);
}

/**
 * Logits of one chip, [class * side * side, height / side, width / side], where a cell holds side * side pixels row by
 * row → their softmax, 0..1: class after class, each height * width.
 */
export function softmaxOfCells(
  logits: Float32Array,
  classCount: number,
  side: number,
  { width, height }: { width: number; height: number },
): Float32Array {
  const size = width * height;
  const columns = width / side;
  const plane = size / side ** 2;
  const probabilities = new Float32Array(classCount * size);
  const values = new Float64Array(classCount);
  for (let y = 0, to = 0; y < height; y++) {
    const row = (y % side) * side * plane + Math.floor(y / side) * columns;
    for (let x = 0; x < width; x++, to++) {
      const from = row + (x % side) * plane + Math.floor(x / side);
      let most = -Infinity;
      for (let i = 0; i < classCount; i++) {
        values[i] = logits[i * side * side * plane + from];
        if (values[i] > most) most = values[i];
      }
      let sum = 0;
      for (let i = 0; i < classCount; i++) sum += values[i] = Math.exp(values[i] - most);
      for (let i = 0; i < classCount; i++) probabilities[i * size + to] = values[i] / sum;
    }
  }
  return probabilities;
}

/** Of the class its score, 0..255; what that lacks to one is shared by the others, which is exact where there are two. */
export function shareScores(classes: Uint8Array, scores: Uint8Array, codes: readonly number[]): Float32Array {
  const size = classes.length;
  const probabilities = new Float32Array(codes.length * size);
  for (let i = 0; i < size; i++) {
    if (classes[i] === CLASS_NODATA) continue;
    const rest = (255 - scores[i]) / Math.max(1, codes.length - 1);
    for (const [place, code] of codes.entries()) {
      probabilities[place * size + i] = (code === classes[i] ? scores[i] : rest) / 255;
    }
  }
  return probabilities;
}
