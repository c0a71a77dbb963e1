/**
 * Pixels of a window of a raster become the pixels of a map tile, each from where a control grid places its centre:
 * bilinear, over as many pixels of the window as one of the tile covers (GDAL's gdalwarp -r bilinear); codes from the
 * pixel that holds the centre.
 */

import type { RasterWindow } from '../geotiff/raster.ts';

export interface WarpSource extends RasterWindow {
  width: number;
  height: number;
  /** Three are red, green and blue; of others the first is gray, or the code. */
  bands: number;
}

/** Where the centres of a row of tile pixels lie in the window, pixel corners whole. */
interface RowPlaces {
  x: Float64Array;
  y: Float64Array;
}

/** Above this many window pixels a tile pixel, more than the nearest four are taken (GDAL's 0.95). */
const WIDE = 1 / 0.95;

/** `grid`: in the window's pixels. Fills the size² pixels of `rgba`; returns how many are not transparent. */
export function warpColours(source: WarpSource, grid: ControlGrid, size: number, rgba: Uint8Array): number {
  const { x: scaleX, y: scaleY } = pixelsPerTilePixel(grid, size);
  const whole = source.bands === 3 && !source.valid.includes(0);
  const wide = scaleX > WIDE || scaleY > WIDE;
  const wider = whole ? wholeDrawer : validDrawer;
  const draw = wide ? wider(source, scaleX, scaleY) : whole ? drawNearestFour : validDrawer(source, 1, 1);
  let drawn = 0;
  for (const [row, places] of rowsOf(grid, size)) drawn += draw(source, places, rgba, row * size * 4);
  return drawn;
}

/** The same for codes; `colours`: RGBA of each of the 256, four bytes each. */
export function warpCodes(
  source: WarpSource,
  grid: ControlGrid,
  size: number,
  colours: Uint8Array,
  rgba: Uint8Array,
): number {
  const { width, height, bands, pixels, valid } = source;
  const from = new Uint32Array(colours.buffer, colours.byteOffset, 256);
  const to = new Uint32Array(rgba.buffer, rgba.byteOffset, size * size);
  let drawn = 0;
  for (const [row, { x, y }] of rowsOf(grid, size)) {
    for (let i = 0; i < size; i++) {
      const column = Math.floor(x[i]);
      const line = Math.floor(y[i]);
      if (!(column >= 0 && line >= 0 && column < width && line < height)) continue;
      const pixel = line * width + column;
      if (valid[pixel] === 0) continue;
      const code = pixels[pixel * bands];
      to[row * size + i] = from[code];
      if (colours[code * 4 + 3] !== 0) drawn++;
    }
  }
  return drawn;
}

/** Pixels along x and y that a tile pixel covers: in the first cell, from the tile's middle on, that has a place. */
export function pixelsPerTilePixel({ cells, x, y }: ControlGrid, size: number): { x: number; y: number } {
  const nodes = cells + 1;
  const middle = Math.floor(cells / 2) * cells + Math.floor(cells / 2);
  for (let i = 0; i < cells * cells; i++) {
    const cell = (middle + i) % (cells * cells);
    const corner = Math.floor(cell / cells) * nodes + (cell % cells);
    const per = (values: Float64Array) =>
      (Math.hypot(values[corner + 1] - values[corner], values[corner + nodes] - values[corner]) * cells) / size;
    const found = { x: per(x), y: per(y) };
    if (Number.isFinite(found.x) && Number.isFinite(found.y)) return found;
  }
  return { x: Number.NaN, y: Number.NaN };
}

/** The same arrays for every row. */
function* rowsOf({ cells, x, y }: ControlGrid, size: number): Generator<[row: number, places: RowPlaces]> {
  const nodes = cells + 1;
  const cellOf = Int32Array.from({ length: size }, (_, i) =>
    Math.min(cells - 1, Math.floor(((i + 0.5) * cells) / size)),
  );
  const shareOf = Float64Array.from(cellOf, (cell, i) => ((i + 0.5) * cells) / size - cell);
  const nodeX = new Float64Array(nodes);
  const nodeY = new Float64Array(nodes);
  const places = { x: new Float64Array(size), y: new Float64Array(size) };
  for (let row = 0; row < size; row++) {
    const above = cellOf[row] * nodes;
    const share = shareOf[row];
    for (let node = 0; node < nodes; node++) {
      nodeX[node] = x[above + node] + (x[above + nodes + node] - x[above + node]) * share;
      nodeY[node] = y[above + node] + (y[above + nodes + node] - y[above + node]) * share;
    }
    for (let i = 0; i < size; i++) {
      const left = cellOf[i];
      places.x[i] = nodeX[left] + (nodeX[left + 1] - nodeX[left]) * shareOf[i];
      places.y[i] = nodeY[left] + (nodeY[left + 1] - nodeY[left]) * shareOf[i];
    }
    yield [row, places];
  }
}

type Drawer = (source: WarpSource, places: RowPlaces, rgba: Uint8Array, at: number) => number;

