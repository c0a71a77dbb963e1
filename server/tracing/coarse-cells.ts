/** The rows of a strip → the cells of the coarser levels of detail, which are drawn when those of all strips are there. */
import { cellSide, createCells } from '../../vectorizer/coarse-levels.ts';
import type { StripWindow } from '../../vectorizer/strips.ts';
import { coarseLevels, type DrawOptions } from './draw-options.ts';

/** Whole rows of cells. */
export interface CellRows {
  rows: number;
  classes: Uint8Array;
  scores: Uint8Array;
}

export function cellsOf({ strip, top, width, classes, scores }: StripWindow, options: DrawOptions): CellRows[] {
  const levels = coarseLevels(options).map((level) => {
    const side = cellSide(level);
    const [rows, columns] = [Math.ceil(strip.rows / side), Math.ceil(width / side)];
    const cells = { rows, classes: new Uint8Array(rows * columns), scores: new Uint8Array(rows * columns) };
    let row = 0;
    const addRows = (count: number, codes: Uint8Array, sums: Uint8Array) => {
      cells.classes.set(codes, row * columns);
      cells.scores.set(sums, row * columns);
      row += count;
    };
    return { cells, addRows };
  });
  const own = (plane: Uint8Array) => plane.subarray((strip.y - top) * width, (strip.y - top + strip.rows) * width);
  const sink = createCells(width, levels);
  sink.addRows(strip.rows, own(classes), own(scores));
  sink.finish();
  return levels.map(({ cells }) => cells);
}
