/**
 * The arc graph of a map in which regions were joined: arcs inside of a region are gone, and where a junction kept only
 * two arcs they are one.
 */
import { type ArcGraph, addArc, addJunction, emptyArcGraph, withRoom } from './arc-graph.ts';

/** `regionOf` gives the new number of each region of `old`. */
export function mergeArcs(old: ArcGraph, regionOf: Int32Array): ArcGraph {
  const graph = emptyArcGraph();
  const kept = (half: number): boolean => half >= 0 && regionOf[old.left[half >> 1]] !== regionOf[old.right[half >> 1]];

  const newJunction = new Int32Array(old.junctions).fill(-1);
  for (let junction = 0; junction < old.junctions; junction++) {
    let arcs = 0;
    for (let slot = 4 * junction; slot < 4 * junction + 4; slot++) if (kept(old.leaving[slot])) arcs++;
    if (arcs > 2) newJunction[junction] = addJunction(graph);
  }

  const done = new Uint8Array(old.count);
  let halves: number[] = [];

  /** Collects half-arcs onwards from one until a junction that is kept, or the start again; returns the last slot. */
  function follow(start: number): number {
    halves = [];
    let half = start;
    for (;;) {
      halves.push(half);
      done[half >> 1] = 1;
      const slot = (half & 1) === 0 ? old.to[half >> 1] : old.from[half >> 1];
      if (slot < 0 || newJunction[slot >> 2] >= 0) return slot;
      const first = slot & ~3;
      for (let next = first; next < first + 4; next++) {
        if (next !== slot && kept(old.leaving[next])) {
          half = old.leaving[next];
          break;
        }
      }
      if (half === start) return -1;
    }
  }

  for (let slot = 0; slot < 4 * old.junctions; slot++) {
    const start = old.leaving[slot];
    if (newJunction[slot >> 2] < 0 || !kept(start) || done[start >> 1]) continue;
    const end = follow(start);
    const from = 4 * newJunction[slot >> 2] + (slot & 3);
    const to = 4 * newJunction[end >> 2] + (end & 3);
    const last = writeChain(graph, old, halves);
    addArc(graph, last, leftOf(start), rightOf(start), from, to);
  }
  for (let arc = 0; arc < old.count; arc++) {
    if (done[arc] || !kept(2 * arc)) continue;
    follow(2 * arc);
    const end = writeChain(graph, old, halves); // may give the graph another array of vertices
    const loop = turnLoop(graph.xy, graph.offsets[graph.count], end);
    const side = 2 * arc + (loop.reversed ? 1 : 0);
    addArc(graph, loop.end, leftOf(side), rightOf(side), -1, -1);
  }
  return graph;

  function leftOf(half: number): number {
    return regionOf[(half & 1) === 0 ? old.left[half >> 1] : old.right[half >> 1]];
  }
  function rightOf(half: number): number {
    return leftOf(half ^ 1);
  }
}

/** Writes the vertices of half-arcs one after the other, without those on a straight line; returns the end. */
function writeChain(graph: ArcGraph, old: ArcGraph, halves: readonly number[]): number {
  const first = graph.offsets[graph.count];
  let end = first;
  for (const half of halves) {
    const begin = old.offsets[half >> 1];
    const length = old.offsets[(half >> 1) + 1] - begin;
    graph.xy = withRoom(graph.xy, 2 * (end + length + 1));
    const { xy } = graph;
    // The first vertex of every further piece is the last of the piece before.
    for (let i = end === first ? 0 : 1; i < length; i++) {
      const source = 2 * ((half & 1) === 0 ? begin + i : begin + length - 1 - i);
      const x = old.xy[source];
      const y = old.xy[source + 1];
      if (end - first >= 2 && straight(xy, end - 2, x, y)) end--;
      xy[2 * end] = x;
      xy[2 * end + 1] = y;
      end++;
    }
  }
  return end;
}

/** Whether the last vertex but one, the last and (x, y) lie on one horizontal or vertical line. */
function straight(xy: Int32Array, vertex: number, x: number, y: number): boolean {
  const i = 2 * vertex;
  return (xy[i] === xy[i + 2] && xy[i] === x) || (xy[i + 1] === xy[i + 3] && xy[i + 1] === y);
}

/**
 * Makes a loop begin at its topmost, then leftmost vertex and run clockwise, as the tracer writes them. The vertex it
 * began at goes if it lies on a straight line. Returns the new end and whether the direction was changed.
 */
function turnLoop(xy: Int32Array, first: number, end: number): { end: number; reversed: boolean } {
  const loop = xy.slice(2 * first, 2 * end - 2);
  let count = end - first - 1;
  const seamX = loop[0];
  const seamY = loop[1];
  const beside = 2 * (count - 1);
  if ((loop[beside] === seamX && loop[2] === seamX) || (loop[beside + 1] === seamY && loop[3] === seamY)) {
    loop.copyWithin(0, 2);
    count--;
  }
  let top = 0;
  for (let i = 1; i < count; i++) {
    const higher = loop[2 * i + 1] - loop[2 * top + 1] || loop[2 * i] - loop[2 * top];
    if (higher < 0) top = i;
  }
  const reversed = loop[2 * ((top + 1) % count) + 1] !== loop[2 * top + 1];
  for (let i = 0; i <= count; i++) {
    const source = (top + (reversed ? count - (i % count) : i)) % count;
    xy[2 * (first + i)] = loop[2 * source];
    xy[2 * (first + i) + 1] = loop[2 * source + 1];
  }
  return { end: first + count + 1, reversed };
}
