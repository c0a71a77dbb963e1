/**
 * Samples of an outline parted into walls of four directions (a dominant one, its perpendicular and the two diagonals)
 * at the least sum of squared distances and a price per wall: minimum description length, solved exactly for a given
 * direction and first sample by dynamic programming. Short jogs, cut corners and wiggles cost more as walls than as
 * distance, so they go.
 */
import type { Samples } from './outline.ts';

/** A straight piece of outline: samples start .. stop - 1 (modulo the count) at normal · point = offset. */
export interface Wall {
  /** In units of 45° from the dominant direction, in [0, 4): 0 and 2 are at right angles, others but 1 and 3 slant. */
  direction: number;
  start: number;
  stop: number;
  offset: number;
}

export interface Prices {
  /** Of one wall, in m³: metres of outline times squared metres off. */
  wall: number;
  /** Of one diagonal wall. */
  diagonal: number;
  /** Of one in any other direction. */
  oblique: number;
  /** Walls shorter than this do not come to be. */
  shortestMetres: number;
  shortestDiagonalMetres: number;
}

const DIRECTIONS = 4;

/** Sample coordinates across each of the four directions. */
export interface Projection {
  angle: number;
  across: Float64Array[];
}

export function project(samples: Samples, angle: number): Projection {
  return { angle, across: [0, 1, 2, 3].map((direction) => acrossLine(samples, angle + (direction * Math.PI) / 4)) };
}

function acrossLine({ count, x, y }: Samples, radians: number): Float64Array {
  const sin = Math.sin(radians);
  const cos = Math.cos(radians);
  const across = new Float64Array(count);
  for (let i = 0; i < count; i++) across[i] = cos * y[i] - sin * x[i];
  return across;
}

function acrossOf(samples: Samples, { angle, across }: Projection, direction: number): Float64Array {
  return Number.isInteger(direction) ? across[direction] : acrossLine(samples, angle + (direction * Math.PI) / 4);
}

/** The cheapest parting, or null where the outline is too short for one. A line that is not closed stays open. */
export function partIntoWalls(
  samples: Samples,
  projection: Projection,
  prices: Prices,
  isClosed = true,
): Wall[] | null {
  const { count, weight } = samples;
  const { across } = projection;
  const width = count + 1;
  const sums = new Float64Array(width);
  const first = new Float64Array(DIRECTIONS * width);
  const second = new Float64Array(DIRECTIONS * width);
  for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + weight[i];
  for (let d = 0; d < DIRECTIONS; d++) {
    for (let i = 0, at = d * width; i < count; i++, at++) {
      const moment = weight[i] * across[d][i];
      first[at + 1] = first[at] + moment;
      second[at + 1] = second[at] + moment * across[d][i];
    }
  }
  const costs = new Float64Array(DIRECTIONS * width).fill(Number.POSITIVE_INFINITY);
  const cameFrom = new Int32Array(DIRECTIONS * width).fill(-1);
  // The cheapest and the next direction to end at a sample: consecutive walls differ in direction.
  const best = new Int8Array(width).fill(-1);
  const next = new Int8Array(width).fill(-1);
  for (let stop = 1; stop <= count; stop++) {
    for (let d = 0; d < DIRECTIONS; d++) {
      const base = d * width;
      const along = across[(d + 2) % DIRECTIONS];
      const shortest = d % 2 === 0 ? prices.shortestMetres : prices.shortestDiagonalMetres;
      const price = d % 2 === 0 ? prices.wall : prices.diagonal;
      const end = along[stop - 1];
      let cheapest = Number.POSITIVE_INFINITY;
      let origin = -1;
      for (let start = stop - 1; start >= 0; start--) {
        const moment = first[base + stop] - first[base + start];
        const residual = second[base + stop] - second[base + start] - (moment * moment) / (sums[stop] - sums[start]);
        if (residual + price >= cheapest) break; // it only grows with every further sample
        const reach = Math.abs(end - along[start]) + 0.5 * (weight[start] + weight[stop - 1]);
        if (reach < shortest) continue;
        let before = 0;
        if (start > 0) {
          const from = best[start] === d ? next[start] : best[start];
          if (from < 0) continue;
          before = costs[from * width + start];
        }
        if (before + residual + price < cheapest) {
          cheapest = before + residual + price;
          origin = start;
        }
      }
      costs[base + stop] = cheapest;
      cameFrom[base + stop] = origin;
    }
    for (let d = 0; d < DIRECTIONS; d++) {
      if (cameFrom[d * width + stop] < 0) continue;
      if (best[stop] < 0 || costs[d * width + stop] < costs[best[stop] * width + stop]) {
        next[stop] = best[stop];
        best[stop] = d;
      } else if (next[stop] < 0 || costs[d * width + stop] < costs[next[stop] * width + stop]) {
        next[stop] = d;
      }
    }
  }
  if (best[count] < 0) return null;
  const walls: Wall[] = [];
  for (let stop = count, d = best[count]; ; ) {
    const start = cameFrom[d * width + stop];
    walls.push({ direction: d, start, stop, offset: 0 });
    if (start === 0) break;
    const at = best[start] === d ? next[start] : best[start];
    d = at;
    stop = start;
  }
  walls.reverse();
  if (isClosed) joinEnds(walls, count);
  for (const wall of walls) wall.offset = offsetOf(samples, projection, wall, prices.shortestMetres);
  return walls;
}

