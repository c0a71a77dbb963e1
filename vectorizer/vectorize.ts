/**
 * A class map with scores in, as row bands from top to bottom; polygons of its regions out, which share their borders
 * exactly: trace → sieve → simplify → rings. All coordinates are pixel corners of the model grid, y down.
 */
import { drawInOrder, layPolygons, numberPolygons, type Polygons, regionAt } from './polygons.ts';
import { rechain } from './rechain.ts';
import { type Discarded, keepsAll, sieve, sieveLimits } from './sieve.ts';
import { simplify } from './simplify.ts';
import { createHarvester, createTracer } from './trace.ts';

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
}

export interface VectorizeReport extends Discarded {
  regions: number;
  /** Vertices of all rings, the repeated ones not counted. */
  vertices: number;
  /** Arcs that the full tolerance would have made cross, touch or collapse. */
  arcsKeptFiner: number;
}

/**
 * The regions come in the order of their first pixel, drawn while iterating; `polygons` are the same as flat arrays.
 * Throws a RangeError if the bands do not fill the map.
 */
export async function vectorize(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  options: VectorizeOptions,
): Promise<{ regions: Iterable<Region>; polygons: readonly Polygons[]; report: VectorizeReport }> {
  const { width, height, nodata, tolerancePixels } = options;
  const limits = sieveLimits(options.minAreaM2, options.pixelAreaM2, options.minWidthPixels ?? 0);
  let polygons: Polygons[] = [];
  let changes = { sieved: 0, sievedPixels: 0, slivers: 0, sievedByClass: {}, arcsKeptFiner: 0 };
  if (keepsAll(limits) && tolerancePixels <= 0) {
    for await (const part of tracePolygons(bands, options)) polygons.push(part);
  } else {
    const tracer = createTracer(width);
    for await (const band of checkBands(bands, options)) tracer.addRows(band.rows, band.classes, band.scores);
    let { graph, regions } = tracer.finish();
    const { discarded, ...joined } = sieve(graph, regions, limits, nodata);
    if (discarded.sieved > 0) {
      graph = rechain(graph, joined.regionOf);
      regions = joined.regions;
    }
    const { lines, arcsKeptFiner } = simplify(graph, regions.count, tolerancePixels);
    const { numbers, count } = numberPolygons(regions, nodata);
    polygons = [layPolygons(graph, lines, regions, numbers, count)];
    changes = { ...discarded, arcsKeptFiner };
  }
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
    const pixels = band.rows * width;
    if (band.classes.length !== pixels || band.scores.length !== pixels) {
      throw new RangeError(
        `expected ${band.rows} rows of ${width} classes and scores, got ${band.classes.length} and ${band.scores.length}`,
      );
    }
    rows += band.rows;
    yield band;
  }
  if (rows !== height) throw new RangeError(`expected ${height} rows, got ${rows}`);
}
