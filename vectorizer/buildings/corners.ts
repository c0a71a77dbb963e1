/** Walls become a ring: its corners are where the lines of consecutive walls cross. */
import type { Frame, Samples } from './outline.ts';
import { GRID } from './predicates.ts';
import { meets, offsetOf, type Projection, type Wall } from './walls.ts';

/**
 * Corners in metres about the frame's centre, not closed; null where no ring comes out. Walls that would run backwards
 * between their neighbours are taken out, and neighbours of one direction that then meet become one.
 */
export function cornersOf(
  samples: Samples,
  projection: Projection,
  walls: readonly Wall[],
  trimMetres: number,
): { walls: Wall[]; corners: Float64Array } | null {
  let ring = [...walls];
  while (ring.length >= 4) {
    const corners = crossings(projection.angle, ring);
    let gone = firstBackwards(samples, projection, ring, corners);
    if (gone < 0) gone = shortestJog(ring, corners, trimMetres);
    if (gone < 0) return { walls: ring, corners };
    ring = without(ring, gone, samples.count);
    for (const wall of ring) wall.offset = offsetOf(samples, projection, wall, trimMetres);
  }
  return null;
}

/** Corner i is where wall i begins. */
export function crossings(angle: number, walls: readonly Wall[]): Float64Array {
  const corners = new Float64Array(2 * walls.length);
  for (let i = 0; i < walls.length; i++) {
    const before = walls[(i + walls.length - 1) % walls.length];
    const after = walls[i];
    [corners[2 * i], corners[2 * i + 1]] = crossingOf(angle, before, after);
  }
  return corners;
}

/** Where the lines of two walls of different directions cross. */
export function crossingOf(angle: number, before: Wall, after: Wall): [number, number] {
  const a = angle + (before.direction * Math.PI) / 4;
  const b = angle + (after.direction * Math.PI) / 4;
  const determinant = Math.sin(b - a);
  return [
    (before.offset * Math.cos(b) - after.offset * Math.cos(a)) / determinant,
    (before.offset * Math.sin(b) - after.offset * Math.sin(a)) / determinant,
  ];
}

function firstBackwards(
  samples: Samples,
  projection: Projection,
  walls: readonly Wall[],
  corners: Float64Array,
): number {
  const { count, x, y } = samples;
  for (let i = 0; i < walls.length; i++) {
    const { direction, start, stop } = walls[i];
    const cos = Math.cos(projection.angle + (direction * Math.PI) / 4);
    const sin = Math.sin(projection.angle + (direction * Math.PI) / 4);
    const from = start % count;
    const to = (stop - 1) % count;
    const outline = cos * (x[to] - x[from]) + sin * (y[to] - y[from]);
    const j = 2 * ((i + 1) % walls.length);
    const wall = cos * (corners[j] - corners[2 * i]) + sin * (corners[j + 1] - corners[2 * i + 1]);
    if (wall === 0 || (wall > 0 !== outline > 0 && stop - start > 1)) return i;
  }
  return -1;
}

/** The shortest wall under `metres` between two of one direction; walls that are a little out of line make such jogs. */
function shortestJog(walls: readonly Wall[], corners: Float64Array, metres: number): number {
  let found = -1;
  let shortest = metres;
  for (let i = 0; i < walls.length; i++) {
    const before = walls[(i + walls.length - 1) % walls.length];
    const after = walls[(i + 1) % walls.length];
    if (before.direction !== after.direction) continue;
    const j = (2 * i + 2) % corners.length;
    const length = Math.hypot(corners[j] - corners[2 * i], corners[j + 1] - corners[2 * i + 1]);
    if (length < shortest) {
      shortest = length;
      found = i;
    }
  }
  return found;
}

/** The samples of the wall that goes are shared out between its neighbours, which are one wall if they hardly turn. */
function without(walls: readonly Wall[], gone: number, count: number): Wall[] {
  const { start, stop } = walls[gone];
  const middle = Math.ceil((start + stop) / 2);
  const ring = walls.map((wall) => ({ ...wall }));
  const before = ring[(gone + ring.length - 1) % ring.length];
  const after = ring[(gone + 1) % ring.length];
  if (!meets(before, after)) {
    if (after.stop - after.start > before.stop - before.start) before.direction = after.direction;
    let end = after.stop;
    while (end <= before.start) end += count;
    before.stop = end;
    return ring.filter((wall, i) => i !== gone && wall !== after);
  }
  before.stop += middle - start;
  after.start -= stop - middle;
  if (after.start < 0) {
    after.start += count;
    after.stop += count;
  }
  return ring.filter((_, i) => i !== gone);
}

/** Pixel coordinates of a place in metres, on the grid of the exact predicates. */
export function placeOf(x: number, y: number, frame: Frame): [number, number] {
  return [
    Math.round((frame.centreX + x / frame.pixelMetresX) * GRID) / GRID,
    Math.round((frame.centreY + y / frame.pixelMetresY) * GRID) / GRID,
  ];
}

/** Places a ring in pixel coordinates on a grid so fine that angles stay, so that crossings can be told exactly. */
export function toPixels(corners: Float64Array, frame: Frame): Float64Array {
  const ring = new Float64Array(corners.length + 2);
  for (let i = 0; i < corners.length; i += 2) {
    [ring[i], ring[i + 1]] = placeOf(corners[i], corners[i + 1], frame);
  }
  ring[corners.length] = ring[0];
  ring[corners.length + 1] = ring[1];
  return ring;
}
