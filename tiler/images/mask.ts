/** A mask, PNG or TIFF, becomes the class codes that it stores. */
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { Problem } from '../../errors/problem.ts';
import { openSamples } from '../geotiff/raster.ts';
import { wholeOf } from '../geotiff/window.ts';
import { type Codes, pngCodes } from './png-codes.ts';

/** Endings of what holds codes without loss. */
export const isMask = (path: string): boolean => /\.(png|tiff?)$/i.test(path);

/**
 * `unknown` stands where a TIFF has no data. Throws Problem for colours, numbers that are none of 0 to 255, and damage.
 */
export async function readMask(path: string, unknown: number): Promise<Codes> {
  if (!/\.png$/i.test(path)) return tiffCodes(path, unknown);
  return pngCodes(await readFile(path), path) ?? greyOfColours(path);
}

async function tiffCodes(path: string, unknown: number): Promise<Codes> {
  const raster = await openSamples(path);
  try {
    const { width, height, bands } = raster;
    if (bands !== 1) throw noCodes(path, `has ${bands} bands`);
    const { pixels, valid } = await raster.read(0, wholeOf(raster));
    const codes = new Uint8Array(width * height);
    for (let i = 0; i < codes.length; i++) {
      codes[i] = valid[i] ? pixels[i] : unknown;
      if (valid[i] && codes[i] !== pixels[i]) throw noCodes(path, `holds ${pixels[i]}`);
    }
    return { width, height, codes };
  } finally {
    await raster.close();
  }
}

/** Many programs save grey as colours whose parts are equal. */
async function greyOfColours(path: string): Promise<Codes> {
  const decoded = sharp(path, { limitInputPixels: 2 ** 30 })
    .removeAlpha()
    .toColourspace('srgb')
    .raw();
  const { data, info } = await decoded.toBuffer({ resolveWithObject: true }).catch(() => {
    throw new Problem('bad_request', `The mask ${path} is damaged or incomplete.`);
  });
  const { width, height, channels } = info;
  const codes = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < codes.length; i++, at += channels) {
    codes[i] = data[at];
    for (let band = 1; band < channels; band++) if (data[at + band] !== data[at]) throw noCodes(path, 'holds colours');
  }
  return { width, height, codes };
}

const noCodes = (path: string, found: string): Problem =>
  new Problem(
    'bad_request',
    `A mask has one band of class codes, 0 to 255, and ${path} ${found}: write the number of each pixel's class instead.`,
  );
