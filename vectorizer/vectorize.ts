/**
 * A class map with scores in, as row bands from top to bottom; polygons of its regions out, which share their borders
 * exactly: trace → sieve → simplify → rings. All coordinates are pixel corners of the model grid, y down.
 */

import { chooseCells, insertCrossings } from './polygons/grid-cuts.ts';
import { drawRegions, layPolygons, numberPolygons, type Polygons, regionAt } from './polygons/polygons.ts';
import type { ClassBand, Region, VectorizeOptions } from './region.ts';
import { simplify } from './simplify/simplify.ts';
import { emptyArcGraph } from './trace/arc-graph.ts';
import { mergeArcs } from './trace/merge-arcs.ts';
import { type Discarded, type SieveLimits, sieve, sieveLimits } from './trace/sieve.ts';
import { createTracer, type TracedGraph } from './trace/trace.ts';

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
  polygons: Polygons;
  report: VectorizeReport;
}

/** Throws a RangeError if the bands do not fill the map. */
export async function vectorize(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  options: VectorizeOptions,
): Promise<VectorizedMap> {
  const tracer = createTracer(options.width);
  for await (const band of checkBands(bands, options)) tracer.addRows(band.rows, band.classes, band.scores);
  return vectorizeGraph(tracer.finish(), options);
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
  const graph = mergeArcs(traced.graph, regionOf);
  Object.assign(traced.graph, emptyArcGraph()); // whoever traced it may still hold it
  return { graph, regions, discarded };
}

/** The simplified regions of a sieved graph, which is used up. */
export function drawSieved({ graph, regions, discarded }: SievedGraph, options: VectorizeOptions): VectorizedMap {
  const { lines, arcsKeptFiner } = simplify(graph, regions.count, options.tolerancePixels);
  const { numbers, count } = numberPolygons(regions, options.nodata);
  if (!options.pieces) {
    return vectors(layPolygons(graph, lines, regions, numbers, count), { ...discarded, arcsKeptFiner });
  }
  const cells = chooseCells(graph, lines, numbers, count, options.pieces);
  const crossed = insertCrossings(graph, lines, numbers, cells);
  const polygons = { ...layPolygons(graph, crossed, regions, numbers, count), cells };
  return vectors(polygons, { ...discarded, arcsKeptFiner });
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

function vectors(polygons: Polygons, changes: Discarded & { arcsKeptFiner: number }): VectorizedMap {
  return {
    regions: { [Symbol.iterator]: () => drawRegions(polygons) },
    polygons,
    report: { regions: polygons.regions.count, vertices: polygons.xy.length / 2, ...changes },
  };
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