/** Neighbouring walls meet at no flatter angle, or their corner would be anywhere. */
const FLATTEST_CORNER = Math.sin((25 * Math.PI) / 180);

export function meets(wall: Wall, neighbour: Wall): boolean {
  return Math.abs(Math.sin(((wall.direction - neighbour.direction) * Math.PI) / 4)) >= FLATTEST_CORNER;
}

/** What the walls cost: their prices, and how far the samples are off. */
export function costOf(samples: Samples, projection: Projection, walls: readonly Wall[], prices: Prices): number {
  const { weight, count } = samples;
  let cost = 0;
  for (const { direction, start, stop, offset } of walls) {
    cost += direction % 2 === 0 ? prices.wall : direction % 2 === 1 ? prices.diagonal : prices.oblique;
    const across = acrossOf(samples, projection, direction);
    for (let i = start; i < stop; i++) cost += weight[i % count] * (across[i % count] - offset) ** 2;
  }
  return cost;
}

/** The last wall goes on in the first where both have one direction. */
function joinEnds(walls: Wall[], count: number): void {
  if (walls.length < 2 || walls[0].direction !== walls[walls.length - 1].direction) return;
  const last = walls.pop()!;
  walls[0] = { ...walls[0], start: last.start, stop: walls[0].stop + count };
}

/** The samples of a wall without those near its ends, where corners are rounded, unless few would be left. */
export function innerSamples(samples: Samples, wall: Wall, trimMetres: number): { start: number; stop: number } {
  const { weight, count } = samples;
  let length = 0;
  for (let i = wall.start; i < wall.stop; i++) length += weight[i % count];
  const trim = Math.min(trimMetres, length / 4);
  let { start, stop } = wall;
  for (let sum = weight[start % count]; sum <= trim; sum += weight[start % count]) start++;
  for (let sum = weight[(stop - 1) % count]; sum <= trim; sum += weight[(stop - 1) % count]) stop--;
  return { start, stop };
}

export function offsetOf(samples: Samples, projection: Projection, wall: Wall, trimMetres: number): number {
  const { weight, count } = samples;
  const { start, stop } = innerSamples(samples, wall, trimMetres);
  const across = acrossOf(samples, projection, wall.direction);
  let sum = 0;
  let moment = 0;
  for (let i = start; i < stop; i++) {
    sum += weight[i % count];
    moment += weight[i % count] * across[i % count];
  }
  return moment / sum;
}

/** By how many radians all walls have to turn together to fit their samples best (total least squares). */
export function turnOf(samples: Samples, projection: Projection, walls: readonly Wall[], trimMetres: number): number {
  const { weight, count } = samples;
  let alongSquares = 0;
  let acrossSquares = 0;
  let products = 0;
  for (const wall of walls) {
    if (!Number.isInteger(wall.direction)) continue;
    const { start, stop } = innerSamples(samples, wall, trimMetres);
    const across = projection.across[wall.direction];
    // Along the wall: the coordinate across the perpendicular, which points backwards for the first two directions.
    const along = projection.across[(wall.direction + 2) % DIRECTIONS];
    const sign = wall.direction < 2 ? -1 : 1;
    let sum = 0;
    let a = 0;
    let b = 0;
    for (let i = start; i < stop; i++) {
      sum += weight[i % count];
      a += weight[i % count] * along[i % count];
      b += weight[i % count] * across[i % count];
    }
    a /= sum;
    b /= sum;
    for (let i = start; i < stop; i++) {
      const da = sign * (along[i % count] - a);
      const db = across[i % count] - b;
      alongSquares += weight[i % count] * da * da;
      acrossSquares += weight[i % count] * db * db;
      products += weight[i % count] * da * db;
    }
  }
  return 0.5 * Math.atan2(2 * products, alongSquares - acrossSquares);
}
