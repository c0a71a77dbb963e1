/**
 * The bands and the stretch that a user asks for become the Rendering of a whole working COG, with the mean colour that
 * stands for nodata. Values are counted over all pixels at full resolution, never over a part: the same as at ingest.
 */
import type { RasterOfFile } from '../geotiff/raster.ts';
import { type BandRange, createRangeCounter } from '../ingest/band-statistics.ts';
import type { Rendering } from '../rendering/rendering.ts';
import { withNamedBands } from './named-bands.ts';
import { openWorking } from './open-working-copy.ts';
import { renderedRanges, type SceneView, type ViewedBands, viewedBands } from './scene-view.ts';

export interface ChosenRendering {
  rendering: Rendering;
  /** Mean of each band over the valid pixels as rendered, rounded; of stored values about the mean. */
  meanColour: number[];
  kind: BandRange['kind'] | 'stored';
}

const WINDOW = 512;

/** Throws RangeError for bands that the file lacks, and Problem. */
export async function chooseRendering(path: string, view: SceneView): Promise<ChosenRendering> {
  const raster = withNamedBands(await openWorking(path), view.bands ?? []);
  try {
    const { bands, ranges: wanted } = viewedBands(raster, view);
    const counted = await countRanges(raster, bands, view.stored ? bands.map(() => 'percentiles') : wanted);
    if (view.stored) {
      const meanColour = counted.map(({ range: [low, high], mean }) => low + ((high - low) * mean) / 255);
      return { rendering: { bands, ranges: null, stored: true }, meanColour, kind: 'stored' };
    }
    const ranges = renderedRanges(
      raster,
      counted.map(({ range }) => range),
    );
    return { rendering: { bands, ranges }, meanColour: counted.map(({ mean }) => mean), kind: counted[0].kind };
  } finally {
    await raster.close();
  }
}

/** What each band is given: what is wanted of it, or what ingest would find. */
async function countRanges(
  raster: RasterOfFile,
  bands: readonly number[],
  wanted: ViewedBands['ranges'],
): Promise<BandRange[]> {
  const distinct = [...new Set(bands)];
  const counter = createRangeCounter(
    raster.sampleType,
    distinct.map((band) => band - 1),
  );
  for (let pass = 1; pass <= counter.passes; pass++) {
    if (pass > 1) counter.nextPass();
    for (let y = 0; y < raster.height; y += WINDOW) {
      for (let x = 0; x < raster.width; x += WINDOW) {
        const [width, height] = [Math.min(WINDOW, raster.width - x), Math.min(WINDOW, raster.height - y)];
        const { pixels, valid } = await raster.read(0, { x, y, width, height });
        counter.add(pixels, valid, raster.bands);
      }
    }
  }
  return wanted.map((range, i) => counter.finish(range)[distinct.indexOf(bands[i])]);
}
