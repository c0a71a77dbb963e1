/**
 * A map traced in shards, bands of rows that know nothing of each other, and the shards joined: their seams lie on pixel
 * corners, so what comes out is the graph of the whole map whatever the cuts.
 *
 * A shard leaves the border on its upper edge undrawn: borders that cross it begin at a vertex of their own there, which
 * gives way to the end of the border that comes down from the shard above.
 */

import { type ArcGraph, emptyArcGraph, withRoom } from './arc-graph.ts';
import { createLabels, type Labels, unite } from './labels.ts';
import { closeBorder, createOpenBorders, emitArc, type OpenBorders } from './open-borders.ts';
import { createRuns, fillOutside, type Runs } from './runs.ts';
import { createRowTracer, type RowSink, resolveLabels, type TracedGraph, traceCorners } from './trace.ts';
import type { TracerState } from './tracer-state.ts';

/** A shard's part of the arc graph: plain data, to be handed between threads and machines. y counts from its top. */
export interface Shard extends TracerState {
  width: number;
  rows: number;
  first: Runs;
}

/** Traces the rows of one shard. `finish` throws a RangeError if there were none. */
export function createShardTracer(width: number): RowSink & { finish(): Shard } {
  const tracer = createRowTracer(width, true);
  let rows = 0;
  return {
    addRows(count, classes, scores) {
      for (let row = 0; row < count; row++) tracer.addRow(classes, scores, row * width);
      rows += count;
    },
    finish() {
      if (rows === 0) throw new RangeError('expected at least one row in a shard, got 0');
      return { ...tracer.state, width, rows, first: tracer.first };
    },
  };
}

/**
 * Joins shards from top to bottom. They are used up, one at a time. `append` throws a RangeError for one of another width,
 * `finish` if there were none.
 */
export function createShardJoiner(): { append(shard: Shard): void; finish(): TracedGraph } {
  let state: TracerState | null = null;
  let width = 0;
  let y = 0;
  return {
    append(shard) {
      if (!state) {
        width = shard.width;
        state = emptyState(width);
      }
      if (shard.width !== width) throw new RangeError(`expected shards ${width} pixels wide, got ${shard.width}`);
      append(state, shard, y);
      y += shard.rows;
    },
    finish() {
      if (!state) throw new RangeError('expected at least one shard, got 0');
      const below = createRuns(width);
      fillOutside(below, width);
      traceCorners(state.borders, state.graph, state.hanging, state.last, below, width, y);
      return resolveLabels(state);
    },
  };
}

function emptyState(width: number): TracerState {
  const last = createRuns(width);
  fillOutside(last, width);
  const hanging = new Int32Array(width + 1);
  return { labels: createLabels(), graph: emptyArcGraph(), borders: createOpenBorders(), hanging, last };
}

function append(state: TracerState, shard: Shard, y: number): void {
  const { labels, graph, borders, hanging } = state;
  const { width, first, last } = shard;
  const newLabel = appendLabels(labels, shard.labels, y);
  relabel(first.labels, first.count, newLabel);
  if (last !== first) relabel(last.labels, last.count, newLabel);
  uniteAcross(labels, state.last, first);
  traceCorners(borders, graph, hanging, state.last, first, width, y);

  const junctions = graph.junctions;
  appendGraph(graph, shard.graph, newLabel, y);
  const vertices = borders.used;
  appendStrands(borders, shard.borders, junctions, y);
  borders.cornerLabels = withRoom(borders.cornerLabels, 4 * graph.junctions);
  for (let slot = 0; slot < 4 * shard.graph.junctions; slot++) {
    borders.cornerLabels[4 * junctions + slot] = newLabel[shard.borders.cornerLabels[slot]];
  }

  const above = hanging.slice();
  for (let run = 1; run < last.count; run++) hanging[last.starts[run]] = vertices + shard.hanging[last.starts[run]];
  for (let run = 1; run < first.count; run++) {
    const x = first.starts[run];
    const top = vertices + run - 1; // the shard's first vertices are those on its upper edge
    if (borders.mate[top] === top) {
      hanging[x] = above[x]; // straight through the shard
      borders.free[borders.freeCount++] = top;
    } else joinAtSeam(borders, graph, above[x], top, first.labels[run - 1], first.labels[run]);
  }
  state.last = last;
}

/** Puts the open end of a border in the place of the vertex at which another begins. */
function joinAtSeam(borders: OpenBorders, graph: ArcGraph, end: number, top: number, west: number, east: number): void {
  const { link0, link1, mate, anchor } = borders;
  const next = link0[top];
  if (link0[next] === top) link0[next] = end;
  else link1[next] = end;
  if (link0[end] < 0) link0[end] = next;
  else link1[end] = next;
  const other = mate[end];
  const far = mate[top];
  borders.free[borders.freeCount++] = top;
  if (other === top) {
    // Joined from west to east: this is the loop's last passage, so it lies to the west.
    closeBorder(borders, graph, end, west, east);
    return;
  }
  mate[other] = far;
  mate[far] = other;
  if (anchor[other] >= 0 && anchor[far] >= 0) emitArc(borders, graph, other, far);
}

