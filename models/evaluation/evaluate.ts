/**
 * Scores of a predicted class map against the truth: confusion matrix, IoU, precision, recall, F1, boundary IoU and
 * calibration. Takes rows of codes, so that maps of any height can be scored.
 */
import { type ClassRole, roleOf } from '../class-roles.ts';

/** Code of the truth where nothing is known. */
export const UNKNOWN = 255;

/** Codes of partial labels, "not an X, otherwise unlabelled", to what the classes that are X are drawn as. */
const NEGATIVES: ReadonlyMap<number, ClassRole> = new Map([
  [254, 'building'],
  [253, 'road'],
  [252, 'vegetation'],
]);
/** Not the one class that was asked for, where none of those codes says just that. */
const NOT_THE_ONE = 251;

type Classes = readonly { name: string; role?: ClassRole }[];

/** All are null where the class does not occur in the truth, but for the precision: what was claimed is wrong then. */
export interface ClassScore {
  class: string;
  iou: number | null;
  precision: number | null;
  recall: number | null;
  f1: number | null;
  boundary_iou: number | null;
}

export interface Evaluation {
  /** Mean over the classes that occur in the truth; null where none does. */
  miou: number | null;
  /** Of the pixels of which anything is known; where that is what they are not, other answers are right. */
  accuracy: number | null;
  /** Expected calibration error over 15 equal bins (Guo et al. 2017); null without scores. */
  ece: number | null;
  classes: ClassScore[];
  /**
   * Pixels by truth (rows) and prediction (columns), in the order of the classes. The last column is what was given no
   * class, the last row what was given a class that the truth says it is not.
   */
  confusion: number[][];
  /** Of the pixels with a score, in 15 equal bins of it: how sure and how often right they are on average. */
  calibration: CalibrationBin[];
  /** Pixels of the truth whose code says nothing, by code. */
  unknown_codes: Record<string, number>;
}

export interface CalibrationBin {
  count: number;
  /** 0 for an empty bin, as the accuracy. */
  confidence: number;
  accuracy: number;
}

const CALIBRATION_BINS = 15;

export interface Tally {
  classNames: readonly string[];
  /** By code of the truth: the classes that it says a pixel is not. */
  ruledOut: readonly (readonly number[])[];
  /** [truth][predicted], (classes + 1) squared: the last column and row hold what is no class (nodata, negatives). */
  confusion: Float64Array;
  /** Pixels of which the truth only says what they are not. */
  negatives: number;
  /** Pixels by code of the truth. */
  codes: Float64Array;
  boundaryIntersection: Float64Array;
  boundaryUnion: Float64Array;
  binCount: Float64Array;
  binConfidence: Float64Array;
  binCorrect: Float64Array;
}

/** An empty tally for classes with the codes 0, 1, 2, …; `only`: of maps whose truth `onlyClass` has made. */
export function createTally(classes: Classes, only?: string): Tally {
  const count = classes.length;
  return {
    classNames: classes.map(({ name }) => name),
    ruledOut: ruledOutBy(classes, only),
    confusion: new Float64Array((count + 1) ** 2),
    negatives: 0,
    codes: new Float64Array(256),
    boundaryIntersection: new Float64Array(count),
    boundaryUnion: new Float64Array(count),
    binCount: new Float64Array(CALIBRATION_BINS),
    binConfidence: new Float64Array(CALIBRATION_BINS),
    binCorrect: new Float64Array(CALIBRATION_BINS),
  };
}

const indicesOf = (classes: Classes, wanted: (each: Classes[number]) => boolean): number[] =>
  classes.flatMap((each, index) => (wanted(each) ? [index] : []));

const ruledOutBy = (classes: Classes, only: string | undefined): number[][] =>
  Array.from({ length: 256 }, (_, code) => {
    if (code < classes.length) return [];
    if (code === NOT_THE_ONE) return indicesOf(classes, ({ name }) => name === only);
    const role = NEGATIVES.get(code);
    return role ? indicesOf(classes, (each) => roleOf(each) === role) : [];
  });

