/**
 * A class map with scores in, as row bands from top to bottom; polygons of its regions out, which share their borders
 * exactly: trace → sieve → simplify → rings. All coordinates are pixel corners of the model grid, y down.
 */

import { chooseCells, insertCrossings } from './polygons/grid-cuts.ts';
import { drawInOrder, layPolygons, numberPolygons, type Polygons, regionAt } from './polygons/polygons.ts';
import { simplify } from './simplify/simplify.ts';
import { emptyArcGraph } from './trace/arc-graph.ts';
import { rechain } from './trace/merge-arcs.ts';
import { type Discarded, keepsAll, type SieveLimits, sieve, sieveLimits } from './trace/sieve.ts';
import { createHarvester, createTracer, type TracedGraph } from './trace/trace.ts';

export interface ClassBand {
  rows: number;
  /** rows * width class codes. */
  classes: Uint8Array;
  /** rows * width probabilities of these classes, 0–255. */
  scores: Uint8Array;
}

export interface VectorizeOptions {
  width: number;
  height: number;
  pixelAreaM2: number;
  /** Regions of less area are given to a neighbour, by class code if need be. 0, and classes not named: none. */
  minAreaM2: number | ReadonlyMap<number, number>;
  /** So are slivers: regions whose mean width (area by half the perimeter) is less. Default 0: none. */
  minWidthPixels?: number;
  /** How far a simplified border may lie from the exact one, in pixels. 0: exact borders. */
  tolerancePixels: number;
  /** Class code of pixels without a class. They get no polygon. */
  nodata: number;
  /** For regions to be published: those of very many vertices come in pieces. Default: all regions are whole. */
  pieces?: {
    /** Of a polygon. */
    maxVertices: number;
    /** Largest side of the cells that the pieces lie in: a power of two. */
    cellPixels: number;
  };
}

/** One 4-connected region. */
export interface Region {
  class: number;
  /** Mean probability 0–1 over the pixels that had the region's class before small regions were given to it. */
  score: number;
  /** Area of the exact region. */
  pixels: number;
  /** First pixel in raster order: the region's identity. */
  x: number;
  y: number;
  /**
   * rings[0] is the shell, the others are holes; closed (first vertex repeated), flat [x0, y0, x1, y1, …]. As the map
   * is displayed the shell runs counter-clockwise and the holes clockwise. Each begins at its topmost, then leftmost
   * vertex, and holes come in the order of these.
   */
  rings: Float64Array[];
  /** Only where these are the rings of one of the pieces that the region is published in. */
  piece?: Piece;
}

/** What tells the pieces of a region apart. */
export interface Piece {
  /** Cell of the grid. */
  column: number;
  row: number;
  /** Of the polygons in that cell. */
  index: number;
  /** Side of the cells. */
  cellPixels: number;
}

export interface VectorizeReport extends Discarded {
  /** Those that come in pieces are counted once. */
  regions: number;
  /** Vertices of all rings, the repeated ones not counted. */
  vertices: number;
  /** Arcs that the full tolerance would have made cross, touch or collapse. */
  arcsKeptFiner: number;
}

export interface VectorizedMap {
  /** In the order of their first pixel, drawn while iterating. */
  regions: Iterable<Region>;
  /** The same as flat arrays. */
  polygons: readonly Polygons[];
  report: VectorizeReport;
}

/** Throws a RangeError if the bands do not fill the map. */
export async function vectorize(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  options: VectorizeOptions,
): Promise<VectorizedMap> {
  if (!isExact(options)) {
    const tracer = createTracer(options.width);
    for await (const band of checkBands(bands, options)) tracer.addRows(band.rows, band.classes, band.scores);
    return vectorizeGraph(tracer.finish(), options);
  }
  const polygons: Polygons[] = [];
  for await (const part of tracePolygons(bands, options)) polygons.push(part);
  return vectors(polygons, options, { sieved: 0, sievedPixels: 0, slivers: 0, sievedByClass: {}, arcsKeptFiner: 0 });
}

/** The same of a graph that was traced before, which is used up. */
export function vectorizeGraph(traced: TracedGraph, options: VectorizeOptions): VectorizedMap {
  return drawSieved(sieveGraph(traced, options), options);
}

/** A graph without the regions that are too small or too narrow. */
export interface SievedGraph extends TracedGraph {
  discarded: Discarded;
}

