/**
 * Land use of one strip: sieved rows in, finished regions out, and what reaches the strip's lines as open land for the
 * joiner. The strip's frame is the edge of what is drawn here, so borders on it are exact; everything else is drawn as if
 * the strip were the map.
 *
 * A region of so many vertices that it is published in pieces would be in pieces anyway, so it is cut at the lines and
 * published here. Its borders along a line have vertices wherever those beyond it can have one.
 */
import { chooseCells, insertCrossings } from '../polygons/grid-cuts.ts';
import { drawRegions, layPolygons } from '../polygons/polygons.ts';
import type { Region, VectorizeOptions } from '../region.ts';
import { simplify } from '../simplify/simplify.ts';
import type { StripWindow } from '../strips.ts';
import { OUTSIDE } from '../trace/arc-graph.ts';
import { createTracer } from '../trace/trace.ts';
import { cutLength, insertOnLines } from './line-vertices.ts';
import { takeOpenArcs } from './open-arcs.ts';
import type { OpenLand } from './open-land.ts';
import { countVertices, regionsOnLines } from './strip-faces.ts';

export interface LandOptions {
  /** How far a simplified border may lie from the exact one, in pixels. 0: exact borders. */
  tolerancePixels: number;
  /** Class code of pixels without a class. They get no polygon. */
  nodata: number;
  /** The side of cells divides the first rows of all strips. */
  pieces: NonNullable<VectorizeOptions['pieces']>;
}

export interface LandStrip {
  /** In pixels of the map, in the order of their first pixel; drawn while iterating. */
  regions: Iterable<Region>;
  open: OpenLand;
  report: LandReport;
}

export interface LandReport {
  /** Those that come in pieces are counted once, and by the joiner where they reach a line. */
  regions: number;
  /** Vertices of all rings, the repeated ones not counted. */
  vertices: number;
  /** Arcs that the full tolerance would have made cross, touch or collapse. */
  arcsKeptFiner: number;
}

/** The window holds the strip's rows and, within the map, one above and one below. Throws a RangeError if it does not. */
export function drawLandStrip(window: StripWindow, options: LandOptions): LandStrip {
  const { strip, width, height, top, rows } = window;
  const isFirst = strip.y === 0;
  const isLast = strip.y + strip.rows === height;
  if (top > strip.y - Number(!isFirst) || top + rows < strip.y + strip.rows + Number(!isLast)) {
    throw new RangeError(`expected strip ${strip.index} with a row above and below, got rows ${top} to ${top + rows}`);
  }
  const rowsFrom = (y: number, count: number, plane: Uint8Array): Uint8Array =>
    plane.subarray((y - top) * width, (y - top + count) * width);
  const tracer = createTracer(width);
  tracer.addRows(
    strip.rows,
    rowsFrom(strip.y, strip.rows, window.classes),
    rowsFrom(strip.y, strip.rows, window.scores),
  );
  const { graph, regions } = tracer.finish();
  const { lines, kept, arcsKeptFiner } = simplify(graph, regions.count, options.tolerancePixels);

  const inner = { upper: isFirst ? -1 : 0, lower: isLast ? -1 : strip.rows };
  const beyond = {
    upper: isFirst ? null : rowsFrom(strip.y - 1, 1, window.classes),
    lower: isLast ? null : rowsFrom(strip.y + strip.rows, 1, window.classes),
  };
  const onLines = regionsOnLines(graph, inner);
  const vertices = countVertices(graph, lines, regions.count);
  const faces = new Int32Array(regions.count).fill(-1);
  for (const runs of [onLines.upper, onLines.lower]) for (const region of runs?.faces ?? []) faces[region] = 0;
  const numbers = new Int32Array(regions.count).fill(-1);
  const gone = new Uint8Array(regions.count);
  let faceCount = 0;
  let finished = 0;
  let count = 0;
  for (let region = 0; region < regions.count; region++) {
    if (region === OUTSIDE) continue;
    const isOpen = faces[region] >= 0;
    gone[region] = Number(isOpen && vertices[region] > options.pieces.maxVertices);
    if (isOpen) faces[region] = faceCount++;
    if ((isOpen && !gone[region]) || regions.classes[region] === options.nodata) continue;
    numbers[region] = count++;
    if (!isOpen) finished++;
  }

  const cells = chooseCells(graph, lines, numbers, count, options.pieces);
  const crossed = insertOnLines(graph, insertCrossings(graph, lines, numbers, cells), gone, inner, beyond);
  const polygons = { ...layPolygons(graph, crossed, regions, numbers, count), cells };
  const open = takeOpenArcs({
    graph,
    lines: crossed,
    kept,
    regions,
    faces,
    faceCount,
    gone,
    inner,
    onLines,
    vertices,
    strip,
    width,
  });
  return {
    regions: { [Symbol.iterator]: () => drawInMap() },
    open,
    report: { regions: finished, vertices: polygons.xy.length / 2, arcsKeptFiner },
  };

  function* drawInMap(): Generator<Region> {
    for (const region of drawRegions(polygons)) {
      const { piece } = region;
      yield {
        ...region,
        y: region.y + strip.y,
        rings: region.rings.map((ring) => ring.map((value, i) => (i % 2 === 0 ? value : value + strip.y))),
        ...(piece && {
          piece: { ...piece, row: piece.row + strip.y / piece.cellPixels, ...cutLength(region, inner, beyond) },
        }),
      };
    }
  }
}
