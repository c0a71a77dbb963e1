/**
 * Whether a polygon or line is valid (OGC 06-103r4), decided exactly: no two of a polygon's edges meet but where one
 * follows the other, or where rings touch in a point without crossing; its holes lie in its shell, none in another, and
 * rings that touch cut nothing off. Much cheaper than to find out what is wrong with others. Edges are compared within the
 * cells of a grid. Which side a point lies on is computed again in whole numbers where rounding may change it (Shewchuk
 * 1997, "Adaptive precision floating-point arithmetic", the first of its bounds).
 */
import type { Shape } from '../../vectorizer/shape.ts';

const ROUNDING = 3.330_669_073_875_471_6e-16;
/** Coordinates that are multiples of 1 / GRID are decided about: all degrees that are not within 1e-14 of 0. */
const GRID = 2 ** 100;
const EDGES_A_CELL = 2;
/** Of shapes with more cells or comparisons an edge all edges are compared, up to so many comparisons: a tenth of a second. */
const MOST_CELLS = 20;
const MOST_COMPARISONS = 100;
const MOST_OF_ALL = 10_000_000;

/** What is not valid, or too dear to decide about, is not surely valid. */
export function isSurelyValid(shape: Shape): boolean {
  const { kind, xy, ends } = shape;
  if (kind === 'line') return xy.every(Number.isFinite) && xy.some((value, i) => value !== xy[i % 2]);
  if (!xy.every((value) => Number.isInteger(value * GRID))) return false;
  const edges = edgesOf(xy, ends);
  if (edges === null) return false;
  let touches = touchesOf(xy, edges, EDGES_A_CELL);
  if (touches === undefined) touches = touchesOf(xy, edges, edges.from.length);
  if (!touches || !leaveWhole(xy, touches)) return false;
  return ends.slice(1).every((end, i) => liesWithin(xy, ends, ends[i]!, end));
}

/** A ring where it touches another: places in `xy` of what comes before the point and after it. */
interface Touching {
  ring: number;
  before: number;
  after: number;
}

/** The rings that meet in a point, by its coordinates. */
type Touches = Map<string, Touching[]>;

interface Edges {
  /** Place in `xy` of the first point of each; the second follows. */
  from: Int32Array;
  /** Which edge follows each, and which it follows. */
  next: Int32Array;
  previous: Int32Array;
  ring: Int32Array;
}

/** Null where one has no length or a ring has fewer than three. */
function edgesOf(xy: Float64Array, ends: readonly number[]): Edges | null {
  const count = xy.length / 2 - ends.length;
  const places = () => new Int32Array(count);
  const edges = { from: places(), next: places(), previous: places(), ring: places() };
  let [start, edge] = [0, 0];
  for (const [ring, end] of ends.entries()) {
    const first = edge;
    if (end - start < 4) return null;
    for (let i = start; i < end - 1; i++, edge++) {
      if (xy[2 * i] === xy[2 * i + 2] && xy[2 * i + 1] === xy[2 * i + 3]) return null;
      edges.from[edge] = 2 * i;
      edges.ring[edge] = ring;
      edges.next[edge] = i + 2 < end ? edge + 1 : first;
      edges.previous[edges.next[edge]!] = edge;
    }
    start = end;
  }
  return edges;
}

/**
 * Where rings touch; null where edges cross, lie on one another or meet another of their ring; undefined where that is
 * too dear with so many edges a cell.
 */
function touchesOf(xy: Float64Array, edges: Edges, edgesACell: number): Touches | null | undefined {
  const { from } = edges;
  const touches: Touches = new Map();
  const count = from.length;
  const grid = gridOver(xy, Math.ceil(count / edgesACell));
  if (grid === null) return null;
  const { columns, cells, column, row } = grid;
  const starts = new Int32Array(cells + 1);
  let entries = MOST_CELLS * count;
  for (let edge = 0; edge < count; edge++) {
    const point = from[edge]! / 2;
    const right = Math.max(column[point]!, column[point + 1]!);
    const bottom = Math.max(row[point]!, row[point + 1]!);
    for (let y = Math.min(row[point]!, row[point + 1]!); y <= bottom; y++) {
      for (let x = Math.min(column[point]!, column[point + 1]!); x <= right; x++, entries--)
        starts[y * columns + x + 1]!++;
    }
    if (entries < 0) return undefined;
  }
  for (let cell = 0; cell < cells; cell++) starts[cell + 1]! += starts[cell]!;
  const filled = starts.slice(0, cells);
  const members = new Int32Array(starts[cells]!);
  let comparisons = edgesACell === count ? MOST_OF_ALL : MOST_COMPARISONS * count;
  for (let edge = 0; edge < count; edge++) {
    const point = from[edge]! / 2;
    const right = Math.max(column[point]!, column[point + 1]!);
    const bottom = Math.max(row[point]!, row[point + 1]!);
    for (let y = Math.min(row[point]!, row[point + 1]!); y <= bottom; y++) {
      for (let x = Math.min(column[point]!, column[point + 1]!); x <= right; x++) {
        const cell = y * columns + x;
        for (let k = starts[cell]!; k < filled[cell]!; k++, comparisons--) {
          if (areApart(xy, edges, members[k]!, edge)) continue;
          if (!noteTouch(xy, edges, members[k]!, edge, touches)) return null;
        }
        if (comparisons < 0) return undefined;
        members[filled[cell]!++] = edge;
      }
    }
  }
  return touches;
}