/**
 * The truth as far as it tells of one class: every other class becomes "not that one". What only rules out another class
 * is not known. Throws a RangeError for what is no class.
 */
export function onlyClass(truth: Uint8Array, name: string, classes: Classes): Uint8Array {
  const wanted = classes.findIndex((each) => each.name === name);
  if (wanted < 0)
    throw new RangeError(`"${name}" is none of the classes ${classes.map((each) => each.name).join(', ')}`);
  const ruledOut = ruledOutBy(classes, name);
  const saysJustThat = [...NEGATIVES.keys()].find(
    (code) => ruledOut[code].length === 1 && ruledOut[code][0] === wanted,
  );
  const negative = saysJustThat ?? NOT_THE_ONE;
  const meaning = Uint8Array.from({ length: 256 }, (_, code) => {
    if (code === wanted) return wanted;
    if (code < classes.length || ruledOut[code].includes(wanted)) return negative;
    return ruledOut[code].length > 0 ? UNKNOWN : code;
  });
  return truth.map((code) => meaning[code]);
}

/** Whether an answer is right, as far as the truth tells; null where it does not. */
export function isRight({ classNames, ruledOut }: Tally, truth: number, predicted: number): boolean | null {
  if (truth < classNames.length) return predicted === truth;
  return ruledOut[truth].length > 0 ? !ruledOut[truth].includes(predicted) : null;
}

/**
 * Adds one map. `truth`, `predicted` and `scores` are height * width; predicted codes that are no class (nodata) count
 * as wrong where the truth is known. Where the truth only says "not a building", a predicted building is wrong and
 * anything else right, whatever it is. An image with such codes says nothing of the calibration: of a score it is not
 * known how it is spread over the other classes.
 */
export function addToTally(
  tally: Tally,
  map: { width: number; height: number; truth: Uint8Array; predicted: Uint8Array; scores?: Uint8Array },
): void {
  const count = tally.classNames.length;
  const { ruledOut } = tally;
  const partial = map.truth.some((code) => ruledOut[code].length > 0);
  for (let i = 0; i < map.truth.length; i++) {
    const truth = map.truth[i];
    const predicted = Math.min(map.predicted[i], count);
    tally.codes[truth]++;
    if (truth >= count) {
      if (ruledOut[truth].length === 0) continue;
      tally.negatives++;
      if (ruledOut[truth].includes(predicted)) tally.confusion[count * (count + 1) + predicted]++;
      continue;
    }
    tally.confusion[truth * (count + 1) + predicted]++;
    if (!partial && map.scores?.[i] && predicted < count) {
      const confidence = map.scores[i] / 255;
      const bin = Math.min(CALIBRATION_BINS - 1, Math.floor(confidence * CALIBRATION_BINS));
      tally.binCount[bin]++;
      tally.binConfidence[bin] += confidence;
      if (predicted === truth) tally.binCorrect[bin]++;
    }
  }
  addBoundaries(tally, map);
}

/**
 * Boundary IoU (Cheng et al. 2021): of each mask only the pixels within d of its outline are compared, with d = 2 % of
 * the image's diagonal. The distance is the chessboard distance, as in the authors' erosion by a 3 x 3 square.
 */
function addBoundaries(
  tally: Tally,
  { width, height, truth, predicted }: { width: number; height: number; truth: Uint8Array; predicted: Uint8Array },
): void {
  const distance = Math.max(1, Math.round(0.02 * Math.hypot(width, height)));
  for (let code = 0; code < tally.classNames.length; code++) {
    const ofTruth = boundaryBand(truth, code, width, height, distance);
    const ofPrediction = boundaryBand(predicted, code, width, height, distance);
    for (let i = 0; i < truth.length; i++) {
      if (truth[i] >= tally.classNames.length && !tally.ruledOut[truth[i]].includes(code)) continue;
      tally.boundaryIntersection[code] += ofTruth[i] & ofPrediction[i];
      tally.boundaryUnion[code] += ofTruth[i] | ofPrediction[i];
    }
  }
}

