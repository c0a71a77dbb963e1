/**
 * Which edges of a road network are one street: at every node, edges that go on nearly straight are paired, straightest
 * first (R. C. Thomson & D. E. Richardson, "The 'good continuation' principle of perceptual organization applied to the
 * generalization of road networks", 1999). Long strokes are what a map of smaller scale keeps.
 */
import type { RoadEdge } from './network.ts';

/** The largest turn between two edges of one street. */
const MAX_TURN = Math.PI / 4;
/** Directions are taken over so many metres from a node. */
const DIRECTION_METRES = 15;

/** Metres of the street that each edge is of. */
export function strokeLengths(
  edges: readonly Pick<RoadEdge, 'from' | 'to' | 'points' | 'lengthMetres'>[],
  pixelMetres: number,
): Float64Array {
  const ends = new Map<number, { edge: number; direction: number }[]>();
  for (const [edge, { from, to, points }] of edges.entries()) {
    for (const [node, forwards] of [
      [from, true],
      [to, false],
    ] as const) {
      const end = { edge, direction: directionAt(points, forwards, DIRECTION_METRES / pixelMetres) };
      const known = ends.get(node);
      if (known) known.push(end);
      else ends.set(node, [end]);
    }
  }
  const parent = Int32Array.from(edges, (_, i) => i);
  const rootOf = (edge: number): number => {
    let root = edge;
    while (parent[root] !== root) root = parent[root];
    parent[edge] = root;
    return root;
  };
  for (const meeting of ends.values()) {
    const pairs: { a: number; b: number; turn: number }[] = [];
    for (let a = 0; a < meeting.length; a++) {
      for (let b = a + 1; b < meeting.length; b++) {
        const turn = Math.PI - angleBetween(meeting[a].direction, meeting[b].direction);
        if (turn <= MAX_TURN) pairs.push({ a, b, turn });
      }
    }
    const paired = new Set<number>();
    for (const { a, b } of pairs.sort((p, q) => p.turn - q.turn || p.a - q.a || p.b - q.b)) {
      if (paired.has(a) || paired.has(b)) continue;
      paired.add(a).add(b);
      const [rootA, rootB] = [rootOf(meeting[a].edge), rootOf(meeting[b].edge)];
      parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
    }
  }
  const lengths = new Float64Array(edges.length);
  for (const [edge, { lengthMetres }] of edges.entries()) lengths[rootOf(edge)] += lengthMetres;
  return lengths.map((_, edge) => lengths[rootOf(edge)]);
}

/** Of a line as it leaves its first point, or its last one. */
function directionAt(points: ArrayLike<number>, forwards: boolean, reach: number): number {
  const count = points.length / 2;
  const at = (i: number) => 2 * (forwards ? i : count - 1 - i);
  const [x, y] = [points[at(0)], points[at(0) + 1]];
  let i = 1;
  while (i < count - 1 && Math.hypot(points[at(i)] - x, points[at(i) + 1] - y) < reach) i++;
  return Math.atan2(points[at(i) + 1] - y, points[at(i)] - x);
}

function angleBetween(a: number, b: number): number {
  const turn = Math.abs(a - b) % (2 * Math.PI);
  return Math.min(turn, 2 * Math.PI - turn);
}
