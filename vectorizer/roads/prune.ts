/** Takes from the network what is no road: spurs, tiny rings and pieces that lead nowhere. */
import {
  distance,
  holds,
  joinThrough,
  type Line,
  type LineGraph,
  lengthOf,
  lines,
  medianRadius,
  type Rows,
  removeLine,
  rounded,
} from './line-graph.ts';

/**
 * Removes branches that reach less far out of the surface they hang on than `spurWidths` of their own width, or than
 * `minSpur` pixels; the shortest first, so that of two corners one goes and the other goes on the road. Returns how many of
 * them hung in these rows.
 */
export function pruneSpurs(sketch: LineGraph, minSpur: number, spurWidths: number, counted: Rows): number {
  let pruned = 0;
  for (;;) {
    const spurs: { line: Line; base: number; reach: number }[] = [];
    for (const line of lines(sketch)) {
      const [from, to] = [sketch.at[line.from].length, sketch.at[line.to].length];
      if (Math.min(from, to) !== 1 || Math.max(from, to) < 3) continue;
      const [base, tip] = from === 1 ? [line.to, line.from] : [line.from, line.to];
      const reach = lengthOf(line) + sketch.radius[tip] - sketch.radius[base];
      if (reach < Math.max(minSpur, spurWidths * 2 * medianRadius(line))) spurs.push({ line, base, reach });
    }
    if (spurs.length === 0) return pruned;
    spurs.sort((a, b) => rounded(a.reach) - rounded(b.reach));
    for (const { line, base } of spurs) {
      // Gone with its neighbour already, or now a part of a longer line.
      if (sketch.at[base].length < 3 || !sketch.at[base].includes(line)) continue;
      removeLine(sketch, line);
      joinThrough(sketch, base);
      if (holds(counted, sketch.y[base])) pruned++;
    }
  }
}

/** Removes lines that return to their node within a few half-widths of it. Returns how many of them in these rows. */
export function pruneRings(sketch: LineGraph, radii: number, counted: Rows): number {
  let pruned = 0;
  for (const line of lines(sketch)) {
    if (line.from !== line.to || lengthOf(line) > radii * largest(line.radius)) continue;
    removeLine(sketch, line);
    joinThrough(sketch, line.from);
    if (holds(counted, sketch.y[line.from])) pruned++;
  }
  return pruned;
}

/**
 * Of two lines between the same nodes that are nowhere farther apart than the wider one's half-width and `apart` pixels,
 * removes the one that crosses gaps, or the longer one. Those longer than `most` pixels stay. Returns how many began in
 * these rows.
 */
export function pruneDoubles(sketch: LineGraph, apart: number, most: number, counted: Rows): number {
  let pruned = 0;
  for (const line of lines(sketch)) {
    if (line.from === line.to || lengthOf(line) > most) continue;
    const double = sketch.at[line.from].find(
      (other) =>
        other !== line &&
        (other.from === line.to || other.to === line.to) &&
        other.from !== other.to &&
        rank(other) <= rank(line) &&
        runsAlong(line, other, apart + Math.max(medianRadius(line), medianRadius(other))),
    );
    if (!double) continue;
    removeLine(sketch, line);
    if (holds(counted, sketch.y[line.from])) pruned++;
  }
  return pruned;
}

const rank = (line: Line): number => (line.radius.includes(0) ? 2 ** 40 : 0) + rounded(lengthOf(line));

/** Whether every point of a line is so near to one of another. */
const runsAlong = (line: Line, other: Line, reach: number): boolean =>
  line.x.every((x, i) => other.x.some((at, k) => distance(at - x, other.y[k] - line.y[i]) <= reach));

/**
 * Removes components shorter in all than `minLength` pixels or than `minWidths` of their own width that lie wholly in the
 * `whole` rows. Returns how many of them begin in the `counted` ones.
 */
export function prunePieces(
  sketch: LineGraph,
  { minLength, minWidths }: { minLength: number; minWidths: number },
  whole: Rows,
  counted: Rows,
): number {
  const seen = new Set<Line>();
  let pruned = 0;
  for (const first of lines(sketch)) {
    if (seen.has(first)) continue;
    const piece = [first];
    seen.add(first);
    for (const line of piece) {
      for (const neighbour of [...sketch.at[line.from], ...sketch.at[line.to]]) {
        if (seen.has(neighbour)) continue;
        seen.add(neighbour);
        piece.push(neighbour);
      }
    }
    const length = piece.reduce((sum, line) => sum + lengthOf(line), 0);
    if (length >= Math.max(minLength, minWidths * 2 * largest(piece.map(({ radius }) => largest(radius))))) continue;
    if (length >= Math.max(minLength, minWidths * 2 * largest(piece.map(medianRadius)))) continue;
    if (!piece.every(({ y }) => y.every((at) => holds(whole, at)))) continue;
    for (const line of piece) removeLine(sketch, line);
    if (holds(counted, least(piece.map(({ y }) => least(y))))) pruned++;
  }
  return pruned;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function least(values: readonly number[]): number {
  return values.reduce((smallest, value) => Math.min(smallest, value), Number.POSITIVE_INFINITY);
}
