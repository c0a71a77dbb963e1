/**
 * A class map in, land use for maps of smaller scales out: cells of 2^level / 2 pixels take the class that most of their
 * pixels have, and become a coverage of few vertices; regions too small to see there go to a neighbour, and what is
 * narrower than a cell (a street, a hedge) has gone into its surroundings before.
 */
import { PUBLISHED_PIECES } from './cut-lines.ts';
import { createTracer, type Tracer } from './trace.ts';
import { type ClassBand, type Region, vectorizeGraph } from './vectorize.ts';

/** Of a map's pixel: how far borders may move, and how wide the smallest region is. */
const COARSE_TOLERANCE = 0.75;
const COARSE_REGION = 4;

export interface CoarseOptions {
  width: number;
  height: number;
  pixelAreaM2: number;
  minAreaM2: number;
  nodata: number;
}

export interface CoarseLevel {
  /** A pixel of its map is 2^level pixels wide. */
  level: number;
  /** Bands as `vectorize` takes them; all but the last one have a multiple of 2^level rows. */
  addRows(band: ClassBand): void;
  /** Regions in pixels of the class map, in the order of their first cell; drawn while iterating. */
  finish(): Iterable<Region>;
}

export function createCoarseLevel(level: number, options: CoarseOptions): CoarseLevel {
  const { width, height, pixelAreaM2, minAreaM2, nodata } = options;
  const side = 2 ** (level - 1);
  const columns = Math.ceil(width / side);
  const tracer = createTracer(columns);
  const mapPixel = 2 ** level;
  return {
    level,
    addRows: (band) => addCells(tracer, band, width, side),
    *finish() {
      const { regions } = vectorizeGraph(tracer.finish(), {
        ...{ width: columns, height: Math.ceil(height / side), nodata },
        pixelAreaM2: pixelAreaM2 * side ** 2,
        minAreaM2: Math.max(minAreaM2, (COARSE_REGION * mapPixel) ** 2 * pixelAreaM2),
        minWidthPixels: 1,
        tolerancePixels: (COARSE_TOLERANCE * mapPixel) / side,
        pieces: PUBLISHED_PIECES,
      });
      for (const region of regions) yield inPixels(region, side, width, height);
    },
  };
}

/** Gives a tracer the rows of cells that a band makes. */
function addCells(tracer: Tracer, { rows, classes, scores }: ClassBand, width: number, side: number): void {
  const columns = Math.ceil(width / side);
  const lines = Math.ceil(rows / side);
  const cellClasses = new Uint8Array(lines * columns);
  const cellScores = new Uint8Array(lines * columns);
  const pixels = new Uint32Array(256);
  const sums = new Uint32Array(256);
  for (let cell = 0; cell < cellClasses.length; cell++) {
    const left = (cell % columns) * side;
    const top = Math.floor(cell / columns) * side;
    const bottom = Math.min(rows, top + side);
    const right = Math.min(width, left + side);
    let most = classes[top * width + left];
    for (let y = top; y < bottom; y++) {
      for (let i = y * width + left; i < y * width + right; i++) {
        const code = classes[i];
        sums[code] += scores[i];
        if (++pixels[code] > pixels[most] || (pixels[code] === pixels[most] && code < most)) most = code;
      }
    }
    cellClasses[cell] = most;
    cellScores[cell] = Math.round(sums[most] / pixels[most]);
    for (let y = top; y < bottom; y++) {
      for (let i = y * width + left; i < y * width + right; i++) {
        pixels[classes[i]] = 0;
        sums[classes[i]] = 0;
      }
    }
  }
  tracer.addRows(lines, cellClasses, cellScores);
}

/** The last column and row of cells reach over the map. */
export function inPixels(region: Region, side: number, width: number, height: number): Region {
  const { piece } = region;
  return {
    ...region,
    ...(piece && { piece: { ...piece, cellPixels: piece.cellPixels * side } }),
    pixels: region.pixels * side ** 2,
    x: region.x * side,
    y: region.y * side,
    rings: region.rings.map((ring) => ring.map((value, i) => Math.min(value * side, i % 2 === 0 ? width : height))),
  };
}
