/** Opens working copies as the pixels that networks and screens take. */

import type { Raster, RasterOfFile } from '../geotiff/raster.ts';
import { isFloat } from '../geotiff/samples.ts';
import { invalidateNaN, type Pixels, type Rendering, renderRaster, storedRendering } from '../rendering/rendering.ts';
import { withNamedBands } from './named-bands.ts';
import { openWorking } from './open-working-copy.ts';

/** Opens a working COG (or any 8-bit TIFF) as RGB. `rendering`: another one than its own. Throws Problem. */
export async function openScene(path: string): Promise<Raster>;
export async function openScene(path: string, rendering: Rendering | undefined): Promise<Raster<Pixels>>;
export async function openScene(path: string, rendering?: Rendering): Promise<Raster<Pixels>> {
  const working = await openWorking(path);
  const raster = rendering ? withNamedBands(working, rendering.bands) : working;
  return rendering?.stored
    ? storedValues(raster, rendering.bands)
    : renderRaster(raster, rendering ?? storedRendering(raster));
}

/** Chosen bands with their stored values; a pixel that lacks one of them is no imagery. */
function storedValues(raster: RasterOfFile, bands: readonly number[]): Raster<Float32Array> {
  return {
    ...raster,
    bands: bands.length,
    nodata: null,
    async read(level, window) {
      const { pixels, valid } = await raster.read(level, window);
      const values = new Float32Array(valid.length * bands.length);
      for (const [to, band] of bands.entries()) {
        for (let from = band - 1, at = to; at < values.length; from += raster.bands, at += bands.length) {
          values[at] = pixels[from];
        }
      }
      if (isFloat(raster.sampleType)) invalidateNaN(pixels, bands, raster.bands, valid);
      return { pixels: values, valid };
    },
  };
}