interface Grid {
  columns: number;
  cells: number;
  /** Of each point. */
  column: Int32Array;
  row: Int32Array;
}

/** Cells about as wide as they are high, so many or a few more; null where the points do not lie in a plane. */
function gridOver(xy: Float64Array, wanted: number): Grid | null {
  let west = Infinity;
  let south = Infinity;
  let east = -Infinity;
  let north = -Infinity;
  for (let i = 0; i < xy.length; i += 2) {
    west = Math.min(west, xy[i]!);
    east = Math.max(east, xy[i]!);
    south = Math.min(south, xy[i + 1]!);
    north = Math.max(north, xy[i + 1]!);
  }
  const width = east - west;
  const height = north - south;
  if (!(width > 0 && height > 0)) return null;
  const columns = Math.max(1, Math.min(wanted, Math.round(Math.sqrt((wanted * width) / height))));
  const rows = Math.ceil(wanted / columns);
  const column = new Int32Array(xy.length / 2);
  const row = new Int32Array(xy.length / 2);
  for (let point = 0; point < column.length; point++) {
    column[point] = Math.min(columns - 1, Math.floor(((xy[2 * point]! - west) / width) * columns));
    row[point] = Math.min(rows - 1, Math.floor(((xy[2 * point + 1]! - south) / height) * rows));
  }
  return { columns, cells: columns * rows, column, row };
}

function areApart(xy: Float64Array, { from, next }: Edges, one: number, other: number): boolean {
  if (next[one] === other) return goesOn(xy, from[one]!, from[other]!);
  if (next[other] === one) return goesOn(xy, from[other]!, from[one]!);
  return doNotMeet(xy, from[one]!, from[other]!);
}

/** Of edges that meet: whether they are of two rings and touch in one point. */
function noteTouch(xy: Float64Array, edges: Edges, one: number, other: number, touches: Touches): boolean {
  const { from, ring } = edges;
  const point = ring[one] === ring[other] ? null : touchOf(xy, from[one]!, from[other]!);
  if (point === null) return false;
  const key = `${xy[point]} ${xy[point + 1]}`;
  const there = touches.get(key) ?? [];
  touches.set(key, there);
  for (const touching of [one, other].map((edge) => touchingOf(xy, edges, edge, point))) {
    const known = there.find((each) => each.ring === touching.ring);
    if (!known) there.push(touching);
    else if (known.before !== touching.before || known.after !== touching.after) return false; // it meets itself there
  }
  return true;
}

/** Place of the end of one of two edges that is the only point they have together; null where there are none or more. */
function touchOf(xy: Float64Array, one: number, other: number): number | null {
  const found = [one, one + 2, other, other + 2].filter((point) => liesOn(xy, point, point < one || point > one + 2 ? one : other)); // biome-ignore format: one line
  const [first] = found;
  if (first === undefined) return null;
  return found.every((point) => xy[point] === xy[first] && xy[point + 1] === xy[first + 1]) ? first : null;
}

/** Whether a point lies on an edge or at its ends. */
function liesOn(xy: Float64Array, point: number, edge: number): boolean {
  const [x, y, ax, ay, bx, by] = [xy[point]!, xy[point + 1]!, xy[edge]!, xy[edge + 1]!, xy[edge + 2]!, xy[edge + 3]!];
  if (x < Math.min(ax, bx) || x > Math.max(ax, bx) || y < Math.min(ay, by) || y > Math.max(ay, by)) return false;
  return turn(ax, ay, bx, by, x, y) === 0;
}

/** An edge's ring at a point of the edge. */
function touchingOf(xy: Float64Array, { from, next, previous, ring }: Edges, edge: number, point: number): Touching {
  const start = from[edge]!;
  const isAt = (place: number) => xy[place] === xy[point] && xy[place + 1] === xy[point + 1];
  return {
    ring: ring[edge]!,
    before: isAt(start) ? from[previous[edge]!]! : start,
    after: isAt(start + 2) ? from[next[edge]!]! + 2 : start + 2,
  };
}

