/**
 * The bands and the stretch that a user asks for become the Rendering of a whole working COG, with the mean colour that
 * stands for nodata. Values are counted over all pixels at full resolution, never over a part: the same as at ingest.
 */
import type { RasterOfFile } from './raster.ts';
import { type Rendering, storedRendering, type ValueRange } from './rendering.ts';
import { type SceneView, WHOLE_RANGES } from './scene-view.ts';
import { type BandRange, createRangeCounter } from './value-range.ts';
import { openWorking } from './working.ts';

export interface ChosenRendering {
  rendering: Rendering;
  /** Mean of each band over the valid pixels as rendered, rounded; of stored values about the mean. */
  meanColour: number[];
  kind: BandRange['kind'] | 'stored';
}

const WINDOW = 512;

/** Throws RangeError for bands that the file lacks, and Problem. */
export async function chooseRendering(path: string, view: SceneView): Promise<ChosenRendering> {
  const raster = await openWorking(path);
  try {
    const bands = view.bands ?? storedRendering(raster).bands;
    if (bands.some((band) => band > raster.bands)) {
      throw new RangeError(`expected bands from 1 to ${raster.bands}, got ${bands.join(', ')}`);
    }
    const distinct = [...new Set(bands)];
    const wanted = view.stored ? distinct.map(() => 'percentiles' as const) : rangeOf(raster, view, bands, distinct);
    const counted = await countRanges(raster, distinct, wanted);
    const chosen = bands.map((band) => counted[distinct.indexOf(band)]);
    if (view.stored) {
      const meanColour = chosen.map(({ range: [low, high], mean }) => low + ((high - low) * mean) / 255);
      return { rendering: { bands, ranges: null, stored: true }, meanColour, kind: 'stored' };
    }
    const ranges = chosen.map(({ range }) => range);
    const plain = raster.sampleType === 'uint8' && ranges.every(([zero, full]) => zero === 0 && full === 255);
    const meanColour = chosen.map(({ mean }) => mean);
    return { rendering: { bands, ranges: plain ? null : ranges }, meanColour, kind: chosen[0].kind };
  } finally {
    await raster.close();
  }
}

/** What each distinct band is given: a range, percentiles, or null for what ingest would find. */
function rangeOf(
  raster: RasterOfFile,
  { stretch }: SceneView,
  bands: Rendering['bands'],
  distinct: readonly number[],
): (ValueRange | 'percentiles' | null)[] {
  const own = storedRendering(raster);
  return distinct.map((band) => {
    if (Array.isArray(stretch)) return stretch[bands.indexOf(band)];
    if (stretch === 'none') return WHOLE_RANGES[raster.sampleType];
    if (stretch === 'percentile') return 'percentiles';
    if (raster.sampleType === 'uint8' && own.ranges === null) return WHOLE_RANGES.uint8;
    const known = own.bands.indexOf(band);
    return known >= 0 && own.ranges ? own.ranges[known] : null;
  });
}

async function countRanges(
  raster: RasterOfFile,
  distinct: readonly number[],
  wanted: readonly (ValueRange | 'percentiles' | null)[],
): Promise<BandRange[]> {
  const chosen = distinct.map((band) => band - 1);
  const counter = createRangeCounter(raster.sampleType, chosen);
  for (let pass = 1; pass <= counter.passes; pass++) {
    if (pass > 1) counter.nextPass();
    for (let y = 0; y < raster.height; y += WINDOW) {
      for (let x = 0; x < raster.width; x += WINDOW) {
        const [width, height] = [Math.min(WINDOW, raster.width - x), Math.min(WINDOW, raster.height - y)];
        const { pixels, valid } = await raster.read(0, x, y, width, height);
        counter.add(pixels, valid, raster.bands);
      }
    }
  }
  return wanted.map((range, i) => counter.finish(range)[i]);
}
