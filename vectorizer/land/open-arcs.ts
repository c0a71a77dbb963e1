/** The borders of a strip's open faces, taken out of its graph; those along its lines are left to the joiner. */
import type { Lines } from '../polygons/draw-ring.ts';
import { type ArcGraph, OUTSIDE } from '../trace/arc-graph.ts';
import type { RegionTable } from '../trace/labels.ts';
import { type FaceRuns, type OpenFaces, type OpenLand, onLine } from './open-land.ts';
import type { InnerLines } from './strip-faces.ts';

export interface DrawnStrip {
  strip: { index: number; y: number; rows: number };
  /** Of the map. */
  width: number;
  /** In the strip's coordinates. */
  graph: ArcGraph;
  lines: Lines;
  /** Which vertices of the graph the lines have; null: all. */
  kept: Uint8Array | null;
  regions: RegionTable;
  /** Number of each region among the open faces, or -1. */
  faces: Int32Array;
  faceCount: number;
  gone: Uint8Array;
  inner: InnerLines;
  /** By number of region. */
  onLines: { upper: FaceRuns | null; lower: FaceRuns | null };
  vertices: Int32Array;
}

export function takeOpenArcs(drawn: DrawnStrip): OpenLand {
  const { strip, width, graph, lines, kept, faces, gone, inner, onLines } = drawn;
  const offsets = [0];
  const xy: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const from: number[] = [];
  const to: number[] = [];
  const passedOffsets = [0];
  const passed: number[] = [];
  const newJunction = new Int32Array(graph.junctions).fill(-1);
  let junctions = 0;
  const openFace = (region: number): number => (gone[region] ? -1 : faces[region]);
  const isOnLine = (y: number): boolean => y === inner.upper || y === inner.lower;

  /** The end of an arc that has a slot of the graph there, or is at a corner of the strip (-1). */
  function endAt(point: number, slot: number): number {
    const y = lines.xy[2 * point + 1];
    if (isOnLine(y)) return onLine(lines.xy[2 * point], y === inner.lower);
    if (newJunction[slot >> 2] < 0) newJunction[slot >> 2] = junctions++;
    return 4 * newJunction[slot >> 2] + (slot & 3);
  }

  const addPoint = (point: number): number => xy.push(lines.xy[2 * point], lines.xy[2 * point + 1] + strip.y);

  /** Ends an arc whose points were added. */
  function endArc(arc: number, begin: number, end: number): void {
    offsets.push(xy.length / 2);
    left.push(openFace(graph.left[arc]));
    right.push(openFace(graph.right[arc]));
    from.push(begin);
    to.push(end);
  }

  for (let arc = 0; arc < graph.count; arc++) {
    if (openFace(graph.left[arc]) < 0 && openFace(graph.right[arc]) < 0) continue;
    const first = lines.offsets[arc];
    const last = lines.offsets[arc + 1] - 1;
    const isLoop = graph.from[arc] < 0;
    if (graph.left[arc] === OUTSIDE || graph.right[arc] === OUTSIDE) {
      for (const points of offTheLines(first, last, isLoop)) {
        points.forEach(addPoint);
        endArc(arc, endAt(points[0], graph.from[arc]), endAt(points[points.length - 1], graph.to[arc]));
        passedOffsets.push(passed.length / 2, passed.length / 2);
      }
      continue;
    }
    const begin = isLoop ? -1 : endAt(first, graph.from[arc]);
    const end = isLoop ? -1 : endAt(last, graph.to[arc]);
    for (let point = first; point <= last; point++) addPoint(point);
    endArc(arc, begin, end);
    if (begin < -1) passUntilKept(graph.offsets[arc], 1);
    passedOffsets.push(passed.length / 2);
    if (end < -1) passUntilKept(graph.offsets[arc + 1] - 1, -1);
    passedOffsets.push(passed.length / 2);
  }

  return {
    strip: { index: strip.index, y: strip.y, rows: strip.rows },
    width,
    upper: facesOf(onLines.upper, faces),
    lower: facesOf(onLines.lower, faces),
    faces: takeFaces(drawn),
    arcs: {
      count: left.length,
      offsets: Int32Array.from(offsets),
      xy: Float64Array.from(xy),
      left: Int32Array.from(left),
      right: Int32Array.from(right),
      from: Int32Array.from(from),
      to: Int32Array.from(to),
      junctions,
      passedOffsets: Int32Array.from(passedOffsets),
      passed: Int32Array.from(passed),
    },
  };

  /** Adds the corners of the graph beside one that is kept, up to the next that is. */
  function passUntilKept(start: number, step: 1 | -1): void {
    if (!kept) return;
    for (let corner = start + step; !kept[corner]; corner += step) {
      passed.push(graph.xy[2 * corner], graph.xy[2 * corner + 1] + strip.y);
    }
  }

  /** The parts of a border on the frame that do not lie on lines, as lists of points. */
  function* offTheLines(first: number, last: number, isLoop: boolean): Generator<number[]> {
    const pieces = last - first;
    const liesOnLine = (piece: number): boolean => {
      const y = lines.xy[2 * (first + piece) + 1];
      return isOnLine(y) && y === lines.xy[2 * (first + piece) + 3];
    };
    let start = 0;
    // A loop, which is the whole frame, is looked at from a piece on a line.
    if (isLoop) while (!liesOnLine(start)) start++;
    let points: number[] = [];
    for (let i = 0; i < pieces; i++) {
      const piece = (start + i) % pieces;
      if (liesOnLine(piece)) {
        if (points.length > 0) yield points;
        points = [];
        continue;
      }
      if (points.length === 0) points.push(first + piece);
      points.push(isLoop && piece + 1 === pieces && start > 0 ? first : first + piece + 1);
    }
    if (points.length > 0) yield points;
  }
}

function facesOf(runs: FaceRuns | null, faces: Int32Array): FaceRuns | null {
  return runs && { starts: runs.starts, faces: runs.faces.map((region) => faces[region]) };
}

function takeFaces({ strip, regions, faces, faceCount, gone, vertices }: DrawnStrip): OpenFaces {
  const table: OpenFaces = {
    count: faceCount,
    classes: new Uint8Array(faceCount),
    pixels: new Float64Array(faceCount),
    classPixels: new Float64Array(faceCount),
    scoreSums: new Float64Array(faceCount),
    firstX: new Int32Array(faceCount),
    firstY: new Int32Array(faceCount),
    vertices: new Int32Array(faceCount),
    gone: new Uint8Array(faceCount),
  };
  for (let region = 0; region < regions.count; region++) {
    const face = faces[region];
    if (face < 0) continue;
    table.classes[face] = regions.classes[region];
    table.pixels[face] = regions.pixels[region];
    table.classPixels[face] = regions.classPixels[region];
    table.scoreSums[face] = regions.scoreSums[region];
    table.firstX[face] = regions.firstX[region];
    table.firstY[face] = regions.firstY[region] + strip.y;
    table.vertices[face] = vertices[region];
    table.gone[face] = gone[region];
  }
  return table;
}
