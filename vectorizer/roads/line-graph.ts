/** The network while it is being made: nodes, and lines of points with the local half-width of the surface. */

export interface Line {
  from: number;
  to: number;
  /** Points from node to node, both included. */
  x: number[];
  y: number[];
  /** Half-width of the surface at each point, pixels; 0 where a gap is bridged. */
  radius: number[];
}

/** The length of a vector. Math.hypot takes many times as long, to be right near the limits of numbers. */
export const distance = (dx: number, dy: number): number => Math.sqrt(dx * dx + dy * dy);

export interface LineGraph {
  x: number[];
  y: number[];
  radius: number[];
  /** Lines at each node; one that returns to its node stands there twice. Nodes without lines are gone. */
  at: Line[][];
}

/** Rows of the map that something belongs to: from <= y < to. Infinite where the map ends. */
export interface Rows {
  from: number;
  to: number;
}

export const holds = ({ from, to }: Rows, y: number): boolean => y >= from && y < to;

/**
 * For sorting by what is measured on the sketch. What differs by rounding alone counts as the same, so that the order of
 * the nodes decides, which is that of the map.
 */
export const rounded = (value: number): number => Math.round(value * 4096);

export function lines(sketch: LineGraph): Set<Line> {
  return new Set(sketch.at.flat());
}

export function addNode(sketch: LineGraph, x: number, y: number, radius: number): number {
  sketch.x.push(x);
  sketch.y.push(y);
  sketch.radius.push(radius);
  return sketch.at.push([]) - 1;
}

export function addLine(sketch: LineGraph, line: Line): void {
  sketch.at[line.from].push(line);
  sketch.at[line.to].push(line);
}

export function removeLine(sketch: LineGraph, line: Line): void {
  for (const node of [line.from, line.to]) sketch.at[node].splice(sketch.at[node].indexOf(line), 1);
}

/** Turns the line in place so that it starts at this node. */
export function startAt(line: Line, node: number): Line {
  if (line.from === node) return line;
  line.x.reverse();
  line.y.reverse();
  line.radius.reverse();
  [line.from, line.to] = [line.to, line.from];
  return line;
}

/** Joins the two lines of a node of degree two into one. Anything else stays. */
export function joinThrough(sketch: LineGraph, node: number): void {
  const [a, b] = sketch.at[node];
  if (sketch.at[node].length !== 2 || a === b) return;
  removeLine(sketch, a);
  removeLine(sketch, b);
  startAt(a, node);
  const first = { from: a.to, x: a.x.toReversed(), y: a.y.toReversed(), radius: a.radius.toReversed() };
  startAt(b, node);
  addLine(sketch, {
    from: first.from,
    to: b.to,
    x: first.x.concat(b.x.slice(1)),
    y: first.y.concat(b.y.slice(1)),
    radius: first.radius.concat(b.radius.slice(1)),
  });
}

/** Moves every end at one node to another. */
export function moveEnds(sketch: LineGraph, node: number, target: number): void {
  for (const line of sketch.at[node]) {
    // Each entry is one end: of a line that returns here, the first visit moves `from`, the second `to`.
    if (line.from === node) line.from = target;
    else line.to = target;
    sketch.at[target].push(line);
  }
  sketch.at[node] = [];
}

export function lengthOf(line: { x: ArrayLike<number>; y: ArrayLike<number> }): number {
  let length = 0;
  for (let i = 1; i < line.x.length; i++) length += distance(line.x[i] - line.x[i - 1], line.y[i] - line.y[i - 1]);
  return length;
}

/** Half of the usual width of the surface along the line. Points are taken as evenly spaced. */
export function medianRadius(line: Pick<Line, 'radius'>): number {
  const all = Float64Array.from(line.radius).sort();
  let gaps = 0;
  while (gaps < all.length && all[gaps] === 0) gaps++;
  return gaps < all.length ? all[gaps + ((all.length - gaps) >> 1)] : 0;
}

/** A line's points with the half-width at each. */
export type Points = Pick<Line, 'x' | 'y' | 'radius'>;

