/** Dead ends: led to the edge of the surface, and across gaps to the road that goes on behind. */
import {
  addLine,
  addNode,
  distance,
  holds,
  joinThrough,
  type Line,
  type LineGraph,
  lengthOf,
  lines,
  medianRadius,
  type Rows,
  removeLine,
  rounded,
  startAt,
} from './line-graph.ts';
import { contains, type RoadSurface, type Runs } from './surface.ts';

export interface Gaps {
  /** The longest gap, pixels, and in widths of the road. */
  maxGap: number;
  maxWidths: number;
  /** How much of it may be blocked: roofs lean and stick out over a road. */
  maxBlocked: number;
}

interface End {
  node: number;
  line: Line;
  x: number;
  y: number;
  dx: number;
  dy: number;
  /** Half of the road's usual width. */
  radius: number;
}

/** Over so many half-widths the direction of an end is taken. */
const DIRECTION_RADII = 4;
/** Cosine of how far two ends may point away from each other: 35°, and 60° where the gap is no longer than one width. */
const AGREE = 0.82;
const AGREE_NEAR = 0.5;
/** Directions, in radians off its own, in which an end looks for another road. A crown's bite turns an end so far. */
const LOOKS = [0, 0.25, -0.25, 0.5, -0.5];

/**
 * The axis ends a half-width before the surface does, or turns into one of its corners. Takes what lies in a corner away
 * and draws the line on in its own direction to the edge of the surface.
 */
export function extendEnds(sketch: LineGraph, surface: Runs): void {
  for (const { node } of deadEnds(sketch)) trimCorner(sketch, node);
  for (const end of deadEnds(sketch)) {
    const reach = 2 * end.radius + 1;
    let far = 0;
    while (far < reach && contains(surface, end.x + (far + 0.25) * end.dx, end.y + (far + 0.25) * end.dy)) far += 0.25;
    const line = startAt(end.line, end.node);
    sketch.radius[end.node] = 0;
    if (far === 0) continue;
    sketch.x[end.node] = end.x + far * end.dx;
    sketch.y[end.node] = end.y + far * end.dy;
    line.x.unshift(sketch.x[end.node]);
    line.y.unshift(sketch.y[end.node]);
    line.radius.unshift(end.radius);
  }
}

/** Takes the points of an end away where the surface is much narrower than along the line, at most one width of it. */
function trimCorner(sketch: LineGraph, node: number): void {
  const line = startAt(sketch.at[node][0], node);
  const radius = medianRadius(line);
  let cut = 0;
  let length = 0;
  while (cut < line.x.length - 2 && line.radius[cut] < 0.8 * radius && length < 2 * radius) {
    length += distance(line.x[cut + 1] - line.x[cut], line.y[cut + 1] - line.y[cut]);
    cut++;
  }
  for (const values of [line.x, line.y, line.radius]) values.splice(0, cut);
  [sketch.x[node], sketch.y[node], sketch.radius[node]] = [line.x[0], line.y[0], line.radius[0]];
}

/** Beyond where surface begins again the middle of a road is looked for so far, pixels. */
const LOOK_ASIDE = 64;
const INDEX_CELL = 64;
/** More than any map has. */
const INDEX_COLUMNS = 2 ** 24;

