/** JPEG and PNG files without georeference (training images and their masks) as rasters in memory. */
import sharp from 'sharp';
import type { Raster } from './raster.ts';

/**
 * Decodes an 8-bit image. `bands` is 3 for RGB and 1 for masks, whose codes are taken as they are.
 * The geotransform has pixels of `gsdMetres` and no place.
 */
export async function readRgbImage(path: string, bands: 1 | 3, gsdMetres: number): Promise<Raster> {
  const decoded = sharp(path, { limitInputPixels: 2 ** 30 });
  const { data, info } = await (bands === 1 ? decoded.extractChannel(0) : decoded.removeAlpha().toColourspace('srgb'))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return {
    width,
    height,
    bands,
    geotransform: [0, gsdMetres, 0, 0, 0, -gsdMetres],
    epsg: null,
    geographic: false,
    nodata: null,
    levels: [{ width, height }],
    async read(_level, { x, y, ...window }) {
      const pixels = new Uint8Array(window.width * window.height * bands);
      for (let row = 0; row < window.height; row++) {
        const start = ((y + row) * width + x) * bands;
        pixels.set(data.subarray(start, start + window.width * bands), row * window.width * bands);
      }
      return { pixels, valid: new Uint8Array(window.width * window.height).fill(1) };
    },
    async close() {},
  };
}

/** Which of JPEG, WebP and PNG this installation of sharp both reads and writes. */
export function imageFormats(): string[] {
  const { jpeg, webp, png } = sharp.format;
  return Object.entries({ jpeg, webp, png })
    .filter(([, { input, output }]) => input.buffer && output.buffer)
    .map(([name]) => name);
}
