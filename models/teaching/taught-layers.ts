/** What of a network's graph a correction is laid on: its logits, and the layers that it is told from. */
import { Problem } from '../../errors/problem.ts';
import type { OnnxModel, OnnxNode } from '../onnx/read-onnx.ts';
import { traceGraph } from '../onnx/trace-graph.ts';
import type { Network } from '../registry.ts';
import { logitsWithin } from '../runtime/class-probabilities.ts';

/** A layer within the graph: [batch, channels, rows, columns], a cell for `stride` pixels. */
export interface Layer {
  name: string;
  stride: number;
  channels: number;
}

export interface Teachable {
  /** [batch, class * cell pixels, rows, columns]; of networks with planes, a plane for each class. */
  logits: string;
  /** Of networks that tell one kind of object by its plane: how many planes there are, and which is its own. */
  object: { planes: number; place: number } | null;
  /** Pixels along the side of a cell of the logits. */
  side: number;
  layers: Layer[];
}

/** Before the name of every tensor that teaching adds. */
export const TAUGHT = 'taught';

/** The tensor that holds the probabilities of planes. */
export const PLANES = 'planes.probability';

/** Side of the image that the graph is followed with, pixels. */
const IMAGE_PIXELS = 256;

/**
 * Throws `not_teachable` for networks whose logits are not known: teaching adds to what the network thinks, and needs
 * to know where that stands.
 */
export function teachableLayers(model: OnnxModel, network: Network): Teachable {
  const { id, classes, stride, features, adapter } = network;
  const place = network.planes.findIndex((plane) => plane.class === 1);
  const isObject = classes.length === 2 && place >= 0;
  const logits = isObject ? planeLogits(model) : logitsWithin(model, classes.length);
  const [image] = model.inputs;
  const ofBytes = image.type === 'uint8' && image.dims.length === 4 && (!adapter || adapter.input.layout === 'nhwc');
  if (logits === null || !ofBytes) {
    throw new Problem(
      'not_teachable',
      `The network "${id}" cannot be taught: where its classes are weighed up is not known of its graph. Teach one of the program's own networks, such as landuse-unet, or one that was taught or trained from it.`,
    );
  }
  const side = IMAGE_PIXELS * Math.ceil(stride / IMAGE_PIXELS);
  const { shapes } = traceGraph(model, { name: image.name, shape: [1, side, side, 3], rowDim: 1, columnDim: 2 });
  const layerOf = (name: string): Layer => {
    const [, channels, rows] = shapes.get(name)!;
    return { name, channels, stride: side / rows };
  };
  const names = decoderLayers(model, logits);
  if (features && shapes.has(features.output)) names.add(features.output);
  return {
    ...{ logits, side: layerOf(logits).stride, layers: [...names].map(layerOf) },
    object: isObject ? { planes: network.planes.length, place } : null,
  };
}

/** What the planes of a network of our making are made of (models/training/graph.py, planes_class_and_score). */
const planeLogits = ({ nodes }: OnnxModel): string | null =>
  nodes.find(({ op, outputs }) => op === 'Sigmoid' && outputs[0] === PLANES)?.inputs[0] ?? null;

/** What the decoder is given and what it makes, at every scale: around each enlargement, and what the logits are made of. */
function decoderLayers({ nodes }: OnnxModel, logits: string): Set<string> {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const own = nodes.filter(({ outputs }) => !outputs[0].startsWith(`${TAUGHT}.`));
  const names = new Set<string>();
  for (const { op, inputs, outputs } of own) {
    if (op !== 'Resize') continue;
    names.add(inputs[0]);
    const enlarged = throughQuantisation(own, outputs[0]);
    for (const user of own) {
      if (user.op !== 'Concat' && user.op !== 'Add') continue;
      if (user.inputs.includes(enlarged)) for (const other of user.inputs) if (other !== enlarged) names.add(other);
    }
  }
  for (let maker = makers.get(logits); maker; maker = makers.get(maker.inputs[0])) {
    if (maker.op !== 'Conv') continue;
    if (!maker.outputs[0].startsWith(`${TAUGHT}.`)) names.add(maker.inputs[0]);
    break;
  }
  return names;
}

/** The tensor itself, or what it is after a pair of nodes that take it to eight bits and back. */
function throughQuantisation(nodes: readonly OnnxNode[], name: string): string {
  const next = (op: string, tensor: string) => nodes.find((node) => node.op === op && node.inputs[0] === tensor);
  const quantised = next('QuantizeLinear', name);
  const back = quantised && next('DequantizeLinear', quantised.outputs[0]);
  return back ? back.outputs[0] : name;
}
