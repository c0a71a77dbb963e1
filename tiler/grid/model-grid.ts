/**
 * A scene and a network's GSD become the model grid, on which the network looks at the scene; windows of it are read
 * from the working COG. Each model pixel is a function of its position on the grid alone, whichever window it is in.
 */
import { apply, type Geotransform } from '../crs/geotransform.ts';
import type { Raster } from '../geotiff/raster.ts';
import type { Window } from '../geotiff/window.ts';
import type { Pixels } from '../rendering/rendering.ts';
import { axisFilter, type Filters, resample, sourceRange } from './resample.ts';

export interface ModelGrid {
  /** Model pixels. A resampled grid covers exactly the scene's extent; one that is an overview's grid may reach up to
   * one model pixel beyond its right and lower edge, as the overview does. */
  width: number;
  height: number;
  /** Which level of the working COG is read. */
  level: number;
  /** Level pixels per model pixel (1: no resampling). */
  levelPixelsX: number;
  levelPixelsY: number;
  /** Of the model grid. */
  gsdMetres: { x: number; y: number };
  /** Of the model grid, in the scene's CRS. */
  geotransform: Geotransform;
}

interface SceneGrid {
  levels: readonly { width: number; height: number }[];
  geotransform: Geotransform;
  gsdMetres: { x: number; y: number };
}

/** A GSD this close to the network's (as a share of it) needs no resampling. */
const GSD_TOLERANCE = 0.15;

const isClose = (gsd: number, networkGsd: number): boolean => Math.abs(gsd / networkGsd - 1) <= GSD_TOLERANCE;

/** The model grid of a scene whose working COG has `levels`, each half the one before (rounded up). */
export function planModelGrid(scene: SceneGrid, networkGsdMetres: number | null): ModelGrid {
  const { levels, geotransform, gsdMetres } = scene;
  if (networkGsdMetres === null) return sceneGrid(scene);
  let level = 0;
  if (!isClose(gsdMetres.x, networkGsdMetres) || !isClose(gsdMetres.y, networkGsdMetres)) {
    const coarserGsd = Math.max(gsdMetres.x, gsdMetres.y);
    while (level + 1 < levels.length && coarserGsd * 2 ** (level + 1) <= networkGsdMetres) level++;
  }
  const x = planAxis(levels[0].width, levels[level].width, level, gsdMetres.x, networkGsdMetres);
  const y = planAxis(levels[0].height, levels[level].height, level, gsdMetres.y, networkGsdMetres);
  const [originX, originY] = apply(geotransform, 0, 0);
  const [, xPerColumn, xPerRow, , yPerColumn, yPerRow] = geotransform;
  return {
    width: x.pixels,
    height: y.pixels,
    level,
    levelPixelsX: x.levelPixels,
    levelPixelsY: y.levelPixels,
    gsdMetres: { x: gsdMetres.x * x.scenePixels, y: gsdMetres.y * y.scenePixels },
    geotransform: [
      originX,
      xPerColumn * x.scenePixels,
      xPerRow * y.scenePixels,
      originY,
      yPerColumn * x.scenePixels,
      yPerRow * y.scenePixels,
    ],
  };
}

/** The scene's own pixels. */
function sceneGrid({ levels, geotransform, gsdMetres }: SceneGrid): ModelGrid {
  const { width, height } = levels[0];
  return { width, height, level: 0, levelPixelsX: 1, levelPixelsY: 1, gsdMetres, geotransform };
}

/** Size of one axis of the model grid, and the level's and the scene's pixels per model pixel. */
function planAxis(scenePixels: number, levelPixels: number, level: number, gsd: number, networkGsd: number) {
  const reduction = 2 ** level;
  if (isClose(gsd * reduction, networkGsd)) return { pixels: levelPixels, levelPixels: 1, scenePixels: reduction };
  const pixels = Math.max(1, Math.round((scenePixels * gsd) / networkGsd));
  return { pixels, levelPixels: scenePixels / reduction / pixels, scenePixels: scenePixels / pixels };
}

const filtersOfGrid = new WeakMap<ModelGrid, Filters>();

function filtersOf(grid: ModelGrid, level: { width: number; height: number }): Filters {
  let filters = filtersOfGrid.get(grid);
  if (!filters) {
    const columns = axisFilter(level.width, grid.width, grid.levelPixelsX);
    filters = { columns, rows: axisFilter(level.height, grid.height, grid.levelPixelsY) };
    filtersOfGrid.set(grid, filters);
  }
  return filters;
}

/** Room for pixels of the kind of others. */
const like = <P extends Pixels>(pixels: P, length: number): P =>
  (pixels instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)) as P;

