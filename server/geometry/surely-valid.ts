/**
 * Whether a polygon or line is valid (OGC 06-103r4) beyond doubt: no two of its edges touch but where one follows the
 * other, or where two rings have a vertex together without crossing there; its holes lie in its shell, none in another,
 * and nothing is cut off. Much cheaper than to find out what is wrong with others. Edges are compared within the cells of
 * a grid; which side a point lies on is believed where rounding cannot change it (Shewchuk 1997, "Adaptive precision
 * floating-point arithmetic", the first of its bounds).
 */
import type { Shape } from '../../vectorizer/shape.ts';

const ROUNDING = 3.330_669_073_875_471_6e-16;
const EDGES_A_CELL = 2;
/** Shapes with more cells or comparisons an edge are left to others. */
const MOST_CELLS = 20;
const MOST_COMPARISONS = 100;

export function isSurelyValid(shape: Shape): boolean {
  const { kind, xy, ends } = shape;
  if (kind === 'line') return xy.every(Number.isFinite) && xy.some((value, i) => value !== xy[i % 2]);
  const edges = edgesOf(xy, ends);
  const touches = edges && touchesOf(xy, edges);
  if (!touches || !leaveWhole(shape, touches)) return false;
  const touched = new Set(touches.flat());
  return ends.slice(1).every((end, i) => {
    let point = ends[i]!;
    while (point < end - 1 && touched.has(2 * point)) point++;
    return point < end - 1 && liesWithin(xy, ends, point, end);
  });
}

/** Places in `xy` of vertices of two rings that are one. */
type Touch = readonly [number, number];

interface Edges {
  /** Place in `xy` of the first point of each; the second follows. */
  from: Int32Array;
  /** Which edge follows each. */
  next: Int32Array;
}

/** Null where one has no length or a ring has fewer than three. */
function edgesOf(xy: Float64Array, ends: readonly number[]): Edges | null {
  const count = xy.length / 2 - ends.length;
  const edges = { from: new Int32Array(count), next: new Int32Array(count) };
  let [start, edge] = [0, 0];
  for (const end of ends) {
    const first = edge;
    if (end - start < 4) return null;
    for (let i = start; i < end - 1; i++, edge++) {
      if (xy[2 * i] === xy[2 * i + 2] && xy[2 * i + 1] === xy[2 * i + 3]) return null;
      edges.from[edge] = 2 * i;
      edges.next[edge] = i + 2 < end ? edge + 1 : first;
    }
    start = end;
  }
  return edges;
}

/** Where edges meet that do not follow each other; null where any may do so but at a vertex of both. */
function touchesOf(xy: Float64Array, edges: Edges): Touch[] | null {
  const { from } = edges;
  const touches = new Map<string, Touch>();
  const count = from.length;
  const grid = gridOver(xy, Math.ceil(count / EDGES_A_CELL));
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
    if (entries < 0) return null;
  }
  for (let cell = 0; cell < cells; cell++) starts[cell + 1]! += starts[cell]!;
  const filled = starts.slice(0, cells);
  const members = new Int32Array(starts[cells]!);
  let comparisons = MOST_COMPARISONS * count;
  for (let edge = 0; edge < count; edge++) {
    const point = from[edge]! / 2;
    const right = Math.max(column[point]!, column[point + 1]!);
    const bottom = Math.max(row[point]!, row[point + 1]!);
    for (let y = Math.min(row[point]!, row[point + 1]!); y <= bottom; y++) {
      for (let x = Math.min(column[point]!, column[point + 1]!); x <= right; x++) {
        const cell = y * columns + x;
        for (let k = starts[cell]!; k < filled[cell]!; k++, comparisons--) {
          if (areSurelyApart(xy, edges, members[k]!, edge)) continue;
          const touch = touchOf(xy, edges, members[k]!, edge);
          if (touch === null) return null;
          touches.set(touch.join(), touch);
        }
        if (comparisons < 0) return null;
        members[filled[cell]!++] = edge;
      }
    }
  }
  return [...touches.values()];
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

function areSurelyApart(xy: Float64Array, { from, next }: Edges, one: number, other: number): boolean {
  if (next[one] === other) return goesOn(xy, from[one]!, from[other]!);
  if (next[other] === one) return goesOn(xy, from[other]!, from[one]!);
  return doNotTouch(xy, from[one]!, from[other]!);
}

