/**
 * Borders that leave a junction side by side enclose a spike, though in the map they leave it at right angles. One of
 * them gets back its first corner, which is on the exact border: the spike becomes as blunt as the map shows it.
 */
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import { type Simplified, squaredDistance } from './arc-border.ts';

/** Cosine of the angle, 45°, below which two borders leave side by side. */
const SIDE_BY_SIDE_COSINE = Math.SQRT1_2;

/** A border as it leaves a junction. */
interface Leaving {
  arc: number;
  /** Of the graph's vertices: the one after the junction, and the first one that is kept. */
  next: number;
  first: number;
  /** From the junction to that one. */
  dx: number;
  dy: number;
}

/** Works on simplified borders. What meets the edge of the map, or of a strip of it, goes on beyond and stays as it is. */
export function openJunctions(graph: ArcGraph, simplified: Simplified, tolerance: number): void {
  const { left, right, xy } = graph;
  for (let junction = 0; junction < graph.junctions; junction++) {
    const around = leavingAt(graph, simplified, junction);
    if (around.length < 3) continue; // what touches itself at a corner
    if (around.some(({ arc }) => left[arc] === OUTSIDE || right[arc] === OUTSIDE)) continue;
    for (const [i, one] of around.entries()) {
      const other = around[(i + 1) % around.length];
      let least = cosine(one, other);
      if (least < SIDE_BY_SIDE_COSINE) continue;
      let opened: { border: Leaving; dx: number; dy: number } | null = null;
      for (const [border, beside] of [
        [one, other],
        [other, one],
      ]) {
        if (border.next === border.first) continue;
        if (!staysNear(graph, simplified, border, tolerance)) continue;
        const [dx, dy] = toCorner(graph, junctionOf(graph, border), border.next);
        const opening = cosine({ dx, dy }, beside);
        if (opening < least) [opened, least] = [{ border, dx, dy }, opening];
      }
      if (!opened) continue;
      const { border, dx, dy } = opened;
      simplified.kept[border.next] = 1;
      simplified.x[border.next] = xy[2 * border.next];
      simplified.y[border.next] = xy[2 * border.next + 1];
      Object.assign(border, { first: border.next, dx, dy });
    }
  }
}

/** Whether the piece from the first corner on passes no farther from the border than is allowed. */
function staysNear({ xy }: ArcGraph, { x, y }: Simplified, { next, first }: Leaving, tolerance: number): boolean {
  const [fromX, fromY] = [xy[2 * next], xy[2 * next + 1]];
  const step = Math.sign(first - next);
  for (let i = next + step; i !== first + step; i += step) {
    if (squaredDistance(xy[2 * i], xy[2 * i + 1], fromX, fromY, x[first], y[first]) > tolerance ** 2) return false;
  }
  return true;
}

/** Clockwise. */
function leavingAt(graph: ArcGraph, { kept, x, y }: Simplified, junction: number): Leaving[] {
  const around: Leaving[] = [];
  for (let slot = 4 * junction; slot < 4 * junction + 4; slot++) {
    const half = graph.leaving[slot];
    if (half < 0) continue;
    const arc = half >> 1;
    const step = half & 1 ? -1 : 1;
    const start = step > 0 ? graph.offsets[arc] : graph.offsets[arc + 1] - 1;
    let first = start + step;
    while (!kept[first]) first += step;
    around.push({ arc, next: start + step, first, dx: x[first] - x[start], dy: y[first] - y[start] });
  }
  return around;
}

/** The vertex of the junction from which a border leaves. */
const junctionOf = ({ offsets }: ArcGraph, { arc, next }: Leaving): number =>
  next === offsets[arc] + 1 ? offsets[arc] : next + 1;

function toCorner({ xy }: ArcGraph, from: number, to: number): [dx: number, dy: number] {
  return [xy[2 * to] - xy[2 * from], xy[2 * to + 1] - xy[2 * from + 1]];
}

type Direction = Pick<Leaving, 'dx' | 'dy'>;

function cosine(a: Direction, b: Direction): number {
  return (a.dx * b.dx + a.dy * b.dy) / Math.sqrt((a.dx ** 2 + a.dy ** 2) * (b.dx ** 2 + b.dy ** 2));
}
