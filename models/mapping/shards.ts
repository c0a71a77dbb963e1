/**
 * A map in shards: bands of chip rows, cut by geometry alone, that are computed apart and whose maps are joined to the
 * bytes of a map in one piece. Their edges are edges of tiles, also on some of the overviews, so that joining copies; on
 * others they are edges of rows, so that joining places them.
 */
import type { ChipPlan } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';

export interface Shard extends ChipRows {
  /** How many it is written with at most: on all of them it begins and ends between two rows of the map's. */
  overviews: number;
}

/** Side of the tiles of maps, model pixels. */
const TILE = 512;
/** Model pixels from the top of a shard to that of the next, at least: some tens of seconds of a GPU for a wide scene. */
export const SHARD_HEIGHT = 2048;

/**
 * The shards of a map, from the top. `height` is that of one at least, in model pixels; `tile` another side of tiles that
 * their edges are to be edges of.
 */
export function planShards({ core, rows }: ChipPlan, height = SHARD_HEIGHT, tile = TILE): Shard[] {
  const unit = commonMultiple(commonMultiple(core, TILE), tile); // whole chips and whole tiles
  const pixels = Math.ceil(height / unit) * unit;
  let overviews = 0;
  while (pixels % 2 ** (overviews + 1) === 0) overviews++;
  const step = pixels / core;
  const shards: Shard[] = [];
  for (let first = 0; first < rows; first += step) {
    shards.push({ first, end: Math.min(rows, first + step), overviews });
  }
  return shards;
}

const commonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b;
const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** Rows of chips in model pixels. */
export function pixelRows(grid: ModelGrid, plan: ChipPlan, { first, end }: ChipRows): { y: number; height: number } {
  const y = first * plan.core;
  return { y, height: Math.min(grid.height, end * plan.core) - y };
}

/** Rows of the chip plan: `first` up to, without, `end`. */
export interface ChipRows {
  first: number;
  end: number;
}
