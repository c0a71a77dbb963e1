/**
 * Coarser levels of land use in strips: a strip's rows in, the regions of its finer levels of cells out, with what is open
 * of them, and the cells of its coarsest levels, which are so few that each of these is drawn in one piece at the end.
 */
import { type CoarseOptions, cellSide, coarseRegions, createCells, inPixels, levelOptions } from '../coarse-levels.ts';
import type { Region } from '../region.ts';
import type { Strip, StripWindow } from '../strips.ts';
import { sieveLimits } from '../trace/sieve.ts';
import { type BlockRows, createRowSieve } from '../trace/sieve-rows.ts';
import { createTracer, type RowSink } from '../trace/trace.ts';
import { drawLandStrip, type LandOptions } from './draw-strip.ts';
import { createLandJoiner, type MovedPlace } from './join-strips.ts';
import type { OpenLand } from './open-land.ts';

/** The coarsest level that is drawn in strips: its cells are a 64th of the pixels. */
const COARSEST_IN_STRIPS = 4;

/** Rows above and below a strip that its levels are drawn from; a multiple of the sides of all cells. */
export const LEVEL_MARGIN = 256;
/** Cells beyond a block of sieved cells in which small regions are looked for, at most. */
const MOST_SIEVE_MARGIN = 64;

/** What of a strip's levels is not finished: plain data. */
export interface OpenLevels {
  lands: { level: number; open: OpenLand }[];
  cells: LevelCells[];
}

/** The cells of a strip. */
export interface LevelCells {
  level: number;
  rows: number;
  classes: Uint8Array;
  scores: Uint8Array;
}

export interface LevelStrips {
  /** In pixels of the map. */
  drawn: { level: number; regions: Iterable<Region> }[];
  open: OpenLevels;
}

/**
 * Draws the levels, from 2 on, of a strip. The window, which is not sieved, holds LEVEL_MARGIN rows (or `margin`, a
 * multiple of the sides of all cells, as strips' first rows are) above and below the strip, or up to the map's edge.
 */
export function drawLevelStrips(
  window: StripWindow,
  levels: readonly number[],
  options: CoarseOptions,
  margin = LEVEL_MARGIN,
): LevelStrips {
  const result: LevelStrips = { drawn: [], open: { lands: [], cells: [] } };
  const { width, height } = options;
  for (const { level, ...cells } of cellsOf(window, levels, margin)) {
    const side = cellSide(level);
    const strip = { index: window.strip.index, y: window.strip.y / side, rows: Math.ceil(window.strip.rows / side) };
    if (level > COARSEST_IN_STRIPS) {
      const columns = Math.ceil(width / side);
      const part = [(strip.y - cells.top) * columns, (strip.y - cells.top + strip.rows) * columns];
      const [classes, scores] = [cells.classes.slice(...part), cells.scores.slice(...part)];
      result.open.cells.push({ level, rows: strip.rows, classes, scores });
      continue;
    }
    const { minAreaM2, pixelAreaM2, minWidthPixels, ...drawn } = levelOptions(level, options);
    const cellMargin = margin / side;
    const mostMargin = Math.min(MOST_SIEVE_MARGIN, cellMargin / 2);
    const sieve = createRowSieve({
      ...{ limits: sieveLimits(minAreaM2, pixelAreaM2, minWidthPixels), nodata: options.nodata, mostMargin },
      blockAt: blocksBesideLines(strip, cellMargin - mostMargin),
    });
    const sieved = sieve.sieve({ strip, width: drawn.width, height: drawn.height, ...cells }, 1).window;
    const { regions, open } = drawLandStrip(sieved, inStrips(level, options));
    result.drawn.push({
      level,
      regions: { [Symbol.iterator]: () => regionsInPixels(regions, side, { width, height }) },
    });
    result.open.lands.push({ level, open });
  }
  return result;
}

/**
 * A block on both sides of each line, of `beside` rows there, so that a strip can know the first row beyond it; and one of
 * what is between these.
 */
