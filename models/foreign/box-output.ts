/** Which outputs of a network are boxes around objects, and how they are written. */
import { Problem } from '../../tiler/problem.ts';
import type { GraphReport } from '../onnx/certificate.ts';
import type { OnnxModel } from '../onnx/read-onnx.ts';
import type { BoxOutput } from './adapter.ts';
import type { Facts } from './facts.ts';
import { lastMeaning } from './map-output.ts';

const CONFIDENCE = 0.5;
const OVERLAP = 0.45;
/** Coefficients for masks that YOLO segmentation networks add to each candidate. */
const MASK_COEFFICIENTS = 32;

interface Shape {
  name: string;
  type: string;
  dims: (number | null)[];
}

/** Null where no output looks like boxes. `classes`: how many there are. */
export function boxOutput(
  model: OnnxModel,
  graph: GraphReport,
  facts: Facts,
): { output: BoxOutput; classes: number } | null {
  const followed = new Map(graph.outputs.map(({ name, shape }) => [name, shape]));
  const shapes = model.outputs.map(
    ({ name, type, dims }): Shape => ({
      name,
      type,
      dims: followed.get(name) ?? dims.map((dim) => (typeof dim === 'number' ? dim : null)),
    }),
  );
  const found = grid(model, graph) ?? lists(model, shapes, facts) ?? yolo(model, shapes, facts);
  if (!found) return null;
  const { confidence = CONFIDENCE, overlap = OVERLAP } = facts;
  return { classes: found.classes, output: { kind: 'boxes', confidence, overlap, layout: found.layout } };
}

type Found = { layout: BoxOutput['layout']; classes: number };

/** FastestDet: one candidate a cell of 16 pixels: objectness, four numbers of the box, classes. */
function grid(model: OnnxModel, { outputs, shapes }: GraphReport): Found | null {
  const [only, ...more] = outputs;
  if (!only || more.length > 0 || only.rowDim !== 2 || only.columnDim !== 3 || only.scale[0] < 8) return null;
  const end = lastMeaning(model, only.name);
  if (end?.op !== 'Concat' || end.inputs.length !== 3) return null;
  const channels = end.inputs.map((name) => shapes.get(name)?.[1]);
  const [objectness, , classes] = end.inputs.map((name) => lastMeaning(model, name)?.op);
  if (channels[0] !== 1 || channels[1] !== 4 || objectness !== 'Sigmoid' || classes !== 'Softmax') return null;
  const count = channels[2]!;
  return { classes: count, layout: { form: 'grid', output: only.name, classes: count, cell: only.scale[0] } };
}

/** Boxes, scores and perhaps labels as outputs of their own, as torchvision and SSD networks give them. */
function lists(model: OnnxModel, shapes: readonly Shape[], facts: Facts): Found | null {
  if (shapes.length < 2) return null;
  const boxes =
    shapes.find(({ name, dims }) => /box/i.test(name) && dims.length >= 2 && (dims[dims.length - 1] ?? 4) === 4) ??
    shapes.find(({ dims }) => (dims.length === 2 || dims.length === 3) && dims[dims.length - 1] === 4);
  if (!boxes) return null;
  const others = shapes.filter((each) => each !== boxes && each.dims.length <= boxes.dims.length);
  const labels = others.find(({ name, type }) => /label|class/i.test(name) || type === 'int64') ?? null;
  const scores =
    others.find((each) => each !== labels && /score|conf|prob|logit/i.test(each.name)) ??
    others.find((each) => each !== labels);
  const perClass = scores === undefined && labels !== null && labels.type !== 'int64' ? labels : scores;
  if (!perClass) return null;
  const last = perClass.dims[perClass.dims.length - 1];
  const table = perClass.dims.length === boxes.dims.length && last !== null && last > 1;
  const named = facts.classes?.length ?? 0;
  const tensorflow = /detection_boxes/i.test(boxes.name);
  return {
    classes: named || (table ? last : 1),
    layout: {
      form: 'lists',
      boxes: boxes.name,
      scores: perClass.name,
      labels: labels && labels !== perClass ? labels.name : null,
      unit: tensorflow || table ? 'share' : 'pixels',
      corners: tensorflow ? 'yxyx' : 'xyxy',
      background: table && (named === 0 ? lastMeaning(model, perClass.name)?.op === 'Softmax' : last === named + 1),
    },
  };
}

/** [1, 4 + classes, candidates] of Ultralytics, [1, candidates, 5 + classes] of YOLOv5 and 7. */
function yolo(model: OnnxModel, shapes: readonly Shape[], facts: Facts): Found | null {
  const output = shapes.find(({ dims, type }) => dims.length === 3 && /^float/.test(type));
  if (!output) return null;
  const [, a, b] = output.dims;
  // There are more candidates than numbers to each.
  const candidateDim = a === null ? 1 : b === null ? 2 : a > b ? 1 : 2;
  const numbers = candidateDim === 1 ? b : a;
  if (numbers === null || numbers < 5) return null;
  const masks = shapes.some((each) => each !== output && each.dims.length === 4 && each.dims[1] === MASK_COEFFICIENTS);
  const own = numbers - (masks ? MASK_COEFFICIENTS : 0);
  const named = facts.classes?.length;
  const objectness = named === own - 5 ? true : named === own - 4 ? false : candidateDim === 1;
  const classes = own - (objectness ? 5 : 4);
  if (classes < 1) return null;
  if (named !== undefined && named !== classes) {
    const what = `The network gives ${classes} classes and ${named} are named`;
    throw new Problem('unsupported_model', `${what}; give --classes with as many names.`);
  }
  const end = lastMeaning(model, output.name);
  const concat = end?.op === 'Concat' ? end.inputs.map((name) => lastMeaning(model, name)?.op) : [];
  const logits = candidateDim === 2 && concat.length > 0 && concat[concat.length - 1] === 'Conv';
  const layout = {
    form: 'yolo',
    output: output.name,
    candidateDim,
    objectness,
    classes,
    unit: 'pixels',
    logits,
  } as const;
  return { classes, layout };
}
