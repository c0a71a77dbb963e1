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
/** Of sums of lengths, generously. */
const ROUNDING = 1e-9;
/** All directions from the most likely two on, four by four: with these it shows soon that the others are dearer. */
const ORDERS = Int8Array.from(
  [0, 1, 2, 3].flatMap((first) => [0, 1, 2, 3].flatMap((second) => [...new Set([first, second, 0, 1, 2, 3])])),
);

/** Sample coordinates across each of the four directions. */
export interface Projection {
  angle: number;
  across: number[][];
}

export function project(samples: Samples, angle: number): Projection {
  return { angle, across: [0, 1, 2, 3].map((direction) => acrossLine(samples, angle + (direction * Math.PI) / 4)) };
}

function acrossLine({ count, x, y }: Samples, radians: number): number[] {
  const sin = Math.sin(radians);
  const cos = Math.cos(radians);
  const across: number[] = [];
  for (let i = 0; i < count; i++) across.push(cos * y[i] - sin * x[i]);
  return across;
}

function acrossOf(samples: Samples, { angle, across }: Projection, direction: number): readonly number[] {
  return Number.isInteger(direction) ? across[direction] : acrossLine(samples, angle + (direction * Math.PI) / 4);
}

/** What is worked out for each number of samples, by direction d at d * width + that number. */
interface Room {
  width: number;
  /** Of the samples' lengths. */
  sums: Float64Array;
  /** Sums of what is across each direction, and of its squares, two by two. */
  moments: Float64Array;
  /** The cheapest way to a sample whose last wall has another direction. */
  before: Float64Array;
  /** Where the last wall of the cheapest way begins. */
  cameFrom: Int32Array;
  /** The cheapest and the next direction to end at a sample: consecutive walls differ in direction, so no others count. */
  best: Int8Array;
  next: Int8Array;
}

let room: Room | null = null;

/** Kept from call to call: making arrays would take longer than what is done in them. */
function roomFor(width: number): Room {
  if (room && room.width >= width) return room;
  room = {
    width,
    sums: new Float64Array(width),
    moments: new Float64Array(2 * DIRECTIONS * width),
    before: new Float64Array(DIRECTIONS * width),
    cameFrom: new Int32Array(DIRECTIONS * width),
    best: new Int8Array(width),
    next: new Int8Array(width),
  };
  return room;
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
  const { shortestMetres, shortestDiagonalMetres } = prices;
  const width = count + 1;
  const { sums, moments, before, cameFrom, best, next } = roomFor(width);
  sums[0] = 0;
  for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + weight[i];
  for (let d = 0; d < DIRECTIONS; d++) {
    const values = across[d];
    let at = 2 * d * width;
    moments[at] = 0;
    moments[at + 1] = 0;
    for (let i = 0; i < count; i++, at += 2) {
      const moment = weight[i] * values[i];
      moments[at + 2] = moments[at] + moment;
      moments[at + 3] = moments[at + 1] + moment * values[i];
    }
  }
  before.fill(Number.POSITIVE_INFINITY, 0, DIRECTIONS * width);
  for (let d = 0; d < DIRECTIONS; d++) before[d * width] = 0;
  best.fill(-1, 0, width);
  next.fill(-1, 0, width);
  let order = 0;
  // No wall is longer than its outline: the last samples at which one that is long enough may begin.
  let [lastStart, lastDiagonalStart] = [-1, -1];
  for (let stop = 1; stop <= count; stop++) {
    let cheapest = Number.POSITIVE_INFINITY;
    let dearer = Number.POSITIVE_INFINITY;
    const weightBefore = weight[stop - 1];
    const length = sums[stop];
    while (length - sums[lastStart + 1] >= (1 - ROUNDING) * shortestMetres) lastStart++;
    while (length - sums[lastDiagonalStart + 1] >= (1 - ROUNDING) * shortestDiagonalMetres) lastDiagonalStart++;
    for (let turn = 0; turn < DIRECTIONS; turn++) {
      const d = ORDERS[order + turn];
      const isDiagonal = (d & 1) === 1;
      const shortest = isDiagonal ? shortestDiagonalMetres : shortestMetres;
      const price = isDiagonal ? prices.diagonal : prices.wall;
      const base = d * width;
      const along = across[(d + 2) & 3];
      const end = along[stop - 1];
      const moment = moments[2 * (base + stop)];
      const square = moments[2 * (base + stop) + 1];
      let cost = Number.POSITIVE_INFINITY;
      let origin = -1;
      for (let start = isDiagonal ? lastDiagonalStart : lastStart; start >= 0; start--) {
        const at = 2 * (base + start);
        const sum = moment - moments[at];
        const residual = square - moments[at + 1] - (sum * sum) / (length - sums[start]);
        const least = residual + price; // it only grows with every further sample
        if (least >= cost || least > dearer) break;
        const total = before[base + start] + residual + price;
        if (total >= cost) continue;
        const reach = Math.abs(end - along[start]) + 0.5 * (weight[start] + weightBefore);
        if (reach < shortest) continue;
        cost = total;
        origin = start;
      }
      if (origin < 0) continue;
      cameFrom[base + stop] = origin;
      if (cost < cheapest || (cost === cheapest && d < best[stop])) {
        next[stop] = best[stop];
        dearer = cheapest;
        best[stop] = d;
        cheapest = cost;
      } else if (cost < dearer || (cost === dearer && d < next[stop])) {
        next[stop] = d;
        dearer = cost;
      }
    }
    if (best[stop] < 0) continue;
    for (let d = 0; d < DIRECTIONS; d++) before[d * width + stop] = best[stop] === d ? dearer : cheapest;
    order = DIRECTIONS * (DIRECTIONS * best[stop] + (next[stop] < 0 ? (best[stop] + 2) & 3 : next[stop]));
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
