/**
 * Which outputs of a network are boxes around objects, and in which of the usual dialects they are written. What the
 * graph leaves open (pixels or shares, decoded or not) the self-test settles by the numbers.
 */
import { Problem } from '../../errors/problem.ts';
import type { BoxOutput } from '../adapter.ts';
import type { GraphReport } from '../onnx/certificate.ts';
import type { OnnxModel } from '../onnx/read-onnx.ts';
import { isBackground } from './classes.ts';
import { lastMeaning } from './map-output.ts';
import type { NetworkMetadata } from './network-metadata.ts';

const CONFIDENCE = 0.5;
const OVERLAP = 0.45;
/** Coefficients for masks that YOLO segmentation networks add to each candidate. */
const MASK_COEFFICIENTS = 32;
/** Most objects that networks with their own selection give, and how many those without any operator for it do. */
const MOST_SELECTED = 2000;
const USUAL_SELECTED = [100, 200, 300];
/** Labels of networks that do not say how many they have: as many as COCO. */
const USUAL_LABELS = 91;

interface Shape {
  name: string;
  type: string;
  dims: (number | null)[];
}

/** Null where no output looks like boxes. `classes`: how many there are. */
export function boxOutput(
  model: OnnxModel,
  graph: GraphReport,
  facts: NetworkMetadata,
): { output: BoxOutput; classes: number } | null {
  const followed = new Map(graph.outputs.map(({ name, shape }) => [name, shape]));
  const shapes = model.outputs.map(
    ({ name, type, dims }): Shape => ({
      name,
      type,
      dims: followed.get(name) ?? dims.map((dim) => (typeof dim === 'number' ? dim : null)),
    }),
  );
  const found =
    grid(model, graph) ?? selected(model, shapes, facts) ?? lists(model, shapes, facts) ?? yolo(model, shapes, facts);
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

/** Channels of a cell of YOLO versions 2 to 4 with COCO's or VOC's classes, or one: anchors * (5 + classes). */
const ANCHOR_CHANNELS = [18, 75, 125, 255, 425];

/** Throws `unsupported_model` for detectors whose numbers are still to be decoded with anchors that no file tells. */
export function refuseHeads(graph: GraphReport, facts: NetworkMetadata): void {
  const heads = graph.outputs.filter(({ rowDim, scale }) => rowDim !== null && scale[0] >= 8 && scale[0] === scale[1]);
  const scales = new Set(heads.map(({ scale }) => scale[0]));
  const channels = (shape: readonly number[], dims: (number | null)[]) =>
    shape.filter((_, dim) => dim > 0 && !dims.includes(dim)).reduce((product, extent) => product * extent, 1);
  const counts = heads.map(({ shape, rowDim, columnDim }) => channels(shape, [rowDim, columnDim]));
  const several = heads.length >= 2 && heads.length === graph.outputs.length && scales.size === heads.length;
  const anchors = counts.length > 0 && counts.every((count) => ANCHOR_CHANNELS.includes(count));
  if (!(anchors && facts.task !== 'segmentation' && !facts.classes) && !(several && new Set(counts).size === 1)) return;
  throw new Problem(
    'unsupported_model',
    'The network gives raw numbers of a detector, to be decoded with anchors that the file does not hold; export it with its decoding.',
  );
}

/** What networks give that select their objects themselves (YOLO 10 and 26, YOLO 7 and others with NMS): few rows. */
function selected(model: OnnxModel, shapes: readonly Shape[], facts: NetworkMetadata): Found | null {
  const rows = shapes.find(({ dims, type }) => {
    const last = dims[dims.length - 1];
    const count = dims[dims.length - 2] ?? 0;
    return (
      /^float/.test(type) &&
      (last === 6 || last === 7) &&
      (dims.length === 3 || dims.length === 2) &&
      count <= MOST_SELECTED
    );
  });
  if (!rows) return null;
  const selects = model.nodes.some(({ op }) => /^(NonMaxSuppression|TopK|EfficientNMS_TRT)$/.test(op));
  const few = rows.dims.length === 3 && USUAL_SELECTED.includes(rows.dims[1] ?? 0);
  if (!selects && !few) return null;
  const classes = facts.classes?.length ?? USUAL_LABELS;
  // Seven numbers begin with the image's place in the batch, and have the class before the score.
  const [box, score, label] = rows.dims[rows.dims.length - 1] === 7 ? [1, 6, 5] : [0, 4, 5];
  return { classes, layout: { form: 'rows', output: rows.name, box, score, label, unit: 'pixels' } };
}

/** Boxes, scores and perhaps labels as outputs of their own, as torchvision, SSD, DETR and MMDetection give them. */
function lists(model: OnnxModel, shapes: readonly Shape[], facts: NetworkMetadata): Found | null {
  if (shapes.length < 2) return null;
  const last = ({ dims }: Shape) => dims[dims.length - 1] ?? 4;
  const boxes =
    shapes.find((each) => /box|^dets$|^loc/i.test(each.name) && each.dims.length >= 2 && [4, 5].includes(last(each))) ??
    shapes.find((each) => (each.dims.length === 2 || each.dims.length === 3) && each.dims[each.dims.length - 1] === 4);
  if (!boxes) return null;
  const others = shapes.filter(
    (each) => each !== boxes && each.dims.length <= boxes.dims.length && !/^num/i.test(each.name),
  );
  const labels = others.find(({ name, type }) => /label|class/i.test(name) || type === 'int64') ?? null;
  const own = last(boxes) === 5; // the score stands behind the box
  const scores =
    others.find((each) => each !== labels && /score|conf|prob|logit/i.test(each.name)) ??
    others.find((each) => each !== labels && /^float/.test(each.type));
  const perClass = scores === undefined && labels !== null && !/int/.test(labels.type) && !own ? labels : scores;
  if (!perClass && !own) return null;
  const kinds = perClass ? perClass.dims[perClass.dims.length - 1] : 1;
  const table = perClass !== undefined && perClass.dims.length >= 3 && kinds !== null && kinds > 1 && labels !== scores;
  const separate = labels && labels !== perClass ? labels : null;
  const isTable = table && !separate;
  const named = facts.classes?.length ?? 0;
  const tensorflow = /detection_boxes/i.test(boxes.name);
  const detr = /pred_boxes/i.test(boxes.name);
  const end = perClass && isTable ? (lastMeaning(model, perClass.name)?.op ?? '') : '';
  const raw = isTable && !/Sigmoid|Softmax/.test(end) && (detr || /logit/i.test(perClass!.name));
  // Of COCO's 91 labels with "nothing" as the last: https://github.com/facebookresearch/detr
  const softmax = raw && (named > 0 ? kinds === named + 1 : [2, 92, 251].includes(kinds!));
  const first = isTable && !raw && (named === 0 ? /Softmax/.test(end) : kinds === named + 1);
  const background = softmax ? 'last' : first;
  const onlyObjects = facts.classes !== undefined && !isBackground(facts.classes[0].name);
  const fromOne = separate !== null && (tensorflow || separate.dims.length === 1) && (onlyObjects || named === 0);
  return {
    classes: named || (isTable ? kinds! - Number(background !== false) : separate ? USUAL_LABELS : 1),
    layout: {
      form: 'lists',
      boxes: boxes.name,
      scores: own ? null : perClass!.name,
      labels: separate?.name ?? null,
      unit: tensorflow || detr || isTable ? 'share' : 'pixels',
      corners: tensorflow ? 'yxyx' : detr ? 'centre' : 'xyxy',
      background,
      activation: softmax ? 'softmax' : raw ? 'sigmoid' : 'none',
      firstLabel: fromOne ? 1 : 0,
    },
  };
}

/** [1, 4 + classes, candidates] of Ultralytics, [1, candidates, 5 + classes] of YOLOv5, 6, 7 and YOLOX. */
function yolo(model: OnnxModel, shapes: readonly Shape[], facts: NetworkMetadata): Found | null {
  const [output, ...more] = shapes.filter(({ dims, type }) => dims.length === 3 && /^float/.test(type));
  if (!output || more.length > 0) return null;
  const [, a, b] = output.dims;
  // There are more candidates than numbers to each.
  const candidateDim = a === null ? 1 : b === null ? 2 : a > b ? 1 : 2;
  const numbers = candidateDim === 1 ? b : a;
  if (numbers === null || numbers < 5) return null;
  const own = numbers - (hasMasks(shapes) ? MASK_COEFFICIENTS : 0);
  const named = facts.classes?.length;
  const { candidates } = facts;
  const rotated = candidates === 'rotated';
  const told = candidates === undefined ? undefined : candidates === 'with objectness';
  const objectness = told ?? (named === own - 5 ? true : named === own - 4 ? false : candidateDim === 1);
  const points = candidates === 'with keypoints';
  const classes = points ? (named ?? 1) : own - (objectness || rotated ? 5 : 4);
  if (classes < 1) return null;
  if (!points && named !== undefined && named !== classes) {
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
    ...(rotated && { angle: 4 + classes }),
  } as const;
  return { classes, layout };
}

/** Whether an output holds what masks of instances are mixed from: those networks find objects. */
export const hasMasks = (shapes: readonly { dims: readonly (number | string | null)[] }[]): boolean =>
  shapes.some(({ dims }) => dims.length === 4 && dims[1] === MASK_COEFFICIENTS) &&
  shapes.some(({ dims }) => dims.length === 3);
