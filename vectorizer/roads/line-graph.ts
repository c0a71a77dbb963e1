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

export interface LineGraph {
  x: number[];
  y: number[];
  radius: number[];
  /** Lines at each node; one that returns to its node stands there twice. Nodes without lines are gone. */
  at: Line[][];
}

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
    x: [...first.x, ...b.x.slice(1)],
    y: [...first.y, ...b.y.slice(1)],
    radius: [...first.radius, ...b.radius.slice(1)],
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
  for (let i = 1; i < line.x.length; i++) length += Math.hypot(line.x[i] - line.x[i - 1], line.y[i] - line.y[i - 1]);
  return length;
}

/** Half of the usual width of the surface along the line. Points are taken as evenly spaced. */
export function medianRadius(line: Line): number {
  const radii = Float64Array.from(line.radius.filter((radius) => radius > 0)).sort();
  return radii.length > 0 ? radii[radii.length >> 1] : 0;
}

/** Points a given distance apart at most and evenly spaced; ends stay. */
export function resample(line: Line, spacing: number): void {
  const total = lengthOf(line);
  const steps = Math.max(1, Math.round(total / spacing));
  const { x, y, radius } = line;
  const out: { x: number[]; y: number[]; radius: number[] } = { x: [x[0]], y: [y[0]], radius: [radius[0]] };
  let passed = 0;
  let next = 1;
  for (let i = 1; i < x.length && next < steps; i++) {
    const segment = Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
    while (next < steps && (next * total) / steps <= passed + segment) {
      const t = segment > 0 ? ((next * total) / steps - passed) / segment : 0;
      out.x.push(x[i - 1] + t * (x[i] - x[i - 1]));
      out.y.push(y[i - 1] + t * (y[i] - y[i - 1]));
      out.radius.push(t < 0.5 ? radius[i - 1] : radius[i]);
      next++;
    }
    passed += segment;
  }
  out.x.push(x[x.length - 1]);
  out.y.push(y[y.length - 1]);
  out.radius.push(radius[radius.length - 1]);
  Object.assign(line, out);
}