/** Joins dead ends that face each other, the nearest and straightest first. Returns how many gaps of these rows it bridged. */
export function bridgeEnds(sketch: LineGraph, surface: RoadSurface, gaps: Gaps, counted: Rows): number {
  const ends = deadEnds(sketch);
  const cells = new Map<string, number[]>();
  const size = Math.max(1, gaps.maxGap);
  const key = (x: number, y: number) => `${Math.floor(x / size)} ${Math.floor(y / size)}`;
  for (const [i, end] of ends.entries()) cells.set(key(end.x, end.y), [...(cells.get(key(end.x, end.y)) ?? []), i]);
  const pairs: { a: End; b: End; cost: number }[] = [];
  for (const [i, a] of ends.entries()) {
    for (const sx of [-size, 0, size]) {
      for (const sy of [-size, 0, size]) {
        for (const j of cells.get(key(a.x + sx, a.y + sy)) ?? []) {
          if (j <= i) continue;
          const b = ends[j];
          const apart = distance(b.x - a.x, b.y - a.y);
          if (a.line === b.line && apart < lengthOf(a.line) / 2) continue;
          if (apart > Math.min(gaps.maxGap, gaps.maxWidths * (a.radius + b.radius))) continue;
          const [ux, uy] = apart > 0 ? [(b.x - a.x) / apart, (b.y - a.y) / apart] : [a.dx, a.dy];
          const fromA = a.dx * ux + a.dy * uy;
          const fromB = -(b.dx * ux + b.dy * uy);
          const facing = -(a.dx * b.dx + a.dy * b.dy);
          // Ends that nearly touch may lie side by side: then their own directions decide.
          const touching = apart < Math.min(a.radius, b.radius);
          const agree = apart < a.radius + b.radius ? AGREE_NEAR : AGREE;
          if (facing < agree || (!touching && Math.min(fromA, fromB) < agree)) continue;
          if (blockedLength(surface.blocked, a.x, a.y, b.x, b.y) > gaps.maxBlocked) continue;
          pairs.push({ a, b, cost: apart * (3 - fromA - fromB) });
        }
      }
    }
  }
  pairs.sort((p, q) => rounded(p.cost) - rounded(q.cost) || p.a.node - q.a.node || p.b.node - q.b.node);
  const used = new Set<number>();
  let bridged = 0;
  for (const { a, b } of pairs) {
    if (used.has(a.node) || used.has(b.node)) continue;
    used.add(a.node).add(b.node);
    addGap(sketch, a.node, b.node);
    joinThrough(sketch, a.node);
    joinThrough(sketch, b.node);
    if (holds(counted, (a.y + b.y) / 2)) bridged++;
  }
  return bridged;
}

/** Leads dead ends straight across a gap to another road's surface and onto its line. Returns how many of these rows. */
export function snapEnds(sketch: LineGraph, surface: RoadSurface, filled: Runs, gaps: Gaps, counted: Rows): number {
  let snapped = 0;
  const index = indexLines(sketch);
  for (const end of deadEnds(sketch)) {
    if (sketch.at[end.node].length !== 1) continue; // another end was led here
    let best: { line: Line; index: number } | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const turn of LOOKS) {
      const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
      const look = {
        ...end,
        line: sketch.at[end.node][0],
        dx: end.dx * cos - end.dy * sin,
        dy: end.dx * sin + end.dy * cos,
      };
      const reach = (1 - Math.abs(turn)) * Math.min(gaps.maxGap, gaps.maxWidths * 2 * end.radius);
      const far = surfaceAhead(look, surface, filled, reach, turn === 0 ? gaps.maxBlocked : 0);
      const hit = far === null ? null : nearestAhead(index.near(look, far + LOOK_ASIDE), look, far);
      const cost = (far ?? 0) * (1 + Math.abs(turn));
      if (hit && cost < least) [best, least] = [hit, cost];
    }
    if (!best) continue;
    const node = splitAt(sketch, best.line, best.index);
    addGap(sketch, end.node, node);
    joinThrough(sketch, end.node);
    for (const line of sketch.at[node]) index.add(line);
    if (holds(counted, end.y)) snapped++;
  }
  return snapped;
}

/** Lines by the cells that they pass through. */
function indexLines(sketch: LineGraph) {
  const cells = new Map<number, Set<Line>>();
  const cell = (value: number) => Math.floor(value / INDEX_CELL);
  const keyOf = (column: number, row: number) => row * INDEX_COLUMNS + column;
  const add = (line: Line) => {
    let last = Number.NaN;
    for (let i = 0; i < line.x.length; i++) {
      const key = keyOf(cell(line.x[i]), cell(line.y[i]));
      if (key === last) continue;
      last = key;
      const held = cells.get(key);
      if (held) held.add(line);
      else cells.set(key, new Set([line]));
    }
  };
  for (const line of lines(sketch)) add(line);
  /** Those that may have points within a distance of the end, split and joined ones left out. */
  const near = (end: End, reach: number): Set<Line> => {
    const found = new Set<Line>();
    for (let row = cell(end.y - reach); row <= cell(end.y + reach); row++) {
      for (let column = cell(end.x - reach); column <= cell(end.x + reach); column++) {
        for (const line of cells.get(keyOf(column, row)) ?? [])
          if (sketch.at[line.from].includes(line)) found.add(line);
      }
    }
    return found;
  };
  return { add, near };
}

