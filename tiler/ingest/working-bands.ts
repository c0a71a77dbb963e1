/**
 * Which bands of a source a working copy has: a colour table's codes become colours, and alpha becomes the mask. Alpha
 * that looks like data is kept besides, for those who name it.
 */

import type { RasterOfFile } from '../geotiff/raster.ts';
import { createSamples, type Samples } from '../geotiff/samples.ts';
import type { Rendering } from '../rendering/rendering.ts';
import type { SceneHeader, Source } from './validate-source.ts';

/** Metadata item of a working COG with the number of the band that is marked as alpha and kept as data. */
export const ALPHA_ITEM = 'PLANIMETER_ALPHA';

export interface WorkingBands {
  count: number;
  /** The file's bands that they are, the first being 0; null: colours of a colour table. */
  kept: number[] | null;
  /** The band among them that is marked as alpha, the first being 0; null where there is none. */
  alpha: number | null;
  /** Numbers of red, green and blue in the working COG, the first being 1. */
  rendered: Rendering['bands'];
  /** The samples of the working COG's bands out of the file's. */
  take(pixels: Samples): Samples;
}

/** What becomes of the file's bands: colours in place of codes, alpha left out unless it is kept as data. */
export function workingBands({ image, raster, choice, colourTable }: Source, keepAlpha: boolean): WorkingBands {
  const { bands, sampleType } = image;
  if (colourTable) {
    return {
      count: 3,
      kept: null,
      alpha: null,
      rendered: [1, 2, 3],
      take: (codes) => applyColours(codes, bands, colourTable),
    };
  }
  const alpha = raster.alphaBand;
  const all = Array.from({ length: bands }, (_, band) => band);
  if (alpha === null || bands === 1 || keepAlpha) {
    const named = bands === 1 ? null : alpha;
    return { count: bands, kept: all, alpha: named, rendered: choice.bands, take: (pixels) => pixels };
  }
  const kept = all.filter((band) => band !== alpha);
  const rendered = choice.bands.map((band) => kept.indexOf(band - 1) + 1) as Rendering['bands'];
  const take = (pixels: Samples) => {
    const pixelCount = pixels.length / bands;
    const out = createSamples(sampleType, pixelCount * kept.length);
    for (const [to, band] of kept.entries()) {
      for (let from = band, at = to; at < out.length; from += bands, at += kept.length) out[at] = pixels[from];
    }
    return out;
  };
  return { count: kept.length, kept, alpha: null, rendered, take };
}

/** Names of the working copy's bands. */
export const workingNames = ({ bandNames }: SceneHeader, { kept }: WorkingBands): SceneHeader['bandNames'] =>
  kept ? kept.map((band) => bandNames[band]) : bandNames;

/** The raster of a source with the place and the bands of its working copy; it closes the source with itself. */
export function workingRaster({ raster, header }: Source, working: WorkingBands): RasterOfFile {
  return {
    ...raster,
    geotransform: header.geotransform,
    epsg: header.epsg,
    userCrs: header.userCrs,
    geographic: header.geographic,
    bands: working.count,
    alphaBand: working.alpha,
    async read(level, window) {
      const { pixels, valid } = await raster.read(level, window);
      return { pixels: working.take(pixels), valid };
    },
  };
}

function applyColours(codes: Samples, bands: number, table: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((codes.length / bands) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += bands, to += 3) {
    const entry = codes[from] * 3;
    rgb[to] = table[entry];
    rgb[to + 1] = table[entry + 1];
    rgb[to + 2] = table[entry + 2];
  }
  return rgb;
}
