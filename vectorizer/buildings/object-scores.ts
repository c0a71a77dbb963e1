/**
 * True buildings and drawn ones in, how many of them are found, one for one: a drawn building stands for a true one
 * where their intersection over union reaches a threshold, the best pairs first and each building once.
 */
import { boxOf, indexOf } from '../box.ts';
import { intersectionOverUnion } from './polygon-iou.ts';

/** Sums of counts add up over images. */
export interface ObjectCounts {
  truth: number;
  predicted: number;
  /** Pairs whose intersection over union is at least 0.5, and at least 0.75. */
  found50: number;
  found75: number;
}

export interface ObjectScores {
  truth: number;
  predicted: number;
  f1_50: number;
  f1_75: number;
  /** How many more were drawn than there are, as a share of these: -0.1 is one in ten too few. */
  count_error: number;
}

/**
 * Rings as in `Region`, closed and flat, in pixels of the truth, of which the true ones follow the borders exactly; a
 * building is its shell and holes.
 */
export function countObjects(truth: readonly Float64Array[][], predicted: readonly Float64Array[][]): ObjectCounts {
  const pairs = overlaps(truth, predicted);
  const found = (least: number) => {
    const [taken, used] = [new Set<number>(), new Set<number>()];
    for (const pair of pairs) {
      if (pair.iou < least) break;
      if (taken.has(pair.truth) || used.has(pair.predicted)) continue;
      taken.add(pair.truth);
      used.add(pair.predicted);
    }
    return taken.size;
  };
  return { truth: truth.length, predicted: predicted.length, found50: found(0.5), found75: found(0.75) };
}

/** Null where there is no building to be found. */
export function scoreObjects({ truth, predicted, found50, found75 }: ObjectCounts): ObjectScores | null {
  if (truth === 0) return null;
  const f1 = (found: number) => (2 * found) / (truth + predicted);
  return { truth, predicted, f1_50: f1(found50), f1_75: f1(found75), count_error: predicted / truth - 1 };
}

/** Pairs that share at least a half, the best first. */
function overlaps(truth: readonly Float64Array[][], predicted: readonly Float64Array[][]) {
  const pairs: { truth: number; predicted: number; iou: number }[] = [];
  if (predicted.length === 0) return pairs;
  const index = indexOf(predicted.map(([shell]) => boxOf(shell)));
  for (const [number, rings] of truth.entries()) {
    for (const each of index.search(...boxOf(rings[0])).sort((a, b) => a - b)) {
      const iou = intersectionOverUnion(rings, predicted[each]);
      if (iou >= 0.5) pairs.push({ truth: number, predicted: each, iou });
    }
  }
  return pairs.sort((a, b) => b.iou - a.iou);
}
