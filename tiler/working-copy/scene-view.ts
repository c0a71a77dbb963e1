/** A working COG as somebody wants to see it: other bands, another stretch than those the scene is given to networks in. */
import type { Raster, RasterOfFile } from '../geotiff/raster.ts';
import type { SampleType } from '../geotiff/samples.ts';
import { HIGH_SHARE, LOW_SHARE } from '../ingest/band-statistics.ts';
import { type Rendering, renderRaster, storedRendering, type ValueRange } from '../rendering/rendering.ts';
import { withNamedBands } from './named-bands.ts';
import { openWorking } from './open-working-copy.ts';

export interface SceneView {
  /**
   * Numbers of the bands that are red, green and blue (or what a network takes), the first being 1; without it the
   * scene's own.
   */
  bands?: number[];
  /**
   * `none`: the whole range of the data type (floating-point numbers from 0 to 1); `percentile`: 2nd to 98th of the
   * scene; a range for each band; without it what the scene has for these bands, percentiles for others.
   */
  stretch?: 'none' | 'percentile' | ValueRange[];
  /** Stored values, for networks that scale them themselves; nothing is stretched. */
  stored?: boolean;
}

/** All that the samples of a type can hold; of floating-point numbers, reflectances. */
export const WHOLE_RANGES: Record<SampleType, ValueRange> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 2 ** 32 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  float32: [0, 1],
  float64: [0, 1],
};

/** Opens a working COG as RGB. Throws RangeError for bands that it lacks, and Problem. */
export async function openView(path: string, view: SceneView): Promise<Raster> {
  const raster = withNamedBands(await openWorking(path), view.bands ?? []);
  try {
    return renderRaster(raster, await renderingOf(raster, view));
  } catch (error) {
    await raster.close();
    throw error;
  }
}

export interface ViewedBands {
  /** Numbers from 1. */
  bands: number[];
  /** Of each: the values that become 0 and 255, or that they are its percentiles; null: nothing is said of them. */
  ranges: (ValueRange | 'percentiles' | null)[];
}

/** What a view says of a scene, for those who look at it and for networks. Throws RangeError for bands that it lacks. */
export function viewedBands(raster: RasterOfFile, { bands: wanted, stretch }: SceneView): ViewedBands {
  const own = storedRendering(raster);
  const bands = wanted ?? own.bands;
  if (bands.some((band) => band > raster.bands)) {
    throw new RangeError(`expected bands from 1 to ${raster.bands}, got ${bands.join(', ')}`);
  }
  const ranges = bands.map((band, i) => {
    if (Array.isArray(stretch)) return stretch[i];
    if (stretch === 'none') return WHOLE_RANGES[raster.sampleType];
    if (stretch === 'percentile') return 'percentiles';
    if (own.ranges === null) return raster.sampleType === 'uint8' ? WHOLE_RANGES.uint8 : null;
    return own.ranges[own.bands.indexOf(band)] ?? null;
  });
  return { bands, ranges };
}

/** Ranges as a rendering has them: null where 8-bit values are taken as they are. */
export function renderedRanges(raster: RasterOfFile, ranges: ValueRange[]): Rendering['ranges'] {
  const plain = raster.sampleType === 'uint8' && ranges.every(([zero, full]) => zero === 0 && full === 255);
  return plain ? null : ranges;
}

async function renderingOf(raster: RasterOfFile, view: SceneView): Promise<Rendering> {
  const { bands, ranges } = viewedBands(raster, view);
  const isKnown = (range: ViewedBands['ranges'][number]) => range !== null && range !== 'percentiles';
  const unknown = [...new Set(bands.filter((_, i) => !isKnown(ranges[i])))];
  const found = unknown.length > 0 ? await percentiles(raster, unknown) : new Map<number, ValueRange>();
  const known = ranges.map((range, i) => (isKnown(range) ? (range as ValueRange) : found.get(bands[i])!));
  return { bands, ranges: renderedRanges(raster, known) };
}

/** 2nd and 98th percentile of each band's valid values, taken from the coarsest overview. */
async function percentiles(raster: RasterOfFile, bands: readonly number[]): Promise<Map<number, ValueRange>> {
  const level = raster.levels.length - 1;
  const { width, height } = raster.levels[level];
  const { pixels, valid } = await raster.read(level, { x: 0, y: 0, width, height });
  return new Map(
    bands.map((band) => {
      const values: number[] = [];
      for (let pixel = 0, at = band - 1; pixel < valid.length; pixel++, at += raster.bands) {
        if (valid[pixel] === 1 && Number.isFinite(pixels[at])) values.push(pixels[at]);
      }
      const sorted = Float64Array.from(values).sort();
      const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
      const [low, high] = [at(LOW_SHARE), at(HIGH_SHARE)];
      return [band, high > low ? [low, high] : [low, low + 1]];
    }),
  );
}
