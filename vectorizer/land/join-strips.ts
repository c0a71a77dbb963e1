/**
 * Open land of strips in, from top to bottom; the regions that cross their lines out, as soon as no strip below can reach
 * them. Along a line the faces of both strips lie opposite each other: of one class they are one region, and where all
 * that is united so far has few enough vertices they become one part, drawn as one polygon. Else they stay apart, cut at the
 * line, as pieces of one region. So what is held is what reaches the line that was joined last.
 */
import { meanScore } from '../polygons/polygons.ts';
import type { Region } from '../region.ts';
import { EAST, NORTH, SOUTH, WEST } from '../trace/arc-graph.ts';
import { drawPart } from './draw-part.ts';
import type { LandOptions, LandReport } from './draw-strip.ts';
import { cutsBetween } from './line-vertices.ts';
import { type FaceRuns, type OpenLand, placeOnLine } from './open-land.ts';
import {
  type ArcEnd,
  addArc,
  createNode,
  type Node,
  type Part,
  type RegionPlaces,
  rootOf,
  uniteParts,
  uniteRegions,
} from './open-map.ts';
import { straighten } from './straighten.ts';
import { indexVertices, type VertexIndex } from './vertex-index.ts';

export interface LandJoiner {
  /**
   * Takes the next strip and gives the regions that are finished by it, in pixels of the map, in the order of their first
   * pixel. Pieces of a region that is not known as a whole have the place of their own first pixel.
   */
  append(open: OpenLand): Region[];
  /** After the last strip. */
  finish(): JoinedLand;
}

export interface JoinedLand {
  /** The first pixel of the region that pieces are part of, by the place they were given; only where it is another. */
  places: MovedPlace[];
  report: Omit<LandReport, 'arcsKeptFiner'>;
}

export interface MovedPlace {
  from: { x: number; y: number };
  to: { x: number; y: number };
}

/** A line that the next strip is joined to. */
interface OpenLine {
  y: number;
  starts: Int32Array;
  parts: Part[];
  /** By x. */
  nodes: Map<number, Node>;
  index: VertexIndex;
}

/** A stretch of a line along which the same parts lie opposite each other. */
interface Stretch {
  from: number;
  to: number;
  above: Part;
  below: Part;
}

export function createLandJoiner(options: LandOptions): LandJoiner {
  const { tolerancePixels, nodata, pieces } = options;
  let line: OpenLine | null = null;
  const inPieces: { x: number; y: number; region: RegionPlaces }[] = [];
  const report = { regions: 0, vertices: 0 };

  return {
    append(open) {
      const { strip, width, upper, lower } = open;
      const parts = takeParts(open);
      for (const part of parts)
        if (part.gone && part.class !== nodata) inPieces.push({ ...placeOf(part), region: part.region });
      for (const face of lower?.faces ?? []) parts[face].lowest = strip.index;
      const below = new Map<number, Node>();
      hangArcs(open, parts, line?.nodes ?? new Map(), below);
      const index = indexVertices(open);
      if (line && upper) joinLine(line, upper, parts, index, width);
      const touched = new Set([...(line?.parts ?? []), ...parts].map(rootOf));
      line = lower && {
        y: strip.y + strip.rows,
        starts: lower.starts,
        parts: Array.from(lower.faces, (face) => parts[face]),
        nodes: below,
        index,
      };
      const finished = [...touched].filter(({ gone, lowest }) => !gone && lowest < (lower ? strip.index : Infinity));
      return finished.sort((a, b) => a.y - b.y || a.x - b.x).flatMap(draw);
    },
    finish() {
      const places: MovedPlace[] = [];
      const regions = new Set<RegionPlaces>();
      for (const { x, y, region } of inPieces) {
        const root = rootOf(region);
        regions.add(root);
        if (root.x !== x || root.y !== y) places.push({ from: { x, y }, to: placeOf(root) });
      }
      return { places, report: { ...report, regions: report.regions + regions.size } };
    },
  };

  function joinLine(above: OpenLine, runs: FaceRuns, parts: readonly Part[], index: VertexIndex, width: number): void {
    const { y, nodes } = above;
    const stretches = oppositeStretches(above, runs, parts, width);
    for (const stretch of stretches) meet(rootOf(stretch.above), rootOf(stretch.below));
    const nodeAt = (x: number): Node => {
      const node = nodes.get(x) ?? createNode(x, y);
      nodes.set(x, node);
      return node;
    };
    for (const { from, to, ...sides } of stretches) {
      const [upper, lower] = [rootOf(sides.above), rootOf(sides.below)];
      if (upper === lower) continue;
      const isFixed = upper.gone || lower.gone;
      const [start, end] = [nodeAt(from), nodeAt(to)];
      start.fixed ||= isFixed;
      end.fixed ||= isFixed;
      if (upper.gone && lower.gone) continue;
      if (upper.class === lower.class) for (const part of [upper, lower]) part.linePixels += to - from;
      const cuts = isFixed ? [...cutsBetween(from, to)] : [];
      const points = Float64Array.from([from, ...cuts, to].flatMap((x) => [x, y]));
      addArc(points, upper, lower, endOf(start, EAST), endOf(end, WEST));
    }
    const inOrder = [...nodes.values()].sort((a, b) => a.x - b.x);
    straighten({ y, nodes: inOrder }, tolerancePixels, (minX, minY, maxX, maxY, test) => {
      const offTheLine = (x: number, atY: number): boolean => atY !== y && test(x, atY);
      return above.index.some(minX, minY, maxX, maxY, offTheLine) || index.some(minX, minY, maxX, maxY, offTheLine);
    });
  }

  /** Makes faces that lie opposite each other one, where they are of one class. */
  function meet(above: Part, below: Part): void {
    if (above === below || above.class !== below.class) return;
    uniteRegions(above.region, below.region);
    if (!above.gone && !below.gone && above.vertices + below.vertices <= pieces.maxVertices) uniteParts(above, below);
    else above.cut = below.cut = true;
  }

  function draw(part: Part): Region[] {
    const rings = drawPart(part);
    if (part.class === nodata) return [];
    for (const ring of rings) report.vertices += ring.length / 2 - 1;
    const { x, y, pixels, linePixels } = part;
    const score = meanScore(part.scoreSum, part.classPixels);
    const region = { class: part.class, score, pixels, x, y, rings };
    if (!part.cut) {
      report.regions++;
      return [region];
    }
    inPieces.push({ x, y, region: part.region });
    const side = pieces.cellPixels;
    const cell = { column: Math.floor(x / side), row: Math.floor(y / side), index: 0, cellPixels: side };
    return [{ ...region, piece: { ...cell, linePixels } }];
  }
}

