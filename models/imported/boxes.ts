/** Raw outputs of a detection network → boxes in pixels of the image that it saw, and non-maximum suppression. */
import Flatbush from 'flatbush';
import type { BoxOutput } from '../adapter.ts';
import type { ChipSize, Numbers } from './pixels.ts';

export interface Box {
  /** Corners, pixels. */
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  class: number;
  /** 0..1 */
  score: number;
}

export type Outputs = Readonly<Record<string, { data: Numbers; dims: readonly number[] }>>;

/** No image shows more objects than this to one network. */
const MOST_CANDIDATES = 30_000;

/** The boxes that reach the confidence, overlapping ones still among them; `size` is what the network was run at. */
export function decodeBoxes({ layout, confidence }: BoxOutput, outputs: Outputs, size: ChipSize): Box[] {
  const boxes: Box[] = [];
  const take = (box: Box) => {
    const { x1, y1, x2, y2, score } = box;
    if (score >= confidence && x2 > x1 && y2 > y1 && x1 < size.width && y1 < size.height && x2 > 0 && y2 > 0)
      boxes.push(box);
  };
  if (layout.form === 'yolo') yolo(layout, outputs[layout.output], size, take);
  else if (layout.form === 'grid') grid(layout, outputs[layout.output], size, take);
  else if (layout.form === 'rows') rows(layout, outputs[layout.output], size, take);
  else lists(layout, outputs, size, take);
  return boxes.sort((a, b) => b.score - a.score).slice(0, MOST_CANDIDATES);
}

type Layout<Form> = Extract<BoxOutput['layout'], { form: Form }>;
type Raw = Outputs[string];

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

function centred(x: number, y: number, w: number, h: number, kind: number, score: number): Box {
  return { x1: x - w / 2, y1: y - h / 2, x2: x + w / 2, y2: y + h / 2, class: kind, score };
}

function yolo(layout: Layout<'yolo'>, { data, dims }: Raw, size: ChipSize, take: (box: Box) => void): void {
  const { candidateDim, objectness, classes, logits } = layout;
  const count = dims[candidateDim];
  const [each, part] = candidateDim === 1 ? [dims[2], 1] : [1, dims[2]];
  const first = objectness ? 5 : 4;
  const cells = layout.cells ? cellsOf(layout.cells, size) : null;
  const whole = layout.unit === 'share' ? [size.width, size.height] : [1, 1];
  for (let i = 0; i < count; i++) {
    const at = (n: number) => Number(data[i * each + n * part]);
    let [best, most] = [0, -Infinity];
    for (let c = 0; c < classes; c++) if (at(first + c) > most) [best, most] = [c, at(first + c)];
    const likely = logits ? sigmoid(most) : most;
    const score = objectness ? likely * (logits ? sigmoid(at(4)) : at(4)) : likely;
    if (cells) {
      const { x, y, side } = cells[i];
      take(
        centred((at(0) + x) * side, (at(1) + y) * side, Math.exp(at(2)) * side, Math.exp(at(3)) * side, best, score),
      );
    } else {
      const [x, y, w, h] = [0, 1, 2, 3].map((n) => at(n) * whole[n % 2]);
      const [cos, sin] = layout.angle === undefined ? [1, 0] : [Math.cos(at(layout.angle)), Math.sin(at(layout.angle))];
      const [wide, high] = [w * Math.abs(cos) + h * Math.abs(sin), w * Math.abs(sin) + h * Math.abs(cos)];
      take(centred(x, y, wide, high, best, score));
    }
  }
}

/** The cells of each side over the image, row by row, the smallest first. */
function cellsOf(sides: readonly number[], { width, height }: ChipSize): { x: number; y: number; side: number }[] {
  return sides.flatMap((side) => {
    const columns = Math.floor(width / side);
    const cell = (_: unknown, i: number) => ({ x: i % columns, y: Math.floor(i / columns), side });
    return Array.from({ length: columns * Math.floor(height / side) }, cell);
  });
}

function rows(layout: Layout<'rows'>, { data, dims }: Raw, size: ChipSize, take: (box: Box) => void): void {
  const each = dims[dims.length - 1];
  const count = dims[dims.length - 2];
  const [wide, high] = layout.unit === 'share' ? [size.width, size.height] : [1, 1];
  for (let i = 0; i < count; i++) {
    const at = (n: number) => Number(data[i * each + n]);
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((n) => at(layout.box + n));
    const corners = { x1: x1 * wide, y1: y1 * high, x2: x2 * wide, y2: y2 * high };
    take({ ...corners, class: Math.round(at(layout.label)), score: at(layout.score) });
  }
}

