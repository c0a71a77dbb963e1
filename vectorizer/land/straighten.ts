/**
 * Borders that run straight through a line between strips lose the vertices they have on it. A strip cannot move these, so
 * the borders of both have a small kink there.
 *
 * A vertex goes only where all faces around it were united, the straight piece is within the tolerance of the exact border,
 * and what lies between both holds no vertex: then no border lies there, so none is crossed. The vertices of borders of
 * open faces are all there are, because both sides of a border that goes are open.
 */
import { type Point, squaredDistance } from '../simplify/arc-border.ts';
import { type ArcEnd, type HalfArc, leftOf, type Node, type Part } from './open-map.ts';

export interface JoinedLine {
  y: number;
  /** From left to right. */
  nodes: readonly Node[];
}

/** Whether a vertex that is not on the line, in a box, passes a test. */
export type SomeVertex = (
  minX: number,
  minY: number,
  maxX: number,
  maxY: number,
  test: (x: number, y: number) => boolean,
) => boolean;

/** How much of a part's area may change sides altogether. */
const MOST_MOVED = 0.2;

export function straighten({ y, nodes }: JoinedLine, tolerance: number, someVertex: SomeVertex): void {
  for (const [i, node] of nodes.entries()) {
    if (node.skipped || !runsThrough(node)) continue;
    const halves = node.leaving.filter((half) => half !== null);
    const east = node.leaving[1];
    const next = nodes[i + 1];
    if (east && runsThrough(next)) {
      const before = reach(halves.find((half) => half !== east)!);
      const after = reach(next.leaving.find((half) => half !== null && half !== next.leaving[3])!);
      if (!tryChord(before, [node, next], after)) {
        if (!tryChord(before, [node], at(next))) tryChord(at(node), [next], after);
      }
    } else tryChord(reach(halves[0]), [node], reach(halves[1]));
  }

  /** Takes nodes out if the straight piece from one point to the other can take the place of the way over them. */
  function tryChord(from: Reached, over: readonly Node[], to: Reached): boolean {
    if (from.x === to.x && from.y === to.y) return false;
    if (!isStraight(from, over, to)) {
      if (!from.isDirect || !to.isDirect || tolerance <= 0) return false;
      const limit = tolerance * tolerance;
      if (over.some((node) => squaredDistance(node.x, node.y, from.x, from.y, to.x, to.y) > limit)) return false;
      for (const { passed } of [from, to]) {
        for (let i = 0; i < passed.length; i += 2) {
          if (squaredDistance(passed[i], passed[i + 1], from.x, from.y, to.x, to.y) > limit) return false;
        }
      }
      const around = [from, ...over, to];
      if (holdsVertex(around)) return false;
      const moved = Math.abs(areaOf(around));
      const sides = sidesOf(over[0]);
      if (sides.some((part) => part.moved + moved > MOST_MOVED * part.pixels)) return false;
      for (const part of sides) part.moved += moved;
    }
    for (const node of over) node.skipped = true;
    return true;
  }

  /** Whether there is another vertex within the convex hull of three or four points. */
  function holdsVertex(points: readonly Point[]): boolean {
    const xs = points.map((point) => point.x);
    const ys = points.map((point) => point.y);
    const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] as const;
    const isWithin = (x: number, y: number): boolean =>
      !points.some((point) => point.x === x && point.y === y) && inHull(points, x, y);
    if (someVertex(...box, isWithin)) return true;
    for (let i = firstFrom(nodes, box[0]); i < nodes.length && nodes[i].x <= box[2]; i++) {
      if (!nodes[i].skipped && isWithin(nodes[i].x, y)) return true;
    }
    return false;
  }
}

interface Reached extends Point {
  /** Exact corners that the piece to there stands for, interleaved. */
  passed: Int32Array;
  /** Whether no vertex was taken out on the way. */
  isDirect: boolean;
}

const NONE = new Int32Array();

const at = ({ x, y }: Node): Reached => ({ x, y, passed: NONE, isDirect: true });

/** Whether one border comes to a node and goes on, with the same parts on both sides. */
function runsThrough({ leaving, fixed }: Node): boolean {
  return !fixed && leaving.filter((half) => half !== null).length === 2;
}

/** The vertex that a half-arc comes to first. */
function reach(start: HalfArc): Reached {
  let half = start;
  for (let isDirect = true; ; isDirect = false) {
    const { arc, backwards } = half;
    const { points } = arc;
    const [begin, end] = (backwards ? [arc.to, arc.from] : [arc.from, arc.to]) as [ArcEnd, ArcEnd];
    if (points.length > 4 || !end.node.skipped) {
      const i = backwards ? points.length - 4 : 2;
      return { x: points[i], y: points[i + 1], passed: begin.passed, isDirect };
    }
    half = end.node.leaving.find((each) => each !== null && (each.arc !== arc || each.backwards === backwards))!;
  }
}

/** Whether a way turns nowhere. */
function isStraight(from: Point, over: readonly Point[], to: Point): boolean {
  let before = from;
  for (const point of over) {
    if (turn(before, point, to) !== 0) return false;
    if ((point.x - before.x) * (to.x - point.x) + (point.y - before.y) * (to.y - point.y) <= 0) return false;
    before = point;
  }
  return true;
}

function sidesOf({ leaving }: Node): Part[] {
  const half = leaving.find((each) => each !== null)!;
  const sides = [leftOf(half), leftOf({ arc: half.arc, backwards: !half.backwards })];
  return sides.filter((part) => part !== null && !part.gone) as Part[];
}

/** Twice the signed area of a triangle. */
function turn(a: Point, b: Point, c: Point): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

function areaOf(points: readonly Point[]): number {
  let area = 0;
  for (let i = 2; i < points.length; i++) area += turn(points[0], points[i - 1], points[i]) / 2;
  return area;
}

/** Whether a place is within, or on the side of, the convex hull of three or four points: one of their triangles has it. */
function inHull(points: readonly Point[], x: number, y: number): boolean {
  const place = { x, y };
  return points.some((_, without) => {
    const [a, b, c] = points.length === 3 ? points : points.filter((_, i) => i !== without);
    const turns = [turn(a, b, place), turn(b, c, place), turn(c, a, place)];
    if (turns.every((each) => each === 0)) {
      return isBetween(a.x, b.x, c.x, x) && isBetween(a.y, b.y, c.y, y);
    }
    return turns.every((each) => each >= 0) || turns.every((each) => each <= 0);
  });
}

function isBetween(a: number, b: number, c: number, value: number): boolean {
  return value >= Math.min(a, b, c) && value <= Math.max(a, b, c);
}

/** The first node that is not left of x. */
function firstFrom(nodes: readonly Node[], x: number): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nodes[middle].x < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
