/** Labels that people drew, as pixels of the model grid: strokes with a width, points and areas. */
import { type Area, areaRows } from '../../tiler/grid/area-mask.ts';

/** One label on the grid, in model pixels. */
export interface PlacedLabel {
  /** Which of all labels it is. */
  index: number;
  /** Codes of the classes that it allows: one, or all but one. */
  allowed: readonly number[];
  /** What is drawn: rings, or points along a line (x, y, x, y, …), of which there may be one alone. */
  shape: { kind: 'area'; rings: Area } | { kind: 'line'; points: Float64Array; halfWidth: number };
}

/** What a label covers of a square of the grid: held back and weighed as one. */
export interface Unit {
  label: PlacedLabel;
  /** Pixels: x, y, x, y, … */
  pixels: Int32Array;
}

/** Side of the squares that large labels are cut into, model pixels. */
const SQUARE = 64;

/** The parts of a label within a grid, square by square; none where it lies outside. */
export function unitsOf(label: PlacedLabel, grid: { width: number; height: number }): Unit[] {
  const squares = new Map<number, number[]>();
  const columns = Math.ceil(grid.width / SQUARE);
  const add = (x: number, y: number) => {
    if (x < 0 || y < 0 || x >= grid.width || y >= grid.height) return;
    const square = Math.floor(y / SQUARE) * columns + Math.floor(x / SQUARE);
    const pixels = squares.get(square);
    if (pixels) pixels.push(x, y);
    else squares.set(square, [x, y]);
  };
  if (label.shape.kind === 'area') eachInside(label.shape.rings, grid, add);
  else eachAlong(label.shape.points, label.shape.halfWidth, grid, add);
  return [...squares.values()].map((pixels) => ({ label, pixels: Int32Array.from(pixels) }));
}

function eachInside(rings: Area, grid: { width: number; height: number }, add: (x: number, y: number) => void): void {
  const [left, top, right, bottom] = boundsOf(rings);
  const [x0, x1] = [Math.max(0, Math.floor(left)), Math.min(grid.width, Math.ceil(right))];
  const [y0, y1] = [Math.max(0, Math.floor(top)), Math.min(grid.height, Math.ceil(bottom))];
  if (x1 <= x0 || y1 <= y0) return;
  const moved = rings.map((ring) => ring.map((value, i) => (i % 2 === 0 ? value - x0 : value)));
  const width = x1 - x0;
  let found = false;
  for (let y = y0; y < y1; y += SQUARE) {
    const rows = Math.min(SQUARE, y1 - y);
    const mask = areaRows(moved, width, y, rows);
    for (let i = mask.indexOf(1); i >= 0; i = mask.indexOf(1, i + 1)) {
      add(x0 + (i % width), y + Math.floor(i / width));
      found = true;
    }
  }
  // Of an area that no pixel's centre lies in, the pixel in its middle.
  if (!found) add(Math.floor((left + right) / 2), Math.floor((top + bottom) / 2));
}

function boundsOf(rings: Area): [left: number, top: number, right: number, bottom: number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      box[0] = Math.min(box[0], ring[i]);
      box[1] = Math.min(box[1], ring[i + 1]);
      box[2] = Math.max(box[2], ring[i]);
      box[3] = Math.max(box[3], ring[i + 1]);
    }
  }
  return box;
}

/** Pixels whose centre is within half the width of the line, and those that its points lie in. */
function eachAlong(
  points: Float64Array,
  halfWidth: number,
  grid: { width: number; height: number },
  add: (x: number, y: number) => void,
): void {
  const seen = new Set<number>();
  const once = (x: number, y: number) => {
    const key = y * grid.width + x;
    if (x < 0 || x >= grid.width || seen.has(key)) return;
    seen.add(key);
    add(x, y);
  };
  const along = inPieces(points);
  for (let i = 0; i < along.length; i += 2) {
    const [ax, ay] = [along[i], along[i + 1]];
    once(Math.floor(ax), Math.floor(ay));
    const [bx, by] = i + 2 < along.length ? [along[i + 2], along[i + 3]] : [ax, ay];
    const top = Math.max(0, Math.floor(Math.min(ay, by) - halfWidth));
    const bottom = Math.min(grid.height - 1, Math.ceil(Math.max(ay, by) + halfWidth));
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - halfWidth));
    const right = Math.min(grid.width - 1, Math.ceil(Math.max(ax, bx) + halfWidth));
    const [dx, dy] = [bx - ax, by - ay];
    const length = dx * dx + dy * dy;
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
        const share = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        if (Math.hypot(px - share * dx, py - share * dy) <= halfWidth) once(x, y);
      }
    }
  }
}

/** The line with further points, no two farther apart than a square's side: what is looked at follows its length. */
function inPieces(points: Float64Array): number[] {
  const along: number[] = [points[0], points[1]];
  for (let i = 2; i < points.length; i += 2) {
    const [x0, y0, x1, y1] = points.subarray(i - 2, i + 2);
    const pieces = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) / SQUARE));
    for (let piece = 1; piece <= pieces; piece++) {
      along.push(x0 + ((x1 - x0) * piece) / pieces, y0 + ((y1 - y0) * piece) / pieces);
    }
  }
  return along;
}
