/** Which stored values become 0 and 255 for the whole scene, and how that is said. */

import { Problem } from '../../errors/problem.ts';
import type { TiffImage } from '../geotiff/tiff-image.ts';
import { Photometric } from '../geotiff/tiff-tags.ts';
import type { Rendering, ValueRange } from '../rendering/rendering.ts';
import type { BandRange, RangeCounter } from './band-statistics.ts';
import type { Assumption, Finding } from './findings.ts';
import type { Source } from './validate-source.ts';

export interface Scaling {
  rendering: Rendering;
  meanColour: [number, number, number];
  kind: BandRange['kind'];
}

/** The rendering that the counted samples ask for; that of 8-bit ones does not depend on them. */
export function scalingOf({ image, colourTable }: Source, bands: Rendering['bands'], counter: RangeCounter): Scaling {
  const { bits, sampleType, photometric } = image;
  const inverted = photometric === Photometric.minIsWhite && bands[0] === bands[2];
  const flip = <T>(range: readonly [T, T]): [T, T] => (inverted ? [range[1], range[0]] : [range[0], range[1]]);
  const declared: ValueRange | null = sampleType === 'uint8' ? [0, colourTable ? 255 : 2 ** bits - 1] : null;
  const found = counter.finish(declared);
  const distinct = [...new Set(bands)];
  const rgb = bands.map((band) => found[distinct.indexOf(band)]);
  const ranges = rgb.map(({ range }) => flip(range)) as [ValueRange, ValueRange, ValueRange];
  const asTheyAre = declared !== null && declared[1] === 255 && !inverted;
  const [red, green, blue] = rgb.map(({ mean }) => (inverted ? 255 - mean : mean));
  return {
    rendering: { bands, ranges: asTheyAre ? null : ranges },
    meanColour: [red, green, blue],
    kind: rgb[0].kind,
  };
}

/** How the samples became 8-bit ones, as an assumption that jobs repeat, and as a finding where it is a choice. */
export function describeScaling(image: TiffImage, { rendering: { bands, ranges }, kind }: Scaling) {
  const findings: Finding[] = [];
  const assumptions: Assumption[] = [];
  if (ranges) {
    const value = { bands, ranges };
    const reasons = {
      declared: `The range of ${image.bits}-bit samples, spread over 0 to 255.`,
      levels: 'The values are the 256 even levels of 8-bit imagery; each was given its level.',
      percentiles: 'From the 2nd to the 98th percentile of each band over the whole scene, spread over 0 to 255.',
    };
    assumptions.push({ code: 'stretch', value, reason: reasons[kind] });
    if (kind === 'percentiles') {
      const message = `The networks take 8 bits a band; these ${image.sampleType} values were brought there. ${reasons[kind]}`;
      const fix = 'gdal_translate -ot Byte -scale LOW HIGH 0 255 INPUT.tif OUTPUT.tif';
      findings.push({ code: 'scaled_to_8bit', severity: 'info', message, fix });
    }
  }
  return { findings, assumptions };
}

export function checkNotEmpty(validPixels: number): void {
  if (validPixels > 0) return;
  throw new Problem('empty_raster', 'All pixels of the image are nodata or transparent. Check its nodata value.');
}

export function countValid(valid: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < valid.length; i++) count += valid[i];
  return count;
}
