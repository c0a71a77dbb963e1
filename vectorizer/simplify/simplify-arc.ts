/**
 * One arc of pixel corners turned into the fewest straight pieces that stay within a tolerance of it, and these pieces
 * then laid through the middle of the steps they replace: each becomes the least-squares line of the border it stands
 * for, and breakpoints move to where neighbouring lines meet (as in Selinger's Potrace, 2003). So slanted edges have no
 * bias to either side, and corners that the grid had cut off come back.
 */
import type { ArcGraph } from '../trace/arc-graph.ts';
import {
  type Border,
  cornerAt,
  farthestBeyond,
  type Point,
  placeAt,
  type Scratch,
  type Simplified,
  squaredDistance,
} from './arc-border.ts';
import { chooseBreakpoints } from './breakpoints.ts';
import { createLineFit, crossingOf, distanceFrom, fitLine, footOn, type Line, type LineFit } from './fit-lines.ts';

/** How far breakpoints may lie from their corners before lines are laid, in pixels: half the diagonal of half a pixel. */
const DRAWN_IN = Math.SQRT1_2 / 2;

/** Cosine of the angle, of about 53°, below which a breakpoint is a spike. */
const SHARP_COSINE = 0.6;

/** Positions are rounded to 1/256 pixel, so that tests of crossing are exact for maps up to 131,072 pixels wide. */
const GRID = 256;

export function keepExact(graph: ArcGraph, arc: number, result: Simplified): void {
  for (let i = graph.offsets[arc]; i < graph.offsets[arc + 1]; i++) {
    result.kept[i] = 1;
    result.x[i] = graph.xy[2 * i];
    result.y[i] = graph.xy[2 * i + 1];
  }
}

/**
 * Simplifies one arc. The tolerance is in pixels: the largest distance between the exact and the simplified border, from
 * either to the other.
 */
export function simplifyArc(
  graph: ArcGraph,
  arc: number,
  tolerance: number,
  scratch: Scratch,
  result: Simplified,
): void {
  keepExact(graph, arc, result);
  const first = graph.offsets[arc];
  const count = graph.offsets[arc + 1] - first;
  if (count < 3) return;
  const border: Border = { xy: graph.xy, first, count, isLoop: graph.from[arc] < 0 };
  const fit = createLineFit(border, scratch);
  let breaks = chooseBreakpoints(border, fit, Math.max(tolerance - DRAWN_IN, tolerance / 2), scratch);
  breaks = restoreCutCorners(border, fit, breaks, tolerance);
  for (const i of breaks) placeAt(border, result, i, scratch.drawnX[i], scratch.drawnY[i]);
  layLines(border, fit, breaks, tolerance, scratch, result);
  openSharpAngles(border, breaks, scratch, result);
  for (;;) {
    const divided = divide(border, breaks, tolerance, result);
    if (divided.length === breaks.length) break;
    breaks = divided;
  }
  if (border.isLoop && breaks.length < 4) {
    keepExact(graph, arc, result); // too small to lose a corner
    return;
  }
  result.kept.fill(0, first, first + count);
  for (const i of breaks) result.kept[first + i] = 1;
}

function layPiece(border: Border, fit: LineFit, breaks: readonly number[], piece: number): Line {
  const last = breaks.length - 1;
  let held: Point | null = null;
  if (!border.isLoop && piece === 0) held = cornerAt(border, 0);
  else if (!border.isLoop && piece === last - 1) held = cornerAt(border, breaks[last]);
  return fitLine(fit, breaks[piece], breaks[piece + 1], held);
}

/** Takes out pieces whose neighbours, made longer, stand for the same border within the tolerance: cut corners. */
function restoreCutCorners(border: Border, fit: LineFit, chosen: readonly number[], tolerance: number): number[] {
  const breaks = [...chosen];
  const { isLoop } = border;
  for (let piece = isLoop ? 0 : 1; piece < breaks.length - (isLoop ? 1 : 2); piece++) {
    const last = breaks.length - 1;
    if (last < 4) break; // a triangle has no cut corner
    const start = breaks[piece];
    const stop = breaks[piece + 1];
    const from = cornerAt(border, start);
    const to = cornerAt(border, stop);
    const before = layPiece(border, fit, breaks, piece === 0 ? last - 1 : piece - 1);
    const after = layPiece(border, fit, breaks, piece === last - 1 ? 0 : piece + 1);
    const corner = crossingOf(before, after);
    if (!isNear(border, start, stop, corner.x, corner.y, tolerance)) continue;
    let within = true;
    for (let i = start; i <= stop && within; i++) {
      const vertex = cornerAt(border, i);
      within = Math.min(distanceFrom(before, vertex), distanceFrom(after, vertex)) <= tolerance;
    }
    if (!within) continue;
    // A loop's ends stay breakpoints; else the end that is nearer to the new corner stays.
    const dropStart =
      piece > 0 &&
      (piece === last - 1 && isLoop
        ? true
        : (corner.x - to.x) ** 2 + (corner.y - to.y) ** 2 < (corner.x - from.x) ** 2 + (corner.y - from.y) ** 2);
    breaks.splice(dropStart ? piece : piece + 1, 1);
    piece--;
  }
  return breaks;
}

/**
 * Moves the breakpoints to where the lines of their pieces meet, or between them where they hardly do. Where that brings
 * a piece farther from the border than the tolerance, its breakpoints go back to where they were.
 */