/** Whether rings that touch do not cross there, and two of them are joined by one chain of touches at most. */
function leaveWhole(xy: Float64Array, touches: Touches): boolean {
  const joined = new Map<number | string, number | string>();
  const rootOf = (node: number | string): number | string => {
    const next = joined.get(node);
    return next === undefined ? node : rootOf(next);
  };
  for (const [point, there] of touches) {
    const [x, y] = point.split(' ').map(Number) as [number, number];
    for (const [i, touching] of there.entries()) {
      const [ring, root] = [rootOf(touching.ring), rootOf(point)];
      if (ring === root) return false;
      joined.set(root, ring);
      if (!there.slice(0, i).every((other) => doNotCross(xy, touching, other, x, y))) return false;
    }
  }
  return true;
}

/** Whether two rings that have a point together stay on their sides of each other there. */
function doNotCross(xy: Float64Array, { before, after }: Touching, other: Touching, x: number, y: number): boolean {
  const side = (from: number, to: number) => Math.sign(turn(x, y, xy[from]!, xy[from + 1]!, xy[to]!, xy[to + 1]!));
  /** Counter-clockwise from the way on: in its first half, opposite, in its second half; 0 where it is the way on. */
  const half = (to: number) => {
    const turned = side(after, to);
    if (turned !== 0) return turned > 0 ? 1 : 3;
    return (xy[after]! - x) * (xy[to]! - x) + (xy[after + 1]! - y) * (xy[to + 1]! - y) < 0 ? 2 : 0;
  };
  const [first, second] = [other.before, other.after].map((arm) => {
    const [mine, its] = [half(before), half(arm)];
    if (mine === 0 || its === 0) return 0;
    return mine === its ? side(arm, before) : Math.sign(mine - its);
  });
  return first !== 0 && first === second;
}

/** Of the sign of a triangle's area, positive where it runs counter-clockwise; 0 where it has none. */
function turn(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  const left = (ax - cx) * (by - cy);
  const right = (ay - cy) * (bx - cx);
  const area = left - right;
  if (Math.abs(area) > ROUNDING * (Math.abs(left) + Math.abs(right))) return area;
  const [x, y] = [BigInt(cx * GRID), BigInt(cy * GRID)];
  const exact = (BigInt(ax * GRID) - x) * (BigInt(by * GRID) - y) - (BigInt(ay * GRID) - y) * (BigInt(bx * GRID) - x);
  return exact > 0n ? 1 : exact < 0n ? -1 : 0;
}

/** Whether an edge that follows another does not lead back over it. */
function goesOn(xy: Float64Array, before: number, after: number): boolean {
  const [ax, ay, bx, by] = [xy[before]!, xy[before + 1]!, xy[before + 2]!, xy[before + 3]!];
  const [cx, cy] = [xy[after + 2]!, xy[after + 3]!];
  return turn(ax, ay, bx, by, cx, cy) !== 0 || (bx - ax) * (cx - bx) + (by - ay) * (cy - by) > 0;
}

function doNotMeet(xy: Float64Array, one: number, other: number): boolean {
  const ax = xy[one]!;
  const ay = xy[one + 1]!;
  const bx = xy[one + 2]!;
  const by = xy[one + 3]!;
  const cx = xy[other]!;
  const cy = xy[other + 1]!;
  const dx = xy[other + 2]!;
  const dy = xy[other + 3]!;
  if (Math.max(ax, bx) < Math.min(cx, dx) || Math.max(cx, dx) < Math.min(ax, bx)) return true;
  if (Math.max(ay, by) < Math.min(cy, dy) || Math.max(cy, dy) < Math.min(ay, by)) return true;
  if (turn(ax, ay, bx, by, cx, cy) * turn(ax, ay, bx, by, dx, dy) > 0) return true;
  return turn(cx, cy, dx, dy, ax, ay) * turn(cx, cy, dx, dy, bx, by) > 0;
}

/** Whether a hole, from `start` to `end`, lies in the shell and in no other hole; it crosses none and touches each once. */
function liesWithin(xy: Float64Array, ends: readonly number[], start: number, end: number): boolean {
  let from = 0;
  for (const [ring, to] of ends.entries()) {
    if (to !== end) {
      const inside = isInside(xy, from, to, start) ?? isInside(xy, from, to, start + 1);
      if (inside !== (ring === 0)) return false;
    }
    from = to;
  }
  return true;
}

/** Whether a point lies inside a ring; null where it lies on it. */
function isInside(xy: Float64Array, from: number, to: number, point: number): boolean | null {
  const [x, y] = [xy[2 * point]!, xy[2 * point + 1]!];
  let inside = false;
  for (let i = 2 * from; i < 2 * to - 2; i += 2) {
    const ay = xy[i + 1]!;
    const by = xy[i + 3]!;
    if (ay > y === by > y) {
      if (ay === y && liesOn(xy, 2 * point, i)) return null;
      continue;
    }
    const side = turn(xy[i]!, ay, xy[i + 2]!, by, x, y);
    if (side === 0) return null;
    if (side > 0 === by > ay) inside = !inside;
  }
  return inside;
}
