/**
 * Labels, and what a network says there → the correction that makes more of them right; none where it would not.
 *
 * How strong a correction may be is told by labels that are held back in turn. Anchors, pixels drawn at random, hold the
 * rest of the map to what the network says of it. Where people marked errors alone, the labels stand for the share of
 * the map that is wrong and anchors for the rest of it; else the labels stand for all of it.
 */
import type { Correction } from './fold-head.ts';
import {
  blankTold,
  byKey,
  drift,
  type Fold,
  foldsOf,
  labelledIou,
  mean,
  standardError,
  type Told,
  toldOf,
} from './held-back.ts';
import { type Axes, alongAxes, principalAxes } from './principal.ts';
import { channelsOf, type ReadSamples, type Samples } from './read-samples.ts';
import { pick, probabilities, type Rows, type Solution, solve } from './regression.ts';
import type { Layer } from './taught-layers.ts';

export interface Strength {
  /** Weight of all anchors, per unit of labels. */
  anchors: number;
  ridge: number;
}

export interface Fitted {
  correction: Correction;
  strength: Strength;
  /** Whether held-back labels are told better with it; else it is nothing. */
  better: boolean;
  /** Whether labels were drawn mostly where the map was wrong: then they do not say how good it is. */
  drawnOnErrors: boolean;
  /** Of the rows of labels, without the correction and when they were held back; null where nothing was. */
  before: Told;
  after: Told | null;
  /** Of each anchor, what its likeliest class lacks to certainty. */
  doubt: number[];
}

const AXES = 64;
const STEPS_WHEN_TRYING = 30;
const STEPS = 60;
/** What is tried. */
const ANCHOR_WEIGHTS = [0.1, 1];
const RIDGES = [500, 50, 5, 0.5];
/** What is taken where there are too few labels to try. */
const DEFAULT_STRENGTH: Strength = { anchors: 1, ridge: 5 };
/** Of labels, the share that the map contradicts: below the first, they were drawn anywhere; above the second, on errors. */
const DRAWN_ON_ERRORS = [0.4, 0.6] as const;
/** A correction is taken where its gain on held-back labels is more than so many standard errors, and their IoU no less. */
const CONFIDENCE = 1;
/** Of a map nobody knows that so little of it is wrong, or so much. */
const [LEAST_WRONG, MOST_WRONG] = [0.03, 0.5];
/** Labels of a class are weighed by how much of the map it has, to this power: 1 wholly, 0 not at all … */
const PRIOR_POWER = 0.5;
/** … where shares of the map and of the labels are at least this, and weights change by no more than this factor. */
const PRIOR_FLOOR = 0.02;
const MOST_REWEIGHING = 5;
/** Logit of a class that is new, against the likeliest of the others, before anything is learnt of it. */
const NEW_CLASS_LOGIT = -4;

/** @param classes all; those from `known` on are new to the network. The same samples give the same correction. */
export function fitCorrection(read: ReadSamples, layers: readonly Layer[], known: number, classes: number): Fitted {
  const { units, labelled } = read;
  const axes = principalAxes(read.anchors.features, channelsOf(layers), AXES);
  const size = { features: axes.count, classes };
  const none: Solution = new Float64Array((axes.count + 1) * classes);
  const anchors = anchorRows(read.anchors, axes, known, size);
  const labels = labelRows(read, axes, known, size);
  const before = toldOf(labels, size.features, classes, none);
  const { share, anchorsAtLeast, onErrors } = drawnWhere(read, before, anchors, known, classes);
  if (onErrors === 0) restorePriors(labels, labelled.unit, units.length, anchors, known, classes);

  const folds = foldsOf(read);
  const tried = folds && tryStrengths({ read, labels, anchors, size, share, anchorsAtLeast, none, folds });
  const iou = (told: Told) => labelledIou(labels, classes, told);
  const better = tried ? tried.gain > CONFIDENCE * tried.error && iou(tried.told) >= iou(before) : units.length > 0;
  const strength = tried?.strength ?? DEFAULT_STRENGTH;
  const solution = better ? solve(regression(size, labels, anchors, units.length, strength), STEPS) : none;
  return {
    correction: correctionOf(solution, axes, layers, known, classes),
    strength,
    better,
    drawnOnErrors: onErrors > 0.5,
    before,
    after: tried?.told ?? null,
    doubt: doubtOf(probabilities(anchors, size.features, classes, solution), classes),
  };
}