/** The line's pieces between the places where it crosses one of these values of y, in order. Neighbours share a point. */
export function cutAtRows(line: Points, rows: readonly number[]): Points[] {
  if (rows.every((row) => line.y.every((y) => y < row) || line.y.every((y) => y >= row))) return [line];
  return cutWhere(line, (y0, y1) => rows.filter((row) => y0 < row !== y1 < row));
}

/** `crossed` says at which values of y, from low to high, a step between two other ones is cut. */
function cutWhere({ x, y, radius }: Points, crossed: (y0: number, y1: number) => number[]): Points[] {
  const pieces: Points[] = [];
  let piece: Points = { x: [x[0]], y: [y[0]], radius: [radius[0]] };
  const add = (px: number, py: number, half: number) => {
    piece.x.push(px);
    piece.y.push(py);
    piece.radius.push(half);
  };
  for (let i = 1; i < x.length; i++) {
    const rows = crossed(y[i - 1], y[i]);
    if (y[i] < y[i - 1]) rows.reverse();
    for (const row of rows) {
      const t = (row - y[i - 1]) / (y[i] - y[i - 1]);
      const [px, half] = [x[i - 1] + t * (x[i] - x[i - 1]), t < 0.5 ? radius[i - 1] : radius[i]];
      add(px, row, half);
      pieces.push(piece);
      piece = { x: [px], y: [row], radius: [half] };
    }
    add(x[i], y[i], radius[i]);
  }
  pieces.push(piece);
  return pieces;
}

/**
 * Lines have a point in every so many rows of the map, and may be cut there. It lies a fraction of a pixel below the row's
 * border: the middle of a road along the rows is on a whole or half pixel, so that none runs along the cut.
 */
export const POINT_ROWS = 32;
export const POINT_OFFSET = 0.3137;
const NONE: number[] = [];

/** Points a pixel apart, counted from the rows that have one, so that where a line ends does not move the others. */
export function resampleByRows(line: Line): void {
  const out: Points = { x: [line.x[0]], y: [line.y[0]], radius: [line.radius[0]] };
  const pieces = cutWhere(line, (y0, y1) => {
    const k0 = Math.floor((y0 - POINT_OFFSET) / POINT_ROWS);
    const k1 = Math.floor((y1 - POINT_OFFSET) / POINT_ROWS);
    if (k0 === k1) return NONE;
    return Array.from({ length: Math.abs(k1 - k0) }, (_, i) => (Math.min(k0, k1) + 1 + i) * POINT_ROWS + POINT_OFFSET);
  });
  for (const piece of pieces) addResampled(piece, 1, out);
  Object.assign(line, out);
}

/** Points a given distance apart at most and evenly spaced; ends stay. */
export function resample(line: Points, spacing: number): void {
  const out: Points = { x: [line.x[0]], y: [line.y[0]], radius: [line.radius[0]] };
  addResampled(line, spacing, out);
  Object.assign(line, out);
}

/** Adds all points but the first one. */
function addResampled(line: Points, spacing: number, out: Points): void {
  const total = lengthOf(line);
  const { x, y, radius } = line;
  const last = x.length - 1;
  const isRing = total > 0 && x[0] === x[last] && y[0] === y[last]; // of two points nothing would be left
  const steps = Math.max(isRing ? 2 : 1, Math.round(total / spacing));
  let passed = 0;
  let next = 1;
  for (let i = 1; i < x.length && next < steps; i++) {
    const segment = distance(x[i] - x[i - 1], y[i] - y[i - 1]);
    while (next < steps && (next * total) / steps <= passed + segment) {
      const t = segment > 0 ? ((next * total) / steps - passed) / segment : 0;
      out.x.push(x[i - 1] + t * (x[i] - x[i - 1]));
      out.y.push(y[i - 1] + t * (y[i] - y[i - 1]));
      out.radius.push(t < 0.5 ? radius[i - 1] : radius[i]);
      next++;
    }
    passed += segment;
  }
  out.x.push(x[last]);
  out.y.push(y[last]);
  out.radius.push(radius[last]);
}