/** Labels of runs above and below a seam that are one region. */
function uniteAcross({ parents }: Labels, above: Runs, below: Runs): void {
  let over = 0;
  let under = 0;
  while (over < above.count && under < below.count) {
    if (above.classes[over] === below.classes[under]) unite(parents, above.labels[over], below.labels[under]);
    const aboveEnd = above.starts[over + 1];
    const belowEnd = below.starts[under + 1];
    if (aboveEnd <= belowEnd) over++;
    if (belowEnd <= aboveEnd) under++;
  }
}

/** Returns the new label of each of the shard's; the outside is the same for all. */
function appendLabels(labels: Labels, added: Labels, y: number): Int32Array {
  const shift = labels.count - 1;
  const newLabel = Int32Array.from({ length: added.count }, (_, label) => (label === 0 ? 0 : label + shift));
  const count = shift + added.count;
  for (const key of ['parents', 'firstX', 'firstY'] as const) labels[key] = withRoom(labels[key], count);
  for (const key of ['pixels', 'classPixels', 'scoreSums'] as const) labels[key] = withRoom(labels[key], count);
  labels.classes = withRoom(labels.classes, count);
  for (let label = 1; label < added.count; label++) {
    const at = label + shift;
    labels.parents[at] = newLabel[added.parents[label]];
    labels.classes[at] = added.classes[label];
    labels.pixels[at] = added.pixels[label];
    labels.classPixels[at] = added.classPixels[label];
    labels.scoreSums[at] = added.scoreSums[label];
    labels.firstX[at] = added.firstX[label];
    labels.firstY[at] = added.firstY[label] + y;
  }
  labels.count = count;
  return newLabel;
}

function appendGraph(graph: ArcGraph, added: ArcGraph, newLabel: Int32Array, y: number): void {
  const arcs = graph.count;
  const vertices = graph.offsets[arcs];
  const slots = 4 * graph.junctions;
  const end = added.offsets[added.count];
  for (const key of ['left', 'right', 'from', 'to'] as const) graph[key] = withRoom(graph[key], arcs + added.count);
  graph.offsets = withRoom(graph.offsets, graph.left.length + 1); // arcs are added while `left` has room
  graph.leaving = withRoom(graph.leaving, slots + 4 * added.junctions);
  graph.xy = withRoom(graph.xy, 2 * (vertices + end) + 4); // the room for one more vertex that open borders rely on
  for (let arc = 0; arc < added.count; arc++) {
    graph.offsets[arcs + arc + 1] = vertices + added.offsets[arc + 1];
    graph.left[arcs + arc] = newLabel[added.left[arc]];
    graph.right[arcs + arc] = newLabel[added.right[arc]];
    graph.from[arcs + arc] = added.from[arc] < 0 ? -1 : added.from[arc] + slots;
    graph.to[arcs + arc] = added.to[arc] < 0 ? -1 : added.to[arc] + slots;
  }
  for (let i = 0; i < 2 * end; i += 2) {
    graph.xy[2 * vertices + i] = added.xy[i];
    graph.xy[2 * vertices + i + 1] = added.xy[i + 1] + y;
  }
  for (let slot = 0; slot < 4 * added.junctions; slot++) {
    graph.leaving[slots + slot] = added.leaving[slot] < 0 ? -1 : added.leaving[slot] + 2 * arcs;
  }
  graph.count += added.count;
  graph.junctions += added.junctions;
}

/** `junctions` is how many there were before the shard's. */
function appendStrands(borders: OpenBorders, added: OpenBorders, junctions: number, y: number): void {
  const base = borders.used;
  const used = base + added.used;
  for (const key of ['x', 'y', 'link0', 'link1', 'mate', 'anchor', 'free'] as const) {
    borders[key] = withRoom(borders[key], used);
  }
  for (let vertex = 0; vertex < added.used; vertex++) {
    const at = base + vertex;
    borders.x[at] = added.x[vertex];
    borders.y[at] = added.y[vertex] + y;
    borders.link0[at] = added.link0[vertex] < 0 ? -1 : added.link0[vertex] + base;
    borders.link1[at] = added.link1[vertex] < 0 ? -1 : added.link1[vertex] + base;
    borders.mate[at] = added.mate[vertex] + base;
    borders.anchor[at] = added.anchor[vertex] < 0 ? -1 : added.anchor[vertex] + 4 * junctions;
  }
  for (let i = 0; i < added.freeCount; i++) borders.free[borders.freeCount++] = added.free[i] + base;
  borders.used = used;
}

function relabel(labels: Int32Array, count: number, newLabel: Int32Array): void {
  for (let run = 0; run < count; run++) labels[run] = newLabel[labels[run]];
}
