/**
 * A road surface in, its network out: surface → border → medial axis → spurs off → gaps bridged → junctions → lines.
 * Everything follows from the surface and the options alone; coordinates are pixel corners of the model grid, y down.
 */

import { bridgeEnds, extendEnds, snapEnds } from './ends.ts';
import { createGroups } from './groups.ts';
import { clusterJunctions, straightenJunctions } from './junctions.ts';
import { holds, joinThrough, type LineGraph, lines, type Points, type Rows, resampleByRows } from './line-graph.ts';
import { medialAxis } from './medial-axis.ts';
import { pruneDoubles, prunePieces, pruneRings, pruneSpurs } from './prune.ts';
import { drawLine, type MeasuredLine, measureLine } from './smooth-line.ts';
import { type RoadSurface, scoreAt } from './surface.ts';
import { traceBorder } from './surface-outline.ts';

export interface RoadOptions {
  /** Ground size of a pixel of the model grid: the root of its area where it is not square. */
  pixelMetres: number;
  /** Where it is not square, as in degrees: both sides. Widths and lengths are right then, limits are mean ones. */
  pixelSidesMetres?: { x: number; y: number };
  /** How far a drawn line may lie from the smooth centre line. Default 0.5. */
  toleranceMetres?: number;
  /** The longest gap that is bridged; also never more than three widths of the road. Default 25: a tree, not a block. */
  maxGapMetres?: number;
  /** Branches that reach less far out of the road they hang on are not drawn. Default 8: a car's length and its turn. */
  minSpurMetres?: number;
  /** Holes of less area are filled. Default 75: a crown of 10 m; a roundabout's island stays. */
  minHoleM2?: number;
}

export interface RoadNode {
  x: number;
  y: number;
  /** Ends of edges that meet here; an edge that returns to its node counts twice. */
  degree: number;
}

export interface RoadEdge {
  /** Indices of nodes. */
  from: number;
  to: number;
  /** x0, y0, x1, y1, … from node to node. */
  points: Float64Array;
  lengthMetres: number;
  /** Median over the length, bridged parts left out. */
  widthMetres: number;
  /** Mean probability (0–1) of the surface along the line; bridged parts count as 0. */
  score: number;
  /** How much of the length crosses gaps of the surface. */
  bridgedMetres: number;
}

export interface RoadNetwork {
  nodes: RoadNode[];
  edges: RoadEdge[];
  /** Connected parts. */
  components: number;
  report: RoadReport;
}

/** What was put into the network or left out. */
export interface RoadReport extends SketchCounts {
  lengthMetres: number;
}

export interface SketchCounts {
  bridges: number;
  snappedEnds: number;
  mergedJunctions: number;
  prunedSpurs: number;
  discardedPieces: number;
  specks: number;
  filledHoles: number;
}

/** Branches shorter than this many times their own width are spurs; so are the arms of a car park. */
const SPUR_WIDTHS = 1.2;
/** A piece without connection to any other is a road if it is this many times longer than wide. */
const PIECE_WIDTHS = 3;
const MIN_PIECE_METRES = 30;
const MIN_PIECE_M2 = 60;
const MAX_GAP_WIDTHS = 3;
/** Roofs lean over narrow roads and stick out over them, and networks draw them wider; a house is deeper. */
const MAX_BLOCKED_METRES = 8;
/** Lines that run beside each other from junction to junction are of one road, if they are no longer. */
const MOST_DOUBLE_METRES = 64;
/** Narrow holes up to this area are filled: lorries, islands and shadows on a wide road; a small block is larger. */
const MAX_NARROW_HOLE_M2 = 400;

/** Border points are at most so far apart, on the ground and in pixels, but never less than a pixel. */
const POINT_METRES = 2;
const POINT_PIXELS = 3;
/** Half of the widest road whose junctions are as wide. */
const MOST_JUNCTION_METRES = 10;
/** What comes so near to where a map was cut may go on beyond it, pixels. */
const CUT_REACH = 32;

const ALL: Rows = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** The network of a whole map. */
export function roadNetwork(surface: RoadSurface, options: RoadOptions): RoadNetwork {
  const { sketch, counts } = sketchRoads(surface, options, ALL);
  const { nodes, numbers } = numberNodes(sketch, ALL);
  const edges = Array.from(lines(sketch), (line) =>
    drawEdge(measureRoad(line, surface), numbers.get(line.from) as number, numbers.get(line.to) as number, options),
  );
  const lengthMetres = edges.reduce((sum, edge) => sum + edge.lengthMetres, 0);
  return { nodes, edges, components: countComponents(nodes.length, edges), report: { lengthMetres, ...counts } };
}

/**
 * The lines of a surface before they are smoothed. Finite ends of `core` say that the map was cut and goes on above or
 * below: what lies within the core is as in the whole map, if nothing that decides on it lies beyond the cut, and counts
 * are of the core.
 */
