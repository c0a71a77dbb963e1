/** Labels that are held back in turn, and what a correction that was learnt from the others says of them. */
import type { ReadSamples } from './read-samples.ts';
import { probabilities, type Rows, type Solution } from './regression.ts';

/** Parts that are held back in turn: whole labels, where there are at least so many. */
export const FOLDS = 5;
/** Below so many units nothing is held back. */
const LEAST_UNITS = 4;

/** A part that is held back, and what is learnt from then: rows of labels. */
export interface Fold {
  held: number[];
  rest: number[];
  /** Units of the rest. */
  units: number;
}

/** Whole labels are held back where there are enough of them, else parts of them; null where there are too few. */
export function foldsOf({ units, labelled }: ReadSamples): Fold[] | null {
  const seen = [...new Set(labelled.unit)].sort((a, b) => a - b);
  if (seen.length < LEAST_UNITS) return null;
  const labels = [...new Set(seen.map((unit) => units[unit].label.index))];
  const keys =
    labels.length >= FOLDS ? seen.map((unit) => labels.indexOf(units[unit].label.index)) : seen.map((_, i) => i);
  const foldOf = new Map(seen.map((unit, i) => [unit, keys[i] % FOLDS]));
  const count = Math.min(FOLDS, new Set(keys).size);
  return Array.from({ length: count }, (_, fold) => {
    const fold_ = ({ length }: { length: number }, mine: boolean) =>
      Array.from({ length }, (_, row) => row).filter((row) => (foldOf.get(labelled.unit[row]) === fold) === mine);
    const rest = fold_(labelled.unit, false);
    return { held: fold_(labelled.unit, true), rest, units: new Set(rest.map((row) => labelled.unit[row])).size };
  });
}

/** Of each row of labels. */
export interface Told {
  /** Minus the logarithm of what its allowed classes have together, times its weight. */
  loss: Float64Array;
  /** 1 where the likeliest class is allowed, else 0. */
  right: Float64Array;
  /** What its allowed classes have together. */
  chance: Float64Array;
  /** The likeliest class. */
  code: Float64Array;
}

export function toldOf(rows: Rows, features: number, classes: number, solution: Solution): Told {
  const all = probabilities(rows, features, classes, solution);
  const told = blankTold(rows.count);
  for (let row = 0; row < rows.count; row++) {
    let best = 0;
    for (let c = 0; c < classes; c++) {
      if (all[row * classes + c] > all[row * classes + best]) best = c;
      told.chance[row] += rows.target[row * classes + c] * all[row * classes + c];
    }
    told.code[row] = best;
    told.right[row] = rows.target[row * classes + best];
    told.loss[row] = -rows.weight[row] * Math.log(Math.max(told.chance[row], 1e-12));
  }
  return told;
}

export const blankTold = (count: number): Told => ({
  loss: new Float64Array(count),
  right: new Float64Array(count),
  chance: new Float64Array(count),
  code: new Float64Array(count),
});

/** Mean IoU of the classes that have labels: rare classes count as much as common ones. */
export function labelledIou({ target, count }: Rows, classes: number, { code }: Told): number {
  const ious: number[] = [];
  for (let c = 0; c < classes; c++) {
    let [both, either, labelled] = [0, 0, 0];
    for (let row = 0; row < count; row++) {
      const may = target[row * classes + c] === 1;
      const is = may && target.subarray(row * classes, (row + 1) * classes).reduce((sum, each) => sum + each, 0) === 1;
      labelled += Number(is);
      both += Number(is && code[row] === c);
      either += Number(is || (!may && code[row] === c));
    }
    if (labelled > 0) ious.push(both / either);
  }
  return mean(ious);
}

/** What anchors lose by a correction, per anchor: cross entropy of what the network says with what is said then. */
export function drift(anchors: Rows, features: number, classes: number, solution: Solution): number {
  const after = probabilities(anchors, features, classes, solution);
  let sum = 0;
  for (let i = 0; i < after.length; i++) {
    if (anchors.target[i] > 0) sum += anchors.target[i] * Math.log(anchors.target[i] / Math.max(after[i], 1e-12));
  }
  return sum / anchors.count;
}

/** Sums (or means) of rows by what they belong to, 0 where nothing does. */
export function byKey(keys: readonly number[], count: number, values: Float64Array, how: 'sum' | 'mean'): number[] {
  const sums = new Array<number>(count).fill(0);
  const rows = new Array<number>(count).fill(0);
  for (const [i, key] of keys.entries()) {
    sums[key] += values[i];
    rows[key]++;
  }
  return how === 'sum' ? sums : sums.map((sum, i) => (rows[i] > 0 ? sum / rows[i] : 0));
}

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of the mean. */
export function standardError(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)) / Math.max(1, values.length));
}
