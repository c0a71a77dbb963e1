/**
 * A cloud-optimised GeoTIFF that stays where it lies becomes the report that its ingest would give. Only its header and
 * one overview are read: value ranges, mean colour and the share of valid pixels are those of the overview.
 */

import { lookAtAlpha } from './alpha-look.ts';
import { createRangeCounter } from './band-statistics.ts';
import type { Assumption } from './findings.ts';
import type { IngestReport } from './ingest.ts';
import { lookAtNodata } from './nodata-look.ts';
import { checkNotEmpty, countValid, describeScaling, scalingOf } from './scaling.ts';
import { type IngestLimits, openSource } from './validate-source.ts';
import { workingBands, workingNames, workingRaster } from './working-bands.ts';

/** The finest level of at most so many pixels is counted. */
const MOST_COUNTED = 2048 * 2048;
const WINDOW = 512;

export type InPlaceReport = IngestReport & Required<Pick<IngestReport, 'levels'>>;

/** `path`: of the image's card. Throws the Problem with which it is refused. */
export async function describeInPlace(
  path: string,
  limits: IngestLimits,
  onProgress: (share: number) => void,
): Promise<InPlaceReport> {
  const source = await openSource(path, limits);
  const { image, header } = source;
  const working = workingBands(source, true);
  const raster = workingRaster(source, working);
  try {
    const level = raster.levels.findIndex(({ width, height }) => width * height <= MOST_COUNTED);
    const { width, height } = raster.levels[level];
    const counter = createRangeCounter(
      image.sampleType,
      [...new Set(working.rendered)].map((band) => band - 1),
    );
    let counted = 0;
    for (let pass = 1; pass <= counter.passes; pass++) {
      if (pass > 1) counter.nextPass();
      counted = 0;
      for (let y = 0; y < height; y += WINDOW) {
        const rows = Math.min(WINDOW, height - y);
        const { pixels, valid } = await raster.read(level, { x: 0, y, width, height: rows });
        counter.add(pixels, valid, raster.bands);
        counted += countValid(valid);
        onProgress((pass - 1 + (y + rows) / height) / counter.passes);
      }
    }
    checkNotEmpty(counted);
    const scaling = scalingOf(source, working.rendered, counter);
    const { findings, assumptions } = describeScaling(image, scaling);
    const alpha = await lookAtAlpha(source.raster, level);
    const nodata = await lookAtNodata(source.raster, level);
    const { compression: _, ...known } = header;
    return {
      ...known,
      bandNames: workingNames(header, working),
      rendering: scaling.rendering,
      meanColour: scaling.meanColour,
      validPixels: level === 0 ? counted : Math.round((counted / (width * height)) * header.width * header.height),
      levels: raster.levels.map((each) => ({ ...each })),
      findings: [...header.findings, alpha, nodata, ...findings].filter((finding) => finding !== null),
      assumptions: [...header.assumptions, ...assumptions, ...(level > 0 ? [countedOn(width, height)] : [])],
    };
  } finally {
    await raster.close();
  }
}

const countedOn = (width: number, height: number): Assumption => ({
  code: 'counted_on_overview',
  value: { width, height },
  reason:
    'The image is read in place: value ranges, mean colour and the share of valid pixels are those of its overview of this size.',
});
