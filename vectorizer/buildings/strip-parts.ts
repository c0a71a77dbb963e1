/**
 * The rows of a strip and its margins in, its buildings' regions out: whose a building at a line between two strips is
 * follows from the rows around that line, which both strips see. One that crosses the line and ends within the margin on
 * both sides belongs to the strip above; one that goes on is cut at the line.
 */

import { type Box, boxOf } from '../box.ts';
import type { Region } from '../region.ts';
import type { StripWindow } from '../strips.ts';
import { createTracer } from '../trace/trace.ts';
import { exactRegions } from '../vectorize.ts';

/** A line between two strips with the rows of the map around it that both see. */
export interface StripLine {
  y: number;
  /** First row, and the one after the last. */
  top: number;
  stop: number;
  /** Whether the map has rows above and below these. */
  openTop: boolean;
  openBottom: boolean;
}

export interface Part {
  region: Region;
  box: Box;
  /** Of this strip, else of a neighbour. */
  own: boolean;
  /** Ends at a line where a part of another strip goes on. */
  cut: boolean;
}

const OWN = 1;
const OTHER = 2;

/** The lines above and below a strip. Throws a RangeError where the window does not hold the rows around them. */
export function linesOf({ strip, height, top, rows }: StripWindow, margin: number): StripLine[] {
  const lines = [strip.y, strip.y + strip.rows].flatMap((y) => {
    if (y === 0 || y === height) return [];
    const from = y - margin;
    const stop = y + margin;
    return [{ y, top: Math.max(0, from), stop: Math.min(height, stop), openTop: from > 0, openBottom: stop < height }];
  });
  const from = Math.min(strip.y, ...lines.map((line) => line.top));
  const stop = Math.max(strip.y + strip.rows, ...lines.map((line) => line.stop));
  if (top > from || top + rows < stop) {
    throw new RangeError(`expected a window of rows ${from} to ${stop}, got rows ${top} to ${top + rows}`);
  }
  return lines;
}

/** The regions of one class in the window, of this strip and of its neighbours', in the map's pixels. */
export function partsOf(window: StripWindow, lines: readonly StripLine[], code: number): Part[] {
  const { strip, width, top, rows, classes, scores } = window;
  const sides = new Uint8Array(classes.length);
  const first = (strip.y - top) * width;
  const last = first + strip.rows * width;
  for (let i = 0; i < classes.length; i++) {
    if (classes[i] === code) sides[i] = i >= first && i < last ? OWN : OTHER;
  }
  for (const line of lines) {
    const owner = line.y === strip.y ? OTHER : OWN;
    for (const pixel of wholeAcross(window, line, code)) sides[pixel] = owner;
  }
  const tracer = createTracer(width);
  tracer.addRows(rows, sides, scores);
  const graph = tracer.finish();
  return [OWN, OTHER].flatMap((side) =>
    exactRegions(graph, side).map((local) => {
      const region = { ...local, class: code, y: local.y + top };
      for (const ring of region.rings) for (let i = 1; i < ring.length; i += 2) ring[i] += top;
      const box = boxOf(region.rings[0]);
      const cut = lines.some(({ y }) => goesOn(window, region, box, y, code));
      return { region, box, own: side === OWN, cut };
    }),
  );
}

/** Pixels, as they are numbered in the window, of the regions that cross a line and end within the rows around it. */
function wholeAcross({ width, top, classes }: StripWindow, line: StripLine, code: number): number[] {
  const from = (line.top - top) * width;
  const stop = (line.stop - top) * width;
  const firstOpen = line.openTop ? from + width : from;
  const lastOpen = line.openBottom ? stop - width : stop;
  /** 1 for pixels that have been seen, 2 where they are of a region that goes on. */
  const seen = new Uint8Array(stop - from);
  const whole: number[] = [];
  const below = (line.y - top) * width;
  for (let start = below; start < below + width; start++) {
    if (classes[start] !== code || classes[start - width] !== code || seen[start - from] !== 0) continue;
    const region = [start];
    seen[start - from] = 1;
    let goesOn = false;
    for (let next = 0; next < region.length && !goesOn; next++) {
      const pixel = region[next];
      if (pixel < firstOpen || pixel >= lastOpen) goesOn = true;
      const x = pixel % width;
      for (const neighbour of [
        pixel - width,
        x > 0 ? pixel - 1 : pixel,
        x + 1 < width ? pixel + 1 : pixel,
        pixel + width,
      ]) {
        if (neighbour < from || neighbour >= stop || classes[neighbour] !== code) continue;
        if (seen[neighbour - from] === 2) goesOn = true;
        if (seen[neighbour - from] !== 0) continue;
        seen[neighbour - from] = 1;
        region.push(neighbour);
      }
    }
    if (goesOn) for (const pixel of region) seen[pixel - from] = 2;
    else for (const pixel of region) whole.push(pixel);
  }
  return whole;
}

/** Whether a region has a pixel at a line with one of the same class beyond it. */
function goesOn({ width, top, classes }: StripWindow, region: Region, box: Box, y: number, code: number): boolean {
  if (box[1] !== y && box[3] !== y) return false;
  const beyond = (box[1] === y ? y - 1 : y) - top;
  return region.rings.some((ring) => {
    for (let i = 0; i + 3 < ring.length; i += 2) {
      if (ring[i + 1] !== y || ring[i + 3] !== y) continue;
      const stop = Math.max(ring[i], ring[i + 2]);
      for (let x = Math.min(ring[i], ring[i + 2]); x < stop; x++) if (classes[beyond * width + x] === code) return true;
    }
    return false;
  });
}
