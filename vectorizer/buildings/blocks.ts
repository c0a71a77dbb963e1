/**
 * Buildings too small to be seen one by one on a map of smaller scale become blocks: outlines of what is built up, with
 * the number of buildings inside. Cells of 2^level pixels are built up where buildings cover an eighth of them and their
 * surroundings; houses that stand too far apart for that are left out, and counted.
 */
import { inPixels } from '../coarse-levels.ts';
import type { ClassBand, Region } from '../region.ts';
import { findRoot, unite } from '../trace/labels.ts';
import { vectorize } from '../vectorize.ts';

export interface SmallBuilding {
  /** Pixels; the middle of its box. */
  x: number;
  y: number;
  pixels: number;
  /** 0..1 */
  score: number;
}

export interface Block extends Region {
  buildings: number;
}

/** Share of a cell and its surroundings that buildings cover. */
const BUILT_UP = 0.12;
/** How much of a building counts for its own cell, for those beside it and for those at its corners. */
const OWN = 4 / 16;
const BESIDE = 2 / 16;
const CORNER = 1 / 16;
const TOLERANCE_CELLS = 0.75;
const BAND_ROWS = 256;

/** Smallest building, in pixels of the class map, that is drawn by itself at a level: two pixels of that map. */
export function loneBuildingPixels(level: number): number {
  return 2 * 4 ** level;
}

/** Blocks in the order of their first cell; they do not overlap each other. */
export async function buildingBlocks(
  buildings: readonly SmallBuilding[],
  { width, height, level }: { width: number; height: number; level: number },
): Promise<{ blocks: Block[]; leftOut: number }> {
  const side = 2 ** level;
  const columns = Math.ceil(width / side);
  const rows = Math.ceil(height / side);
  const cells = builtUpCells(buildings, columns, rows, side);
  const parts = joinCells(cells);
  const counts = new Int32Array(parts.length);
  const scores = new Float64Array(parts.length);
  let leftOut = 0;
  for (const { x, y, score } of buildings) {
    const cell = cellAt(cells, Math.floor(x / side), Math.floor(y / side));
    if (cell < 0) {
      leftOut++;
      continue;
    }
    counts[parts[cell]]++;
    scores[parts[cell]] += score;
  }
  const { regions } = await vectorize(bandsOf(cells, columns, rows), {
    ...{ width: columns, height: rows, pixelAreaM2: 1, minAreaM2: 0, nodata: 0, tolerancePixels: TOLERANCE_CELLS },
  });
  const blocks: Block[] = [];
  for (const region of regions) {
    const part = parts[cellAt(cells, region.x, region.y)];
    if (counts[part] === 0) continue;
    const score = scores[part] / counts[part];
    blocks.push({ ...inPixels(region, side, width, height), score, buildings: counts[part] });
  }
  return { blocks, leftOut };
}

/** Cells that are built up, row by row: those of row y are columns[from[y]] .. columns[from[y + 1] - 1], ascending. */
interface Cells {
  columns: number[];
  from: Int32Array;
}

function builtUpCells(buildings: readonly SmallBuilding[], columnCount: number, rows: number, side: number): Cells {
  const from = new Int32Array(rows + 2);
  for (const { y } of buildings) from[Math.floor(y / side) + 1]++;
  for (let row = 0; row < rows; row++) from[row + 1] += from[row];
  const byRow = new Int32Array(buildings.length);
  const next = from.slice();
  for (const [i, { y }] of buildings.entries()) byRow[next[Math.floor(y / side)]++] = i;

  const cells: Cells = { columns: [], from: new Int32Array(rows + 1) };
  /** Pixels covered in the row above, in the row itself and below, with a column to spare on either side. */
  let [above, own, below] = [0, 1, 2].map(() => new Float64Array(columnCount + 2));
  const add = (row: Float64Array, column: number, pixels: number, beside: number, middle: number) => {
    row[column] += beside * pixels;
    row[column + 1] += middle * pixels;
    row[column + 2] += beside * pixels;
  };
  for (let row = 0; row <= rows; row++) {
    for (let i = from[row]; i < from[row + 1]; i++) {
      const { x, pixels } = buildings[byRow[i]];
      const column = Math.floor(x / side);
      add(above, column, pixels, CORNER, BESIDE);
      add(own, column, pixels, BESIDE, OWN);
      add(below, column, pixels, CORNER, BESIDE);
    }
    if (row > 0) {
      for (let column = 0; column < columnCount; column++) {
        if (above[column + 1] >= BUILT_UP * side ** 2) cells.columns.push(column);
      }
      cells.from[row] = cells.columns.length;
    }
    above.fill(0);
    [above, own, below] = [own, below, above];
  }
  return cells;
}

/** Number of a cell, -1 where it is not built up. */
function cellAt({ columns, from }: Cells, column: number, row: number): number {
  let low = from[row];
  let high = from[row + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (columns[middle] < column) low = middle + 1;
    else high = middle;
  }
  return low < from[row + 1] && columns[low] === column ? low : -1;
}

/** For each cell the first one of its 4-connected part. */
function joinCells({ columns, from }: Cells): Int32Array {
  const parents = Int32Array.from(columns, (_, cell) => cell);
  for (let row = 0; row + 1 < from.length; row++) {
    let above = row > 0 ? from[row - 1] : 0;
    for (let cell = from[row]; cell < from[row + 1]; cell++) {
      if (cell > from[row] && columns[cell - 1] + 1 === columns[cell]) unite(parents, cell - 1, cell);
      while (row > 0 && above < from[row] && columns[above] < columns[cell]) above++;
      if (row > 0 && above < from[row] && columns[above] === columns[cell]) unite(parents, above, cell);
    }
  }
  return parents.map((_, cell) => findRoot(parents, cell));
}

function* bandsOf({ columns, from }: Cells, width: number, rows: number): Generator<ClassBand> {
  for (let y = 0; y < rows; y += BAND_ROWS) {
    const count = Math.min(BAND_ROWS, rows - y);
    const classes = new Uint8Array(count * width);
    for (let row = 0; row < count; row++) {
      for (let cell = from[y + row]; cell < from[y + row + 1]; cell++) classes[row * width + columns[cell]] = 1;
    }
    yield { rows: count, classes, scores: classes };
  }
}