/** The vertex that two edges have together, of different places in their rings, if they meet nowhere else. */
function touchOf(xy: Float64Array, { from, next }: Edges, one: number, other: number): Touch | null {
  if (next[one] === other || next[other] === one) return null;
  const ends = (edge: number) => [from[edge]!, from[next[edge]!]!] as const;
  for (const [a, farA] of [ends(one), ends(one).toReversed()] as [number, number][]) {
    for (const [b, farB] of [ends(other), ends(other).toReversed()] as [number, number][]) {
      if (xy[a] !== xy[b] || xy[a + 1] !== xy[b + 1]) continue;
      const [ax, ay] = [xy[farA]! - xy[a]!, xy[farA + 1]! - xy[a + 1]!];
      const [bx, by] = [xy[farB]! - xy[b]!, xy[farB + 1]! - xy[b + 1]!];
      const apart = turn(xy[farA]!, xy[farA + 1]!, xy[a]!, xy[a + 1]!, xy[farB]!, xy[farB + 1]!) !== 0;
      return apart || ax * bx + ay * by < 0 ? [a, b] : null;
    }
  }
  return null;
}

/** Whether rings that touch do not cross there, and two of them are joined by one chain of touches at most. */
function leaveWhole({ xy, ends }: Shape, touches: readonly Touch[]): boolean {
  const joined = Int32Array.from(ends, (_, ring) => ring);
  const rootOf = (ring: number): number => (joined[ring] === ring ? ring : rootOf(joined[ring]!));
  return touches.every(([a, b]) => {
    const [ringA, ringB] = [a, b].map((at) => ends.findIndex((end) => at < 2 * end)) as [number, number];
    const [rootA, rootB] = [rootOf(ringA), rootOf(ringB)];
    joined[rootA] = rootB;
    return rootA !== rootB && doNotCross(xy, neighboursOf(ends, ringA, a), neighboursOf(ends, ringB, b), a);
  });
}

/** Places of the vertices before and after one of a ring. */
function neighboursOf(ends: readonly number[], ring: number, at: number): [number, number] {
  const start = ring === 0 ? 0 : 2 * ends[ring - 1]!;
  return [at === start ? 2 * ends[ring]! - 4 : at - 2, at + 2];
}

/** Whether two rings, given by their vertices before and after one that they share, stay on their sides of each other. */
function doNotCross(
  xy: Float64Array,
  [before, after]: [number, number],
  others: [number, number],
  at: number,
): boolean {
  const side = (from: number, to: number) =>
    Math.sign(turn(xy[at]!, xy[at + 1]!, xy[from]!, xy[from + 1]!, xy[to]!, xy[to + 1]!));
  /** Counter-clockwise from the way on: in its first half, opposite, in its second half; 0 where it is the way on. */
  const half = (to: number) => {
    const turned = side(after, to);
    if (turned !== 0) return turned > 0 ? 1 : 3;
    const [x, y] = [xy[at]!, xy[at + 1]!];
    return (xy[after]! - x) * (xy[to]! - x) + (xy[after + 1]! - y) * (xy[to + 1]! - y) < 0 ? 2 : 0;
  };
  const [first, second] = others.map((other) => {
    const [mine, its] = [half(before), half(other)];
    if (mine === 0 || its === 0) return 0;
    return mine === its ? side(other, before) : Math.sign(mine - its);
  });
  return first !== 0 && first === second;
}

/** Twice the area of a triangle, positive where it runs counter-clockwise; 0 where rounding may have made its sign. */
function turn(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
  const left = (ax - cx) * (by - cy);
  const right = (ay - cy) * (bx - cx);
  const area = left - right;
  return Math.abs(area) > ROUNDING * (Math.abs(left) + Math.abs(right)) ? area : 0;
}

/** Whether an edge that follows another does not lead back over it. */
function goesOn(xy: Float64Array, before: number, after: number): boolean {
  const [ax, ay, bx, by] = [xy[before]!, xy[before + 1]!, xy[before + 2]!, xy[before + 3]!];
  const [cx, cy] = [xy[after + 2]!, xy[after + 3]!];
  return turn(ax, ay, bx, by, cx, cy) !== 0 || (bx - ax) * (cx - bx) + (by - ay) * (cy - by) > 0;
}

function doNotTouch(xy: Float64Array, one: number, other: number): boolean {
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

/** Of a point of the hole that ends at `end`, where it touches no other ring: whether it lies in the shell, and in no other hole. */
function liesWithin(xy: Float64Array, ends: readonly number[], point: number, end: number): boolean {
  const [x, y] = [xy[2 * point]!, xy[2 * point + 1]!];
  let from = 0;
  for (const [ring, to] of ends.entries()) {
    let inside = false;
    if (to !== end) {
      for (let i = 2 * from; i < 2 * to - 2; i += 2) {
        const ay = xy[i + 1]!;
        const by = xy[i + 3]!;
        if (ay > y === by > y) continue;
        const side = turn(xy[i]!, ay, xy[i + 2]!, by, x, y);
        if (side === 0) return false;
        if (side > 0 === by > ay) inside = !inside;
      }
      if (inside !== (ring === 0)) return false;
    }
    from = to;
  }
  return true;
}
