/**
 * A road surface in, its network out: surface → border → medial axis → spurs off → gaps bridged → junctions → lines.
 * Everything follows from the surface and the options alone; coordinates are pixel corners of the model grid, y down.
 */

import { bridgeEnds, extendEnds, snapEnds } from './ends.ts';
import { clusterJunctions, straightenJunctions } from './junctions.ts';
import { joinThrough, type LineGraph, lines, resample } from './line-graph.ts';
import { medialAxis } from './medial-axis.ts';
import { prunePieces, pruneRings, pruneSpurs } from './prune.ts';
import { drawLine } from './smooth-line.ts';
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
  /** What was put into the network or left out, counted. */
  report: {
    lengthMetres: number;
    bridges: number;
    snappedEnds: number;
    mergedJunctions: number;
    prunedSpurs: number;
    discardedPieces: number;
    specks: number;
    filledHoles: number;
  };
}

/** Branches shorter than this many times their own width are spurs; so are the arms of a car park. */
const SPUR_WIDTHS = 1.2;
/** A piece without connection to any other is a road if it is this many times longer than wide. */
const PIECE_WIDTHS = 3;
const MIN_PIECE_METRES = 30;
const MIN_PIECE_M2 = 60;
const MAX_GAP_WIDTHS = 3;

export function roadNetwork(surface: RoadSurface, options: RoadOptions): RoadNetwork {
  const { pixelMetres, toleranceMetres = 0.5, maxGapMetres = 25, minSpurMetres = 8, minHoleM2 = 75 } = options;
  const pixelAreaM2 = pixelMetres * pixelMetres;
  const border = traceBorder(surface.road, MIN_PIECE_M2 / pixelAreaM2, minHoleM2 / pixelAreaM2);
  const sketch = medialAxis(border);
  for (const line of lines(sketch)) resample(line, 1);

  const gaps = { maxGap: maxGapMetres / pixelMetres, maxWidths: MAX_GAP_WIDTHS };
  const minSpur = minSpurMetres / pixelMetres;
  let prunedSpurs = pruneSpurs(sketch, minSpur, SPUR_WIDTHS);
  extendEnds(sketch, border.filled);
  const bridges = bridgeEnds(sketch, surface, gaps);
  const snappedEnds = snapEnds(sketch, surface, border.filled, gaps);
  const discardedPieces = prunePieces(sketch, MIN_PIECE_METRES / pixelMetres, PIECE_WIDTHS);
  prunedSpurs += pruneSpurs(sketch, minSpur, SPUR_WIDTHS);
  const { merged: mergedJunctions, spread } = clusterJunctions(sketch);
  prunedSpurs += pruneRings(sketch, 4);
  for (let node = 0; node < sketch.at.length; node++) joinThrough(sketch, node);
  straightenJunctions(sketch, border.filled, spread);

  const { nodes, edges } = drawEdges(sketch, surface, options, toleranceMetres / pixelMetres);
  const lengthMetres = edges.reduce((sum, edge) => sum + edge.lengthMetres, 0);
  const { specks, filledHoles } = border;
  return {
    nodes,
    edges,
    components: countComponents(nodes.length, edges),
    report: { lengthMetres, bridges, snappedEnds, mergedJunctions, prunedSpurs, discardedPieces, specks, filledHoles },
  };
}

function drawEdges(sketch: LineGraph, surface: RoadSurface, options: RoadOptions, tolerance: number) {
  const { x: sideX, y: sideY } = options.pixelSidesMetres ?? { x: options.pixelMetres, y: options.pixelMetres };
  const numbers = new Map<number, number>();
  const nodes: RoadNode[] = [];
  for (let node = 0; node < sketch.at.length; node++) {
    if (sketch.at[node].length === 0) continue;
    numbers.set(node, nodes.length);
    nodes.push({ x: sketch.x[node], y: sketch.y[node], degree: sketch.at[node].length });
  }
  const edges: RoadEdge[] = [];
  for (const line of lines(sketch)) {
    const drawn = drawLine(line, tolerance, (x, y) => scoreAt(surface, x, y) ?? 0);
    const metres = lengthOf(drawn.points, sideX, sideY);
    // A strip of w × l pixels covers w · l · sideX · sideY on the ground, whatever its direction.
    const perPixel = drawn.length > 0 ? metres / drawn.length : options.pixelMetres;
    edges.push({
      from: numbers.get(line.from) as number,
      to: numbers.get(line.to) as number,
      points: drawn.points,
      lengthMetres: metres,
      widthMetres: (drawn.width * sideX * sideY) / perPixel,
      score: drawn.score,
      bridgedMetres: drawn.bridged * perPixel,
    });
  }
  return { nodes, edges };
}

function lengthOf(points: Float64Array, sideX: number, sideY: number): number {
  let length = 0;
  for (let i = 2; i < points.length; i += 2) {
    length += Math.hypot((points[i] - points[i - 2]) * sideX, (points[i + 1] - points[i - 1]) * sideY);
  }
  return length;
}

function countComponents(nodes: number, edges: readonly RoadEdge[]): number {
  const parent = Int32Array.from({ length: nodes }, (_, node) => node);
  const root = (node: number): number => {
    let at = node;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  };
  let components = nodes;
  for (const { from, to } of edges) {
    const [a, b] = [root(from), root(to)];
    if (a === b) continue;
    parent[a] = b;
    components--;
  }
  return components;
}
