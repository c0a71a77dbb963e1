/** Grey values of an image at the places of a window of another grid. */
import { apply, type Geotransform } from '../crs/geotransform.ts';
import type { Raster } from '../geotiff/raster.ts';
import type { Window } from '../geotiff/window.ts';

export interface Grey {
  /** width * height of the window; 0 where there is no imagery. */
  grey: Float32Array;
  /** Of the window's pixels, those with imagery. */
  validShare: number;
}

/**
 * Means of all bands, bilinear, at the middles of the window's pixels.
 * @param level of the raster, which is read there
 * @param toRaster from positions in the window's grid to pixel positions of the raster's full resolution
 */
export async function greyAt(raster: Raster, level: number, window: Window, toRaster: Geotransform): Promise<Grey> {
  const { width, height } = raster.levels[level];
  const [perX, perY] = [width / raster.width, height / raster.height];
  const corners = [0, window.width].flatMap((x) =>
    [0, window.height].map((y) => apply(toRaster, window.x + x, window.y + y)),
  );
  const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  const x0 = clamp(Math.floor(Math.min(...corners.map(([x]) => x * perX)) - 1), width);
  const x1 = clamp(Math.ceil(Math.max(...corners.map(([x]) => x * perX)) + 1), width);
  const y0 = clamp(Math.floor(Math.min(...corners.map(([, y]) => y * perY)) - 1), height);
  const y1 = clamp(Math.ceil(Math.max(...corners.map(([, y]) => y * perY)) + 1), height);
  const grey = new Float32Array(window.width * window.height);
  const part = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  if (part.width < 2 || part.height < 2) return { grey, validShare: 0 };

  const { pixels, valid } = await raster.read(level, part);
  const { bands } = raster;
  const means = new Float32Array(valid.length);
  for (let i = 0; i < means.length; i++) {
    let sum = 0;
    for (let band = 0; band < bands; band++) sum += pixels[i * bands + band];
    means[i] = sum / bands;
  }
  let count = 0;
  for (let row = 0; row < window.height; row++) {
    for (let column = 0; column < window.width; column++) {
      const [fullX, fullY] = apply(toRaster, window.x + column + 0.5, window.y + row + 0.5);
      const [x, y] = [fullX * perX - 0.5 - x0, fullY * perY - 0.5 - y0];
      const [left, top] = [Math.floor(x), Math.floor(y)];
      if (left < 0 || top < 0 || left + 1 >= part.width || top + 1 >= part.height) continue;
      const at = top * part.width + left;
      if (!(valid[at] && valid[at + 1] && valid[at + part.width] && valid[at + part.width + 1])) continue;
      const [right, down] = [x - left, y - top];
      const upper = means[at] * (1 - right) + means[at + 1] * right;
      const lower = means[at + part.width] * (1 - right) + means[at + part.width + 1] * right;
      grey[row * window.width + column] = upper * (1 - down) + lower * down;
      count++;
    }
  }
  return { grey, validShare: count / grey.length };
}
