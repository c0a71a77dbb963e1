/**
 * Which edges of a road network are one street: at every node, edges that go on nearly straight are paired, straightest
 * first (R. C. Thomson & D. E. Richardson, "The 'good continuation' principle of perceptual organization applied to the
 * generalization of road networks", 1999). Long strokes are what a map of smaller scale keeps.
 */
import { createGroups } from './groups.ts';
import type { RoadEdge } from './network.ts';

/** The largest turn between two edges of one street. */
const MAX_TURN = Math.PI / 4;
/** Directions are taken over so many metres from a node. */
const DIRECTION_METRES = 15;

/** The directions, in radians, in which an edge leaves its first and its last node. */
export function directionsOf({ points }: Pick<RoadEdge, 'points'>, pixelMetres: number): [number, number] {
  const reach = DIRECTION_METRES / pixelMetres;
  return [directionAt(points, true, reach), directionAt(points, false, reach)];
}

/** Of the directions of edges' ends at a node, which two go on into each other: pairs of indices, straightest first. */
export function pairEnds(directions: readonly number[]): [number, number][] {
  const pairs: { a: number; b: number; turn: number }[] = [];
  for (let a = 0; a < directions.length; a++) {
    for (let b = a + 1; b < directions.length; b++) {
      const turn = Math.PI - angleBetween(directions[a], directions[b]);
      if (turn <= MAX_TURN) pairs.push({ a, b, turn });
    }
  }
  const paired = new Set<number>();
  const chosen: [number, number][] = [];
  for (const { a, b } of pairs.sort((p, q) => p.turn - q.turn || p.a - q.a || p.b - q.b)) {
    if (paired.has(a) || paired.has(b)) continue;
    paired.add(a).add(b);
    chosen.push([a, b]);
  }
  return chosen;
}

/** The street of each edge, as a number. At the nodes in `unsettled` nothing is paired. */
export function streetsOf(
  edges: readonly Pick<RoadEdge, 'from' | 'to' | 'points'>[],
  pixelMetres: number,
  unsettled: ReadonlySet<number>,
): Int32Array {
  const meetings = new Map<number, { edges: number[]; directions: number[] }>();
  for (const [i, edge] of edges.entries()) {
    const directions = directionsOf(edge, pixelMetres);
    for (const [k, node] of [edge.from, edge.to].entries()) {
      if (unsettled.has(node)) continue;
      const meeting = meetings.get(node) ?? { edges: [], directions: [] };
      meetings.set(node, meeting);
      meeting.edges.push(i);
      meeting.directions.push(directions[k]);
    }
  }
  const streets = createGroups(edges.length);
  for (const { edges: met, directions } of meetings.values()) {
    for (const [a, b] of pairEnds(directions)) streets.join(met[a], met[b]);
  }
  return streets.groupOfEach();
}

/** Metres of the street that each edge is of. */
export function streetLengths(edges: readonly Pick<RoadEdge, 'lengthMetres'>[], streets: Int32Array): Float64Array {
  const lengths = new Float64Array(edges.length);
  for (const [edge, { lengthMetres }] of edges.entries()) lengths[streets[edge]] += lengthMetres;
  return lengths.map((_, edge) => lengths[streets[edge]]);
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
