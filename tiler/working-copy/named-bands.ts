/** Bands that somebody names are imagery, whatever the file says of them. */
import type { RasterOfFile } from '../geotiff/raster.ts';

/**
 * The raster as those see it who name these bands, the first being 1: where the band that is marked as alpha is among
 * them, pixels are imagery also where it is 0, unless all bands are.
 */
export function withNamedBands(raster: RasterOfFile, named: readonly number[]): RasterOfFile {
  const { alphaBand, bands } = raster;
  if (alphaBand === null || !named.includes(alphaBand + 1)) return raster;
  return {
    ...raster,
    async read(level, window, into) {
      const { pixels, valid } = await raster.read(level, window, into);
      for (let pixel = 0, at = 0; pixel < valid.length; pixel++, at += bands) {
        for (let band = 0; band < bands && valid[pixel] === 0; band++) if (pixels[at + band] !== 0) valid[pixel] = 1;
      }
      return { pixels, valid };
    },
  };
}