const placeOf = ({ x, y }: { x: number; y: number }) => ({ x, y });

function takeParts({ faces }: OpenLand): Part[] {
  return Array.from({ length: faces.count }, (_, face) => {
    const place = { x: faces.firstX[face], y: faces.firstY[face] };
    return {
      ...place,
      parent: null,
      region: { ...place, parent: null },
      class: faces.classes[face],
      gone: faces.gone[face] === 1,
      cut: false,
      pixels: faces.pixels[face],
      classPixels: faces.classPixels[face],
      scoreSum: faces.scoreSums[face],
      vertices: faces.vertices[face],
      moved: 0,
      linePixels: 0,
      arcs: [],
      lowest: -1,
    };
  });
}

const NONE = new Int32Array();
const endOf = (node: Node, direction: number, passed: Int32Array = NONE): ArcEnd => ({ node, direction, passed });

/** Hangs a strip's arcs onto their nodes: its own, and those of both lines. */
function hangArcs(
  { strip, arcs }: OpenLand,
  parts: readonly Part[],
  upper: Map<number, Node>,
  lower: Map<number, Node>,
): void {
  const own: Node[] = [];
  const endAt = (code: number, arc: number, isLast: boolean): ArcEnd | null => {
    if (code === -1) return null;
    if (code >= 0) {
      const point = 2 * (isLast ? arcs.offsets[arc + 1] - 1 : arcs.offsets[arc]);
      own[code >> 2] ??= createNode(arcs.xy[point], arcs.xy[point + 1]);
      return endOf(own[code >> 2], code & 3);
    }
    const { x, isLower } = placeOnLine(code);
    const nodes = isLower ? lower : upper;
    const node = nodes.get(x) ?? createNode(x, isLower ? strip.y + strip.rows : strip.y);
    nodes.set(x, node);
    const end = 2 * arc + Number(isLast);
    const passed = arcs.passed.slice(2 * arcs.passedOffsets[end], 2 * arcs.passedOffsets[end + 1]);
    return endOf(node, isLower ? NORTH : SOUTH, passed);
  };
  const side = (face: number): Part | null => (face < 0 ? null : parts[face]);
  for (let arc = 0; arc < arcs.count; arc++) {
    addArc(
      arcs.xy.slice(2 * arcs.offsets[arc], 2 * arcs.offsets[arc + 1]), // so that nothing holds the whole strip
      side(arcs.left[arc]),
      side(arcs.right[arc]),
      endAt(arcs.from[arc], arc, false),
      endAt(arcs.to[arc], arc, true),
    );
  }
}

function oppositeStretches(
  { starts, parts: partsAbove }: OpenLine,
  runs: FaceRuns,
  parts: readonly Part[],
  width: number,
): Stretch[] {
  const stretches: Stretch[] = [];
  for (let from = 0, over = 0, under = 0; from < width; ) {
    const endAbove = over + 1 < starts.length ? starts[over + 1] : width;
    const endBelow = under + 1 < runs.starts.length ? runs.starts[under + 1] : width;
    const to = Math.min(endAbove, endBelow);
    stretches.push({ from, to, above: partsAbove[over], below: parts[runs.faces[under]] });
    from = to;
    if (endAbove === to) over++;
    if (endBelow === to) under++;
  }
  return stretches;
}
