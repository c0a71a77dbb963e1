/**
 * Class rows in, from top to bottom; 4-connected regions and their arc graph out. One pass: a row is turned into runs,
 * the runs are labelled from those above them, and every place where a run ends in one of two neighbouring rows is a
 * corner at which borders begin, turn, meet or end. What is kept between rows is one row of runs and the open end of
 * a border for each column.
 */

import { type ArcGraph, addJunction, EAST, emptyArcGraph, NORTH, SOUTH, WEST, withRoom } from './arc-graph.ts';
import { addLabel, collectRegions, createLabels, findRoot, type Labels, type RegionTable, unite } from './labels.ts';
import {
  anchorBorder,
  beginBorder,
  createOpenBorders,
  extendBorder,
  joinBorders,
  type OpenBorders,
} from './open-borders.ts';
import { addScores, createRowViewer, createRuns, fillOutside, findRuns, type RowView, type Runs } from './runs.ts';
import type { TracerState } from './tracer-state.ts';

export interface RowSink {
  /** Takes whole rows: rows * width bytes each; a score of 0 is none. */
  addRows(rows: number, classes: Uint8Array, scores: Uint8Array): void;
}

/** All regions of a map, with their arc graph. */
export interface TracedGraph {
  regions: RegionTable;
  graph: ArcGraph;
}

export interface Tracer extends RowSink {
  /** Ends the map. */
  finish(): TracedGraph;
}

/** Rows from top to bottom in, all regions out at the end. */
export function createTracer(
  width: number,
): Tracer & { addRows(rows: number, classes: Uint8Array, scores: Uint8Array | null): void } {
  const rows = createRowTracer(width);
  const { state } = rows;
  return {
    addRows(count, classes, scores) {
      for (let row = 0; row < count; row++) rows.addRow(classes, scores, row * width);
    },
    finish() {
      rows.end();
      return resolveLabels(state);
    },
  };
}

/** The regions of a map that has ended, and its graph with them on the sides of arcs. */
function resolveLabels({ labels, graph }: TracerState): TracedGraph {
  const { regions, regionOf } = collectRegions(labels);
  for (let arc = 0; arc < graph.count; arc++) {
    graph.left[arc] = regionOf[graph.left[arc]];
    graph.right[arc] = regionOf[graph.right[arc]];
  }
  return { regions, graph };
}

function createRowTracer(width: number) {
  const viewClasses = createRowViewer(width);
  const viewScores = createRowViewer(width);
  const state: TracerState = {
    labels: createLabels(),
    graph: emptyArcGraph(),
    borders: createOpenBorders(),
    hanging: new Int32Array(width + 1),
    last: createRuns(width),
  };
  const { labels, graph, borders, hanging } = state;
  let spare = createRuns(width);
  let y = 0;
  fillOutside(state.last, width);

  return {
    state,
    /** Takes the row that begins at `at`. */
    addRow(classes: Uint8Array, scores: Uint8Array | null, at: number): void {
      const above = state.last;
      const current = spare;
      findRuns(viewClasses(classes, at), width, current);
      labelRuns(labels, above, current, scores === null ? null : viewScores(scores, at), y);
      traceCorners(borders, graph, hanging, above, current, width, y);
      state.last = current;
      spare = above;
      y++;
    },
    /** Draws the lower edge of the map. */
    end(): void {
      fillOutside(spare, width);
      traceCorners(borders, graph, hanging, state.last, spare, width, y);
      state.last = spare;
    },
  };
}

/** Labels a row of runs from those above it, and counts pixels and scores per label. */
function labelRuns(labels: Labels, above: Runs, current: Runs, scoreRow: RowView | null, y: number): void {
  const { starts, classes, count } = current;
  const { starts: aboveStarts, classes: aboveClasses, labels: aboveLabels } = above;
  let over = 0;
  for (let run = 0; run < count; run++) {
    const start = starts[run];
    const end = starts[run + 1];
    const cls = classes[run];
    let label = -1;
    while (aboveStarts[over + 1] <= start) over++;
    for (; aboveStarts[over] < end; over++) {
      if (aboveClasses[over] !== cls) continue;
      const candidate = findRoot(labels.parents, aboveLabels[over]);
      if (label < 0) label = candidate;
      else if (label !== candidate) label = unite(labels.parents, label, candidate);
    }
    over--;
    if (label < 0) label = addLabel(labels, cls, start, y);
    current.labels[run] = label;
    if (label === 0) continue;
    labels.pixels[label] += end - start;
    if (scoreRow) addScores(scoreRow, start, end, labels, label);
    else labels.classPixels[label] += end - start;
  }
}

/** Draws the borders on the corner row between two rows of runs. */
function traceCorners(
  borders: OpenBorders,
  graph: ArcGraph,
  hanging: Int32Array,
  above: Runs,
  below: Runs,
  width: number,
  y: number,
): void {
  const { starts: aboveStarts, classes: aboveClasses } = above;
  const { starts: belowStarts, classes: belowClasses } = below;
  let over = 0;
  let under = 0;
  /** Open end of the border that comes along this corner row from the left. */
  let lying = -1;
  for (;;) {
    const nextAbove = aboveStarts[over + 1];
    const nextBelow = belowStarts[under + 1];
    const x = Math.min(nextAbove, nextBelow);
    if (x > width) return;
    const west = aboveClasses[over] !== belowClasses[under];
    const north = nextAbove === x;
    const south = nextBelow === x;
    if (north) over++;
    if (south) under++;
    const east = aboveClasses[over] !== belowClasses[under];
    if (north) {
      if (south) {
        if (!west && !east) continue; // a border that goes straight down
      } else if (west !== east) {
        if (east) lying = extendBorder(borders, hanging[x], x, y);
        else joinBorders(borders, graph, hanging[x], lying, x, y, above.labels[over - 1], above.labels[over]);
        continue;
      }
    } else if (west !== east) {
      hanging[x] = west ? extendBorder(borders, lying, x, y) : beginBorder(borders, x, y, -1);
      if (east) lying = hanging[x];
      continue;
    }
    const first = 4 * addJunction(graph);
    borders.cornerLabels = withRoom(borders.cornerLabels, first + 4);
    borders.cornerLabels[first] = above.labels[north ? over - 1 : over];
    borders.cornerLabels[first + 1] = above.labels[over];
    borders.cornerLabels[first + 2] = below.labels[under];
    borders.cornerLabels[first + 3] = below.labels[south ? under - 1 : under];
    if (north) anchorBorder(borders, graph, hanging[x], x, y, first + NORTH);
    if (west) anchorBorder(borders, graph, lying, x, y, first + WEST);
    if (south) hanging[x] = beginBorder(borders, x, y, first + SOUTH);
    if (east) lying = beginBorder(borders, x, y, first + EAST);
  }
}
