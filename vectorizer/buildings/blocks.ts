/**
 * Buildings too small to be seen one by one on a map of smaller scale become blocks: outlines of what is built up, with
 * the number of buildings inside. Cells of 2^level pixels are built up where buildings cover an eighth of them and their
 * surroundings; houses that stand too far apart for that are left out, and counted.
 */
import { inPixels } from '../coarse-levels.ts';
import type { ClassBand, Region } from '../region.ts';
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
  const cellOf = ({ x, y }: SmallBuilding) => Math.floor(y / side) * columns + Math.floor(x / side);
  const cells = builtUpCells(buildings, cellOf, columns, rows, side ** 2);
  const parts = joinCells(cells, columns);
  let leftOut = 0;
  for (const building of buildings) {
    const part = parts.get(cellOf(building));
    if (part) {
      part.buildings++;
      part.scores += building.score;
    } else leftOut++;
  }
  const { regions } = await vectorize(bandsOf(cells, columns, rows), {
    ...{ width: columns, height: rows, pixelAreaM2: 1, minAreaM2: 0, nodata: 0, tolerancePixels: TOLERANCE_CELLS },
  });
  const blocks: Block[] = [];
  for (const region of regions) {
    const part = parts.get(region.y * columns + region.x)!;
    if (part.buildings === 0) continue;
    const score = part.scores / part.buildings;
    blocks.push({ ...inPixels(region, side, width, height), score, buildings: part.buildings });
  }
  return { blocks, leftOut };
}

/** Numbers of the cells that are built up, ascending. */
function builtUpCells(
  buildings: readonly SmallBuilding[],
  cellOf: (building: SmallBuilding) => number,
  columns: number,
  rows: number,
  cellPixels: number,
): number[] {
  const covered = new Map<number, number>();
  for (const building of buildings) {
    const cell = cellOf(building);
    const column = cell % columns;
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const there = cell + dy * columns + dx;
        if (column + dx < 0 || column + dx >= columns || there < 0 || there >= rows * columns) continue;
        const share = dx === 0 && dy === 0 ? OWN : dx === 0 || dy === 0 ? BESIDE : CORNER;
        covered.set(there, (covered.get(there) ?? 0) + share * building.pixels);
      }
    }
  }
  return [...covered]
    .flatMap(([cell, pixels]) => (pixels >= BUILT_UP * cellPixels ? [cell] : []))
    .sort((a, b) => a - b);
}

interface Part {
  buildings: number;
  scores: number;
}

/** The 4-connected part that each cell is of; the smallest number of a part is its region's first cell. */
function joinCells(cells: readonly number[], columns: number): Map<number, Part> {
  const parent = new Map(cells.map((cell) => [cell, cell]));
  const rootOf = (cell: number): number => {
    let root = cell;
    for (let up = parent.get(root)!; up !== root; up = parent.get(root)!) root = up;
    parent.set(cell, root);
    return root;
  };
  for (const cell of cells) {
    for (const other of [cell % columns > 0 ? cell - 1 : -1, cell - columns]) {
      if (!parent.has(other)) continue;
      const [a, b] = [rootOf(cell), rootOf(other)];
      parent.set(Math.max(a, b), Math.min(a, b));
    }
  }
  const parts = new Map<number, Part>();
  for (const cell of cells) {
    const root = rootOf(cell);
    parts.set(cell, cell === root ? { buildings: 0, scores: 0 } : parts.get(root)!);
  }
  return parts;
}

function* bandsOf(cells: readonly number[], columns: number, rows: number): Generator<ClassBand> {
  let next = 0;
  for (let y = 0; y < rows; y += BAND_ROWS) {
    const count = Math.min(BAND_ROWS, rows - y);
    const classes = new Uint8Array(count * columns);
    for (; next < cells.length && cells[next] < (y + count) * columns; next++) classes[cells[next] - y * columns] = 1;
    yield { rows: count, classes, scores: classes };
  }
}
