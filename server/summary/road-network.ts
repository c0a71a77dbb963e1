/** A road network as a graph: how long it is by width, where it joins and ends, and which stretches most ways lead over. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import FlatQueue from 'flatqueue';

export interface Road {
  id: string;
  from: number;
  to: number;
  lengthM: number;
  /** Of the surface; null where it is not known. */
  widthM: number | null;
}

/** Of classes of width, metres: from so much and below the next. About a path, a lane, two lanes, four, and more. */
export const WIDTHS_M = [0, 3, 6, 10, 16] as const;

/** Index of the class of width; null where the width is not known. */
export const widthClass = (widthM: number | null): number | null =>
  widthM === null ? null : WIDTHS_M.findLastIndex((least) => widthM >= least);

/** How many roads end at each node; one that comes back to where it began counts twice. */
export function degreesOf(roads: readonly Road[]): Map<number, number> {
  const degrees = new Map<number, number>();
  for (const { from, to } of roads) {
    for (const node of [from, to]) degrees.set(node, (degrees.get(node) ?? 0) + 1);
  }
  return degrees;
}

/** Relaxed edges that one summary computes; larger networks are sampled. */
const MOST_STEPS = 4_000_000;
const LEAST_SOURCES = 32;

/**
 * Of each road, the share of pairs of connected nodes between which the shortest way leads over it (edge betweenness:
 * Girvan and Newman 2002, by the algorithm of Brandes 2001 with lengths as weights). Of large networks ways from some
 * nodes alone are looked at, evenly chosen (Brandes and Pich 2007).
 */
export async function betweennessOf(
  roads: readonly Road[],
): Promise<{ shares: Float64Array; sources: number; nodes: number }> {
  const indexOf = new Map([...degreesOf(roads).keys()].sort((a, b) => a - b).map((node, i) => [node, i]));
  const nodes = indexOf.size;
  const ends = roads.map(({ from, to }) => [indexOf.get(from)!, indexOf.get(to)!] as const);
  const around: [road: number, other: number][][] = Array.from({ length: nodes }, () => []);
  for (const [road, [a, b]] of ends.entries()) {
    if (a === b) continue;
    around[a]!.push([road, b]);
    around[b]!.push([road, a]);
  }
  const affordable = Math.max(LEAST_SOURCES, Math.floor(MOST_STEPS / Math.max(1, roads.length)));
  const sources = Math.min(nodes, affordable);
  const shares = new Float64Array(roads.length);
  let pairs = 0;
  for (let i = 0; i < sources; i++) {
    pairs += addWaysFrom(Math.floor((i * nodes) / sources), roads, around, shares);
    await nextTurn();
  }
  for (let road = 0; road < shares.length; road++) shares[road]! /= Math.max(1, pairs);
  return { shares, sources, nodes };
}

/** Adds to each road the ways from one node to all others that lead over it. Returns how many others there are. */
function addWaysFrom(
  source: number,
  roads: readonly Road[],
  around: readonly (readonly [road: number, other: number][])[],
  ways: Float64Array,
): number {
  const count = around.length;
  const distance = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const paths = new Float64Array(count);
  const before: [road: number, node: number][][] = Array.from({ length: count }, () => []);
  const settled: number[] = [];
  const isSettled = new Uint8Array(count);
  const queue = new FlatQueue<number>();
  distance[source] = 0;
  paths[source] = 1;
  queue.push(source, 0);
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (isSettled[node]) continue;
    isSettled[node] = 1;
    settled.push(node);
    for (const [road, other] of around[node]!) {
      if (isSettled[other]) continue;
      const length = distance[node]! + Math.max(roads[road]!.lengthM, Number.EPSILON);
      if (length < distance[other]!) {
        distance[other] = length;
        paths[other] = 0;
        before[other] = [];
        queue.push(other, length);
      }
      if (length === distance[other]) {
        paths[other]! += paths[node]!;
        before[other]!.push([road, node]);
      }
    }
  }
  const dependency = new Float64Array(count);
  for (const node of settled.reverse()) {
    for (const [road, previous] of before[node]!) {
      const part = (paths[previous]! / paths[node]!) * (1 + dependency[node]!);
      ways[road]! += part;
      dependency[previous]! += part;
    }
  }
  return settled.length - 1;
}
