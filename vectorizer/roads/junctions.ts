/**
 * Crossings as a map shows them. The medial axis splits a crossing of four into two of three and bends every through road
 * towards its side road; here junctions that lie in each other's surface become one, and the roads come in straight.
 */
import {
  distance,
  holds,
  type Line,
  type LineGraph,
  lengthOf,
  lines,
  moveEnds,
  type Rows,
  removeLine,
  rounded,
} from './line-graph.ts';
import { contains, type Runs } from './surface.ts';

/** Junctions closer than this many half-widths there are one. */
const CLUSTER_RADII = 1.2;
/** So are those up to here whose roads all meet in one point: a crossing at 45° splits into two 1.4 to 1.8 apart. */
const SPLIT_RADII = 2;
/** How far, in half-widths, a road may pass by the point where it meets the others. */
const MEET_RADII = 0.5;
/** So far from a junction, in its half-widths, the medial axis is that of the road alone. */
const CLEAR_RADII = 1.6;
/** Over so many half-widths the direction of a road is taken. */
const DIRECTION_RADII = 3;
/** How much the junction's own place weighs against where the roads point, so that near-parallel roads stay put. */
const ANCHOR_WEIGHT = 0.08;

/** Of each node, how far from it junctions lay that went into it. */
export type Spread = Map<number, number>;

/**
 * Joins junctions in each other's surface, the nearest first; counts those of these rows.
 * @param mostRadius half-widths beyond this, in pixels, are of squares and of carriageways that have melted
 */
export function clusterJunctions(
  sketch: LineGraph,
  counted: Rows,
  mostRadius: number,
): { merged: number; spread: Spread } {
  const spread: Spread = new Map();
  let merged = 0;
  for (;;) {
    const short: { line: Line; length: number }[] = [];
    for (const line of lines(sketch)) {
      if (line.from === line.to || sketch.at[line.from].length < 3 || sketch.at[line.to].length < 3) continue;
      const length = lengthOf(line);
      const radii = length / Math.min(mostRadius, Math.max(sketch.radius[line.from], sketch.radius[line.to]));
      if (radii < CLUSTER_RADII || (radii < SPLIT_RADII && isSplit(sketch, line))) short.push({ line, length });
    }
    if (short.length === 0) return { merged, spread };
    short.sort((a, b) => rounded(a.length) - rounded(b.length));
    const touched = new Set<number>();
    for (const { line, length } of short) {
      const { from, to } = line;
      if (touched.has(from) || touched.has(to)) continue;
      touched.add(from).add(to);
      removeLine(sketch, line);
      const [kept, gone] = rounded(sketch.radius[from]) >= rounded(sketch.radius[to]) ? [from, to] : [to, from];
      spread.set(kept, Math.max(spread.get(kept) ?? 0, length + (spread.get(gone) ?? 0)));
      const moved = [...sketch.at[gone]];
      moveEnds(sketch, gone, kept);
      for (const other of moved) {
        if (other.from === kept && other.x[0] !== sketch.x[kept]) {
          other.x.unshift(sketch.x[kept]);
          other.y.unshift(sketch.y[kept]);
          other.radius.unshift(sketch.radius[kept]);
        }
        if (other.to === kept && other.x[other.x.length - 1] !== sketch.x[kept]) {
          other.x.push(sketch.x[kept]);
          other.y.push(sketch.y[kept]);
          other.radius.push(sketch.radius[kept]);
        }
      }
      if (holds(counted, sketch.y[gone])) merged++;
    }
  }
}

/** Whether the roads at both ends of a line, seen from outside, meet in one point. */
function isSplit(sketch: LineGraph, link: Line): boolean {
  const roads: Approach[] = [];
  for (const node of [link.from, link.to]) {
    for (const line of new Set(sketch.at[node])) {
      if (line !== link && line.from !== line.to) approach(sketch, line, line.to === node, 0, roads);
    }
  }
  if (roads.length < 4) return false;
  const [x, y] = meetingPoint(roads, sketch.x[link.from], sketch.y[link.from]);
  const radius = Math.max(sketch.radius[link.from], sketch.radius[link.to]);
  return roads.every((road) => Math.abs(road.dx * (y - road.y) - road.dy * (x - road.x)) < MEET_RADII * radius);
}

interface Approach {
  x: number;
  y: number;
  dx: number;
  dy: number;
}

/** A line's end at a junction: how many of its points lie in the junction, 0 where it is too short to tell. */
interface LineEnd {
  line: Line;
  atEnd: boolean;
  cut: number;
}

/** Puts each junction where its roads, seen from outside of it, meet best, and leads them there straight. */
export function straightenJunctions(sketch: LineGraph, surface: Runs, spread: Spread): void {
  const approaches: Approach[][] = sketch.at.map(() => []);
  const ends: LineEnd[][] = sketch.at.map(() => []);
  for (const line of lines(sketch)) {
    for (const atEnd of [false, true]) {
      const node = atEnd ? line.to : line.from;
      const cut =
        sketch.at[node].length >= 3 ? approach(sketch, line, atEnd, spread.get(node) ?? 0, approaches[node]) : 0;
      ends[node].push({ line, atEnd, cut });
    }
  }
  const cuts = new Map<Line, [number, number]>();
  for (let node = 0; node < sketch.at.length; node++) {
    const straight = approaches[node].length > 0 && placeJunction(sketch, node, approaches[node], ends[node], surface);
    for (const { line, atEnd, cut } of ends[node]) {
      const pair = cuts.get(line) ?? [1, 1];
      if (straight && cut > 0) pair[atEnd ? 1 : 0] = cut;
      cuts.set(line, pair);
    }
  }
  for (const [line, [start, end]] of cuts) {
    // A junction's disc is wider than the road: the road's own half-width goes up to the node.
    const last = line.x.length - end;
    for (const name of ['x', 'y', 'radius'] as const) line[name] = line[name].slice(start - 1, last + 1);
    const { x, y, radius } = line;
    const to = x.length - 1;
    if (to > 1) [radius[0], radius[to]] = [radius[1], radius[to - 1]];
    [x[0], y[0]] = [sketch.x[line.from], sketch.y[line.from]];
    [x[to], y[to]] = [sketch.x[line.to], sketch.y[line.to]];
  }
}

