/** Land use as a grid of samples in degrees, of which shares within a circle are counted at once. */
import type { Bbox } from '../api/index.ts';

/** What is counted apart; the rest of what is mapped is other ground. */
export const GROUNDS = ['green', 'water', 'other'] as const;
export type Ground = (typeof GROUNDS)[number];

/** Metres between samples, at least, and samples, at most. */
const FINEST_M = 5;
const MOST_SAMPLES = 4_000_000;
const METRES_PER_DEGREE = 111_195;

export interface GroundGrid {
  /** Metres between samples. */
  stepM: number;
  /** A polygon's rings in degrees, closed: x, y, x, y, … */
  add(rings: readonly Float64Array[], ground: Ground): void;
  /** Shares of the mapped ground within so many metres of a place, and of the circle that is mapped. Null where nothing is. */
  within(lon: number, lat: number, radiusM: number): { green: number; water: number; known: number } | null;
}

/** @param bounds in degrees; west > east across the antimeridian */
export function groundGrid([west, south, beyond, north]: Bbox): GroundGrid {
  const east = beyond < west ? beyond + 360 : beyond;
  const parallel = Math.max(0.01, Math.cos((((south + north) / 2) * Math.PI) / 180));
  const [widthM, heightM] = [(east - west) * parallel * METRES_PER_DEGREE, (north - south) * METRES_PER_DEGREE];
  const stepM = Math.max(FINEST_M, Math.sqrt((widthM * heightM) / MOST_SAMPLES));
  const step = { x: stepM / (METRES_PER_DEGREE * parallel), y: stepM / METRES_PER_DEGREE };
  const columns = Math.max(1, Math.ceil((east - west) / step.x));
  const rows = Math.max(1, Math.ceil((north - south) / step.y));
  /** 0 where nothing is mapped, else the place in GROUNDS and one. */
  const samples = new Uint8Array(columns * rows);
  let sums: Uint32Array[] | null = null;
  const columnOf = (lon: number) => (turnedEastOf(lon, west) - west) / step.x;

  return {
    stepM,
    add(rings, ground) {
      sums = null;
      fill(rings, ground);
    },
    within(lon, lat, radiusM) {
      sums ??= runningSums();
      const [column, row] = [columnOf(lon), (north - lat) / step.y];
      const counts = [0, 0, 0];
      let all = 0;
      const reach = Math.floor(radiusM / stepM);
      for (let r = Math.floor(row) - reach - 1; r <= Math.floor(row) + reach + 1; r++) {
        const up = (r + 0.5 - row) * stepM;
        if (Math.abs(up) > radiusM) continue;
        // Metres of a column get fewer towards the poles.
        const columnM =
          step.x * METRES_PER_DEGREE * Math.max(0.01, Math.cos(((north - (r + 0.5) * step.y) * Math.PI) / 180));
        const half = Math.sqrt(radiusM ** 2 - up ** 2) / columnM;
        const [first, last] = [Math.ceil(column - half - 0.5), Math.floor(column + half - 0.5)];
        all += Math.max(0, last - first + 1);
        if (r < 0 || r >= rows) continue;
        const [from, to] = [Math.max(0, first), Math.min(columns, last + 1)];
        if (from >= to) continue;
        const at = r * (columns + 1);
        for (const [ground, sum] of sums.entries()) counts[ground]! += sum[at + to]! - sum[at + from]!;
      }
      const known = counts[0]! + counts[1]! + counts[2]!;
      if (known === 0) return null;
      return { green: counts[0]! / known, water: counts[1]! / known, known: known / Math.max(all, known) };
    },
  };

  /** Samples in the middle of cells, row by row, by the even-odd rule. */
  function fill(rings: readonly Float64Array[], ground: Ground): void {
    const value = GROUNDS.indexOf(ground) + 1;
    const crossings = new Map<number, number[]>();
    for (const xy of rings) {
      for (let i = 0; i < xy.length - 2; i += 2) {
        const [x0, y0] = [columnOf(xy[i]!), (north - xy[i + 1]!) / step.y];
        const [x1, y1] = [columnOf(xy[i + 2]!), (north - xy[i + 3]!) / step.y];
        const [top, bottom] = y0 < y1 ? [y0, y1] : [y1, y0];
        for (let row = Math.max(0, Math.ceil(top - 0.5)); row < Math.min(rows, bottom - 0.5); row++) {
          const x = x0 + ((row + 0.5 - y0) / (y1 - y0)) * (x1 - x0);
          const known = crossings.get(row);
          if (known) known.push(x);
          else crossings.set(row, [x]);
        }
      }
    }
    for (const [row, xs] of crossings) {
      xs.sort((a, b) => a - b);
      for (let i = 0; i + 1 < xs.length; i += 2) {
        const [from, to] = [Math.max(0, Math.ceil(xs[i]! - 0.5)), Math.min(columns, Math.ceil(xs[i + 1]! - 0.5))];
        if (from < to) samples.fill(value, row * columns + from, row * columns + to);
      }
    }
  }

  /** By ground and row: how many samples lie left of a column. */
  function runningSums(): Uint32Array[] {
    return GROUNDS.map((_, ground) => {
      const sum = new Uint32Array((columns + 1) * rows);
      for (let row = 0; row < rows; row++) {
        let count = 0;
        for (let column = 0; column < columns; column++) {
          if (samples[row * columns + column] === ground + 1) count++;
          sum[row * (columns + 1) + column + 1] = count;
        }
      }
      return sum;
    });
  }
}

/** The same longitude, at most a turn east of `west` (somewhat west of it counts as there). */
const turnedEastOf = (lon: number, west: number): number => (lon < west - 180 ? lon + 360 : lon);