interface Size {
  features: number;
  classes: number;
}

function rowsOf(
  { features, logits, places }: Samples,
  axes: Axes,
  known: number,
  { classes }: Size,
): Pick<Rows, 'count' | 'features' | 'logits'> {
  const weighed = new Float64Array(places.length * classes);
  for (let i = 0; i < places.length; i++) {
    const row = logits.subarray(i * known, (i + 1) * known);
    weighed.fill(Math.max(...row) + NEW_CLASS_LOGIT, i * classes + known, (i + 1) * classes);
    weighed.set(row, i * classes);
  }
  return { count: places.length, features: alongAxes(features, axes), logits: weighed };
}

/** Each is to stay what the network says of it. */
function anchorRows(anchors: Samples, axes: Axes, known: number, size: Size): Rows {
  const rows = rowsOf(anchors, axes, known, size);
  const blank = { ...rows, target: new Float64Array(0), weight: new Float64Array(rows.count).fill(1) };
  const nothing = new Float64Array((size.features + 1) * size.classes);
  return { ...blank, target: probabilities(blank, size.features, size.classes, nothing) };
}

/** Each unit weighs as much as another. */
function labelRows({ units, labelled }: ReadSamples, axes: Axes, known: number, size: Size): Rows {
  const rows = rowsOf(labelled, axes, known, size);
  const target = new Float64Array(rows.count * size.classes);
  const counts = new Array<number>(units.length).fill(0);
  for (const [row, unit] of labelled.unit.entries()) {
    for (const code of units[unit].label.allowed) target[row * size.classes + code] = 1;
    counts[unit]++;
  }
  return { ...rows, target, weight: Float64Array.from(labelled.unit, (unit) => 1 / counts[unit]) };
}

/** Whether labels were drawn anywhere or on errors (0 to 1), and what they stand for then. */
function drawnWhere(
  { units, labelled, pixels }: ReadSamples,
  before: Told,
  anchors: Rows,
  known: number,
  classes: number,
) {
  const wrong = byKey(
    labelled.unit,
    units.length,
    before.right.map((right) => 1 - right),
    'mean',
  );
  const told = wrong.filter((_, i) => units[i].label.allowed.every((code) => code < known));
  const [low, high] = DRAWN_ON_ERRORS;
  const onErrors = Math.min(1, Math.max(0, (mean(told) - low) / (high - low)));
  // As the network doubts, or at least as much as was marked.
  const marked = units.reduce((sum, unit, i) => sum + (wrong[i] * unit.pixels.length) / 2, 0) / pixels;
  const errors = Math.max(LEAST_WRONG, Math.min(MOST_WRONG, Math.max(mean(doubtOf(anchors.target, classes)), marked)));
  const share = errors ** onErrors;
  return { onErrors, share, anchorsAtLeast: (onErrors * (1 - share)) / share };
}

/** People mark rare classes as often as common ones: without this, those would be found everywhere. */
function restorePriors(
  labels: Rows,
  unitOf: readonly number[],
  units: number,
  anchors: Rows,
  known: number,
  classes: number,
): void {
  const marked = new Float64Array(classes);
  const mapped = new Float64Array(classes);
  const shares = new Float64Array(labels.count * classes);
  for (let row = 0; row < labels.count; row++) {
    // A label that allows several classes is of them as the network says.
    let sum = 0;
    for (let c = 0; c < classes; c++)
      sum += labels.target[row * classes + c] * Math.exp(labels.logits[row * classes + c]);
    for (let c = 0; c < classes; c++) {
      const at = row * classes + c;
      shares[at] = sum > 0 ? (labels.target[at] * Math.exp(labels.logits[at])) / sum : 0;
      marked[c] += (labels.weight[row] * shares[at]) / units;
    }
  }
  for (let i = 0; i < anchors.target.length; i++) mapped[i % classes] += anchors.target[i] / anchors.count;
  const factors = marked.map((share, c) => {
    if (c >= known) return 1;
    const factor = ((mapped[c] + PRIOR_FLOOR) / (share + PRIOR_FLOOR)) ** PRIOR_POWER;
    return Math.min(MOST_REWEIGHING, Math.max(1 / MOST_REWEIGHING, factor));
  });
  let total = 0;
  for (let row = 0; row < labels.count; row++) {
    let factor = 0;
    for (let c = 0; c < classes; c++) factor += shares[row * classes + c] * factors[c];
    labels.weight[row] *= factor;
    total += labels.weight[row];
  }
  const seen = new Set(unitOf).size;
  for (let row = 0; row < labels.count; row++) labels.weight[row] *= seen / total;
}

