/**
 * An untrusted GeoTIFF becomes a working COG and a report of what was understood of it. Runs in the sandbox process;
 * row band by row band, so that memory follows the width.
 */
import { type Assumption, type Finding, type IngestLimits, openSource, type SceneHeader } from './examine.ts';
import type { Geotransform } from './geotransform.ts';
import { Problem } from './problem.ts';
import type { RasterWindow } from './raster.ts';
import { createTiffWriter } from './write-tiff.ts';

export { type Assumption, DEFAULT_INGEST_LIMITS, type Finding, type IngestLimits } from './examine.ts';

export interface IngestReport {
  width: number;
  height: number;
  /** Of the source; the working COG has red, green and blue. */
  bands: number;
  dtype: 'uint8';
  epsg: number;
  /** Whether `epsg` names a geographic CRS. */
  geographic: boolean;
  geotransform: Geotransform;
  nodata: number | null;
  /** Mean red, green and blue of the valid pixels, rounded. */
  meanColour: [number, number, number];
  validPixels: number;
  findings: Finding[];
  assumptions: Assumption[];
}

export type InspectReport = SceneHeader;

/** What the header says. Throws the Problem with which `ingest` would refuse the file. */
export async function inspect(sourcePath: string, limits: IngestLimits): Promise<InspectReport> {
  const { raster, header } = await openSource(sourcePath, limits);
  await raster.close();
  return header;
}

/**
 * Writes the working COG: RGB, tiles of 512, ZSTD, averaged overviews, a mask where pixels can be invalid. Throws
 * Problem and leaves nothing at `workingPath` when the file is refused. `onProgress` gets shares from 0 to 1.
 */
export async function ingest(
  sourcePath: string,
  workingPath: string,
  limits: IngestLimits,
  onProgress: (share: number) => void,
): Promise<IngestReport> {
  const { raster, image, header, maskable } = await openSource(sourcePath, limits);
  const { width, height, epsg, geographic, geotransform, compression: _, ...report } = header;
  const totals = { valid: 0, red: 0, green: 0, blue: 0 };
  try {
    const writer = await createTiffWriter(workingPath, {
      width,
      height,
      bands: 3,
      compression: 'zstd',
      geotransform,
      epsg,
      geographic,
      mask: maskable,
      overviews: 'average',
    });
    try {
      const bandRows = rowsAtOnce(image.blockHeight);
      const readBand = (y: number) => raster.read(0, 0, y, width, Math.min(bandRows, height - y));
      let next = readBand(0);
      for (let y = 0; y < height; y += bandRows) {
        const window = await next;
        const rows = Math.min(bandRows, height - y);
        if (y + bandRows < height) {
          next = readBand(y + bandRows);
          next.catch(() => {}); // thrown when its turn comes
        }
        const rgb = takeColours(window, header.bands, totals);
        await writer.writeRows(rows, rgb, ...(maskable ? [window.valid] : []));
        onProgress((y + rows) / height);
      }
      if (totals.valid === 0) {
        throw new Problem('empty_raster', 'All pixels of the image are nodata or transparent. Check its nodata value.');
      }
      await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await raster.close();
  }
  const mean = (sum: number) => Math.round(sum / totals.valid);
  return {
    width,
    height,
    epsg,
    geographic,
    geotransform,
    ...report,
    meanColour: [mean(totals.red), mean(totals.green), mean(totals.blue)],
    validPixels: totals.valid,
  };
}

const BAND_ROWS = 256;

/** Whole block rows, so that no block is decoded twice; parts of them where they are tall (they are then kept). */
function rowsAtOnce(blockHeight: number): number {
  if (blockHeight > 2 * BAND_ROWS) return BAND_ROWS;
  return blockHeight * Math.max(1, Math.floor(BAND_ROWS / blockHeight));
}

/** The first three bands; adds the valid pixels to the totals. */
function takeColours(
  { pixels, valid }: RasterWindow,
  bands: number,
  totals: { valid: number; red: number; green: number; blue: number },
): Uint8Array {
  const rgb = bands === 3 ? pixels : new Uint8Array(valid.length * 3);
  let count = 0;
  let red = 0;
  let green = 0;
  let blue = 0;
  for (let pixel = 0, from = 0, to = 0; pixel < valid.length; pixel++, from += bands, to += 3) {
    const r = pixels[from];
    const g = pixels[from + 1];
    const b = pixels[from + 2];
    if (valid[pixel] !== 0) {
      count++;
      red += r;
      green += g;
      blue += b;
    }
    if (bands !== 3) {
      rgb[to] = r;
      rgb[to + 1] = g;
      rgb[to + 2] = b;
    }
  }
  totals.valid += count;
  totals.red += red;
  totals.green += green;
  totals.blue += blue;
  return rgb;
}
