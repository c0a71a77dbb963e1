/**
 * A scene becomes one Web Mercator map tile. Where each pixel comes from is given at the nodes of a control grid and
 * interpolated between them; what is read is the coarsest level that still has a pixel for each of the tile's.
 */
import sharp from 'sharp';
import { apply, type Geotransform, invert } from './geotransform.ts';
import type { Raster, RasterWindow } from './raster.ts';

export interface ControlGrid {
  /** Along each side of the tile. */
  cells: number;
  /** Coordinates in the scene's CRS of the (cells+1)^2 nodes, row-major over the tile; NaN where it has none. */
  x: Float64Array;
  y: Float64Array;
}

export type Palette = ReadonlyMap<number, readonly [number, number, number, number]>;

/** Scene pixels per tile pixel may be this much above a level's before a coarser level is taken. */
const OVERSAMPLING = 1.25;
const WEBP_QUALITY = 85;
const JPEG_QUALITY = 85;

/**
 * Renders `size`² pixels, transparent where the scene has no imagery (white in JPEG). Bilinear for imagery, nearest
 * neighbour for the codes of a `palette`; codes that it lacks are transparent. Null: nothing of the scene is in sight.
 */
export async function renderMapTile(
  raster: Raster,
  controlGrid: ControlGrid,
  size: number,
  format: 'webp' | 'png' | 'jpg',
  palette?: Palette,
): Promise<Buffer | null> {
  const grid = inPixels(controlGrid, raster.geotransform);
  const scale = scenePixelsPerTilePixel(grid, size);
  let level = 0;
  while (level + 1 < raster.levels.length && 2 ** (level + 1) <= scale * OVERSAMPLING) level++;
  const bounds = windowOf(raster, grid, level);
  if (!bounds) return null;
  const window = await raster.read(level, bounds.x, bounds.y, bounds.width, bounds.height);
  const source = { ...bounds, ...window, bands: raster.bands, reduction: 2 ** level };
  const rgba = new Uint8Array(size * size * 4);
  const drawn = drawTile(source, grid, size, rgba, palette);
  return drawn === 0 ? null : encode(rgba, size, format, palette !== undefined);
}

/** The nodes in the raster's pixels at full resolution, pixel corners whole. */
function inPixels({ cells, x, y }: ControlGrid, geotransform: Geotransform): ControlGrid {
  const inverse = invert(geotransform);
  const nodes = Array.from(x, (nodeX, i) => apply(inverse, nodeX, y[i]));
  return { cells, x: Float64Array.from(nodes, ([px]) => px), y: Float64Array.from(nodes, ([, py]) => py) };
}

/** The smaller side of the tile's pixels on the ground of the scene, in the middle of the tile. */
function scenePixelsPerTilePixel({ cells, x, y }: ControlGrid, size: number): number {
  const nodes = cells + 1;
  const corner = Math.floor(cells / 2) * nodes + Math.floor(cells / 2);
  const length = (node: number) => Math.hypot(x[node] - x[corner], y[node] - y[corner]);
  return (Math.min(length(corner + 1), length(corner + nodes)) * cells) / size;
}

/** The level's pixels that the tile draws on, with one around for interpolation; null where there are none. */
function windowOf(raster: Raster, { x, y }: ControlGrid, level: number) {
  const reduction = 2 ** level;
  const span = (nodes: Float64Array, size: number) => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const node of nodes) {
      if (!Number.isFinite(node)) continue;
      low = Math.min(low, node);
      high = Math.max(high, node);
    }
    const start = Math.max(0, Math.floor(low / reduction) - 1);
    const end = Math.min(size, Math.ceil(high / reduction) + 1);
    return { start, length: end - start };
  };
  const size = raster.levels[level];
  const columns = span(x, size.width);
  const rows = span(y, size.height);
  if (!(columns.length > 0 && rows.length > 0)) return null;
  return { x: columns.start, y: rows.start, width: columns.length, height: rows.length };
}

interface SourceWindow extends RasterWindow {
  x: number;
  y: number;
  width: number;
  height: number;
  bands: number;
  /** Scene pixels per pixel of the window. */
  reduction: number;
}

