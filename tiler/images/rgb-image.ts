/** Images as people collect them to train and judge by, JPEG, PNG, WebP or TIFF, as RGB rasters in memory. */
import sharp from 'sharp';
import { Problem } from '../../errors/problem.ts';
import { openSamples, type Raster, type RasterWindow } from '../geotiff/raster.ts';
import { type Window, wholeOf } from '../geotiff/window.ts';

export const isTiff = (path: string): boolean => /\.tiff?$/i.test(path);
export const isRgbImage = (path: string): boolean => isTiff(path) || /\.(jpe?g|png|webp)$/i.test(path);

/** A ground size of pixels, along rows and columns. */
interface PixelMetres {
  x: number;
  y: number;
}

interface Decoded extends RasterWindow {
  width: number;
  height: number;
}

/**
 * Decodes an image of 8 bits, of a TIFF the first three bands. The geotransform has pixels of `gsdMetres` and no place.
 * Throws Problem for a TIFF of fewer bands or other samples.
 */
export async function readRgbImage(path: string, gsdMetres: PixelMetres): Promise<Raster> {
  const image = isTiff(path) ? await decodeTiff(path) : await decode(path);
  const { width, height } = image;
  return {
    width,
    height,
    bands: 3,
    geotransform: [0, gsdMetres.x, 0, 0, 0, -gsdMetres.y],
    epsg: null,
    geographic: false,
    nodata: null,
    levels: [{ width, height }],
    async read(_level, window) {
      return { pixels: part(image.pixels, 3, width, window), valid: part(image.valid, 1, width, window) };
    },
    async close() {},
  };
}

function part(pixels: Uint8Array, bands: number, stride: number, { x, y, width, height }: Window): Uint8Array {
  const rows = new Uint8Array(width * height * bands);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * stride + x) * bands;
    rows.set(pixels.subarray(start, start + width * bands), row * width * bands);
  }
  return rows;
}

async function decode(path: string): Promise<Decoded> {
  const decoded = sharp(path, { limitInputPixels: 2 ** 30 })
    .removeAlpha()
    .toColourspace('srgb')
    .raw();
  const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { width, height, pixels: data, valid: new Uint8Array(width * height).fill(1) };
}

async function decodeTiff(path: string): Promise<Decoded> {
  const raster = await openSamples(path);
  try {
    const { width, height, bands, sampleType } = raster;
    if (sampleType !== 'uint8' || bands < 3) {
      throw new Problem(
        'unsupported_raster',
        `Expected RGB of 8 bits, and ${path} has ${bands} band${bands === 1 ? '' : 's'} of ${sampleType}: map it with "segment … --classes C.tif", then use evaluate --predicted and --truth.`,
      );
    }
    const { pixels, valid } = await raster.read(0, wholeOf(raster));
    const rgb = new Uint8Array(width * height * 3);
    for (let i = 0; i < rgb.length; i++) rgb[i] = pixels[Math.floor(i / 3) * bands + (i % 3)];
    return { width, height, pixels: rgb, valid };
  } finally {
    await raster.close();
  }
}

/** Which of JPEG, WebP and PNG this installation of sharp both reads and writes. */
export function imageFormats(): string[] {
  const { jpeg, webp, png } = sharp.format;
  return Object.entries({ jpeg, webp, png })
    .filter(([, { input, output }]) => input.buffer && output.buffer)
    .map(([name]) => name);
}
