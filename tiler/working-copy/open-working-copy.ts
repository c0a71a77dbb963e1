/** A scene's working copy, as all but ingest read it: its working COG, or the image itself where it is read in place. */
import { isRemote } from '../geotiff/byte-source.ts';
import { openSamples, type RasterOfFile } from '../geotiff/raster.ts';
import { DEFAULT_INGEST_LIMITS, openSource } from '../ingest/validate-source.ts';
import { workingBands, workingRaster } from '../ingest/working-bands.ts';

/** Both have the same bands, by the same numbers. The bytes of one in place are untrusted. Throws Problem. */
export async function openWorking(path: string): Promise<RasterOfFile> {
  if (!isRemote(path)) return openSamples(path);
  const source = await openSource(path, DEFAULT_INGEST_LIMITS);
  return workingRaster(source, workingBands(source));
}
