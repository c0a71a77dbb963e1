/**
 * Takes regions that have ended out of a tracer while it goes on: their polygons are drawn, and what nothing refers to
 * any more is dropped, so that a tracer's memory follows the width of the map and the borders of open regions.
 *
 * A region that has no run in the last row is complete, with all arcs around it: an open border has its end in that row
 * between two regions that both go on.
 */
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import { findRoot, type Labels, OUTSIDE_CLASS } from '../trace/labels.ts';
import type { Strands } from '../trace/open-borders.ts';
import type { Runs } from '../trace/runs.ts';
import { layPolygons, type Polygons } from './polygons.ts';

/** Everything a tracer keeps from row to row. */
export interface TracerState {
  labels: Labels;
  graph: ArcGraph;
  strands: Strands;
  /** Open end of the border that comes down at each corner column. */
  hanging: Int32Array;
  /** The last row. */
  last: Runs;
}

/** Polygons of the regions that have ended, but those of class `nodata`. Labels and junctions get new numbers. */
export function harvest(state: TracerState, nodata: number): Polygons {
  const { labels, graph } = state;
  const open = markOpen(state);
  const numbers = new Int32Array(labels.count).fill(-1);
  let count = 0;
  for (let label = 1; label < labels.count; label++) {
    const root = labels.parents[label];
    if (root !== label) {
      // Parents come before their children, so the parent's root is already known.
      labels.parents[label] = labels.parents[root];
      labels.pixels[labels.parents[root]] += labels.pixels[label];
      labels.scoreSums[labels.parents[root]] += labels.scoreSums[label];
      numbers[label] = numbers[root];
    } else if (open[label] === 0 && labels.classes[label] !== nodata) numbers[label] = count++;
  }
  const polygons = layPolygons(graph, graph, { ...labels, classPixels: labels.pixels }, numbers, count);
  const newLabel = keepOpenLabels(labels, open);
  for (let run = 0; run < state.last.count; run++) state.last.labels[run] = newLabel[state.last.labels[run]];
  dropArcs(state, newLabel, nodata);
  return polygons;
}

/** 1 for the roots that have a run in the last row, and for the outside. */
function markOpen({ labels, last }: TracerState): Uint8Array {
  const open = new Uint8Array(labels.count);
  open[OUTSIDE] = 1;
  for (let run = 0; run < last.count; run++) open[findRoot(labels.parents, last.labels[run])] = 1;
  return open;
}

/** Keeps open roots only; returns their new labels, for the others the outside's. */
function keepOpenLabels(labels: Labels, open: Uint8Array): Int32Array {
  const newLabel = new Int32Array(labels.count);
  let kept = 0;
  for (let label = 0; label < labels.count; label++) {
    const root = labels.parents[label];
    if (root !== label) {
      newLabel[label] = newLabel[root];
      continue;
    }
    if (open[label] === 0) continue;
    labels.parents[kept] = kept;
    labels.classes[kept] = labels.classes[label];
    labels.pixels[kept] = labels.pixels[label];
    labels.scoreSums[kept] = labels.scoreSums[label];
    labels.firstX[kept] = labels.firstX[label];
    labels.firstY[kept] = labels.firstY[label];
    newLabel[label] = kept++;
  }
  labels.count = kept;
  return newLabel;
}

/** Drops arcs that no open region with a class has on a side, and junctions without arcs and open borders. */
function dropArcs({ labels, graph, strands, hanging, last }: TracerState, newLabel: Int32Array, nodata: number): void {
  const { left, right, from, to, offsets, xy, leaving } = graph;
  const isWanted = (label: number): boolean =>
    labels.classes[label] !== nodata && labels.classes[label] < OUTSIDE_CLASS;
  const newJunction = new Int32Array(graph.junctions).fill(-1);
  let arcs = 0;
  let end = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    const newLeft = newLabel[left[arc]];
    const newRight = newLabel[right[arc]];
    if (!isWanted(newLeft) && !isWanted(newRight)) continue;
    const first = offsets[arc];
    const stop = offsets[arc + 1];
    xy.copyWithin(2 * end, 2 * first, 2 * stop);
    offsets[arcs] = end;
    left[arcs] = newLeft;
    right[arcs] = newRight;
    from[arcs] = from[arc];
    to[arcs] = to[arc];
    end += stop - first;
    arcs++;
    if (from[arc] >= 0) newJunction[from[arc] >> 2] = newJunction[to[arc] >> 2] = 0;
  }
  graph.count = arcs;
  offsets[arcs] = end;

  const ends = anchoredEnds(strands, hanging, last);
  for (const vertex of ends) newJunction[strands.anchor[vertex] >> 2] = 0;
  let junctions = 0;
  for (let junction = 0; junction < newJunction.length; junction++) {
    if (newJunction[junction] < 0) continue;
    newJunction[junction] = junctions;
    for (let slot = 0; slot < 4; slot++) {
      strands.cornerLabels[4 * junctions + slot] = newLabel[strands.cornerLabels[4 * junction + slot]];
    }
    junctions++;
  }
  graph.junctions = junctions;
  const renumbered = (slot: number): number => (4 * newJunction[slot >> 2]) | (slot & 3);
  for (const vertex of ends) strands.anchor[vertex] = renumbered(strands.anchor[vertex]);
  leaving.fill(-1, 0, 4 * junctions);
  for (let arc = 0; arc < arcs; arc++) {
    if (from[arc] < 0) continue;
    from[arc] = renumbered(from[arc]);
    to[arc] = renumbered(to[arc]);
    leaving[from[arc]] = 2 * arc;
    leaving[to[arc]] = 2 * arc + 1;
  }
}

/** The ends at a junction of the borders that are still open. */
function anchoredEnds({ anchor, mate }: Strands, hanging: Int32Array, last: Runs): number[] {
  const ends: number[] = [];
  for (let run = 1; run < last.count; run++) {
    const other = mate[hanging[last.starts[run]]];
    if (anchor[other] >= 0) ends.push(other);
  }
  return ends;
}
