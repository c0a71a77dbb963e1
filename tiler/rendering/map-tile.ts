/**
 * A raster becomes one Web Mercator map tile. Where each pixel comes from is given at the nodes of a control grid and
 * interpolated between them; what is read is the coarsest level that still has a pixel for each of the tile's.
 */
import sharp from 'sharp';
import { apply, type Geotransform, invert } from '../crs/geotransform.ts';
import type { Raster } from '../geotiff/raster.ts';
import type { Window } from '../geotiff/window.ts';
import { type ControlGrid, pixelsPerTilePixel, warpCodes, warpColours } from './warp.ts';

export type Palette = ReadonlyMap<number, readonly [red: number, green: number, blue: number, alpha: number]>;

/** Raster pixels per tile pixel may be this much above a level's before a coarser level is taken. */
const OVERSAMPLING = 1.25;
const WEBP_QUALITY = 85;
const JPEG_QUALITY = 85;

/**
 * Renders `size`² pixels, transparent where the raster has none (white in JPEG). Bilinear for imagery, nearest
 * neighbour for the codes of a `palette`; codes that it lacks are transparent. Null: nothing of the raster is in sight.
 */
export async function renderMapTile(
  raster: Raster,
  controlGrid: ControlGrid,
  size: number,
  format: 'webp' | 'png' | 'jpg',
  palette?: Palette,
): Promise<Buffer | null> {
  const { level, grid } = chooseLevel(raster, controlGrid, size);
  const window = windowOf(raster, grid, level, size);
  if (!window) return null;
  const { x, y, width, height } = window;
  const source = { ...(await raster.read(level, window)), width, height, bands: raster.bands };
  const inWindow = { ...grid, x: grid.x.map((nodeX) => nodeX - x), y: grid.y.map((nodeY) => nodeY - y) };
  const rgba = new Uint8Array(size * size * 4);
  const drawn = palette
    ? warpCodes(source, inWindow, size, paletteTable(palette), rgba)
    : warpColours(source, inWindow, size, rgba);
  if (drawn === 0) return null;
  // Transparency that there is none of takes a third of the time of a PNG.
  const whole = drawn === size * size && !palette;
  return encode(whole ? withoutAlpha(rgba) : rgba, size, format, palette !== undefined);
}

/** The level of the raster that a tile is drawn from, and the control grid in its pixels, pixel corners whole. */
export function chooseLevel(
  { geotransform, levels }: Pick<Raster, 'geotransform' | 'levels'>,
  controlGrid: ControlGrid,
  size: number,
): { level: number; grid: ControlGrid } {
  const full = inPixels(controlGrid, geotransform);
  const { x, y } = pixelsPerTilePixel(full, size);
  let level = 0;
  while (level + 1 < levels.length && 2 ** (level + 1) <= Math.min(x, y) * OVERSAMPLING) level++;
  const reduced = (value: number) => value / 2 ** level;
  return { level, grid: { ...full, x: full.x.map(reduced), y: full.y.map(reduced) } };
}

function inPixels({ cells, x, y }: ControlGrid, geotransform: Geotransform): ControlGrid {
  const inverse = invert(geotransform);
  const nodes = Array.from(x, (nodeX, i) => apply(inverse, nodeX, y[i]));
  return { cells, x: Float64Array.from(nodes, ([px]) => px), y: Float64Array.from(nodes, ([, py]) => py) };
}

/** The level's pixels that the tile draws on, with those around that it is interpolated from; null: there are none. */
function windowOf(raster: Raster, grid: ControlGrid, level: number, size: number): Window | null {
  const reach = pixelsPerTilePixel(grid, size);
  const span = (nodes: Float64Array, length: number, radius: number) => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const node of nodes) {
      if (!Number.isFinite(node)) continue;
      low = Math.min(low, node);
      high = Math.max(high, node);
    }
    const start = Math.max(0, Math.floor(low - radius));
    return { start, length: Math.min(length, Math.ceil(high + radius)) - start };
  };
  const columns = span(grid.x, raster.levels[level].width, Math.max(1, reach.x));
  const rows = span(grid.y, raster.levels[level].height, Math.max(1, reach.y));
  if (!(columns.length > 0 && rows.length > 0)) return null;
  return { x: columns.start, y: rows.start, width: columns.length, height: rows.length };
}

/** RGBA of every code, four bytes each. */
function paletteTable(palette: Palette): Uint8Array {
  const table = new Uint8Array(256 * 4);
  for (const [code, colour] of palette) table.set(colour, code * 4);
  return table;
}

/** In the same memory. */
function withoutAlpha(rgba: Uint8Array): Uint8Array {
  for (let from = 4, to = 3; from < rgba.length; from += 4, to += 3) {
    rgba[to] = rgba[from];
    rgba[to + 1] = rgba[from + 1];
    rgba[to + 2] = rgba[from + 2];
  }
  return rgba.subarray(0, (rgba.length / 4) * 3);
}

/** `pixels`: RGB or RGBA. */
function encode(pixels: Uint8Array, size: number, format: 'webp' | 'png' | 'jpg', exact: boolean): Promise<Buffer> {
  const channels = pixels.length === size * size * 4 ? 4 : 3;
  const image = sharp(pixels, { raw: { width: size, height: size, channels } });
  if (format === 'png') return image.png({ compressionLevel: 6 }).toBuffer();
  if (format === 'jpg') {
    const opaque = channels === 3 ? image : image.flatten({ background: '#ffffff' });
    return opaque.jpeg({ quality: JPEG_QUALITY }).toBuffer();
  }
  return image.webp(exact ? { lossless: true, effort: 1 } : { quality: WEBP_QUALITY, effort: 1 }).toBuffer();
}
