/**
 * What a band of the scene is painted on: colour, height above ground, slope light and class of each pixel. Pixel
 * indices are absolute (column and row of the whole scene), so that what is painted does not depend on the band.
 */
import type { Bounds } from './plan.ts';

export interface Canvas {
  /** Column and row of the first pixel. */
  column: number;
  row: number;
  columns: number;
  rows: number;
  gsdMetres: number;
  /** RGB as it looks in full sun on level ground. */
  colour: Uint8ClampedArray;
  heightMetres: Float32Array;
  /** Sunlight on the surface relative to level ground: its slope, not its shadows. */
  light: Float32Array;
  classes: Uint8Array;
}

export function makeCanvas(column: number, row: number, columns: number, rows: number, gsdMetres: number): Canvas {
  const pixels = columns * rows;
  return {
    column,
    row,
    columns,
    rows,
    gsdMetres,
    colour: new Uint8ClampedArray(3 * pixels),
    heightMetres: new Float32Array(pixels),
    light: new Float32Array(pixels).fill(1),
    classes: new Uint8Array(pixels),
  };
}

/** The canvas's ground extent, metres. */
export function extent(canvas: Canvas): Bounds {
  const g = canvas.gsdMetres;
  return {
    x0: canvas.column * g,
    y0: canvas.row * g,
    x1: (canvas.column + canvas.columns) * g,
    y1: (canvas.row + canvas.rows) * g,
  };
}

/** Index of a pixel in the canvas's planes. */
export function pixelIndex(canvas: Canvas, column: number, row: number): number {
  return (row - canvas.row) * canvas.columns + column - canvas.column;
}

/** One run of pixels of a row: columns from (inclusive) to (exclusive). */
export type Span = (row: number, from: number, to: number) => void;

const crossings: number[] = [];

/** Calls `span` for the pixels whose centres lie inside the rings (even-odd), on the canvas. Rings in ground metres. */
export function fillRings(canvas: Canvas, rings: readonly (readonly number[])[], span: Span): void {
  const g = canvas.gsdMetres;
  let low = Infinity;
  let high = -Infinity;
  for (const ring of rings) {
    for (let k = 1; k < ring.length; k += 2) {
      if (ring[k] < low) low = ring[k];
      if (ring[k] > high) high = ring[k];
    }
  }
  const first = Math.max(canvas.row, Math.ceil(low / g - 0.5));
  const last = Math.min(canvas.row + canvas.rows - 1, Math.ceil(high / g - 0.5) - 1);
  for (let row = first; row <= last; row++) {
    const y = (row + 0.5) * g;
    crossings.length = 0;
    for (const ring of rings) {
      let xa = ring[ring.length - 2];
      let ya = ring[ring.length - 1];
      for (let k = 0; k < ring.length; k += 2) {
        const xb = ring[k];
        const yb = ring[k + 1];
        if (ya <= y !== yb <= y) crossings.push(xa + ((y - ya) / (yb - ya)) * (xb - xa));
        xa = xb;
        ya = yb;
      }
    }
    if (crossings.length > 2) crossings.sort((a, b) => a - b);
    else if (crossings[0] > crossings[1]) crossings.reverse();
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const from = Math.max(canvas.column, Math.ceil(crossings[k] / g - 0.5));
      const to = Math.min(canvas.column + canvas.columns, Math.ceil(crossings[k + 1] / g - 0.5));
      if (to > from) span(row, from, to);
    }
  }
}
