/** A model grid becomes chips: cores that tile it, each read with its halo, decoded ahead of whoever consumes them. */

import type { Raster } from '../geotiff/raster.ts';
import type { Pixels } from '../rendering/rendering.ts';
import { type ModelGrid, readModelWindow } from './model-grid.ts';

/** Model pixels; core, halo and stride are the same along both axes. */
export interface ChipPlan {
  core: number;
  halo: number;
  stride: number;
  columns: number;
  rows: number;
}

/**
 * One core in model pixels. All four are multiples of the stride, so the cores at the right and lower edge may reach
 * beyond the grid by less than a stride.
 */
export interface Chip {
  row: number;
  column: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface ChipPixels<P extends Pixels = Pixels> {
  chip: Chip;
  /** Of core and halo, in the raster's bands: (height + 2*halo) * (width + 2*halo) * bands. */
  pixels: P;
  /** Of the core alone: height * width of 0|1, 0 beyond the grid. */
  valid: Uint8Array;
}

const LOOK_AHEAD = 2;

export interface ChippedNetwork {
  stride: number;
  halo: number;
  /** Largest side of a chip with its halo, where the network is of one size. */
  chip?: number;
}

/**
 * The plan for cores of about `core` pixels, which is rounded to the network's stride; its halo is rounded up to it.
 * Networks of one size get the largest core that fits.
 */
export function planChips(grid: ModelGrid, network: ChippedNetwork, core: number): ChipPlan {
  const { stride, chip } = network;
  const halo = Math.ceil(network.halo / stride) * stride;
  const strides = chip === undefined ? Math.round(core / stride) : Math.floor((chip - 2 * halo) / stride);
  const rounded = Math.max(1, strides) * stride;
  return {
    core: rounded,
    halo,
    stride,
    columns: Math.ceil(grid.width / rounded),
    rows: Math.ceil(grid.height / rounded),
  };
}

/** The core at a place of the plan, trimmed at the grid's right and lower edge to multiples of the stride. */
export function chipAt(grid: ModelGrid, plan: ChipPlan, row: number, column: number): Chip {
  if (!(row >= 0 && row < plan.rows && column >= 0 && column < plan.columns)) {
    throw new RangeError(`expected a chip within ${plan.rows} rows x ${plan.columns} columns, got ${row}, ${column}`);
  }
  const x = column * plan.core;
  const y = row * plan.core;
  const trimmed = (left: number) => Math.min(plan.core, Math.ceil(left / plan.stride) * plan.stride);
  return { row, column, x, y, width: trimmed(grid.width - x), height: trimmed(grid.height - y) };
}

/** The chips of the given rows of the plan, each row from left to right. */
export function readChips<P extends Pixels>(
  raster: Raster<P>,
  grid: ModelGrid,
  plan: ChipPlan,
  fill: readonly number[],
  rows: Iterable<number>,
): AsyncGenerator<ChipPixels<P>> {
  function* places(): Generator<[row: number, column: number]> {
    for (const row of rows) for (let column = 0; column < plan.columns; column++) yield [row, column];
  }
  return readChipsAt(raster, grid, plan, fill, places());
}

/** The chips at the given places, in their order; `lookAhead` of them are decoded in advance. */
export async function* readChipsAt<P extends Pixels>(
  raster: Raster<P>,
  grid: ModelGrid,
  plan: ChipPlan,
  fill: readonly number[],
  places: Iterable<[row: number, column: number]> | AsyncIterable<[row: number, column: number]>,
  lookAhead = LOOK_AHEAD,
): AsyncGenerator<ChipPixels<P>> {
  const ahead: Promise<ChipPixels<P>>[] = [];
  try {
    for await (const [row, column] of places) {
      const chip = readChip(raster, grid, plan, fill, chipAt(grid, plan, row, column));
      chip.catch(() => {}); // thrown when its turn comes
      ahead.push(chip);
      if (ahead.length > lookAhead) yield await ahead.shift()!;
    }
    while (ahead.length > 0) yield await ahead.shift()!;
  } finally {
    await Promise.allSettled(ahead); // the caller may close the raster next
  }
}

async function readChip<P extends Pixels>(
  raster: Raster<P>,
  grid: ModelGrid,
  plan: ChipPlan,
  fill: readonly number[],
  chip: Chip,
): Promise<ChipPixels<P>> {
  const { halo } = plan;
  const width = chip.width + 2 * halo;
  const height = chip.height + 2 * halo;
  const window = await readModelWindow(raster, grid, fill, { x: chip.x - halo, y: chip.y - halo, width, height });
  const valid = new Uint8Array(chip.width * chip.height);
  const columns = Math.min(chip.width, grid.width - chip.x);
  const rows = Math.min(chip.height, grid.height - chip.y);
  for (let row = 0; row < rows; row++) {
    const from = (row + halo) * width + halo;
    valid.set(window.valid.subarray(from, from + columns), row * chip.width);
  }
  return { chip, pixels: window.pixels, valid };
}
