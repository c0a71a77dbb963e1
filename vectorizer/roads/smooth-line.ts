/** One line of the sketch in; the line as it is published out, smooth and with few vertices, and what is measured on it. */
import { distance, lengthOf, medianRadius, type Points, resample } from './line-graph.ts';

export interface DrawnLine {
  /** x0, y0, x1, y1, … */
  points: Float64Array;
  length: number;
  /** Median of twice the half-width. */
  width: number;
  score: number;
  /** Length across gaps. */
  bridged: number;
}

/** Smooths over about one width of the road: what a border wiggles by within that is no bend of the road. */
const SMOOTHING_RADII = 0.8;

/** A line of the sketch with points a pixel apart and the probability (0–1) at each; 0 across gaps. */
export interface MeasuredLine extends Points {
  scores: number[];
}

/** `scoreOf` gives the probability (0–1) at a point. */
export function measureLine(line: Points, scoreOf: (x: number, y: number) => number): MeasuredLine {
  resample(line, 1);
  const { x, y, radius } = line;
  return { x, y, radius, scores: x.map((at, i) => (radius[i] === 0 ? 0 : scoreOf(at, y[i]))) };
}

/** All lengths in pixels. The ends stay where they are. */
export function drawLine(line: MeasuredLine, tolerance: number): DrawnLine {
  const radius = medianRadius(line);
  const half = Math.round(SMOOTHING_RADII * radius);
  const gapPoints = line.radius.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0);
  const scores = line.scores.reduce((sum, value) => sum + value, 0);
  const x = smooth(smooth(line.x, half), half);
  const y = smooth(smooth(line.y, half), half);
  // Nothing moves by more than half of the half-width there, and then by half of the narrowest one at most: so the drawn
  // line stays on the surface.
  for (let i = 0; i < x.length; i++) {
    const moved = distance(x[i] - line.x[i], y[i] - line.y[i]);
    const share = Math.min(1, (line.radius[i] || radius) / 2 / moved);
    if (share === 1 || moved === 0) continue;
    x[i] = line.x[i] + share * (x[i] - line.x[i]);
    y[i] = line.y[i] + share * (y[i] - line.y[i]);
  }
  const narrowest = line.radius.reduce((least, value) => (value > 0 && value < least ? value : least), radius);
  const kept = simplify(x, y, Math.min(tolerance, narrowest / 2));
  const points = new Float64Array(2 * kept.length);
  for (const [k, i] of kept.entries()) {
    points[2 * k] = x[i];
    points[2 * k + 1] = y[i];
  }
  const length = lengthOf({ x: kept.map((i) => x[i]), y: kept.map((i) => y[i]) });
  const count = line.x.length;
  return { points, length, width: 2 * radius, score: scores / count, bridged: (gapPoints / count) * length };
}

/** Moving average whose window shrinks towards both ends. */
function smooth(values: readonly number[], half: number): number[] {
  const count = values.length;
  const sums = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + values[i];
  return values.map((_, i) => {
    const h = Math.min(half, i, count - 1 - i);
    return h === 0 ? values[i] : (sums[i + h + 1] - sums[i - h]) / (2 * h + 1);
  });
}

/** Douglas–Peucker: indices of the points that stay. A closed line keeps the point farthest from its start. */
function simplify(x: readonly number[], y: readonly number[], tolerance: number): number[] {
  const keep = new Uint8Array(x.length);
  keep[0] = 1;
  keep[x.length - 1] = 1;
  const stack: [number, number][] = [[0, x.length - 1]];
  for (let range = stack.pop(); range; range = stack.pop()) {
    const [first, last] = range;
    const dx = x[last] - x[first];
    const dy = y[last] - y[first];
    const square = dx * dx + dy * dy;
    let farthest = -1;
    let worst = square > 0 ? tolerance * tolerance : 0;
    for (let i = first + 1; i < last; i++) {
      const px = x[i] - x[first];
      const py = y[i] - y[first];
      const t = square > 0 ? Math.max(0, Math.min(1, (px * dx + py * dy) / square)) : 0;
      const off = (px - t * dx) ** 2 + (py - t * dy) ** 2;
      if (off > worst) {
        worst = off;
        farthest = i;
      }
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    stack.push([first, farthest], [farthest, last]);
  }
  return [...keep.keys()].filter((i) => keep[i] === 1);
}
