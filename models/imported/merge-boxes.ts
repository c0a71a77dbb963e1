/**
 * Boxes that were found chip by chip → objects of the scene, each once. Chips overlap, so most objects are seen whole by
 * one of them. What is cut by a chip's edge in every chip (an object larger than the overlap, or than a chip) is put
 * together from its parts, which agree where the chips overlap.
 */
import Flatbush from 'flatbush';
import { type Box, intersection, iou, suppress } from './boxes.ts';

export interface Extent {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** What one chip saw; all in the same pixels. */
export interface ChipBoxes {
  window: Extent;
  boxes: readonly Box[];
}

/** A box that ends this near to its chip's edge, as a share of the chip, goes on beyond it. */
const EDGE_SHARE = 0.02;
/** Overlap of two parts, where both chips look, from which they are one object. */
const PART_OVERLAP = 0.5;
/** Share of a part within a whole object from which it is nothing of its own. */
const PART_WITHIN = 0.6;

export interface Part extends Box {
  /** What the chip saw that found it. */
  window: Extent;
}

/** @param scene beyond its edges nothing is cut off @param overlap IoU from which two boxes of a class are one */
export function mergeBoxes(chips: readonly ChipBoxes[], scene: Extent, overlap: number): Box[] {
  const parts = chips.flatMap(({ window, boxes }) => boxes.map((box): Part => ({ ...clip(box, scene), window })));
  const whole = suppress(
    parts.filter((part) => !isCut(part, scene)),
    overlap,
  );
  const cut = outside(
    parts.filter((part) => isCut(part, scene)),
    whole,
  );
  return suppress([...whole, ...joined(cut)].map(plain), overlap);
}

/**
 * Of the objects that two chips could both see whole, the share that only one of them found: what a chip's place has to
 * do with the answer. 0 where there are none.
 */
export function chipDisagreement(chips: readonly ChipBoxes[], scene: Extent): number {
  const all = chips.flatMap(({ window, boxes }, chip) =>
    boxes.map((box) => ({ ...clip(box, scene), window, chip })).filter((part) => !isCut(part, scene)),
  );
  if (all.length === 0) return 0;
  const [windows, parts] = [indexOf(chips.map(({ window }) => window)), indexOf(all)];
  let [shared, alone] = [0, 0];
  for (const part of all) {
    const near = parts.search(part.x1, part.y1, part.x2, part.y2).map((i) => all[i]);
    for (const chip of windows.search(part.x1, part.y1, part.x2, part.y2)) {
      if (
        chip === part.chip ||
        !isWithin(part, chips[chip].window) ||
        isCut({ ...part, window: chips[chip].window }, scene)
      )
        continue;
      shared++;
      const found = near.some(
        (other) => other.chip === chip && other.class === part.class && iou(part, other) > PART_OVERLAP,
      );
      if (!found) alone++;
    }
  }
  return shared === 0 ? 0 : alone / shared;
}

const isWithin = (box: Extent, window: Extent): boolean =>
  box.x1 >= window.x1 && box.y1 >= window.y1 && box.x2 <= window.x2 && box.y2 <= window.y2;

const plain = ({ x1, y1, x2, y2, class: kind, score }: Box): Box => ({ x1, y1, x2, y2, class: kind, score });

const clip = (box: Box, scene: Extent): Box => ({
  ...box,
  x1: Math.max(box.x1, scene.x1),
  y1: Math.max(box.y1, scene.y1),
  x2: Math.min(box.x2, scene.x2),
  y2: Math.min(box.y2, scene.y2),
});

/** Whether a part may go on beyond its chip. */
export function isCut({ window, ...box }: Part, scene: Extent): boolean {
  const [marginX, marginY] = [(window.x2 - window.x1) * EDGE_SHARE, (window.y2 - window.y1) * EDGE_SHARE];
  return (
    (box.x1 < window.x1 + marginX && window.x1 > scene.x1) ||
    (box.y1 < window.y1 + marginY && window.y1 > scene.y1) ||
    (box.x2 > window.x2 - marginX && window.x2 < scene.x2) ||
    (box.y2 > window.y2 - marginY && window.y2 < scene.y2)
  );
}

function indexOf(boxes: readonly Extent[]): Flatbush {
  const tree = new Flatbush(boxes.length);
  for (const { x1, y1, x2, y2 } of boxes) tree.add(x1, y1, x2, y2);
  tree.finish();
  return tree;
}

/** Parts that are not of an object which another chip saw whole. */
function outside(parts: Part[], whole: readonly Box[]): Part[] {
  if (whole.length === 0) return parts;
  const tree = indexOf(whole);
  return parts.filter((part) => {
    const area = (part.x2 - part.x1) * (part.y2 - part.y1);
    return !tree
      .search(part.x1, part.y1, part.x2, part.y2)
      .some((i) => whole[i].class === part.class && intersection(part, whole[i]) > PART_WITHIN * area);
  });
}

/** Bounding boxes of parts that agree; the score is that of their largest part. */
function joined(parts: readonly Part[]): Box[] {
  if (parts.length === 0) return [];
  const leader = parts.map((_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (leader[root] !== root) root = leader[root];
    return root;
  };
  const tree = indexOf(parts);
  for (const [i, part] of parts.entries()) {
    for (const j of tree.search(part.x1, part.y1, part.x2, part.y2)) {
      if (j > i && areOne(part, parts[j])) leader[find(j)] = find(i);
    }
  }
  const groups = new Map<number, Part[]>();
  for (const [i, part] of parts.entries()) groups.set(find(i), [...(groups.get(find(i)) ?? []), part]);
  return [...groups.values()].map((group) => {
    const area = (box: Box) => (box.x2 - box.x1) * (box.y2 - box.y1);
    const largest = group.reduce((a, b) => (area(b) > area(a) ? b : a));
    return {
      x1: Math.min(...group.map(({ x1 }) => x1)),
      y1: Math.min(...group.map(({ y1 }) => y1)),
      x2: Math.max(...group.map(({ x2 }) => x2)),
      y2: Math.max(...group.map(({ y2 }) => y2)),
      class: largest.class,
      score: largest.score,
    };
  });
}

/** Whether two parts are the same where both chips look. */
function areOne(a: Part, b: Part): boolean {
  if (a.class !== b.class) return false;
  const both: Extent = {
    x1: Math.max(a.window.x1, b.window.x1),
    y1: Math.max(a.window.y1, b.window.y1),
    x2: Math.min(a.window.x2, b.window.x2),
    y2: Math.min(a.window.y2, b.window.y2),
  };
  const [inA, inB] = [clip(a, both), clip(b, both)];
  if (inA.x2 <= inA.x1 || inA.y2 <= inA.y1 || inB.x2 <= inB.x1 || inB.y2 <= inB.y1) return false;
  return iou(inA, inB) > PART_OVERLAP;
}