/** Uses up what was traced. */
export function sieveGraph(traced: TracedGraph, options: VectorizeOptions): SievedGraph {
  const { discarded, regionOf, regions } = sieve(traced.graph, traced.regions, limitsOf(options), options.nodata);
  if (discarded.sieved === 0) return { ...traced, discarded };
  const graph = rechain(traced.graph, regionOf);
  Object.assign(traced.graph, emptyArcGraph()); // whoever traced it may still hold it
  return { graph, regions, discarded };
}

/** The simplified regions of a sieved graph, which is used up. */
export function drawSieved({ graph, regions, discarded }: SievedGraph, options: VectorizeOptions): VectorizedMap {
  const { lines, arcsKeptFiner } = simplify(graph, regions.count, options.tolerancePixels);
  const { numbers, count } = numberPolygons(regions, options.nodata);
  if (!options.pieces) {
    return vectors([layPolygons(graph, lines, regions, numbers, count)], options, { ...discarded, arcsKeptFiner });
  }
  const cells = chooseCells(graph, lines, numbers, count, options.pieces);
  const crossed = insertCrossings(graph, lines, numbers, cells);
  const polygons = { ...layPolygons(graph, crossed, regions, numbers, count), cells };
  return vectors([polygons], options, { ...discarded, arcsKeptFiner });
}

/** The regions of one class with their exact borders, in the order of their first pixel. */
export function exactRegions({ graph, regions }: TracedGraph, code: number): Region[] {
  let count = 0;
  const numbers = Int32Array.from(regions.classes.subarray(0, regions.count), (each) => (each === code ? count++ : -1));
  const polygons = layPolygons(graph, graph, regions, numbers, count);
  return Array.from({ length: count }, (_, region) => regionAt(polygons, region));
}

function limitsOf({ minAreaM2, pixelAreaM2, minWidthPixels }: VectorizeOptions): SieveLimits {
  return sieveLimits(minAreaM2, pixelAreaM2, minWidthPixels ?? 0);
}

function isExact(options: VectorizeOptions): boolean {
  return options.tolerancePixels <= 0 && !options.pieces && keepsAll(limitsOf(options));
}

function vectors(
  polygons: readonly Polygons[],
  { width, height }: VectorizeOptions,
  changes: Discarded & { arcsKeptFiner: number },
): VectorizedMap {
  return {
    regions: { [Symbol.iterator]: () => drawInOrder(polygons, width, height) },
    polygons,
    report: {
      regions: polygons.reduce((sum, { regions }) => sum + regions.count, 0),
      vertices: polygons.reduce((sum, { xy }) => sum + xy.length / 2, 0),
      ...changes,
    },
  };
}

/**
 * The exact regions, each as soon as it has ended: memory follows the width of the map and the borders of open regions.
 * Their order does not depend on the bands.
 */
export async function* traceRegions(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  options: Pick<VectorizeOptions, 'width' | 'height' | 'nodata'>,
): AsyncGenerator<Region> {
  for await (const polygons of tracePolygons(bands, options)) {
    for (let region = 0; region < polygons.regions.count; region++) yield regionAt(polygons, region);
  }
}

async function* tracePolygons(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  options: Pick<VectorizeOptions, 'width' | 'height' | 'nodata'>,
): AsyncGenerator<Polygons> {
  const harvester = createHarvester(options.width, options.nodata);
  for await (const band of checkBands(bands, options)) {
    harvester.addRows(band.rows, band.classes, band.scores);
    yield* harvester.take();
  }
  yield* harvester.finish();
}

/** Passes bands on that are whole rows of the map and fill it. */
async function* checkBands(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  { width, height }: Pick<VectorizeOptions, 'width' | 'height'>,
): AsyncGenerator<ClassBand> {
  let rows = 0;
  for await (const band of bands) {
    checkRows(band, width);
    rows += band.rows;
    yield band;
  }
  if (rows !== height) throw new RangeError(`expected ${height} rows, got ${rows}`);
}

/** Throws a RangeError for a band that is not whole rows. */
function checkRows({ rows, classes, scores }: ClassBand, width: number): void {
  if (classes.length === rows * width && scores.length === rows * width) return;
  throw new RangeError(
    `expected ${rows} rows of ${width} classes and scores, got ${classes.length} and ${scores.length}`,
  );
}
