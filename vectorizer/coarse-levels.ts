/**
 * A class map in, land use for maps of smaller scales out: cells of 2^level / 2 pixels take the class that most of their
 * pixels have, and become a coverage of few vertices; regions too small to see there go to a neighbour, and what is
 * narrower than a cell (a street, a hedge) has gone into its surroundings before.
 */
import { PUBLISHED_PIECES } from './polygons/grid-cuts.ts';
import type { Region, VectorizeOptions } from './region.ts';
import type { RowSink, TracedGraph } from './trace/trace.ts';
import { vectorizeGraph } from './vectorize.ts';

/** Of a map's pixel: how far borders may move, and how wide the smallest region is. */
const COARSE_TOLERANCE = 0.75;
const COARSE_REGION = 4;

export interface CoarseOptions {
  /** Of the class map. */
  width: number;
  height: number;
  pixelAreaM2: number;
  minAreaM2: number;
  nodata: number;
}

/** The side of a level's cells in pixels; a pixel of its map is 2^level pixels wide. */
export const cellSide = (level: number): number => 2 ** (level - 1);

/** How a level is drawn from its map of cells, which are the pixels here. */
export function levelOptions(
  level: number,
  options: CoarseOptions,
): Required<VectorizeOptions> & { minAreaM2: number } {
  const { width, height, pixelAreaM2, minAreaM2, nodata } = options;
  const side = cellSide(level);
  const mapPixel = 2 ** level;
  return {
    ...{ width: Math.ceil(width / side), height: Math.ceil(height / side), nodata },
    pixelAreaM2: pixelAreaM2 * side ** 2,
    minAreaM2: Math.max(minAreaM2, (COARSE_REGION * mapPixel) ** 2 * pixelAreaM2),
    minWidthPixels: 1,
    tolerancePixels: (COARSE_TOLERANCE * mapPixel) / side,
    pieces: PUBLISHED_PIECES,
  };
}

/** Regions of a level in pixels of the class map, in the order of their first cell; drawn while iterating. */
export function* coarseRegions(level: number, traced: TracedGraph, options: CoarseOptions): Generator<Region> {
  const { regions } = vectorizeGraph(traced, levelOptions(level, options));
  for (const region of regions) yield inPixels(region, cellSide(level), options.width, options.height);
}

interface Planes {
  counts: Uint32Array;
  sums: Uint32Array;
}

const NO_CELLS: Planes = { counts: new Uint32Array(), sums: new Uint32Array() };

/** A row of cells that is not complete: of every class the pixels in each cell, and the sums of their scores. */
interface CellRow {
  counts: Uint32Array[];
  sums: Uint32Array[];
  /** Classes that have pixels in the row. */
  present: Uint8Array;
  /** Pixel rows that have come. */
  rows: number;
}

/**
 * Gives each sink the rows of its level's cells: those of 2, 4, 8 … pixels, one level after the other. The cells' classes
 * are those that most of their pixels have, the lowest of several; their scores the mean of these pixels'.
 */
