/** Takes from the network what is no road: spurs, tiny rings and pieces that lead nowhere. */
import { joinThrough, type Line, type LineGraph, lengthOf, lines, medianRadius, removeLine } from './line-graph.ts';

/**
 * Removes branches that reach less far out of the surface they hang on than `spurWidths` of their own width, or than
 * `minSpur` pixels; the shortest first, so that of two corners one goes and the other goes on the road. Returns how many.
 */
export function pruneSpurs(sketch: LineGraph, minSpur: number, spurWidths: number): number {
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
    spurs.sort((a, b) => a.reach - b.reach);
    for (const { line, base } of spurs) {
      // Gone with its neighbour already, or now a part of a longer line.
      if (sketch.at[base].length < 3 || !sketch.at[base].includes(line)) continue;
      removeLine(sketch, line);
      joinThrough(sketch, base);
      pruned++;
    }
  }
}

/** Removes lines that return to their node within a few half-widths of it. Returns how many. */
export function pruneRings(sketch: LineGraph, radii: number): number {
  let pruned = 0;
  for (const line of lines(sketch)) {
    if (line.from !== line.to || lengthOf(line) > radii * largest(line.radius)) continue;
    removeLine(sketch, line);
    joinThrough(sketch, line.from);
    pruned++;
  }
  return pruned;
}

/** Removes components shorter in all than `minLength` pixels or than `minWidths` of their own width. Returns how many. */
export function prunePieces(sketch: LineGraph, minLength: number, minWidths: number): number {
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
    const width = 2 * largest(piece.map(medianRadius));
    if (length >= Math.max(minLength, minWidths * width)) continue;
    for (const line of piece) removeLine(sketch, line);
    pruned++;
  }
  return pruned;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
