/**
 * A scene's pixels, sampled in windows spread over it, become what a person would want to know of them before a network
 * sees them: the values of each band, and whether the picture looks like imagery or like a map, a scan or a mask.
 */
import type { RasterOfFile } from '../geotiff/raster.ts';
import type { Window } from '../geotiff/window.ts';
import { type Rendering, renderRaster } from '../rendering/rendering.ts';

export interface BandStatistics {
  min: number;
  max: number;
  mean: number;
  /** 2nd, 25th, 50th, 75th and 98th. */
  percentiles: [number, number, number, number, number];
  /** Counts of even steps from `min` to `max`. */
  histogram: number[];
}

export interface ImageStatistics {
  /** Pixels that were looked at, and how many of them hold imagery. */
  sampled: number;
  valid: number;
  /** In the order of the raster's bands; null for one without values. */
  bands: (BandStatistics | null)[];
  content: Content;
}

export interface Content {
  kind: 'imagery' | 'few_colours' | 'paper';
  /** Of the sampled pixels as rendered, different ones. */
  colours: number;
  /** Share of the pixels that are just like their right and their lower neighbour. */
  flatShare: number;
  /** Share of the pixels that have one of the eight commonest colours. */
  commonestShare: number;
  /** 2nd to 98th percentile of the rendered brightness, 0..255. */
  contrast: number;
}

/** Windows along each side of the scene, and pixels along each side of a window. */
export const STATISTICS_WINDOWS = 8;
/** Of an image that is read in place: each window is a request. */
export const IN_PLACE_WINDOWS = 4;
const WINDOW_PIXELS = 96;
export const HISTOGRAM_STEPS = 32;
/** More of a band's values than this prove no more. */
const MOST_VALUES = 600_000;
const SHARES = [0.02, 0.25, 0.5, 0.75, 0.98] as const;

/** Looks at full resolution, since overviews blur what is flat. Throws Problem damaged_tiff. */
export async function imageStatistics(
  raster: RasterOfFile,
  rendering: Rendering,
  windows = STATISTICS_WINDOWS,
): Promise<ImageStatistics> {
  const shown = renderRaster(raster, rendering);
  const values = Array.from({ length: raster.bands }, (): number[] => []);
  const colours = new Map<number, number>();
  const brightness = new Uint32Array(256);
  let [sampled, valid, compared, flat, paper] = [0, 0, 0, 0, 0];
  for (const window of sampleWindows(raster.width, raster.height, windows)) {
    const { width, height } = window;
    const raw = await raster.read(0, window);
    const rgb = await shown.read(0, window);
    sampled += width * height;
    for (let i = 0; i < raw.valid.length; i++) {
      if (raw.valid[i] === 0) continue;
      valid++;
      for (const [band, list] of values.entries()) {
        const value = raw.pixels[i * raster.bands + band];
        if (list.length < MOST_VALUES && Number.isFinite(value)) list.push(value);
      }
      const colour = colourAt(rgb.pixels, i);
      colours.set(colour, (colours.get(colour) ?? 0) + 1);
      const [red, green, blue] = [colour >> 16, (colour >> 8) & 255, colour & 255];
      brightness[((red + green + blue) / 3) | 0]++;
      if (Math.min(red, green, blue) >= 236) paper++;
      if (i % width === width - 1 || i >= raw.valid.length - width) continue;
      compared++;
      if (colourAt(rgb.pixels, i + 1) === colour && colourAt(rgb.pixels, i + width) === colour) flat++;
    }
  }
  const commonest = [...colours.values()]
    .sort((a, b) => b - a)
    .slice(0, 8)
    .reduce((sum, count) => sum + count, 0);
  const figures = {
    colours: colours.size,
    flatShare: flat / Math.max(1, compared),
    commonestShare: commonest / Math.max(1, valid),
    contrast: spreadOf(brightness, valid),
  };
  const kind = kindOf(figures, paper / Math.max(1, valid));
  return { sampled, valid, bands: values.map(bandLook), content: { kind, ...figures } };
}

const colourAt = (rgb: Uint8Array, i: number): number => (rgb[3 * i] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i + 2];

/**
 * Sensors have noise: neighbours are rarely the same, and a million pixels have many colours. Drawn maps and masks are
 * flat in few colours; scans of paper are noisy too, but most of a sheet is white.
 */
function kindOf({ flatShare, commonestShare }: Omit<Content, 'kind'>, paperShare: number): Content['kind'] {
  if (flatShare > 0.5 && commonestShare > 0.6) return 'few_colours';
  return paperShare > 0.6 ? 'paper' : 'imagery';
}

/** In reading order, so that no row of blocks is decoded twice. Small scenes are looked at as a whole. */
export function* sampleWindows(width: number, height: number, windows: number): Generator<Window> {
  const along = (size: number) => {
    const count = Math.min(windows, Math.ceil(size / WINDOW_PIXELS));
    const side = Math.min(WINDOW_PIXELS, size);
    return Array.from({ length: count }, (_, i) => ({
      start: count === 1 ? 0 : Math.round((i * (size - side)) / (count - 1)),
      side,
    }));
  };
  for (const row of along(height)) {
    for (const column of along(width)) yield { x: column.start, y: row.start, width: column.side, height: row.side };
  }
}

function bandLook(list: readonly number[]): BandStatistics | null {
  if (list.length === 0) return null;
  const sorted = Float64Array.from(list).sort();
  const [min, max] = [sorted[0], sorted[sorted.length - 1]];
  const histogram = new Array<number>(HISTOGRAM_STEPS).fill(0);
  let sum = 0;
  for (const value of sorted) {
    sum += value;
    const step = max > min ? Math.floor(((value - min) / (max - min)) * HISTOGRAM_STEPS) : 0;
    histogram[Math.min(HISTOGRAM_STEPS - 1, step)]++;
  }
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  const percentiles = SHARES.map(at) as BandStatistics['percentiles'];
  return { min, max, mean: sum / sorted.length, percentiles, histogram };
}

/** Between the 2nd and the 98th percentile. */
function spreadOf(counts: Uint32Array, total: number): number {
  const at = (share: number) => {
    let sum = 0;
    return counts.findIndex((count) => {
      sum += count;
      return sum >= share * total;
    });
  };
  return total === 0 ? 0 : at(0.98) - at(0.02);
}
