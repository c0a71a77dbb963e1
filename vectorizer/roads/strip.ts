/**
 * A strip of a class map in, its part of the road network out: edges that are finished, and what reaches a line between two
 * strips, for whoever joins them. The axis is cut where it crosses the line, before it is smoothed; both strips see it
 * there as it is in the whole map, for what decides on it lies within their margins.
 */
import type { StripWindow } from '../strips.ts';
import { createGroups } from './groups.ts';
import { cutAtRows, holds, type LineGraph, lines, POINT_OFFSET, POINT_ROWS, type Rows } from './line-graph.ts';
import {
  drawEdge,
  measureRoad,
  numberNodes,
  type RoadEdge,
  type RoadOptions,
  type RoadReport,
  sketchRoads,
} from './network.ts';
import type { MeasuredLine } from './smooth-line.ts';
import { streetLengths, streetsOf } from './strokes.ts';
import { createRoadSurface, type RoadClasses, type RoadSurface } from './surface.ts';

export interface StreetEdge extends RoadEdge {
  /** Of the street that goes on straight through crossings; at least the edge's own length. */
  streetMetres: number;
}

/** Where a part of an edge ends: in a node, or at the line to the strip above or below. */
export type PartEnd = number | 'above' | 'below';

/** A part of an edge, in pixels of the map. */
export interface OpenPart extends MeasuredLine {
  start: PartEnd;
  end: PartEnd;
  /** Parts of one number are connected within the strip. */
  component: number;
}

export interface RoadTotals {
  nodes: number;
  edges: number;
  /** Connected parts. */
  components: number;
  /** How many nodes there are of each degree. */
  degrees: Record<number, number>;
  report: RoadReport;
}

/** What a strip leaves to whoever joins it to its neighbours. Plain data. */
export interface OpenRoads {
  parts: OpenPart[];
  /** Edges of streets that reach one of the parts: all but the street's length is known. */
  held: RoadEdge[];
  /** The street of each held edge, as far as the strip can tell. */
  streets: Int32Array;
  /** Of the nodes, and of the edges that are finished or held; components are those that reach no line. */
  totals: RoadTotals;
}

/** How many numbers for nodes each strip has. */
export const STRIP_NODES = 2 ** 21;
/** So far above and below a strip the map is looked at, if the window reaches so far: three times what may be bridged and more. */
const MARGIN_METRES = 128;

/**
 * The window holds the classes as the network gave them; it should begin in a multiple of `POINT_ROWS`. Nodes are numbered from
 * `strip.index * STRIP_NODES`, in the order of their places. Throws a RangeError where classes or scores are missing.
 */
export function drawRoadStrip(
  window: StripWindow,
  classes: RoadClasses,
  options: RoadOptions,
): { edges: StreetEdge[]; open: OpenRoads } {
  const { strip, width, height } = window;
  const margin = POINT_ROWS * Math.ceil(MARGIN_METRES / options.pixelMetres / POINT_ROWS);
  const top = Math.max(window.top, strip.y - margin);
  const rows = Math.min(window.top + window.rows, strip.y + strip.rows + margin) - top;
  const seen = (values: Uint8Array) => values.subarray((top - window.top) * width, (top - window.top + rows) * width);
  const map = createRoadSurface(width, rows, classes);
  map.addRows(rows, seen(window.classes), seen(window.scores));
  const surface = map.finish();
  const bottom = strip.y + strip.rows;
  const core = {
    from: strip.y === 0 ? Number.NEGATIVE_INFINITY : strip.y - top + POINT_OFFSET,
    to: bottom === height ? Number.POSITIVE_INFINITY : bottom - top + POINT_OFFSET,
  };
  const { sketch, counts } = sketchRoads(surface, options, core);
  const { nodes, numbers } = numberNodes(sketch, core);
  const { whole, parts } = cutLines(sketch, surface, core, numbers);

  const components = createGroups(nodes.length + parts.length);
  for (const { start, end } of whole) components.join(Number(start), Number(end));
  for (const [i, { start, end }] of parts.entries()) {
    for (const node of [start, end]) if (typeof node === 'number') components.join(node, nodes.length + i);
  }
  for (const [i, part] of parts.entries()) part.component = components.of(nodes.length + i);

  const first = strip.index * STRIP_NODES;
  const numbered = (end: PartEnd) => (typeof end === 'number' ? first + end : end);
  const inMap = <T extends Part>(part: T): T => ({
    ...part,
    start: numbered(part.start),
    end: numbered(part.end),
    y: part.y.map((y) => y + top),
  });
  const edges = whole.map((part) => {
    const { start, end, ...line } = inMap(part);
    return drawEdge(line, Number(start), Number(end), options);
  });
  const open = parts.map(inMap);
  const degrees: Record<number, number> = {};
  for (const { degree } of nodes) degrees[degree] = (degrees[degree] ?? 0) + 1;
  const totals = {
    nodes: nodes.length,
    edges: edges.length,
    components: new Set(components.groupOfEach()).size - new Set(parts.map(({ component }) => component)).size,
    degrees,
    report: { lengthMetres: edges.reduce((sum, { lengthMetres }) => sum + lengthMetres, 0), ...counts },
  };
  const { finished, held, streets } = settleStreets(edges, open, options.pixelMetres);
  return { edges: finished, open: { parts: open, held, streets, totals } };
}

type Part = Omit<OpenPart, 'component'>;

/** The lines of the core, those that leave it cut where they do. Ends in nodes have their numbers. */
function cutLines(sketch: LineGraph, surface: RoadSurface, core: Rows, numbers: ReadonlyMap<number, number>) {
  const cuts = [core.from, core.to].filter(Number.isFinite);
  const whole: Part[] = [];
  const parts: OpenPart[] = [];
  for (const line of lines(sketch)) {
    const pieces = cutAtRows(line, cuts);
    for (const [i, piece] of pieces.entries()) {
      if (!holds(core, (piece.y[0] + piece.y[1]) / 2)) continue;
      const start = i === 0 ? numbers.get(line.from)! : sideOf(piece.y[0], core);
      const end = i === pieces.length - 1 ? numbers.get(line.to)! : sideOf(piece.y[piece.y.length - 1], core);
      const part = { start, end, ...measureRoad(piece, surface) };
      if (typeof start === 'number' && typeof end === 'number') whole.push(part);
      else parts.push({ ...part, component: -1 });
    }
  }
  return { whole, parts };
}

const sideOf = (y: number, { from }: Rows): PartEnd => (y === from ? 'above' : 'below');

/** Edges whose street ends within the strip have its length; the others are held. */
function settleStreets(edges: readonly RoadEdge[], parts: readonly OpenPart[], pixelMetres: number) {
  const unsettled = new Set(parts.flatMap(({ start, end }) => [start, end]).filter((end) => typeof end === 'number'));
  const streets = streetsOf(edges, pixelMetres, unsettled);
  const lengths = streetLengths(edges, streets);
  const reaching = new Set<number>();
  for (const [i, { from, to }] of edges.entries()) {
    if (unsettled.has(from) || unsettled.has(to)) reaching.add(streets[i]);
  }
  const held = edges.filter((_, i) => reaching.has(streets[i]));
  return {
    finished: edges
      .map((edge, i) => ({ ...edge, streetMetres: lengths[i] }))
      .filter((_, i) => !reaching.has(streets[i])),
    held,
    streets: streets.filter((street) => reaching.has(street)),
  };
}
