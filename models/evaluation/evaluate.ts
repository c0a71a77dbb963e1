/**
 * Scores of a predicted class map against the truth: confusion matrix, IoU, precision, recall, F1, boundary IoU and
 * calibration. Takes rows of codes, so that maps of any height can be scored.
 */

/** Codes of the truth that are not a class: 255 = not known; 254 = "not a building"; 253 = "not a road". */
export const UNKNOWN = 255;

export interface ClassScore {
  class: string;
  iou: number | null;
  precision: number | null;
  recall: number | null;
  f1: number | null;
  boundary_iou: number | null;
}

export interface Evaluation {
  /** Mean over the classes that occur in truth or prediction. */
  miou: number;
  accuracy: number;
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
  /** [truth][predicted], (classes + 1) squared: the last column and row hold what is no class (nodata, negatives). */
  confusion: Float64Array;
  boundaryIntersection: Float64Array;
  boundaryUnion: Float64Array;
  binCount: Float64Array;
  binConfidence: Float64Array;
  binCorrect: Float64Array;
}

/** An empty tally for classes with the codes 0, 1, 2, … */
export function createTally(classNames: readonly string[]): Tally {
  const count = classNames.length;
  return {
    classNames,
    confusion: new Float64Array((count + 1) ** 2),
    boundaryIntersection: new Float64Array(count),
    boundaryUnion: new Float64Array(count),
    binCount: new Float64Array(CALIBRATION_BINS),
    binConfidence: new Float64Array(CALIBRATION_BINS),
    binCorrect: new Float64Array(CALIBRATION_BINS),
  };
}

/** Codes of partial labels (DATA: "not a X, otherwise unlabelled") to the name of X. */
const NEGATIVES: ReadonlyMap<number, string> = new Map([
  [254, 'building'],
  [253, 'road'],
]);

/**
 * Adds one map. `truth`, `predicted` and `scores` are height * width; predicted codes that are no class (nodata) count
 * as wrong where the truth is known. Where the truth only says "not a building", a predicted building is wrong and
 * anything else is not counted.
 */
export function addToTally(
  tally: Tally,
  map: { width: number; height: number; truth: Uint8Array; predicted: Uint8Array; scores?: Uint8Array },
): void {
  const count = tally.classNames.length;
  for (let i = 0; i < map.truth.length; i++) {
    const truth = map.truth[i];
    const predicted = Math.min(map.predicted[i], count);
    if (truth >= count) {
      const negated = NEGATIVES.get(truth);
      if (negated !== undefined && tally.classNames[predicted] === negated) {
        tally.confusion[count * (count + 1) + predicted]++;
      }
      continue;
    }
    tally.confusion[truth * (count + 1) + predicted]++;
    if (map.scores?.[i] && predicted < count) {
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
  const known = Uint8Array.from(truth, (code) => (code < tally.classNames.length ? 1 : 0));
  for (let code = 0; code < tally.classNames.length; code++) {
    const ofTruth = boundaryBand(truth, code, width, height, distance);
    const ofPrediction = boundaryBand(predicted, code, width, height, distance);
    for (let i = 0; i < known.length; i++) {
      if (!known[i]) continue;
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
    return {
      class: name,
      iou: ratio(hit, inTruth + inPrediction - hit),
      precision: ratio(hit, inPrediction),
      recall: ratio(hit, inTruth),
      f1: ratio(2 * hit, inTruth + inPrediction),
      boundary_iou: ratio(tally.boundaryIntersection[c], tally.boundaryUnion[c]),
    };
  });
  const present = classes.flatMap(({ iou }) => (iou === null ? [] : [iou]));
  const known = tally.confusion.subarray(0, (size - 1) * size).reduce((a, b) => a + b, 0);
  const scored = tally.binCount.reduce((a, b) => a + b, 0);
  const gap = tally.binCount.reduce((total, _, b) => total + Math.abs(tally.binConfidence[b] - tally.binCorrect[b]), 0);
  return {
    miou: present.reduce((a, b) => a + b, 0) / Math.max(1, present.length),
    accuracy: classes.reduce((total, _, c) => total + at(c, c), 0) / Math.max(1, known),
    ece: ratio(gap, scored),
    classes,
    confusion: Array.from({ length: size }, (_, truth) => Array.from({ length: size }, (_, k) => at(truth, k))),
    calibration: Array.from(tally.binCount, (count, b) => ({
      count,
      confidence: tally.binConfidence[b] / Math.max(1, count),
      accuracy: tally.binCorrect[b] / Math.max(1, count),
    })),
  };
}
