/**
 * Least-squares lines through the border between two of its vertices. The border itself is what a line is fitted to, not
 * its vertices: integrals along its sides make that exact and independent of how many vertices it has.
 */
import type { Border, Point, Scratch } from './arc-border.ts';

export interface Line extends Point {
  directionX: number;
  directionY: number;
}

/** A border, ready for lines to be fitted between any two of its vertices; these are counted from its first. */
export interface LineFit {
  /** Frame of the sums: the border's first vertex. */
  originX: number;
  originY: number;
  /** Integrals from the first vertex on, six a vertex: length, x, y, x², xy, y². */
  sums: Float64Array;
}

/** The fit lives in the scratch memory: until the next one is made there. */
export function createLineFit({ xy, first, count }: Border, { sums }: Scratch): LineFit {
  const originX = xy[2 * first];
  const originY = xy[2 * first + 1];
  let length = 0;
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let sxy = 0;
  let syy = 0;
  sums.fill(0, 0, 6);
  for (let i = 1; i < count; i++) {
    const at = 2 * (first + i);
    const dx = xy[at] - xy[at - 2];
    const dy = xy[at + 1] - xy[at - 1];
    const l = Math.abs(dx) + Math.abs(dy);
    const mx = xy[at] - originX - dx / 2;
    const my = xy[at + 1] - originY - dy / 2;
    length += l;
    sx += l * mx;
    sy += l * my;
    sxx += l * (mx * mx + (dx * dx) / 12);
    sxy += l * mx * my; // one of dx and dy is 0
    syy += l * (my * my + (dy * dy) / 12);
    const s = 6 * i;
    sums[s] = length;
    sums[s + 1] = sx;
    sums[s + 2] = sy;
    sums[s + 3] = sxx;
    sums[s + 4] = sxy;
    sums[s + 5] = syy;
  }
  return { originX, originY, sums };
}

/** Integral of the squared distance of the border between two vertices from its line. */
export function residue({ sums }: LineFit, i: number, j: number): number {
  const a = 6 * i;
  const b = 6 * j;
  const length = sums[b] - sums[a];
  const sx = sums[b + 1] - sums[a + 1];
  const sy = sums[b + 2] - sums[a + 2];
  const xx = sums[b + 3] - sums[a + 3] - (sx * sx) / length;
  const xy = sums[b + 4] - sums[a + 4] - (sx * sy) / length;
  const yy = sums[b + 5] - sums[a + 5] - (sy * sy) / length;
  const half = (xx - yy) / 2;
  return (xx + yy) / 2 - Math.sqrt(half * half + xy * xy);
}

/** The line of the border between two vertices; of those through a point, if one is given. */
export function fitLine({ originX, originY, sums }: LineFit, i: number, j: number, through: Point | null): Line {
  const a = 6 * i;
  const b = 6 * j;
  const length = sums[b] - sums[a];
  const sx = sums[b + 1] - sums[a + 1];
  const sy = sums[b + 2] - sums[a + 2];
  const x = through ? through.x - originX : sx / length;
  const y = through ? through.y - originY : sy / length;
  const xx = sums[b + 3] - sums[a + 3] - 2 * x * sx + x * x * length;
  const xy = sums[b + 4] - sums[a + 4] - x * sy - y * sx + x * y * length;
  const yy = sums[b + 5] - sums[a + 5] - 2 * y * sy + y * y * length;
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  return { x: originX + x, y: originY + y, directionX: Math.cos(angle), directionY: Math.sin(angle) };
}

/** Where two lines meet; far away or not finite where they hardly do. */
export function crossingOf(a: Line, b: Line): Point {
  const sine = a.directionX * b.directionY - a.directionY * b.directionX;
  const along = ((b.x - a.x) * b.directionY - (b.y - a.y) * b.directionX) / sine;
  return { x: a.x + along * a.directionX, y: a.y + along * a.directionY };
}

/** The point of a line that is nearest to another point. */
export function footOn(line: Line, point: Point): Point {
  const along = (point.x - line.x) * line.directionX + (point.y - line.y) * line.directionY;
  return { x: line.x + along * line.directionX, y: line.y + along * line.directionY };
}

export function distanceFrom(line: Line, point: Point): number {
  return Math.abs((point.x - line.x) * line.directionY - (point.y - line.y) * line.directionX);
}
