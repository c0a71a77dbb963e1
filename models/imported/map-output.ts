/** Which output of a network is a map of the image, and what its numbers are. */

import { Problem } from '../../errors/problem.ts';
import type { Finding } from '../../tiler/ingest/findings.ts';
import type { AdapterInput, MapOutput } from '../adapter.ts';
import type { GraphReport, OutputShape } from '../onnx/certificate.ts';
import type { OnnxModel, OnnxNode } from '../onnx/read-onnx.ts';
import { isBackground } from './classes.ts';
import { labelCount } from './label-count.ts';
import type { NetworkMetadata } from './network-metadata.ts';

/** The first output that lies over the image, with how many planes (or labels, 0: nobody knows) it has; null where none does. */
export function mapOutput(
  model: OnnxModel,
  graph: GraphReport,
  input: AdapterInput,
  facts: NetworkMetadata,
  findings: Finding[],
): { output: MapOutput; planes: number } | null {
  const shapes = graph.outputs.length > 0 ? graph.outputs : declaredShapes(model, input);
  const maps = shapes.filter(isMap);
  const [map] = maps;
  if (!map) return null;
  if (map.scale[0] < 1) {
    const factor = 1 / map.scale[0];
    throw new Problem(
      'super_resolution_model',
      `The network's answer is ${factor} times as fine as its image, not a map of classes.`,
    );
  }
  const own = ownOutputs(model, graph, map.name, facts);
  const taken = [map.name, own.score, own.planes, facts.own?.features?.output];
  const others = model.outputs.map(({ name }) => name).filter((name) => !taken.includes(name));
  if (others.length > 0) {
    const message = `The map is taken from the output "${map.name}"; ${others.map((name) => `"${name}"`).join(', ')} is not used.`;
    findings.push({ code: 'outputs_not_used', severity: 'info', message });
  }
  const { rowDim, columnDim, shape } = map;
  const batchDim = shape.length > 2 ? 0 : -1;
  const classDim = shape.findIndex((_, dim) => dim !== batchDim && dim !== rowDim && dim !== columnDim);
  const end = lastMeaning(model, map.name);
  const type = model.outputs.find(({ name }) => name === map.name)!.type;
  const labels =
    end?.op === 'ArgMax' ||
    (/int/.test(type) && end?.op !== 'QuantizeLinear' && (classDim < 0 || shape[classDim] === 1));
  const planes = labels ? (labelCount(model, graph, map.name) ?? 0) : classDim < 0 ? 1 : shape[classDim];
  const numbers = labels ? 'labels' : numbersAfter(end, facts);
  return {
    planes,
    output: {
      kind: 'map',
      name: map.name,
      rowDim,
      columnDim,
      classDim: classDim < 0 ? null : classDim,
      numbers,
      exclusive: labels || (planes > 1 && !(isSigmoid(end, facts) && namesObjects(facts))),
      threshold: facts.threshold ?? 0.5,
      ...own,
      scale: map.scale[0],
      offset: map.offset,
    },
  };
}

/** Outputs of bytes beside the labels that a manifest of our own declares; scores also of a network as we export it. */
function ownOutputs(
  model: OnnxModel,
  { outputs }: GraphReport,
  map: string,
  { own }: NetworkMetadata,
): Pick<MapOutput, 'score' | 'planes'> {
  const bytes = (name: string | undefined): name is string =>
    [name, map].every((each) => model.outputs.some((output) => output.name === each && output.type === 'uint8'));
  const score = own?.score ?? (map === 'class' ? 'score' : undefined);
  const planes = own?.planes;
  const shape = outputs.find(({ name }) => name === planes?.output)?.shape;
  return {
    ...(bytes(score) && { score }),
    ...(planes && bytes(planes.output) && shape?.[1] === planes.list.length && { planes: planes.output }),
  };
}

type Map4 = OutputShape & { rowDim: number; columnDim: number };

const isMap = (shape: OutputShape): shape is Map4 =>
  shape.rowDim !== null && shape.columnDim !== null && shape.scale[0] === shape.scale[1] && shape.shape.length <= 4;

/** Where a graph could not be followed, what it declares of its outputs has to do; the self-test sees whether it is so. */
function declaredShapes(model: OnnxModel, input: AdapterInput): OutputShape[] {
  const size = [input.height ?? 512, input.width ?? 512];
  return model.outputs.map(({ name, dims }) => {
    const planar = dims.length === 4 && input.layout === 'nchw';
    const [rowDim, columnDim] =
      dims.length === 4 ? (planar ? [2, 3] : [1, 2]) : dims.length === 3 ? [1, 2] : [null, null];
    const shape = dims.map((dim, i) =>
      typeof dim === 'number' ? dim : i === rowDim ? size[0] : i === columnDim ? size[1] : 1,
    );
    const scaleOf = (dim: number | null, extent: number) => (dim === null ? 0 : extent / shape[dim]);
    const valid = rowDim !== null && Number.isInteger(scaleOf(rowDim, size[0]));
    return {
      name,
      shape,
      rowDim: valid ? rowDim : null,
      columnDim: valid ? columnDim : null,
      scale: [scaleOf(rowDim, size[0]), scaleOf(columnDim, size[1])],
      offset: [0, 0],
    };
  });
}

/** Operators that do not change what numbers mean. */
const PASSING = [
  'Identity',
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Cast',
  'Slice',
  'Gather',
  'Resize',
  'Upsample',
  'QuantizeLinear',
  'DequantizeLinear',
  'Clip',
  'DepthToSpace',
  'Pad',
];

/** The last node before an output that gives its numbers their meaning. */
export function lastMeaning(model: OnnxModel, output: string): OnnxNode | null {
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let node = makers.get(output);
  for (let steps = 0; node && PASSING.includes(node.op) && steps < 64; steps++) node = makers.get(node.inputs[0]);
  return node ?? null;
}

/** Independent planes leave room for a background only where all of them are named as something else. */
const namesObjects = ({ classes }: NetworkMetadata): boolean => classes !== undefined && !isBackground(classes[0].name);

const isSigmoid = (end: OnnxNode | null, facts: NetworkMetadata): boolean =>
  /Sigmoid$/.test(end?.op ?? '') || (facts.activation === 'sigmoid' && !/Softmax$/.test(end?.op ?? ''));

function numbersAfter(end: OnnxNode | null, facts: NetworkMetadata): MapOutput['numbers'] {
  if (end?.op === 'LogSoftmax') return 'log-probabilities';
  if (/Sigmoid$|Softmax$/.test(end?.op ?? '') || facts.activation === 'none') return 'probabilities';
  return 'logits';
}
