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

/** Cells hold their pixels and the sum of their scores as one number: pixels * PIXEL + sum, both exact up to cells of 256. */
const PIXEL = 2 ** 24;

/** A level with the row of its cells that is not complete. */
interface CellLevel {
  sink: RowSink;
  columns: number;
  side: number;
  /** Of every class what its pixels are in each cell; not for the finest level, whose cells are made at once. */
  planes: Float64Array[];
  /** Classes that have pixels in the row. */
  present: Uint8Array;
  /** Pixel rows that have come. */
  rows: number;
  classes: Uint8Array;
  scores: Uint8Array;
}

/**
 * Gives each sink the rows of its level's cells: those of 2, 4, 8 … pixels, one level after the other. The cells' classes
 * are those that most of their pixels have, the lowest of several; their scores the mean of these pixels'.
 */
export function createCells(width: number, sinks: readonly RowSink[]) {
  const levels = sinks.map((sink, i): CellLevel => {
    const columns = Math.ceil(width / 2 ** (i + 1));
    const row = { classes: new Uint8Array(columns), scores: new Uint8Array(columns) };
    return { sink, columns, side: 2 ** (i + 1), planes: [], present: new Uint8Array(256), rows: 0, ...row };
  });
  const [finest, coarser] = levels;
  const most = Math.max(0, ...levels.slice(1).map(({ columns }) => columns));
  const beyond = new Float64Array(most);
  const best = new Float64Array(most);
  /** The first of two rows, where the second has not come. */
  const waiting = { classes: new Uint8Array(width), scores: new Uint8Array(width), is: false };

  function complete(number: number): void {
    const { sink, columns, planes, present, classes, scores } = levels[number];
    // What a cell has to hold of a class so that it has more pixels than the best one so far.
    beyond.fill(PIXEL, 0, columns);
    const above = levels[number + 1];
    for (let code = 0; code < 256; code++) {
      if (present[code] === 0) continue;
      const plane = planes[code];
      for (let cell = 0; cell < columns; cell++) {
        if (plane[cell] < beyond[cell]) continue;
        best[cell] = plane[cell];
        beyond[cell] = (Math.floor(plane[cell] / PIXEL) + 1) * PIXEL;
        classes[cell] = code;
      }
      if (above) {
        const to = planeOf(above, code);
        for (let cell = 0; cell < columns; cell++) to[cell >> 1] += plane[cell];
      }
      plane.fill(0);
    }
    for (let cell = 0; cell < columns; cell++) {
      const pixels = beyond[cell] / PIXEL - 1;
      scores[cell] = Math.round((best[cell] - pixels * PIXEL) / pixels);
    }
    sink.addRows(1, classes, scores);
    present.fill(0);
    passRows(number);
  }

  function passRows(number: number): void {
    const above = levels[number + 1];
    if (above) {
      above.rows += levels[number].rows;
      if (above.rows === above.side) complete(number + 1);
    }
    levels[number].rows = 0;
  }

  /** Makes a row of the finest cells of two rows of pixels, or of the last one. */
  function addPair(classes: Uint8Array, scores: Uint8Array, first: number, second: number): void {
    const { columns } = finest;
    let code = -1;
    let plane: Float64Array = beyond;
    for (let cell = 0; cell < columns; cell++) {
      const a = first + 2 * cell;
      const b = second + 2 * cell;
      const cls = classes[a];
      if (
        2 * cell + 1 === width ||
        second < 0 ||
        classes[a + 1] !== cls ||
        classes[b] !== cls ||
        classes[b + 1] !== cls
      ) {
        addMixed(classes, scores, a, second < 0 ? -1 : b, cell);
        continue;
      }
      const sum = scores[a] + scores[a + 1] + scores[b] + scores[b + 1];
      finest.classes[cell] = cls;
      finest.scores[cell] = (sum + 2) >> 2;
      if (!coarser) continue;
      if (cls !== code) {
        code = cls;
        plane = planeOf(coarser, cls);
      }
      plane[cell >> 1] += 4 * PIXEL + sum;
    }
    finest.sink.addRows(1, finest.classes, finest.scores);
    passRows(0);
  }

  /** Makes a cell of the pixels at a and b and those to the right of them; those beyond the map's edge do not count. */
  function addMixed(classes: Uint8Array, scores: Uint8Array, a: number, b: number, cell: number): void {
    let [most, sum, code] = [0, 0, 0];
    const end = 2 * cell + 1 < width ? 2 : 1;
    for (let pixel = 0; pixel < 4; pixel++) {
      const at = (pixel < 2 ? a : b) + (pixel & 1);
      if ((pixel & 1) >= end || (pixel >= 2 && b < 0)) continue;
      if (coarser) planeOf(coarser, classes[at])[cell >> 1] += PIXEL + scores[at];
      let [count, together] = [0, 0];
      for (let other = 0; other < 4; other++) {
        const place = (other < 2 ? a : b) + (other & 1);
        if ((other & 1) >= end || (other >= 2 && b < 0) || classes[place] !== classes[at]) continue;
        count++;
        together += scores[place];
      }
      if (count < most || (count === most && classes[at] >= code)) continue;
      [most, sum, code] = [count, together, classes[at]];
    }
    finest.classes[cell] = code;
    finest.scores[cell] = Math.round(sum / most);
  }

  return {
    addRows(rows: number, classes: Uint8Array, scores: Uint8Array): void {
      if (!finest) return;
      let y = 0;
      if (waiting.is && rows > 0) {
        const pair = { classes: new Uint8Array(2 * width), scores: new Uint8Array(2 * width) };
        pair.classes.set(waiting.classes);
        pair.scores.set(waiting.scores);
        pair.classes.set(classes.subarray(0, width), width);
        pair.scores.set(scores.subarray(0, width), width);
        waiting.is = false;
        finest.rows = 2;
        addPair(pair.classes, pair.scores, 0, width);
        y = 1;
      }
      for (; y + 1 < rows; y += 2) {
        finest.rows = 2;
        addPair(classes, scores, y * width, (y + 1) * width);
      }
      if (y === rows) return;
      waiting.classes.set(classes.subarray(y * width, (y + 1) * width));
      waiting.scores.set(scores.subarray(y * width, (y + 1) * width));
      waiting.is = true;
    },
    /** The last rows of cells reach over the map. */
    finish(): void {
      if (waiting.is) {
        waiting.is = false;
        finest.rows = 1;
        addPair(waiting.classes, waiting.scores, 0, -1);
      }
      for (const [number, { rows }] of levels.entries()) if (number > 0 && rows > 0) complete(number);
    },
  };
}

function planeOf({ present, planes, columns }: CellLevel, code: number): Float64Array {
  present[code] = 1;
  planes[code] ??= new Float64Array(columns);
  return planes[code];
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
