/** Class map and score map on disk → one line of JSON per region (class code, score, first pixel, WKB in base64). */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openRaster } from '../../tiler/raster.ts';
import { regionToWkb } from '../../vectorizer/georeference.ts';
import { type ClassBand, type VectorizeReport, vectorize } from '../../vectorizer/vectorize.ts';

export interface VectorizeMapRequest {
  classesPath: string;
  scoresPath: string;
  regionsPath: string;
  /** Ground area of a pixel of the class map. */
  pixelAreaM2: number;
  minAreaM2: number;
  tolerancePixels: number;
}

/** One line of the regions file. */
export interface RegionLine {
  /** Class code. */
  class: number;
  /** Mean probability, 0..1. */
  score: number;
  /** First pixel of the region in raster order. */
  x: number;
  y: number;
  /** Polygon in the scene's CRS, base64 of little-endian WKB. */
  wkb: string;
}

const BAND_ROWS = 512;
const NODATA = 255;

/** Writes the regions file. `onProgress` gets the rows that have been read. */
export async function vectorizeMap(
  request: VectorizeMapRequest,
  onProgress: (rows: number) => void,
): Promise<VectorizeReport> {
  const classes = await openRaster(request.classesPath);
  const scores = await openRaster(request.scoresPath);
  const { width, height, geotransform } = classes;

  async function* bands(): AsyncGenerator<ClassBand> {
    for (let y = 0; y < height; y += BAND_ROWS) {
      const rows = Math.min(BAND_ROWS, height - y);
      const [classBand, scoreBand] = await Promise.all([
        classes.read(0, 0, y, width, rows),
        scores.read(0, 0, y, width, rows),
      ]);
      yield { rows, classes: classBand.pixels, scores: scoreBand.pixels };
      onProgress(y + rows);
    }
  }

  try {
    const { minAreaM2, tolerancePixels, pixelAreaM2 } = request;
    const options = { width, height, pixelAreaM2, minAreaM2, tolerancePixels, nodata: NODATA };
    const { regions, report } = await vectorize(bands(), options);
    function* lines(): Generator<string> {
      for (const region of regions) {
        const { class: code, score, x, y } = region;
        const wkb = Buffer.from(regionToWkb(region, geotransform)).toString('base64');
        yield `${JSON.stringify({ class: code, score, x, y, wkb } satisfies RegionLine)}\n`;
      }
    }
    await pipeline(Readable.from(lines()), createWriteStream(request.regionsPath));
    return report;
  } finally {
    await Promise.all([classes.close(), scores.close()]);
  }
}
