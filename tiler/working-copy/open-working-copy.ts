/** A scene's working copy, as all but ingest read it: its working COG, or the image itself where it is read in place. */
import { isRemote } from '../geotiff/byte-source.ts';
import { openSamples, type RasterOfFile } from '../geotiff/raster.ts';
import { DEFAULT_INGEST_LIMITS, openSource } from '../ingest/validate-source.ts';
import { ALPHA_ITEM, workingBands, workingRaster } from '../ingest/working-bands.ts';

/** Both have the same bands, by the same numbers. The bytes of one in place are untrusted. Throws Problem. */
export async function openWorking(path: string): Promise<RasterOfFile> {
  if (!isRemote(path)) {
    const raster = await openSamples(path);
    const alpha = raster.metadata[ALPHA_ITEM];
    return alpha === undefined ? raster : { ...raster, alphaBand: Number(alpha) - 1 };
  }
  const source = await openSource(path, DEFAULT_INGEST_LIMITS);
  return workingRaster(source, workingBands(source, true));
}
