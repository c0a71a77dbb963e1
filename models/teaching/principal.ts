/** Few numbers instead of many: what the layers of a network say about a pixel, along the axes in which pixels differ most. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export interface Axes {
  /** Of every feature. */
  mean: Float64Array;
  /** features * axes: what a feature's distance from its mean adds along each axis. */
  project: Float64Array;
  count: number;
}

/** Added to deviations, in the network's units: features that hardly differ say nothing. */
const LEAST_DEVIATION = 0.01;
/**
 * How far the spread along axes is evened out: 0 leaves it, 1 makes it the same along all. Between, the ridge holds back
 * axes along which pixels differ little, and not wholly.
 */
const EVENNESS = 0.75;

/** Principal axes of standardised features: `values` is count * features. */
export function principalAxes(values: Float32Array, features: number, most: number): Axes {
  const count = values.length / features;
  const mean = new Float64Array(features);
  for (let i = 0; i < values.length; i++) mean[i % features] += values[i] / count;
  const deviation = new Float64Array(features);
  for (let i = 0; i < values.length; i++) deviation[i % features] += (values[i] - mean[i % features]) ** 2 / count;
  for (let f = 0; f < features; f++) deviation[f] = Math.sqrt(deviation[f]) + LEAST_DEVIATION;
  const covariance = Matrix.zeros(features, features);
  const row = new Float64Array(features);
  for (let i = 0; i < count; i++) {
    for (let f = 0; f < features; f++) row[f] = (values[i * features + f] - mean[f]) / deviation[f];
    for (let a = 0; a < features; a++) {
      for (let b = a; b < features; b++) covariance.set(a, b, covariance.get(a, b) + (row[a] * row[b]) / count);
    }
  }
  for (let a = 0; a < features; a++) for (let b = 0; b < a; b++) covariance.set(a, b, covariance.get(b, a));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const order = realEigenvalues.map((value, i) => ({ value, i })).sort((a, b) => b.value - a.value);
  const kept = order.slice(0, most).filter(({ value }) => value > 1e-6);
  const project = new Float64Array(features * kept.length);
  for (const [axis, { value, i }] of kept.entries()) {
    const scale = Math.sqrt(value) ** EVENNESS;
    for (let f = 0; f < features; f++) {
      project[f * kept.length + axis] = eigenvectorMatrix.get(f, i) / scale / deviation[f];
    }
  }
  return { mean, project, count: kept.length };
}

/** count * features → count * axes. */
export function alongAxes(values: Float32Array, { mean, project, count: axes }: Axes): Float64Array {
  const features = mean.length;
  const count = values.length / features;
  const along = new Float64Array(count * axes);
  for (let i = 0; i < count; i++) {
    for (let f = 0; f < features; f++) {
      const distance = values[i * features + f] - mean[f];
      for (let axis = 0; axis < axes; axis++) along[i * axes + axis] += distance * project[f * axes + axis];
    }
  }
  return along;
}
