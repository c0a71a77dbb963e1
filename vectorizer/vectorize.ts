/**
 * A class map with scores in, as row bands from top to bottom; polygons of its regions out, which share their borders
 * exactly: trace → sieve → simplify → rings. All coordinates are pixel corners of the model grid, y down.
 */
import { type ArcGraph, OUTSIDE } from './arc-graph.ts';
import type { Simplified } from './border.ts';
import type { RegionTable } from './labels.ts';
import { rechain } from './rechain.ts';
import { chainRings, type Rings } from './rings.ts';
import { sieve } from './sieve.ts';
import { simplify } from './simplify.ts';
import { createTracer } from './trace.ts';

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
  /** Regions of less area are given to a neighbour. 0: none. */
  minAreaM2: number;
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
   * is displayed the shell runs counter-clockwise and the holes clockwise.
   */
  rings: Float64Array[];
}

export interface VectorizeReport {
  regions: number;
  /** Regions given to a neighbour, and pixels whose class changed by it. */
  sieved: number;
  sievedPixels: number;
  /** Vertices of all rings, the repeated ones not counted. */
  vertices: number;
  /** Arcs that the full tolerance would have made cross, touch or collapse. */
  arcsKeptFiner: number;
}

/** The regions come in the order of their first pixel. Throws a RangeError if the bands do not fill the map. */
export async function vectorize(
  bands: AsyncIterable<ClassBand> | Iterable<ClassBand>,
  options: VectorizeOptions,
): Promise<{ regions: Iterable<Region>; report: VectorizeReport }> {
  const { width, height, nodata } = options;
  const tracer = createTracer(width);
  let rows = 0;
  for await (const band of bands) {
    const pixels = band.rows * width;
    if (band.classes.length !== pixels || band.scores.length !== pixels) {
      throw new RangeError(
        `expected ${band.rows} rows of ${width} classes and scores, got ${band.classes.length} and ${band.scores.length}`,
      );
    }
    tracer.addRows(band.rows, band.classes, band.scores);
    rows += band.rows;
  }
  if (rows !== height) throw new RangeError(`expected ${height} rows, got ${rows}`);

  let { graph, regions } = tracer.finish();
  const sieved = sieve(graph, regions, options.minAreaM2 / options.pixelAreaM2, nodata);
  if (sieved.sieved > 0) {
    graph = rechain(graph, sieved.regionOf);
    regions = sieved.regions;
  }
  const rings = chainRings(graph);
  const { simplified, arcsKeptFiner } = simplify(graph, rings, options.tolerancePixels);
  const ringsOf = ringsByRegion(rings, regions.count);

  const report: VectorizeReport = {
    regions: 0,
    sieved: sieved.sieved,
    sievedPixels: sieved.sievedPixels,
    vertices: 0,
    arcsKeptFiner,
  };
  const numbers: number[] = [];
  for (let region = 0; region < regions.count; region++) {
    if (region !== OUTSIDE && regions.classes[region] !== nodata) numbers.push(region);
  }
  report.regions = numbers.length;
  report.vertices = countVertices(graph, regions, simplified, nodata);
  return {
    report,
    regions: {
      *[Symbol.iterator]() {
        for (const region of numbers) yield drawRegion(graph, regions, rings, ringsOf, simplified, region);
      },
    },
  };
}

/** Each arc's vertices but its last are vertices of one ring on each side that has a polygon. */
function countVertices(graph: ArcGraph, regions: RegionTable, { kept }: Simplified, nodata: number): number {
  let vertices = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    let sides = 0;
    for (const region of [graph.left[arc], graph.right[arc]]) {
      if (region !== OUTSIDE && regions.classes[region] !== nodata) sides++;
    }
    for (let i = graph.offsets[arc]; i < graph.offsets[arc + 1] - 1; i++) vertices += sides * kept[i];
  }
  return vertices;
}

/** The rings of region r are order[offsets[r]] .. order[offsets[r + 1] - 1]. */
interface RingsOfRegions {
  offsets: Int32Array;
  order: Int32Array;
}

function ringsByRegion(rings: Rings, regionCount: number): RingsOfRegions {
  const offsets = new Int32Array(regionCount + 1);
  for (let ring = 0; ring < rings.count; ring++) offsets[rings.regions[ring] + 1]++;
  for (let region = 0; region < regionCount; region++) offsets[region + 1] += offsets[region];
  const next = offsets.slice();
  const order = new Int32Array(rings.count);
  for (let ring = 0; ring < rings.count; ring++) order[next[rings.regions[ring]]++] = ring;
  return { offsets, order };
}

function drawRegion(
  graph: ArcGraph,
  regions: RegionTable,
  rings: Rings,
  ringsOf: RingsOfRegions,
  simplified: Simplified,
  region: number,
): Region {
  const shell: Float64Array[] = [];
  const holes: Float64Array[] = [];
  for (let i = ringsOf.offsets[region]; i < ringsOf.offsets[region + 1]; i++) {
    const ring = drawRing(graph, rings, simplified, ringsOf.order[i]);
    if (doubleArea(ring) < 0) shell.push(ring);
    else holes.push(ring);
  }
  if (shell.length !== 1) throw new Error(`region ${region} has ${shell.length} shells`);
  return {
    class: regions.classes[region],
    score: regions.scoreSums[region] / regions.classPixels[region] / 255,
    pixels: regions.pixels[region],
    x: regions.firstX[region],
    y: regions.firstY[region],
    rings: [...shell, ...holes],
  };
}

function drawRing(graph: ArcGraph, rings: Rings, { kept, x, y }: Simplified, ring: number): Float64Array {
  const { offsets } = graph;
  const vertices: number[] = [];
  for (let i = rings.offsets[ring]; i < rings.offsets[ring + 1]; i++) {
    const arc = rings.halves[i] >> 1;
    const backwards = (rings.halves[i] & 1) === 1;
    const step = backwards ? -1 : 1;
    const end = backwards ? offsets[arc] : offsets[arc + 1] - 1;
    for (let vertex = backwards ? offsets[arc + 1] - 1 : offsets[arc]; vertex !== end; vertex += step) {
      if (kept[vertex]) vertices.push(x[vertex], y[vertex]);
    }
  }
  vertices.push(vertices[0], vertices[1]);
  return Float64Array.from(vertices);
}

/** Twice the signed area of a closed ring; negative where it runs counter-clockwise on the displayed map. */
function doubleArea(ring: Float64Array): number {
  let area = 0;
  for (let i = 2; i < ring.length; i += 2) area += ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1];
  return area;
}