export function createCells(width: number, sinks: readonly RowSink[]) {
  const levels = sinks.map((sink, i) => {
    const columns = Math.ceil(width / 2 ** (i + 1));
    const cells = { classes: new Uint8Array(columns), scores: new Uint8Array(columns) };
    const row: CellRow = { counts: [], sums: [], present: new Uint8Array(256), rows: 0 };
    return { sink, columns, side: 2 ** (i + 1), row, cells, most: new Uint32Array(columns) };
  });

  function complete(number: number): void {
    const { sink, columns, row, cells, most } = levels[number];
    most.fill(0);
    const above = levels[number + 1];
    for (let code = 0; code < 256; code++) {
      if (row.present[code] === 0) continue;
      const counts = row.counts[code];
      const sums = row.sums[code];
      for (let cell = 0; cell < columns; cell++) {
        if (counts[cell] <= most[cell]) continue;
        most[cell] = counts[cell];
        cells.classes[cell] = code;
        cells.scores[cell] = Math.round(sums[cell] / counts[cell]);
      }
      if (above) pass({ counts, sums }, columns, planesOf(above.row, code, above.columns));
      counts.fill(0);
      sums.fill(0);
    }
    sink.addRows(1, cells.classes, cells.scores);
    row.present.fill(0);
    if (above) {
      above.row.rows += row.rows;
      if (above.row.rows === above.side) complete(number + 1);
    }
    row.rows = 0;
  }

  return {
    addRows(rows: number, classes: Uint8Array, scores: Uint8Array): void {
      if (levels.length === 0) return;
      const { row, columns, side } = levels[0];
      for (let y = 0; y < rows; y++) {
        let code = -1;
        let { counts, sums } = NO_CELLS;
        for (let x = 0, at = y * width; x < width; x++, at++) {
          if (classes[at] !== code) {
            code = classes[at];
            ({ counts, sums } = planesOf(row, code, columns));
          }
          counts[x >> 1]++;
          sums[x >> 1] += scores[at];
        }
        if (++row.rows === side) complete(0);
      }
    },
    /** The last rows of cells reach over the map. */
    finish(): void {
      for (const [number, { row }] of levels.entries()) if (row.rows > 0) complete(number);
    },
  };
}

function planesOf(row: CellRow, code: number, columns: number): Planes {
  row.present[code] = 1;
  row.counts[code] ??= new Uint32Array(columns);
  row.sums[code] ??= new Uint32Array(columns);
  return { counts: row.counts[code], sums: row.sums[code] };
}

/** Adds what cells hold to those of twice their side. */
function pass({ counts, sums }: Planes, columns: number, to: Planes): void {
  for (let cell = 0; cell < columns; cell++) {
    to.counts[cell >> 1] += counts[cell];
    to.sums[cell >> 1] += sums[cell];
  }
}

/** The last column and row of cells reach over the map: they are drawn as narrow as what the map has of them. */
export function inPixels(region: Region, side: number, width: number, height: number): Region {
  const { piece } = region;
  const [columns, rows] = [lastCell(width, side), lastCell(height, side)];
  return {
    ...region,
    ...(piece && {
      piece: {
        ...piece,
        cellPixels: piece.cellPixels * side,
        ...(piece.linePixels !== undefined && { linePixels: piece.linePixels * side }),
      },
    }),
    pixels: region.pixels * side ** 2,
    x: region.x * side,
    y: region.y * side,
    rings: region.rings.map((ring) => {
      const xy = columns.share < 1 || rows.share < 1 ? withBends(ring, columns.first, rows.first) : ring;
      return xy.map((value, i) => {
        const { first, share } = i % 2 === 0 ? columns : rows;
        return value <= first ? value * side : (first + (value - first) * share) * side;
      });
    }),
  };
}

/** Where the last of the cells along one side of a map begins, in cells, and the share of it that is in the map. */
function lastCell(pixels: number, side: number): { first: number; share: number } {
  const first = Math.ceil(pixels / side) - 1;
  return { first, share: pixels / side - first };
}

/** A ring with a vertex where its edges cross a column or a row; the same one whichever way an edge is run through. */
function withBends(ring: Float64Array, column: number, row: number): Float64Array {
  const bent = [ring[0], ring[1]];
  for (let i = 2; i < ring.length; i += 2) {
    const edge = [ring[i - 2], ring[i - 1], ring[i], ring[i + 1]];
    const isBackwards = edge[1] > edge[3] || (edge[1] === edge[3] && edge[0] > edge[2]);
    const [ax, ay, bx, by] = isBackwards ? [edge[2], edge[3], edge[0], edge[1]] : edge;
    const shares = [(column - ax) / (bx - ax), (row - ay) / (by - ay)].filter((share) => share > 0 && share < 1);
    for (const share of new Set(shares.sort((a, b) => (isBackwards ? b - a : a - b)))) {
      bent.push(ax + share * (bx - ax), ay + share * (by - ay));
    }
    bent.push(edge[2], edge[3]);
  }
  return Float64Array.from(bent);
}
