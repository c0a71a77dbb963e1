/**
 * Multinomial logistic regression added to given logits: softmax(logits + features · weights + bias). Rows say which
 * classes are allowed (a label), or how likely each is (an anchor); a ridge draws weights and biases to zero, which
 * changes nothing.
 */

export interface Rows {
  count: number;
  /** count * features. */
  features: Float64Array;
  /** count * classes: what is added to. */
  logits: Float64Array;
  /** count * classes. Labels: 1 for what the row may be, else 0; anchors: probabilities. */
  target: Float64Array;
  /** count. */
  weight: Float64Array;
}

/** weights: features * classes, and behind them a bias a class. */
export type Solution = Float64Array;

export interface Regression {
  features: number;
  classes: number;
  labels: Rows;
  anchors: Rows;
  ridge: number;
}

/**
 * The weights with the least loss, by L-BFGS (J. Nocedal and S. Wright, Numerical Optimization, 2006, algorithms 7.4 and
 * 7.5, with backtracking) from `start`, or from nothing. The loss is convex where labels allow one class each.
 */
export function solve(problem: Regression, mostSteps: number, start?: Solution): Solution {
  const size = (problem.features + 1) * problem.classes;
  let at = start ? Float64Array.from(start) : new Float64Array(size);
  let gradient = new Float64Array(size);
  let loss = lossOf(problem, at, gradient);
  const memory: { step: Float64Array; change: Float64Array; curvature: number }[] = [];
  for (let i = 0; i < mostSteps; i++) {
    const direction = descent(gradient, memory);
    const slope = dot(direction, gradient);
    if (slope > -1e-9 * Math.max(1, Math.abs(loss))) break;
    let rate = memory.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    let found = false;
    for (let tries = 0; tries < MOST_TRIES && !found; tries++, rate /= 2) {
      const next = at.map((value, j) => value + rate * direction[j]);
      const nextGradient = new Float64Array(size);
      const nextLoss = lossOf(problem, next, nextGradient);
      if (!(nextLoss <= loss + SUFFICIENT * rate * slope)) continue;
      const step = next.map((value, j) => value - at[j]);
      const change = nextGradient.map((value, j) => value - gradient[j]);
      const curvature = dot(step, change);
      if (curvature > 1e-12) memory.push({ step, change, curvature });
      if (memory.length > MEMORY) memory.shift();
      const gained = loss - nextLoss;
      [at, gradient, loss, found] = [next, nextGradient, nextLoss, true];
      if (gained < 1e-7 * Math.max(1, Math.abs(loss))) return at;
    }
    if (!found) break;
  }
  return at;
}

const MEMORY = 8;
const MOST_TRIES = 20;
/** Share of the slope that a step has to gain. */
const SUFFICIENT = 1e-4;

function descent(
  gradient: Float64Array,
  memory: readonly { step: Float64Array; change: Float64Array; curvature: number }[],
): Float64Array {
  const direction = gradient.map((value) => -value);
  const shares: number[] = [];
  for (const { step, change, curvature } of memory.toReversed()) {
    const share = dot(step, direction) / curvature;
    shares.push(share);
    addTo(direction, change, -share);
  }
  const last = memory.at(-1);
  const scale = last ? last.curvature / dot(last.change, last.change) : 1;
  for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  for (const [i, { step, change, curvature }] of memory.entries()) {
    addTo(direction, step, shares[memory.length - 1 - i] - dot(change, direction) / curvature);
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function addTo(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * values[i];
}

/** The loss, and its gradient into `gradient`. */
function lossOf(problem: Regression, at: Solution, gradient: Float64Array): number {
  const { features, classes, labels, anchors, ridge } = problem;
  let loss = 0;
  for (let i = 0; i < at.length; i++) {
    loss += (ridge / 2) * at[i] * at[i];
    gradient[i] = ridge * at[i];
  }
  loss += addLoss(labels, features, classes, at, gradient, true);
  return loss + addLoss(anchors, features, classes, at, gradient, false);
}

function addLoss(
  rows: Rows,
  features: number,
  classes: number,
  at: Solution,
  gradient: Float64Array,
  isLabel: boolean,
): number {
  const z = new Float64Array(classes);
  const offset = features * classes;
  let loss = 0;
  for (let row = 0; row < rows.count; row++) {
    weigh(rows, row, features, classes, at, z);
    const from = row * classes;
    const weight = rows.weight[row];
    let most = -Infinity;
    for (let c = 0; c < classes; c++) if (z[c] > most) most = z[c];
    let sum = 0;
    let allowed = 0;
    for (let c = 0; c < classes; c++) {
      const share = Math.exp(z[c] - most);
      sum += share;
      if (isLabel) allowed += rows.target[from + c] * share;
    }
    // Of labels: -log of what the allowed classes have together; of anchors: the cross entropy.
    if (isLabel) loss += weight * (Math.log(sum) - Math.log(Math.max(allowed, Number.MIN_VALUE)));
    else for (let c = 0; c < classes; c++) loss += weight * rows.target[from + c] * (Math.log(sum) + most - z[c]);
    for (let c = 0; c < classes; c++) {
      const share = Math.exp(z[c] - most);
      const wanted = isLabel
        ? (rows.target[from + c] * share) / Math.max(allowed, Number.MIN_VALUE)
        : rows.target[from + c];
      z[c] = weight * (share / sum - wanted);
    }
    for (let f = 0, to = 0; f < features; f++) {
      const value = rows.features[row * features + f];
      for (let c = 0; c < classes; c++) gradient[to++] += value * z[c];
    }
    for (let c = 0; c < classes; c++) gradient[offset + c] += z[c];
  }
  return loss;
}

/** The logits of one row with the correction, into `z`. */
function weigh(rows: Rows, row: number, features: number, classes: number, at: Solution, z: Float64Array): void {
  const offset = features * classes;
  for (let c = 0; c < classes; c++) z[c] = rows.logits[row * classes + c] + at[offset + c];
  for (let f = 0, from = 0; f < features; f++) {
    const value = rows.features[row * features + f];
    for (let c = 0; c < classes; c++) z[c] += value * at[from++];
  }
}

/** Probabilities of all classes, count * classes. */
export function probabilities(rows: Rows, features: number, classes: number, at: Solution): Float64Array {
  const all = new Float64Array(rows.count * classes);
  const z = new Float64Array(classes);
  for (let row = 0; row < rows.count; row++) {
    weigh(rows, row, features, classes, at, z);
    const most = Math.max(...z);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += z[c] = Math.exp(z[c] - most);
    for (let c = 0; c < classes; c++) all[row * classes + c] = z[c] / sum;
  }
  return all;
}

/** Some of the rows, with their weights times a factor. */
export function pick(rows: Rows, features: number, classes: number, take: readonly number[], factor = 1): Rows {
  const part = <T extends Float64Array>(values: T, width: number) => {
    const picked = new Float64Array(take.length * width);
    for (const [to, from] of take.entries()) picked.set(values.subarray(from * width, (from + 1) * width), to * width);
    return picked;
  };
  return {
    count: take.length,
    features: part(rows.features, features),
    logits: part(rows.logits, classes),
    target: part(rows.target, classes),
    weight: part(rows.weight, 1).map((value) => value * factor),
  };
}