function blocksBesideLines({ index, y, rows }: Strip, beside: number): (at: number) => BlockRows {
  const stripRows = index > 0 ? y / index : rows;
  return (at) => {
    const line = Math.round(at / stripRows) * stripRows;
    if (line > 0 && at >= line - beside && at < line + beside) return { from: line - beside, to: line + beside };
    const above = Math.floor(at / stripRows) * stripRows;
    return { from: above > 0 ? above + beside : 0, to: above + stripRows - beside };
  };
}

/** The cells of each level in a window, from its top on. */
function cellsOf(
  { strip, width, height, top: first, classes, scores }: StripWindow,
  levels: readonly number[],
  margin: number,
): (LevelCells & { top: number })[] {
  const top = Math.max(0, strip.y - margin);
  const bottom = Math.min(height, strip.y + strip.rows + margin);
  const planes = levels.map((level) => {
    const side = cellSide(level);
    const rows = Math.ceil((bottom - top) / side);
    const room = rows * Math.ceil(width / side);
    return { level, top: top / side, rows, classes: new Uint8Array(room), scores: new Uint8Array(room) };
  });
  const sinks = planes.map((plane): RowSink => {
    let at = 0;
    return {
      addRows(_, rowClasses, rowScores) {
        plane.classes.set(rowClasses, at);
        plane.scores.set(rowScores, at);
        at += rowClasses.length;
      },
    };
  });
  const cells = createCells(width, sinks);
  const part = [(top - first) * width, (bottom - first) * width];
  cells.addRows(bottom - top, classes.subarray(...part), scores.subarray(...part));
  cells.finish();
  return planes;
}

/** Cells that regions in pieces are cut into are as large on the ground at every level. */
function inStrips(level: number, options: CoarseOptions): LandOptions {
  const { tolerancePixels, nodata, pieces } = levelOptions(level, options);
  return { tolerancePixels, nodata, pieces: { ...pieces, cellPixels: pieces.cellPixels / cellSide(level) } };
}

function* regionsInPixels(
  regions: Iterable<Region>,
  side: number,
  { width, height }: { width: number; height: number },
): Generator<Region> {
  for (const region of regions) yield inPixels(region, side, width, height);
}

export interface LevelJoiner {
  /** Takes the next strip and gives the regions that are finished by it, in pixels of the map. */
  append(open: OpenLevels): { level: number; regions: Region[] }[];
  /** After the last strip: the levels that are drawn in one piece, while iterating, and where pieces turned out to belong. */
  finish(): {
    drawn: Iterable<{ level: number; regions: Iterable<Region> }>;
    places: (MovedPlace & { level: number })[];
  };
}

/** Joins the levels of a map's strips. */
export function createLevelJoiner(levels: readonly number[], options: CoarseOptions): LevelJoiner {
  const joiners = new Map(
    levels
      .filter((level) => level <= COARSEST_IN_STRIPS)
      .map((level) => [level, createLandJoiner(inStrips(level, options))]),
  );
  const tracers = new Map(
    levels
      .filter((level) => level > COARSEST_IN_STRIPS)
      .map((level) => [level, createTracer(Math.ceil(options.width / cellSide(level)))]),
  );
  return {
    append({ lands, cells }) {
      for (const { level, rows, classes, scores } of cells) tracers.get(level)!.addRows(rows, classes, scores);
      return lands.map(({ level, open }) => {
        const regions = joiners.get(level)!.append(open);
        return { level, regions: [...regionsInPixels(regions, cellSide(level), options)] };
      });
    },
    finish() {
      const places = [...joiners].flatMap(([level, joiner]) => {
        const side = cellSide(level);
        const inMap = ({ x, y }: { x: number; y: number }) => ({ x: x * side, y: y * side });
        return joiner.finish().places.map(({ from, to }) => ({ level, from: inMap(from), to: inMap(to) }));
      });
      return { drawn: drawCoarsest(), places };
    },
  };

  function* drawCoarsest(): Generator<{ level: number; regions: Iterable<Region> }> {
    for (const [level, tracer] of tracers) yield { level, regions: coarseRegions(level, tracer.finish(), options) };
  }
}
