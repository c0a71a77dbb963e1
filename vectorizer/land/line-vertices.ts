/**
 * The vertices that both sides of a line between strips put on it where a region is cut there, without knowing of each
 * other: where the class changes on either side, and where cuts of the finest grid cross the line.
 */
import type { Lines } from '../polygons/draw-ring.ts';
import { cutAt, SMALLEST_CELL } from '../polygons/grid-cuts.ts';
import type { Region } from '../region.ts';
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import type { InnerLines } from './strip-faces.ts';

/** Class codes of the rows beyond the lines; null where the map ends. */
export interface RowsBeyond {
  upper: Uint8Array | null;
  lower: Uint8Array | null;
}

/** Where cuts of the finest grid cross a stretch of a line, from left to right; its ends not counted. */
export function* cutsBetween(left: number, right: number): Generator<number> {
  for (let cell = Math.max(1, Math.floor(left / SMALLEST_CELL)); ; cell++) {
    const x = cutAt(cell, SMALLEST_CELL);
    if (x >= right) return;
    if (x > left) yield x;
  }
}

/** Adds vertices to the borders of cut regions along the lines. */
export function insertOnLines(
  graph: ArcGraph,
  lines: Lines,
  gone: Uint8Array,
  inner: InnerLines,
  beyond: RowsBeyond,
): Lines {
  if (!gone.includes(1)) return lines;
  const { left, right } = graph;
  const source = lines.xy;
  const xy: number[] = [];
  const offsets = new Int32Array(graph.count + 1);
  for (let arc = 0; arc < graph.count; arc++) {
    const isCut = (left[arc] === OUTSIDE && gone[right[arc]]) || (right[arc] === OUTSIDE && gone[left[arc]]);
    for (let i = 2 * lines.offsets[arc]; i < 2 * lines.offsets[arc + 1]; i += 2) {
      const [x, y] = [source[i], source[i + 1]];
      if (isCut && i > 2 * lines.offsets[arc] && source[i - 1] === y) {
        const row = y === inner.upper ? beyond.upper : y === inner.lower ? beyond.lower : null;
        if (row) for (const between of verticesBetween(source[i - 2], x, row)) xy.push(between, y);
      }
      xy.push(x, y);
    }
    offsets[arc + 1] = xy.length / 2;
  }
  return { offsets, xy: Float64Array.from(xy) };
}

/** In the order from one x to the other. */
function verticesBetween(from: number, to: number, row: Uint8Array): number[] {
  const [left, right] = from < to ? [from, to] : [to, from];
  const found = [...cutsBetween(left, right)];
  for (let x = Math.floor(left) + 1; x < right; x++) if (row[x] !== row[x - 1]) found.push(x);
  return found.sort((a, b) => (from < to ? a - b : b - a));
}

/** How much of a piece's perimeter lies on lines beyond which its region goes on. */
export function cutLength(
  { class: code, rings }: Region,
  inner: InnerLines,
  beyond: RowsBeyond,
): { linePixels?: number } {
  let length = 0;
  for (const ring of rings) {
    for (let i = 2; i < ring.length; i += 2) {
      const y = ring[i + 1];
      if (y !== ring[i - 1]) continue;
      const row = y === inner.upper ? beyond.upper : y === inner.lower ? beyond.lower : null;
      if (row?.[Math.floor((ring[i] + ring[i - 2]) / 2)] === code) length += Math.abs(ring[i] - ring[i - 2]);
    }
  }
  return length > 0 ? { linePixels: length } : {};
}