export function sketchRoads(
  surface: RoadSurface,
  options: RoadOptions,
  core: Rows,
): { sketch: LineGraph; counts: SketchCounts } {
  const { pixelMetres, toleranceMetres = 0.5, maxGapMetres = 25, minSpurMetres = 8, minHoleM2 = 75 } = options;
  const pixelAreaM2 = pixelMetres * pixelMetres;
  const border = traceBorder(surface.road, {
    minPieceArea: MIN_PIECE_M2 / pixelAreaM2,
    minHoleArea: minHoleM2 / pixelAreaM2,
    maxNarrowHoleArea: MAX_NARROW_HOLE_M2 / pixelAreaM2,
    stride: Math.max(1, Math.min(POINT_PIXELS, Math.floor(POINT_METRES / pixelMetres))),
    counted: core,
  });
  const sketch = medialAxis(border);
  for (const line of lines(sketch)) resampleByRows(line);

  const gaps = {
    maxGap: maxGapMetres / pixelMetres,
    maxWidths: MAX_GAP_WIDTHS,
    maxBlocked: MAX_BLOCKED_METRES / pixelMetres,
  };
  const minSpur = minSpurMetres / pixelMetres;
  const whole = {
    from: Number.isFinite(core.from) ? CUT_REACH : core.from,
    to: Number.isFinite(core.to) ? surface.height - CUT_REACH : core.to,
  };
  let prunedSpurs = pruneSpurs(sketch, minSpur, SPUR_WIDTHS, core);
  extendEnds(sketch, border.filled);
  const bridges = bridgeEnds(sketch, surface, gaps, core);
  const snappedEnds = snapEnds(sketch, surface, border.filled, gaps, core);
  const least = { minLength: MIN_PIECE_METRES / pixelMetres, minWidths: PIECE_WIDTHS };
  const discardedPieces = prunePieces(sketch, least, whole, core);
  prunedSpurs += pruneSpurs(sketch, minSpur, SPUR_WIDTHS, core);
  const { merged: mergedJunctions, spread } = clusterJunctions(sketch, core, MOST_JUNCTION_METRES / pixelMetres);
  prunedSpurs += pruneRings(sketch, 4, core);
  prunedSpurs += pruneDoubles(sketch, (2 * toleranceMetres) / pixelMetres, MOST_DOUBLE_METRES / pixelMetres, core);
  for (let node = 0; node < sketch.at.length; node++) joinThrough(sketch, node);
  straightenJunctions(sketch, border.filled, spread);
  const { specks, filledHoles } = border;
  return {
    sketch,
    counts: { bridges, snappedEnds, mergedJunctions, prunedSpurs, discardedPieces, specks, filledHoles },
  };
}

/** The nodes in these rows in the order of the sketch, and which number each has among them. */
export function numberNodes(sketch: LineGraph, rows: Rows): { nodes: RoadNode[]; numbers: Map<number, number> } {
  const numbers = new Map<number, number>();
  const nodes: RoadNode[] = [];
  for (let node = 0; node < sketch.at.length; node++) {
    if (sketch.at[node].length === 0 || !holds(rows, sketch.y[node])) continue;
    numbers.set(node, nodes.length);
    nodes.push({ x: sketch.x[node], y: sketch.y[node], degree: sketch.at[node].length });
  }
  return { nodes, numbers };
}

export function measureRoad(line: Points, surface: RoadSurface): MeasuredLine {
  return measureLine(line, (x, y) => scoreAt(surface, x, y) ?? 0);
}

/** The edge between two nodes. */
export function drawEdge(line: MeasuredLine, from: number, to: number, options: RoadOptions): RoadEdge {
  const { pixelMetres, toleranceMetres = 0.5 } = options;
  const { x: sideX, y: sideY } = options.pixelSidesMetres ?? { x: pixelMetres, y: pixelMetres };
  const drawn = drawLine(line, toleranceMetres / pixelMetres);
  const lengthMetres = lengthOf(drawn.points, sideX, sideY);
  // A strip of w × l pixels covers w · l · sideX · sideY on the ground, whatever its direction.
  const perPixel = drawn.length > 0 ? lengthMetres / drawn.length : pixelMetres;
  return {
    from,
    to,
    points: drawn.points,
    lengthMetres,
    widthMetres: (drawn.width * sideX * sideY) / perPixel,
    score: drawn.score,
    bridgedMetres: drawn.bridged * perPixel,
  };
}

function lengthOf(points: Float64Array, sideX: number, sideY: number): number {
  let length = 0;
  for (let i = 2; i < points.length; i += 2) {
    length += Math.hypot((points[i] - points[i - 2]) * sideX, (points[i + 1] - points[i - 1]) * sideY);
  }
  return length;
}

function countComponents(nodes: number, edges: readonly RoadEdge[]): number {
  const parts = createGroups(nodes);
  for (const { from, to } of edges) parts.join(from, to);
  return new Set(parts.groupOfEach()).size;
}
