/**
 * Regions with very many vertices are published in pieces, cut on a grid of square cells. Here the grid is chosen for
 * each of them, and the points where borders cross it become vertices of the arcs: so they are vertices of the
 * neighbours, too, and the pieces are part of the same coverage.
 */

import type { VectorizeOptions } from '../region.ts';
import type { ArcGraph } from '../trace/arc-graph.ts';
import type { Lines } from './draw-ring.ts';

/** How polygons are published. */
export const PUBLISHED_PIECES = { maxVertices: 10_000, cellPixels: 1024 };

/** No cell need be smaller: so many pixels have no border of more vertices. */
export const SMALLEST_CELL = 64;

/**
 * Cuts run this far right of and below the pixel corners, between the positions that vertices can have (multiples of
 * 1/256 pixel): no vertex lies on a cut and no border runs along one.
 */
const CUT_OFFSET = 1 / 512;

/** Borders that pass the corner of a cell as closely, in pixels, go through it. */
const AT_CORNER = 1e-9;

/** Position of the cut at the left or upper side of a cell. The first cells have none: they begin before the map. */
export function cutAt(cell: number, side: number): number {
  return cell === 0 ? -1 : cell * side + CUT_OFFSET;
}

/** Column (row) of the cell that holds an x (y), which lies on no cut. */
export function cellOf(position: number, side: number): number {
  return Math.max(0, Math.floor((position - CUT_OFFSET) / side));
}

export function isOnCut(position: number, side: number): boolean {
  return position > side && (position - CUT_OFFSET) % side === 0;
}

/** Side of the cells that each region is to be cut into, 0 for those that stay whole. */
export function chooseCells(
  graph: ArcGraph,
  lines: Lines,
  numbers: Int32Array,
  count: number,
  { maxVertices, cellPixels }: NonNullable<VectorizeOptions['pieces']>,
): Int32Array {
  const vertices = new Float64Array(count);
  forSides((number, arc) => {
    vertices[number] += lines.offsets[arc + 1] - lines.offsets[arc] - 1;
  });
  const cells = Int32Array.from(vertices, (each) => (each > maxVertices ? cellPixels : 0));
  for (let side = cellPixels; side > SMALLEST_CELL; side /= 2) {
    if (!cells.includes(side)) return cells;
    /** Vertices by cell, for each region that would have cells of this side. */
    const held = new Map<number, Map<number, number>>();
    for (const [number, cell] of cells.entries()) if (cell === side) held.set(number, new Map());
    forSides((number, arc) => {
      const counts = held.get(number);
      if (counts) countByCell(lines, arc, side, counts);
    });
    for (const [number, counts] of held) {
      // Four more may be the cell's corners.
      for (const inCell of counts.values()) if (inCell + 4 > maxVertices) cells[number] = side / 2;
    }
  }
  return cells;

  function forSides(take: (number: number, arc: number) => void): void {
    for (let arc = 0; arc < graph.count; arc++) {
      const left = numbers[graph.left[arc]];
      const right = numbers[graph.right[arc]];
      if (left >= 0) take(left, arc);
      if (right >= 0) take(right, arc);
    }
  }
}

function countByCell({ offsets, xy }: Lines, arc: number, side: number, counts: Map<number, number>): void {
  const add = (column: number, row: number): void => {
    const key = row * 2 ** 24 + column;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  for (let i = 2 * offsets[arc]; i < 2 * offsets[arc + 1] - 2; i += 2) {
    let column = cellOf(xy[i], side);
    let row = cellOf(xy[i + 1], side);
    add(column, row);
    findCrossings(xy[i], xy[i + 1], xy[i + 2], xy[i + 3], side, (_x, _y, columnStep, rowStep) => {
      add(column, row);
      column += columnStep;
      row += rowStep;
      add(column, row);
    });
  }
}

/** The lines with a vertex wherever a border of a region that is cut crosses one of its cuts. */
export function insertCrossings(graph: ArcGraph, lines: Lines, numbers: Int32Array, cells: Int32Array): Lines {
  if (cells.every((side) => side === 0)) return lines;
  const sideOf = (region: number): number => (numbers[region] < 0 ? 0 : cells[numbers[region]]);
  /** The finer of the two grids, which has all cuts of the coarser one. */
  const sides = Int32Array.from({ length: graph.count }, (_, arc) => {
    const [left, right] = [sideOf(graph.left[arc]), sideOf(graph.right[arc])];
    return left > 0 && right > 0 ? Math.min(left, right) : left + right;
  });
  const source = lines.xy;
  let inserted = 0;
  forPieces((_, from, side) => {
    if (side === 0) return;
    findCrossings(source[from], source[from + 1], source[from + 2], source[from + 3], side, () => {
      inserted++;
    });
  });
  const offsets = new Int32Array(graph.count + 1);
  const xy = new Float64Array(2 * (lines.offsets[graph.count] + inserted));
  let at = 0;
  const add = (x: number, y: number): void => {
    xy[at++] = x;
    xy[at++] = y;
  };
  forPieces((arc, from, side) => {
    add(source[from], source[from + 1]);
    if (side > 0) findCrossings(source[from], source[from + 1], source[from + 2], source[from + 3], side, add);
    if (from + 4 < 2 * lines.offsets[arc + 1]) return;
    add(source[from + 2], source[from + 3]);
    offsets[arc + 1] = at / 2;
  });
  return { offsets, xy };

  function forPieces(take: (arc: number, from: number, side: number) => void): void {
    for (let arc = 0; arc < graph.count; arc++) {
      for (let i = lines.offsets[arc]; i < lines.offsets[arc + 1] - 1; i++) take(arc, 2 * i, sides[arc]);
    }
  }
}

/** Gives the points where a straight piece crosses cuts, in their order, and the steps from cell to cell there. */
function findCrossings(
  ax: number,
  ay: number,
  bx: number,
  by: number,
  side: number,
  give: (x: number, y: number, columnStep: number, rowStep: number) => void,
): void {
  let column = cellOf(ax, side);
  let row = cellOf(ay, side);
  const lastColumn = cellOf(bx, side);
  const lastRow = cellOf(by, side);
  const columnStep = Math.sign(lastColumn - column);
  const rowStep = Math.sign(lastRow - row);
  while (column !== lastColumn || row !== lastRow) {
    const cutX = cutAt(columnStep > 0 ? column + 1 : column, side);
    const cutY = cutAt(rowStep > 0 ? row + 1 : row, side);
    const shareX = column === lastColumn ? Infinity : (cutX - ax) / (bx - ax);
    const shareY = row === lastRow ? Infinity : (cutY - ay) / (by - ay);
    const y = ay + shareX * (by - ay);
    const x = ax + shareY * (bx - ax);
    if (shareX <= 1 && shareY <= 1 && Math.abs(y - cutY) < AT_CORNER && Math.abs(x - cutX) < AT_CORNER) {
      give(cutX, cutY, columnStep, rowStep);
      column += columnStep;
      row += rowStep;
    } else if (shareX < shareY) {
      give(cutX, y, columnStep, 0);
      column += columnStep;
    } else {
      give(x, cutY, 0, rowStep);
      row += rowStep;
    }
  }
}