function layLines(
  border: Border,
  fit: LineFit,
  breaks: readonly number[],
  tolerance: number,
  { drawnX, drawnY }: Scratch,
  result: Simplified,
): void {
  const last = breaks.length - 1;
  const lines: Line[] = [];
  for (let piece = 0; piece < last; piece++) lines.push(layPiece(border, fit, breaks, piece));
  const moved = new Uint8Array(last + 1);
  for (let i = border.isLoop ? 0 : 1; i < last; i++) {
    const before = lines[i === 0 ? last - 1 : i - 1];
    const after = lines[i];
    const cross = crossingOf(before, after);
    if (moveTo(i, cross.x, cross.y)) continue;
    const corner = cornerAt(border, breaks[i]);
    const footA = footOn(before, corner);
    const footB = footOn(after, corner);
    moveTo(i, (footA.x + footB.x) / 2, (footA.y + footB.y) / 2);
  }
  if (border.isLoop) moved[last] = moved[0];
  for (let piece = 0; piece < last; ) {
    const far = farthestFromPiece(border, breaks, piece, tolerance, result);
    if (far < 0 || (!moved[piece] && !moved[piece + 1])) {
      piece++;
      continue;
    }
    let next = piece > 0 && moved[piece] ? piece - 1 : piece;
    for (const i of [piece, piece + 1]) {
      if (!moved[i]) continue;
      placeAt(border, result, breaks[i], drawnX[breaks[i]], drawnY[breaks[i]]);
      moved[i] = 0;
      if (border.isLoop && i === 0) moved[last] = 0;
      if (border.isLoop && i === last) {
        moved[0] = 0;
        next = 0;
      }
    }
    piece = next;
  }

  /** Moves breakpoint i if that is near the border; positions are rounded. */
  function moveTo(i: number, toX: number, toY: number): boolean {
    const x = Math.round(toX * GRID) / GRID;
    const y = Math.round(toY * GRID) / GRID;
    if (!isNear(border, breaks[i] - 3, breaks[i] + 3, x, y, tolerance)) return false;
    placeAt(border, result, breaks[i], x, y);
    moved[i] = 1;
    return true;
  }
}

/**
 * Lines that meet at a sharp angle do so far beyond what the border shows. Such a breakpoint, or one beside it, goes back
 * to the drawn border where that opens the angle and makes none that is sharper.
 */
function openSharpAngles(
  border: Border,
  breaks: readonly number[],
  { drawnX, drawnY }: Scratch,
  result: Simplified,
): void {
  const { x, y } = result;
  const { first, isLoop } = border;
  const last = breaks.length - 1;
  if (last < (isLoop ? 3 : 2)) return;
  const round = (i: number) => (isLoop ? (i + last) % last : i);
  const placeOf = (i: number) => first + breaks[round(i)];
  const cosine = (i: number): number => {
    const [at, before, after] = [placeOf(i), placeOf(i - 1), placeOf(i + 1)];
    const [ax, ay, bx, by] = [x[before] - x[at], y[before] - y[at], x[after] - x[at], y[after] - y[at]];
    return (ax * bx + ay * by) / Math.sqrt((ax * ax + ay * ay) * (bx * bx + by * by) || 1);
  };
  const isInner = (i: number) => isLoop || (i > 0 && i < last);
  const sharpest = (i: number) => {
    let most = -1;
    for (let k = i - 1; k <= i + 1; k++) if (isInner(k)) most = Math.max(most, cosine(k));
    return most;
  };
  for (let i = isLoop ? 0 : 1; i < last; i++) {
    for (const k of [i, i - 1, i + 1]) {
      if (cosine(i) < SHARP_COSINE) break;
      if (!isInner(k)) continue;
      const vertex = breaks[round(k)];
      const [oldX, oldY, before] = [x[first + vertex], y[first + vertex], sharpest(k)];
      placeAt(border, result, vertex, drawnX[vertex], drawnY[vertex]);
      if (sharpest(k) >= before) placeAt(border, result, vertex, oldX, oldY);
    }
  }
}

/** Whether a place is within the tolerance of the border between two vertices; these may lie beyond its ends. */
function isNear(
  { xy, first, count, isLoop }: Border,
  start: number,
  stop: number,
  x: number,
  y: number,
  tolerance: number,
): boolean {
  const pieces = count - 1;
  const limit = tolerance * tolerance;
  const end = isLoop ? stop : Math.min(stop, pieces);
  for (let i = isLoop ? start : Math.max(0, start); i < end; i++) {
    // Of a loop, start and stop are less than one round away from it.
    const at = 2 * (first + (i < 0 ? i + pieces : i < pieces ? i : i - pieces));
    if (squaredDistance(x, y, xy[at], xy[at + 1], xy[at + 2], xy[at + 3]) <= limit) return true;
  }
  return false;
}

function farthestFromPiece(
  border: Border,
  breaks: readonly number[],
  piece: number,
  tolerance: number,
  result: Simplified,
): number {
  const last = breaks.length - 1;
  const { isLoop } = border;
  const before = piece > 0 ? breaks[piece - 1] : isLoop ? breaks[last - 1] : -1;
  const after = piece < last - 1 ? breaks[piece + 2] : isLoop ? breaks[1] : -1;
  return farthestBeyond(border, result, breaks[piece], breaks[piece + 1], before, after, tolerance);
}

/** Adds the farthest vertex of each piece that passes it too far off to the breakpoints. */
function divide(border: Border, breaks: readonly number[], tolerance: number, result: Simplified): number[] {
  const divided = [0];
  for (let piece = 0; piece < breaks.length - 1; piece++) {
    const far = farthestFromPiece(border, breaks, piece, tolerance, result);
    if (far > breaks[piece] && far < breaks[piece + 1]) divided.push(far);
    else if (far >= 0)
      placeAt(border, result, far, border.xy[2 * (border.first + far)], border.xy[2 * (border.first + far) + 1]);
    divided.push(breaks[piece + 1]);
  }
  return divided;
}