/** 1 for pixels of `code` whose chessboard distance to a pixel of another code or to the image's edge is <= distance. */
function boundaryBand(codes: Uint8Array, code: number, width: number, height: number, distance: number): Uint8Array {
  // Erosion by a (2d+1) square is separable: a pixel survives if its row's run, then its column's run, is long enough.
  const rowSurvives = new Uint8Array(codes.length);
  for (let y = 0; y < height; y++) {
    let start = 0;
    for (let x = 0; x <= width; x++) {
      if (x < width && codes[y * width + x] === code) continue;
      rowSurvives.fill(1, y * width + start + distance, Math.max(0, y * width + x - distance));
      start = x + 1;
    }
  }
  const band = Uint8Array.from(codes, (each) => (each === code ? 1 : 0));
  for (let x = 0; x < width; x++) {
    let start = 0;
    for (let y = 0; y <= height; y++) {
      if (y < height && rowSurvives[y * width + x]) continue;
      for (let inner = start + distance; inner < y - distance; inner++) band[inner * width + x] = 0;
      start = y + 1;
    }
  }
  return band;
}

const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** The scores of everything added so far. */
export function scoreTally(tally: Tally): Evaluation {
  const size = tally.classNames.length + 1;
  const at = (truth: number, predicted: number) => tally.confusion[truth * size + predicted];
  const sum = (of: (k: number) => number) => Array.from({ length: size }, (_, k) => of(k)).reduce((a, b) => a + b, 0);
  const classes = tally.classNames.map((name, c): ClassScore => {
    const hit = at(c, c);
    const inTruth = sum((k) => at(c, k));
    const inPrediction = sum((k) => at(k, c));
    const occurs = inTruth > 0;
    return {
      class: name,
      iou: occurs ? hit / (inTruth + inPrediction - hit) : null,
      // Where some pixels only say what they are not, most claims of a class that does not occur are not judged.
      precision: occurs || tally.negatives === 0 || at(size - 1, c) > 0 ? ratio(hit, inPrediction) : null,
      recall: ratio(hit, inTruth),
      f1: occurs ? (2 * hit) / (inTruth + inPrediction) : null,
      boundary_iou: occurs ? ratio(tally.boundaryIntersection[c], tally.boundaryUnion[c]) : null,
    };
  });
  const present = classes.flatMap(({ iou }) => (iou === null ? [] : [iou]));
  const total = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0);
  const lastRow = (size - 1) * size;
  const known = total(tally.confusion.subarray(0, lastRow));
  const hits = classes.reduce((all, _, c) => all + at(c, c), 0);
  const rightlyNot = tally.negatives - total(tally.confusion.subarray(lastRow));
  const scored = total(tally.binCount);
  const gap = tally.binCount.reduce((all, _, b) => all + Math.abs(tally.binConfidence[b] - tally.binCorrect[b]), 0);
  return {
    miou: ratio(
      present.reduce((a, b) => a + b, 0),
      present.length,
    ),
    accuracy: ratio(hits + rightlyNot, known + tally.negatives),
    ece: ratio(gap, scored),
    classes,
    confusion: Array.from({ length: size }, (_, truth) => Array.from({ length: size }, (_, k) => at(truth, k))),
    calibration: Array.from(tally.binCount, (count, b) => ({
      count,
      confidence: tally.binConfidence[b] / Math.max(1, count),
      accuracy: tally.binCorrect[b] / Math.max(1, count),
    })),
    unknown_codes: Object.fromEntries(
      [...tally.codes.entries()].filter(([code, pixels]) => pixels > 0 && isRight(tally, code, UNKNOWN) === null),
    ),
  };
}
