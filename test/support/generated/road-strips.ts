/** A road network drawn in strips and joined, for tests, and as a graph whose nodes are a list. */
import type { Graph } from '../../../vectorizer/roads/apls.ts';
import { createRoadJoiner } from '../../../vectorizer/roads/join.ts';
import type { RoadOptions } from '../../../vectorizer/roads/network.ts';
import { drawRoadStrip, type RoadTotals, type StreetEdge } from '../../../vectorizer/roads/strip.ts';
import type { Strip } from '../../../vectorizer/strips.ts';

export interface ClassMap {
  width: number;
  height: number;
  classes: Uint8Array;
  scores: Uint8Array;
}

export interface Cutting {
  rows: number;
  margin: number;
}

export function cutInto({ height }: Pick<ClassMap, 'height'>, { rows }: Pick<Cutting, 'rows'>): Strip[] {
  return Array.from({ length: Math.ceil(height / rows) }, (_, index) => {
    const y = index * rows;
    return { index, y, rows: Math.min(rows, height - y) };
  });
}

export function drawInStrips(
  map: ClassMap,
  cutting: Cutting,
  options: RoadOptions,
  order: (strips: Strip[]) => Strip[] = (strips) => strips,
): { edges: StreetEdge[]; totals: RoadTotals } {
  const { width, height } = map;
  const strips = cutInto(map, cutting);
  const drawn = new Map(
    order(strips).map((strip) => {
      const top = Math.max(0, strip.y - cutting.margin);
      const bottom = Math.min(height, strip.y + strip.rows + cutting.margin);
      const rowsOf = (values: Uint8Array) => values.subarray(top * width, bottom * width);
      const window = { strip, width, height, top, rows: bottom - top };
      const content = { classes: rowsOf(map.classes), scores: rowsOf(map.scores) };
      const roads = drawRoadStrip({ ...window, ...content }, { road: 2, blocked: [1, 4] }, options);
      return [strip.index, structuredClone(roads)];
    }),
  );
  const joiner = createRoadJoiner(options);
  const edges = strips.flatMap((strip) => {
    const { edges: own, open } = drawn.get(strip.index)!;
    return [...own, ...joiner.append(strip, open)];
  });
  return { edges, totals: joiner.finish() };
}

/** Throws an Error where edges of one node do not end in one place. */
export function graphOf(edges: readonly StreetEdge[]): Graph {
  const nodes: { x: number; y: number }[] = [];
  const known = new Map<number, number>();
  const indexOf = (node: number, x: number, y: number): number => {
    const index = known.get(node) ?? nodes.push({ x, y }) - 1;
    known.set(node, index);
    if (nodes[index].x !== x || nodes[index].y !== y) {
      throw new Error(`node ${node} is at ${nodes[index].x}, ${nodes[index].y} and at ${x}, ${y}`);
    }
    return index;
  };
  return {
    nodes,
    edges: edges.map(({ from, to, points }) => ({
      from: indexOf(from, points[0], points[1]),
      to: indexOf(to, points[points.length - 2], points[points.length - 1]),
      points,
    })),
  };
}