/** Fills `rgba`; returns how many pixels are not transparent. */
function drawTile(source: SourceWindow, grid: ControlGrid, size: number, rgba: Uint8Array, palette?: Palette): number {
  const { cells } = grid;
  const nodes = cells + 1;
  const colours = palette && paletteTable(palette);
  let drawn = 0;
  for (let row = 0, at = 0; row < size; row++) {
    const v = ((row + 0.5) * cells) / size;
    const cellRow = Math.min(cells - 1, Math.floor(v));
    const fv = v - cellRow;
    for (let column = 0; column < size; column++, at += 4) {
      const u = ((column + 0.5) * cells) / size;
      const cellColumn = Math.min(cells - 1, Math.floor(u));
      const fu = u - cellColumn;
      const node = cellRow * nodes + cellColumn;
      const x = between(grid.x, node, nodes, fu, fv) / source.reduction - source.x;
      const y = between(grid.y, node, nodes, fu, fv) / source.reduction - source.y;
      const opaque = colours ? drawCode(source, x, y, colours, rgba, at) : drawBilinear(source, x, y, rgba, at);
      if (opaque) drawn++;
    }
  }
  return drawn;
}

function between(values: Float64Array, node: number, nodes: number, fu: number, fv: number): number {
  const upper = values[node] + (values[node + 1] - values[node]) * fu;
  const lower = values[node + nodes] + (values[node + nodes + 1] - values[node + nodes]) * fu;
  return upper + (lower - upper) * fv;
}

/** RGBA of every code, four bytes each. */
function paletteTable(palette: Palette): Uint8Array {
  const table = new Uint8Array(256 * 4);
  for (const [code, colour] of palette) table.set(colour, code * 4);
  return table;
}

function drawCode(source: SourceWindow, x: number, y: number, colours: Uint8Array, rgba: Uint8Array, at: number) {
  const column = Math.floor(x);
  const row = Math.floor(y);
  if (!(column >= 0 && row >= 0 && column < source.width && row < source.height)) return false;
  const pixel = row * source.width + column;
  if (source.valid[pixel] === 0) return false;
  const code = source.pixels[pixel * source.bands] * 4;
  for (let i = 0; i < 4; i++) rgba[at + i] = colours[code + i];
  return colours[code + 3] !== 0;
}

/**
 * Mean of the four pixels around the position, weighted by nearness, the invalid ones left out; transparent where the
 * pixel that holds the position is invalid. Beyond the window's border the border stands.
 */
function drawBilinear(source: SourceWindow, x: number, y: number, rgba: Uint8Array, at: number): boolean {
  const { width, height, bands, pixels, valid } = source;
  const column = Math.floor(x);
  const row = Math.floor(y);
  if (!(column >= 0 && row >= 0 && column < width && row < height)) return false;
  if (valid[row * width + column] === 0) return false;
  const left = Math.floor(x - 0.5);
  const top = Math.floor(y - 0.5);
  const fx = x - 0.5 - left;
  const fy = y - 0.5 - top;
  const greenBand = bands >= 3 ? 1 : 0;
  const blueBand = bands >= 3 ? 2 : 0;
  let red = 0;
  let green = 0;
  let blue = 0;
  let sum = 0;
  for (let corner = 0; corner < 4; corner++) {
    const right = corner & 1;
    const below = corner >> 1;
    const atX = Math.min(width - 1, Math.max(0, left + right));
    const atY = Math.min(height - 1, Math.max(0, top + below));
    const pixel = atY * width + atX;
    if (valid[pixel] === 0) continue;
    const weight = (right ? fx : 1 - fx) * (below ? fy : 1 - fy);
    const from = pixel * bands;
    red += weight * pixels[from];
    green += weight * pixels[from + greenBand];
    blue += weight * pixels[from + blueBand];
    sum += weight;
  }
  rgba[at] = red / sum + 0.5;
  rgba[at + 1] = green / sum + 0.5;
  rgba[at + 2] = blue / sum + 0.5;
  rgba[at + 3] = 255;
  return true;
}

function encode(rgba: Uint8Array, size: number, format: 'webp' | 'png' | 'jpg', exact: boolean): Promise<Buffer> {
  const image = sharp(rgba, { raw: { width: size, height: size, channels: 4 } });
  if (format === 'png') return image.png({ compressionLevel: 6 }).toBuffer();
  if (format === 'jpg') return image.flatten({ background: '#ffffff' }).jpeg({ quality: JPEG_QUALITY }).toBuffer();
  return image.webp(exact ? { lossless: true, effort: 1 } : { quality: WEBP_QUALITY, effort: 1 }).toBuffer();
}
