/**
 * Whether a band that is marked as alpha is one. Programs tag the fourth band of red, green, blue and near infrared so,
 * and water, which is black in near infrared, would not be imagery.
 */
import type { RasterOfFile } from '../geotiff/raster.ts';
import type { Finding } from './findings.ts';
import { IN_PLACE_WINDOWS, sampleWindows } from './image-statistics.ts';

/** What alpha is where a pixel is opaque: of 1, 8 and 16 bits. */
const OPAQUE: readonly number[] = [1, 255, 65_535];
/** Share of half-transparent pixels that soft edges do not explain. */
const MOST_BETWEEN = 0.05;
/** What is cut away has one colour; what is seen has many, none of which most pixels have. */
const FEWEST_COLOURS = 32;
const MOST_COMMONEST = 0.5;

/** Null where there is no alpha band, and where it says opaque and transparent as alpha does. */
export async function lookAtAlpha(raster: RasterOfFile, level = 0): Promise<Finding | null> {
  const { alphaBand: alpha, bands } = raster;
  if (alpha === null || bands === 1) return null;
  const { width, height } = raster.levels[level];
  let [sampled, between, transparent] = [0, 0, 0];
  const colours = new Map<string, number>();
  for (const window of sampleWindows(width, height, IN_PLACE_WINDOWS)) {
    const { pixels } = await raster.read(level, window);
    for (let at = 0; at < pixels.length; at += bands) {
      sampled++;
      const opacity = pixels[at + alpha];
      if (opacity === 0) {
        transparent++;
        const colour = pixels.subarray(at, at + bands).join();
        colours.set(colour, (colours.get(colour) ?? 0) + 1);
      } else if (!OPAQUE.includes(opacity)) between++;
    }
  }
  const commonest = Math.max(0, ...colours.values());
  const percent = (count: number) => `${Math.round((100 * count) / sampled)} %`;
  const reasons: string[] = [];
  if (between > MOST_BETWEEN * sampled)
    reasons.push(`${percent(between)} of its values are neither opaque nor transparent`);
  if (colours.size >= FEWEST_COLOURS && commonest < MOST_COMMONEST * transparent) {
    reasons.push('where it is 0 the other bands show an image');
  }
  if (reasons.length === 0) return null;
  const number = alpha + 1;
  const message =
    `Band ${number} is marked as alpha but looks like data: ${reasons.join(', and ')}. ` +
    `Where it is 0 (${percent(transparent)} of the pixels looked at) nothing is mapped, unless a job names the band among its bands.`;
  const fix = `If it is no alpha: gdal_edit.py -colorinterp_${number} undefined FILE.tif`;
  return { code: 'alpha_looks_like_data', severity: 'warning', message, fix };
}