/** How far ahead surface begins again, or null where too much else comes first. */
function surfaceAhead(end: End, surface: RoadSurface, filled: Runs, reach: number, maxBlocked: number): number | null {
  let blocked = 0;
  for (let far = 1; far < reach; far += 0.5) {
    const [x, y] = [end.x + far * end.dx, end.y + far * end.dy];
    if (contains(filled, x, y)) return far;
    if (contains(surface.blocked, x, y)) blocked += 0.5;
    if (blocked > maxBlocked) return null;
  }
  return null;
}

/** Where the end's direction, from where it meets surface again, comes nearest to a line, weighing sideways double. */
function nearestAhead(candidates: ReadonlySet<Line>, end: End, far: number): { line: Line; index: number } | null {
  let best: { line: Line; index: number } | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const line of candidates) {
    if (line === end.line) continue;
    for (let i = 0; i < line.x.length; i++) {
      const x = line.x[i] - end.x;
      const y = line.y[i] - end.y;
      const ahead = x * end.dx + y * end.dy;
      const aside = Math.abs(x * end.dy - y * end.dx);
      if (ahead < far - 1 || aside > 1.5 + line.radius[i] / 2 || ahead > far + 2 * line.radius[i] + 3) continue;
      const cost = ahead + 2 * aside;
      if (cost < least) {
        least = cost;
        best = { line, index: i };
      }
    }
  }
  return best;
}

function splitAt(sketch: LineGraph, line: Line, index: number): number {
  if (index === 0) return line.from;
  if (index === line.x.length - 1) return line.to;
  const node = addNode(sketch, line.x[index], line.y[index], line.radius[index]);
  removeLine(sketch, line);
  const part = (start: number, end: number, from: number, to: number): Line => ({
    from,
    to,
    x: line.x.slice(start, end),
    y: line.y.slice(start, end),
    radius: line.radius.slice(start, end),
  });
  addLine(sketch, part(0, index + 1, line.from, node));
  addLine(sketch, part(index, line.x.length, node, line.to));
  return node;
}

/** The gap's own points stand just inside its ends, so that the ends keep the width of the road. */
function addGap(sketch: LineGraph, from: number, to: number): void {
  const between = (values: number[]) =>
    [0, 0.02, 0.98, 1].map((share) => values[from] + share * (values[to] - values[from]));
  addLine(sketch, { from, to, x: between(sketch.x), y: between(sketch.y), radius: [0, 0, 0, 0] });
}

/** How much of a straight line is blocked, looked at every half pixel. */
function blockedLength(blocked: Runs, x0: number, y0: number, x1: number, y1: number): number {
  const length = distance(x1 - x0, y1 - y0);
  const steps = Math.ceil(2 * length) || 1;
  let inside = 0;
  for (let k = 0; k <= steps; k++) {
    if (contains(blocked, x0 + ((x1 - x0) * k) / steps, y0 + ((y1 - y0) * k) / steps)) inside++;
  }
  return (inside / (steps + 1)) * length;
}

function deadEnds(sketch: LineGraph): End[] {
  const ends: End[] = [];
  for (let node = 0; node < sketch.at.length; node++) {
    if (sketch.at[node].length !== 1) continue;
    const line = startAt(sketch.at[node][0], node);
    const radius = medianRadius(line);
    const { x, y } = line;
    let behind = 1;
    while (behind < x.length - 1 && distance(x[behind] - x[0], y[behind] - y[0]) < DIRECTION_RADII * radius) behind++;
    const length = distance(x[0] - x[behind], y[0] - y[behind]);
    if (length === 0) continue;
    ends.push({
      node,
      line,
      x: x[0],
      y: y[0],
      dx: (x[0] - x[behind]) / length,
      dy: (y[0] - y[behind]) / length,
      radius,
    });
  }
  return ends;
}
