/**
 * Whether the nodata value of a file is one: a value that dark water or white roofs have too takes them out of the
 * image, and where alpha or a mask say otherwise it counts for nothing.
 */
import type { RasterOfFile } from '../geotiff/raster.ts';
import { nodataAsSample, type Samples } from '../geotiff/samples.ts';
import type { Finding } from './findings.ts';
import { IN_PLACE_WINDOWS, sampleWindows } from './image-statistics.ts';

/** Values so near to nodata, in all bands, are more of the same. */
const NEAR = 3;
/** Fewer neighbours of nodata pixels prove nothing. */
const LEAST_NEIGHBOURS = 64;
/** Where imagery ends at a collar, hardly any pixel beside it is nearly nodata. */
const MOST_NEAR = 0.3;
/** Of the pixels looked at, that hold nodata and are imagery all the same. */
const LEAST_OVERRULED = 0.001;

/** Null where there is no nodata value, and where it does what it is for. */
export async function lookAtNodata(raster: RasterOfFile, level = 0): Promise<Finding | null> {
  const { nodata, bands, alphaBand, hasMask } = raster;
  const held = nodata === null ? null : nodataAsSample(raster.sampleType, nodata);
  if (held === null || Number.isNaN(held)) return null;
  const overruled = hasMask || alphaBand !== null;
  const { width, height } = raster.levels[level];
  let [sampled, holding, neighbours, near] = [0, 0, 0, 0];
  for (const window of sampleWindows(width, height, IN_PLACE_WINDOWS)) {
    const { pixels, valid } = await raster.read(level, window);
    const farthest = (pixel: number) => distance(pixels, pixel, bands, alphaBand, held);
    for (let pixel = 0; pixel < valid.length; pixel++) {
      sampled++;
      if (overruled) {
        if (valid[pixel] === 1 && farthest(pixel) === 0) holding++;
        continue;
      }
      const beside = [pixel + window.width];
      if ((pixel + 1) % window.width !== 0) beside.push(pixel + 1);
      for (const other of beside) {
        if (other >= valid.length || valid[pixel] === valid[other]) continue;
        neighbours++;
        if (farthest(valid[pixel] === 1 ? pixel : other) <= NEAR) near++;
      }
    }
  }
  if (overruled && holding > LEAST_OVERRULED * sampled) {
    const by = hasMask ? 'the mask' : 'alpha';
    const message = `${percent(holding, sampled)} of the pixels looked at hold the nodata value ${nodata} where ${by} says that there is imagery; they are mapped.`;
    return { code: 'nodata_overruled', severity: 'info', message };
  }
  if (neighbours < LEAST_NEIGHBOURS || near <= MOST_NEAR * neighbours) return null;
  const message =
    `The nodata value ${nodata} stands among values that are nearly the same (${percent(near, neighbours)} of the pixels beside it), ` +
    'as in dark water, deep shadow or white roofs, or at a collar that was compressed with loss. Pixels that hold it are not mapped.';
  const fix = 'If they are imagery: gdal_edit.py -unsetnodata FILE.tif';
  return { code: 'nodata_among_data', severity: 'warning', message, fix };
}

/** How far the bands of a pixel, alpha apart, are from a value. */
function distance(pixels: Samples, pixel: number, bands: number, alpha: number | null, value: number): number {
  let most = 0;
  for (let band = 0; band < bands; band++) {
    if (band !== alpha) most = Math.max(most, Math.abs(pixels[pixel * bands + band] - value));
  }
  return most;
}

const percent = (count: number, of: number): string => `${Number(((100 * count) / of).toPrecision(2))} %`;