/** The line with one end moved, the points between less and less towards the other. */
function bent({ x, y }: Line, atEnd: boolean, moveX: number, moveY: number): { x: number[]; y: number[] } {
  const share = (i: number) => (atEnd ? i : x.length - 1 - i) / (x.length - 1);
  return { x: x.map((value, i) => value + share(i) * moveX), y: y.map((value, i) => value + share(i) * moveY) };
}

/**
 * Notes how the line comes to the junction at its start (or end) and returns how many of its points lie in there: 0 if
 * less than a third of the line would be left, and then nothing is noted.
 */
function approach(sketch: LineGraph, line: Line, atEnd: boolean, spread: number, noted: Approach[]): number {
  const count = line.x.length;
  const at = (i: number) => (atEnd ? count - 1 - i : i);
  const node = atEnd ? line.to : line.from;
  const radius = sketch.radius[node];
  const limit = lengthOf(line) * 0.35;
  // The junction that stood at this line's own end may be away from where the joint one is.
  const clear = CLEAR_RADII * radius + spread / 2;
  let passed = 0;
  const step = (i: number) => distance(line.x[at(i)] - line.x[at(i - 1)], line.y[at(i)] - line.y[at(i - 1)]);
  const away = (i: number) => distance(line.x[at(i)] - sketch.x[node], line.y[at(i)] - sketch.y[node]);
  let cut = 1;
  for (; cut < count - 1 && away(cut) < clear; cut++) {
    passed += step(cut);
    if (passed >= limit) return 0;
  }
  let far = cut;
  for (let length = 0; far < count - 1 && length < DIRECTION_RADII * radius; ) length += step(++far);
  const dx = line.x[at(cut)] - line.x[at(far)];
  const dy = line.y[at(cut)] - line.y[at(far)];
  const length = distance(dx, dy);
  if (length === 0) return 0;
  noted.push({ x: line.x[at(cut)], y: line.y[at(cut)], dx: dx / length, dy: dy / length });
  return cut;
}

/** Least squares of the distances to the lines of approach, held to (x0, y0) by a small weight. */
function meetingPoint(roads: readonly Approach[], x0: number, y0: number): [number, number] {
  let [xx, xy, yy, bx, by] = [ANCHOR_WEIGHT, 0, ANCHOR_WEIGHT, 0, 0];
  for (const { x, y, dx, dy } of roads) {
    const offset = -dy * (x - x0) + dx * (y - y0);
    xx += dy * dy;
    xy -= dx * dy;
    yy += dx * dx;
    bx -= dy * offset;
    by += dx * offset;
  }
  const determinant = xx * yy - xy * xy;
  return [x0 + (bx * yy - by * xy) / determinant, y0 + (xx * by - xy * bx) / determinant];
}

/**
 * Moves a junction to where its roads meet, by its half-width at most. Lines too
 * short to lead straight into it, like the arcs of a roundabout, are bent along. Returns whether a place was found from
 * which all approaches are reached straight over the surface; else nothing moves.
 */
function placeJunction(sketch: LineGraph, node: number, roads: Approach[], ends: LineEnd[], surface: Runs): boolean {
  const { x: x0, y: y0, radius } = { x: sketch.x[node], y: sketch.y[node], radius: sketch.radius[node] };
  const [meetX, meetY] = meetingPoint(roads, x0, y0);
  let [moveX, moveY] = [meetX - x0, meetY - y0];
  const far = distance(moveX, moveY) / radius;
  if (far > 1) {
    moveX /= far;
    moveY /= far;
  }
  for (const share of [1, 0.5, 0.25, 0]) {
    const x = x0 + share * moveX;
    const y = y0 + share * moveY;
    if (!roads.every((road) => straightInside(surface, x, y, road.x, road.y))) continue;
    const short = ends
      .filter(({ cut }) => cut === 0)
      .map(({ line, atEnd }) => ({ line, moved: bent(line, atEnd, x - x0, y - y0) }));
    const inside = ({ line, moved }: (typeof short)[number]) =>
      moved.x.every((at, i) => contains(surface, at, moved.y[i]) || !contains(surface, line.x[i], line.y[i]));
    if (!short.every(inside)) continue;
    for (const { line, moved } of short) Object.assign(line, moved);
    sketch.x[node] = x;
    sketch.y[node] = y;
    return true;
  }
  return false;
}

/** Whether the straight line between two points stays on the surface, looked at every half pixel. */
function straightInside(surface: Runs, x0: number, y0: number, x1: number, y1: number): boolean {
  const steps = Math.ceil(2 * distance(x1 - x0, y1 - y0)) || 1;
  for (let k = 0; k <= steps; k++) {
    if (!contains(surface, x0 + ((x1 - x0) * k) / steps, y0 + ((y1 - y0) * k) / steps)) return false;
  }
  return true;
}