/**
 * Any window of the infinite model plane, in the raster's bands: reflected beyond the grid (no repeated edge, as numpy's 'reflect',
 * folded as often as needed). Invalid pixels hold `fill`, put there before resampling; a model pixel is valid where
 * the level's pixel at its centre is. pixels: height*width*bands; valid: height*width of 0|1.
 */
export async function readModelWindow<P extends Pixels>(
  raster: Raster<P>,
  grid: ModelGrid,
  fill: readonly number[],
  { x, y, width, height }: Window,
): Promise<{ pixels: P; valid: Uint8Array }> {
  const { bands } = raster;
  const columns = foldRange(x, width, grid.width);
  const rows = foldRange(y, height, grid.height);
  const folded = { x: columns.low, y: rows.low, width: columns.span, height: rows.span };
  const inside = await readInside(raster, grid, fill, folded);
  if (columns.plain && rows.plain) return inside;

  const pixels = like(inside.pixels, width * height * bands);
  const valid = new Uint8Array(width * height);
  const { start, end } = columns.run;
  for (let row = 0; row < height; row++) {
    const line = (rows.folded[row] - rows.low) * columns.span - columns.low;
    const to = row * width;
    const from = line + columns.folded[start];
    valid.set(inside.valid.subarray(from, from + end - start), to + start);
    pixels.set(inside.pixels.subarray(from * bands, (from + end - start) * bands), (to + start) * bands);
    for (let column = 0; column < width; column++) {
      if (column === start) column = end;
      if (column === width) break;
      const at = line + columns.folded[column];
      valid[to + column] = inside.valid[at];
      for (let band = 0; band < bands; band++) {
        pixels[(to + column) * bands + band] = inside.pixels[at * bands + band];
      }
    }
  }
  return { pixels, valid };
}

/**
 * Indices start ... start + length - 1 folded into 0 ... size - 1 by reflection, the range that they fall in, and the
 * longest run of them that goes up by one, from `start` to before `end`.
 */
function foldRange(start: number, length: number, size: number) {
  const period = Math.max(1, 2 * (size - 1));
  const folded = new Int32Array(length);
  let low = size;
  let high = 0;
  let run = { start: 0, end: 0 };
  for (let i = 0; i < length; i++) {
    const phase = (((start + i) % period) + period) % period;
    const index = phase < size ? phase : period - phase;
    folded[i] = index;
    if (index < low) low = index;
    if (index > high) high = index;
  }
  for (let from = 0, to = 1; from < length; from = to++) {
    while (to < length && folded[to] === folded[to - 1] + 1) to++;
    if (to - from > run.end - run.start) run = { start: from, end: to };
  }
  return { folded, run, low, span: high - low + 1, plain: start >= 0 && start + length <= size };
}

/** A window within the grid. */
async function readInside<P extends Pixels>(
  raster: Raster<P>,
  grid: ModelGrid,
  fill: readonly number[],
  window: Window,
) {
  if (grid.levelPixelsX === 1 && grid.levelPixelsY === 1) {
    const read = await raster.read(grid.level, window);
    fillInvalid(read.pixels, read.valid, raster.bands, fill);
    return read;
  }
  const { x, y, width, height } = window;
  const filters = filtersOf(grid, raster.levels[grid.level]);
  const { columns, rows } = filters;
  const xs = sourceRange(columns, x, x + width);
  const ys = sourceRange(rows, y, y + height);
  const sourceWidth = xs.end - xs.start;
  const read = await raster.read(grid.level, {
    x: xs.start,
    y: ys.start,
    width: sourceWidth,
    height: ys.end - ys.start,
  });
  fillInvalid(read.pixels, read.valid, raster.bands, fill);
  const valid = new Uint8Array(width * height);
  for (let row = 0, to = 0; row < height; row++) {
    const line = (rows.nearest[y + row] - ys.start) * sourceWidth - xs.start;
    for (let column = 0; column < width; column++) valid[to++] = read.valid[line + columns.nearest[x + column]];
  }
  return { pixels: resample(read.pixels, raster.bands, filters, window), valid };
}

/** Puts `fill` where pixels are invalid. */
function fillInvalid(pixels: Pixels, valid: Uint8Array, bands: number, fill: readonly number[]): void {
  if (fill.length !== bands) throw new RangeError(`expected a fill of ${bands} bands, got ${fill.length}`);
  for (let pixel = valid.indexOf(0); pixel !== -1; pixel = valid.indexOf(0, pixel + 1)) {
    for (let band = 0; band < bands; band++) pixels[pixel * bands + band] = fill[band];
  }
}