/** Mean of the four pixels around each position, weighted by nearness; of RGB without invalid pixels. */
function drawNearestFour({ width, height, pixels }: WarpSource, { x, y }: RowPlaces, rgba: Uint8Array, at: number) {
  let drawn = 0;
  for (let i = 0; i < x.length; i++, at += 4) {
    const px = x[i];
    const py = y[i];
    if (!(px >= 0 && py >= 0 && px < width && py < height)) continue;
    const left = Math.floor(px - 0.5);
    const top = Math.floor(py - 0.5);
    const fx = px - 0.5 - left;
    const fy = py - 0.5 - top;
    // Beyond the window's border the border stands.
    const from = (left < 0 ? 0 : left) * 3;
    const right = (left + 1 < width ? left + 1 : left) * 3;
    const upper = (top < 0 ? 0 : top) * width * 3;
    const lower = (top + 1 < height ? top + 1 : top) * width * 3;
    const a = (1 - fx) * (1 - fy);
    const b = fx * (1 - fy);
    const c = (1 - fx) * fy;
    const d = fx * fy;
    for (let band = 0; band < 3; band++) {
      rgba[at + band] =
        a * pixels[upper + from + band] +
        b * pixels[upper + right + band] +
        c * pixels[lower + from + band] +
        d * pixels[lower + right + band] +
        0.5;
    }
    rgba[at + 3] = 255;
    drawn++;
  }
  return drawn;
}

/** The same as `validDrawer` for RGB of which all pixels are valid: what weighs nothing is not looked at. */
function wholeDrawer({ width, height, pixels }: WarpSource, scaleX: number, scaleY: number): Drawer {
  const [reachX, reachY] = [Math.max(1, scaleX), Math.max(1, scaleY)];
  const weights = new Float64Array(2 * Math.ceil(reachX) + 1);
  return (_, { x, y }, rgba, at) => {
    let drawn = 0;
    for (let i = 0; i < x.length; i++, at += 4) {
      const px = x[i];
      const py = y[i];
      if (!(px >= 0 && py >= 0 && px < width && py < height)) continue;
      const left = Math.max(0, Math.ceil(px - reachX - 0.5));
      const right = Math.min(width - 1, Math.floor(px + reachX - 0.5));
      const top = Math.max(0, Math.ceil(py - reachY - 0.5));
      const bottom = Math.min(height - 1, Math.floor(py + reachY - 0.5));
      const columns = right - left + 1;
      let sumX = 0;
      for (let column = 0; column < columns; column++) {
        const weight = 1 - Math.abs(left + column + 0.5 - px) / reachX;
        weights[column] = weight;
        sumX += weight;
      }
      let red = 0;
      let green = 0;
      let blue = 0;
      let sumY = 0;
      for (let line = top; line <= bottom; line++) {
        let lineRed = 0;
        let lineGreen = 0;
        let lineBlue = 0;
        for (let column = 0, from = (line * width + left) * 3; column < columns; column++, from += 3) {
          const weight = weights[column];
          lineRed += weight * pixels[from];
          lineGreen += weight * pixels[from + 1];
          lineBlue += weight * pixels[from + 2];
        }
        const weight = 1 - Math.abs(line + 0.5 - py) / reachY;
        red += weight * lineRed;
        green += weight * lineGreen;
        blue += weight * lineBlue;
        sumY += weight;
      }
      const share = 1 / (sumX * sumY);
      rgba[at] = red * share + 0.5;
      rgba[at + 1] = green * share + 0.5;
      rgba[at + 2] = blue * share + 0.5;
      rgba[at + 3] = 255;
      drawn++;
    }
    return drawn;
  };
}

/**
 * Mean of the valid pixels that a triangle as wide as two tile pixels covers, weighted by it; transparent where the
 * pixel that holds the position is invalid.
 */
function validDrawer({ width, height, bands, pixels, valid }: WarpSource, scaleX: number, scaleY: number): Drawer {
  const [reachX, reachY] = [Math.max(1, scaleX), Math.max(1, scaleY)];
  const [radiusX, radiusY] = [Math.ceil(reachX), Math.ceil(reachY)];
  const greenBand = bands >= 3 ? 1 : 0;
  const blueBand = bands >= 3 ? 2 : 0;
  const weightX = new Float64Array(2 * radiusX);
  return (_, { x, y }, rgba, at) => {
    let drawn = 0;
    for (let i = 0; i < x.length; i++, at += 4) {
      const column = Math.floor(x[i]);
      const row = Math.floor(y[i]);
      if (!(column >= 0 && row >= 0 && column < width && row < height)) continue;
      if (valid[row * width + column] === 0) continue;
      const left = Math.floor(x[i] - 0.5) - radiusX + 1;
      const top = Math.floor(y[i] - 0.5) - radiusY + 1;
      for (let k = 0; k < weightX.length; k++) {
        const inside = left + k >= 0 && left + k < width;
        weightX[k] = inside ? Math.max(0, 1 - Math.abs(left + k + 0.5 - x[i]) / reachX) : 0;
      }
      let red = 0;
      let green = 0;
      let blue = 0;
      let sum = 0;
      for (let line = Math.max(0, top); line < Math.min(height, top + 2 * radiusY); line++) {
        const weightY = Math.max(0, 1 - Math.abs(line + 0.5 - y[i]) / reachY);
        if (weightY === 0) continue;
        for (let k = 0, pixel = line * width + left; k < weightX.length; k++, pixel++) {
          const weight = weightX[k] * weightY;
          if (weight === 0 || valid[pixel] === 0) continue;
          const from = pixel * bands;
          red += weight * pixels[from];
          green += weight * pixels[from + greenBand];
          blue += weight * pixels[from + blueBand];
          sum += weight;
        }
      }
      rgba[at] = red / sum + 0.5;
      rgba[at + 1] = green / sum + 0.5;
      rgba[at + 2] = blue / sum + 0.5;
      rgba[at + 3] = 255;
      drawn++;
    }
    return drawn;
  };
}

export interface ControlGrid {
  /** Along each side of the tile. */
  cells: number;
  /** Coordinates in the raster's CRS of the (cells+1)^2 nodes, row-major over the tile; NaN where it has none. */
  x: Float64Array;
  y: Float64Array;
}