/** FastestDet, as its own program reads it: https://github.com/dog-qiuqiu/FastestDet (BSD-3-Clause). */
function grid({ classes }: Layout<'grid'>, { data, dims }: Raw, size: ChipSize, take: (box: Box) => void): void {
  const [, , rows, columns] = dims;
  const plane = rows * columns;
  for (let cell = 0; cell < plane; cell++) {
    const at = (n: number) => Number(data[n * plane + cell]);
    let [best, most] = [0, -Infinity];
    for (let c = 0; c < classes; c++) if (at(5 + c) > most) [best, most] = [c, at(5 + c)];
    const x = ((Math.tanh(at(1)) + (cell % columns)) / columns) * size.width;
    const y = ((Math.tanh(at(2)) + Math.floor(cell / columns)) / rows) * size.height;
    const score = at(0) ** 0.6 * most ** 0.4;
    take(centred(x, y, sigmoid(at(3)) * size.width, sigmoid(at(4)) * size.height, best, score));
  }
}

function lists(layout: Layout<'lists'>, outputs: Outputs, size: ChipSize, take: (box: Box) => void): void {
  const { boxes: given, scores: scored, corners, background, activation = 'none', firstLabel = 0 } = layout;
  const { data, dims } = outputs[given];
  const each = dims[dims.length - 1];
  const batch = dims.length > 2 ? dims[0] : 1;
  const count = data.length / each / Math.max(1, batch);
  const labels = layout.labels === null ? null : outputs[layout.labels].data;
  const scores = scored === null ? null : outputs[scored];
  const table = scores ? scores.data.length / Math.max(1, batch) / Math.max(1, count) : 1;
  // Classes beside boxes, or boxes beside classes.
  const turned = scores !== null && table > 1 && scores.dims[scores.dims.length - 1] === count && count !== table;
  const scoreAt = (i: number, c: number): number =>
    scores ? Number(scores.data[turned ? c * count + i : i * table + c]) : Number(data[i * each + 4]);
  const [wide, high] = layout.unit === 'share' ? [size.width, size.height] : [1, 1];
  const [first, end] = [background === true ? 1 : 0, background === 'last' ? table - 1 : table];
  for (let i = 0; i < count; i++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((n) => Number(data[i * each + n]));
    let [best, most] = [first, scoreAt(i, first)];
    for (let c = first + 1; c < end; c++) if (scoreAt(i, c) > most) [best, most] = [c, scoreAt(i, c)];
    if (activation === 'sigmoid') most = sigmoid(most);
    if (activation === 'softmax') most = softmaxOf(most, table, (c) => scoreAt(i, c));
    const kind = labels ? Math.round(Number(labels[i])) - firstLabel : best - first;
    if (corners === 'centre') take(centred(a * wide, b * high, c * wide, d * high, kind, most));
    else {
      const [x1, y1, x2, y2] = corners === 'xyxy' ? [a, b, c, d] : [b, a, d, c];
      take({ x1: x1 * wide, y1: y1 * high, x2: x2 * wide, y2: y2 * high, class: kind, score: most });
    }
  }
}

function softmaxOf(value: number, count: number, at: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.exp(at(i) - value);
  return 1 / sum;
}

const area = ({ x1, y1, x2, y2 }: Box): number => (x2 - x1) * (y2 - y1);

export function intersection(a: Box, b: Box): number {
  const [wide, high] = [Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1), Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1)];
  return wide > 0 && high > 0 ? wide * high : 0;
}

/** Intersection over union. */
export function iou(a: Box, b: Box): number {
  const both = intersection(a, b);
  return both === 0 ? 0 : both / (area(a) + area(b) - both);
}

/** The best of boxes of a class that overlap by more than `overlap`, from the highest score down; ties go to the place. */
export function suppress<B extends Box>(boxes: readonly B[], overlap: number): B[] {
  if (boxes.length === 0) return [];
  const ordered = [...boxes].sort((a, b) => b.score - a.score || a.y1 - b.y1 || a.x1 - b.x1 || a.class - b.class);
  const tree = new Flatbush(ordered.length);
  for (const { x1, y1, x2, y2 } of ordered) tree.add(x1, y1, x2, y2);
  tree.finish();
  const gone = new Uint8Array(ordered.length);
  return ordered.filter((box, i) => {
    if (gone[i]) return false;
    for (const j of tree.search(box.x1, box.y1, box.x2, box.y2)) {
      if (j > i && ordered[j].class === box.class && iou(box, ordered[j]) > overlap) gone[j] = 1;
    }
    return true;
  });
}
