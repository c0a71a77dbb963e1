/**
 * Pieces between kept vertices of simplified arcs, to be found by place: a grid of square cells, each with a list of the
 * pieces that pass it. Pieces of arcs that are drawn anew give way to their new ones.
 */
import { type ArcGraph, withRoom } from '../trace/arc-graph.ts';
import type { Simplified } from './arc-border.ts';

export interface Pieces {
  count: number;
  /** Piece p runs from vertex starts[p] to ends[p] of arc arcs[p]. */
  starts: Int32Array;
  ends: Int32Array;
  arcs: Int32Array;
  /** 1 for those that gave way. */
  gone: Uint8Array;
  grid: Grid;
}

interface Grid {
  left: number;
  top: number;
  columns: number;
  rows: number;
  /** The last entry of each cell's list, or -1. */
  heads: Int32Array;
  entries: number;
  /** Of each entry: its piece, and the entry before it in the same cell, or -1. */
  pieces: Int32Array;
  next: Int32Array;
}

/** Side of a cell: 16 pixels. */
const CELL_SHIFT = 4;

export function createPieces({ count, offsets, xy }: ArcGraph): Pieces {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < 2 * offsets[count]; i += 2) {
    minX = Math.min(minX, xy[i]);
    maxX = Math.max(maxX, xy[i]);
    minY = Math.min(minY, xy[i + 1]);
    maxY = Math.max(maxY, xy[i + 1]);
  }
  // Simplified borders lie within the box of the exact ones, or just outside: then in the cells along its sides.
  const columns = Math.max(1, ((maxX - minX) >> CELL_SHIFT) + 1);
  const rows = Math.max(1, ((maxY - minY) >> CELL_SHIFT) + 1);
  const grid: Grid = {
    left: minX,
    top: minY,
    columns,
    rows,
    heads: new Int32Array(columns * rows).fill(-1),
    entries: 0,
    pieces: new Int32Array(1024),
    next: new Int32Array(1024),
  };
  const [starts, ends, arcs] = [new Int32Array(1024), new Int32Array(1024), new Int32Array(1024)];
  return { count: 0, starts, ends, arcs, gone: new Uint8Array(1024), grid };
}

/** Adds the piece from one vertex of an arc to another and returns its number. */
export function addPiece(pieces: Pieces, start: number, end: number, arc: number): number {
  const piece = pieces.count++;
  if (piece >= pieces.starts.length) {
    for (const key of ['starts', 'ends', 'arcs'] as const) pieces[key] = withRoom(pieces[key], pieces.count);
    pieces.gone = withRoom(pieces.gone, pieces.count);
  }
  pieces.starts[piece] = start;
  pieces.ends[piece] = end;
  pieces.arcs[piece] = arc;
  return piece;
}

/** Puts a piece into a cell's list. */
export function enterCell({ grid }: Pieces, cell: number, piece: number): void {
  const entry = grid.entries++;
  if (entry >= grid.pieces.length) {
    grid.pieces = withRoom(grid.pieces, grid.entries);
    grid.next = withRoom(grid.next, grid.entries);
  }
  grid.pieces[entry] = piece;
  grid.next[entry] = grid.heads[cell];
  grid.heads[cell] = entry;
}

export function columnOf({ left, columns }: Grid, x: number): number {
  return Math.max(0, Math.min(columns - 1, (x - left) >> CELL_SHIFT));
}

export function rowOf({ top, rows }: Grid, y: number): number {
  return Math.max(0, Math.min(rows - 1, (y - top) >> CELL_SHIFT));
}

/** The first and last column that a straight piece passes in a row of cells, with one to spare on long ones. */
export function columnsInRow(
  grid: Grid,
  row: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
): { first: number; last: number } {
  const slope = (bx - ax) / (by - ay);
  const upper = grid.top + (row << CELL_SHIFT);
  const lower = upper + (1 << CELL_SHIFT);
  const low = Math.min(ay, by);
  const high = Math.max(ay, by);
  const at = (y: number): number => ax + slope * (Math.max(low, Math.min(high, y)) - ay);
  const [one, other] = [at(upper - 1), at(lower + 1)];
  return { first: columnOf(grid, Math.min(one, other) - 1), last: columnOf(grid, Math.max(one, other) + 1) };
}

/** Visits the pieces whose boxes meet a box, its sides included; some of them more than once. */
export function searchPieces(
  pieces: Pieces,
  { x, y }: Simplified,
  minX: number,
  minY: number,
  maxX: number,
  maxY: number,
  visit: (piece: number) => void,
): void {
  const { grid, starts, ends, gone } = pieces;
  const lastColumn = columnOf(grid, maxX);
  const lastRow = rowOf(grid, maxY);
  for (let row = rowOf(grid, minY); row <= lastRow; row++) {
    for (let column = columnOf(grid, minX); column <= lastColumn; column++) {
      for (let entry = grid.heads[row * grid.columns + column]; entry >= 0; entry = grid.next[entry]) {
        const piece = grid.pieces[entry];
        const a = starts[piece];
        const b = ends[piece];
        if (gone[piece] !== 0 || Math.max(x[a], x[b]) < minX || Math.min(x[a], x[b]) > maxX) continue;
        if (Math.max(y[a], y[b]) < minY || Math.min(y[a], y[b]) > maxY) continue;
        visit(piece);
      }
    }
  }
}