function regression(size: Size, labels: Rows, anchors: Rows, units: number, { anchors: weight, ridge }: Strength) {
  const each = (weight * units) / Math.max(1, anchors.count);
  return { ...size, labels, anchors: { ...anchors, weight: new Float64Array(anchors.count).fill(each) }, ridge };
}

interface Trial {
  read: ReadSamples;
  labels: Rows;
  anchors: Rows;
  size: Size;
  /** Of the map, what the labels stand for. */
  share: number;
  anchorsAtLeast: number;
  none: Solution;
  folds: readonly Fold[];
}

interface Tried {
  strength: Strength;
  /** What the loss of the map is less by, per unit, with its standard error. */
  gain: number;
  error: number;
  told: Told;
}

/** The best of all strengths, by labels and anchors that were held back. */
function tryStrengths({ read, labels, anchors, size, share, anchorsAtLeast, none, folds }: Trial): Tried {
  const { units, labelled } = read;
  const { features, classes } = size;
  const half = Math.floor(anchors.count / 2);
  const [learning, judging] = [0, half].map((from) =>
    pick(
      anchors,
      features,
      classes,
      Array.from({ length: half }, (_, i) => from + i),
    ),
  );
  const parts = folds.map(({ held, rest }) => ({
    held: pick(labels, features, classes, held),
    rest: pick(labels, features, classes, rest),
  }));
  const base = toldOf(labels, features, classes, none);
  let best: Tried | null = null;
  for (const weight of new Set(ANCHOR_WEIGHTS.map((each) => Math.max(each, anchorsAtLeast)))) {
    const starts: Solution[] = folds.map(() => none);
    for (const ridge of RIDGES) {
      const strength = { anchors: weight, ridge };
      const told = blankTold(labels.count);
      let moved = 0;
      for (const [fold, { held, units: count }] of folds.entries()) {
        const asked = regression(size, parts[fold].rest, learning, count, strength);
        starts[fold] = solve(asked, STEPS_WHEN_TRYING, starts[fold]); // the next ridge begins where this one ends
        const found = toldOf(parts[fold].held, features, classes, starts[fold]);
        for (const [i, row] of held.entries()) {
          for (const key of ['loss', 'right', 'chance', 'code'] as const) told[key][row] = found[key][i];
        }
        moved += drift(judging, features, classes, starts[fold]) / folds.length;
      }
      const gained = base.loss.map((loss, row) => loss - told.loss[row]);
      const gains = byKey(labelled.unit, units.length, gained, 'sum').map((gain) => share * gain - (1 - share) * moved);
      const tried = { strength, gain: mean(gains), error: standardError(gains), told };
      if (!best || tried.gain > best.gain) best = tried;
    }
  }
  return best!;
}

/** From axes back to the layers' channels. */
function correctionOf(
  solution: Solution,
  { mean: means, project, count }: Axes,
  layers: readonly Layer[],
  known: number,
  classes: number,
): Correction {
  const features = means.length;
  const all = new Float64Array(features * classes);
  const bias = Float64Array.from(
    { length: classes },
    (_, c) => (c < known ? 0 : NEW_CLASS_LOGIT) + solution[count * classes + c],
  );
  for (let f = 0; f < features; f++) {
    for (let c = 0; c < classes; c++) {
      let weight = 0;
      for (let axis = 0; axis < count; axis++) weight += project[f * count + axis] * solution[axis * classes + c];
      all[f * classes + c] = weight;
      bias[c] -= means[f] * weight;
    }
  }
  let from = 0;
  const weights = layers.map(({ channels }) => {
    const own = new Float32Array(classes * channels);
    for (let c = 0; c < classes; c++) {
      for (let channel = 0; channel < channels; channel++)
        own[c * channels + channel] = all[(from + channel) * classes + c];
    }
    from += channels;
    return own;
  });
  return { layers, weights, bias: Float32Array.from(bias), classes };
}

/** What the likeliest class of each row lacks to certainty. */
const doubtOf = (shares: Float64Array, classes: number): number[] =>
  Array.from(
    { length: shares.length / classes },
    (_, i) => 1 - Math.max(...shares.subarray(i * classes, (i + 1) * classes)),
  );
