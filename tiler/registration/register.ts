/**
 * How one image lies against another of the same ground, beyond what their geotransforms say: shifts of a grid of windows,
 * and the robust affine map through them. The imagery itself is never resampled for a network; geometry is moved.
 */
import { apply, type Geotransform, invert } from '../crs/geotransform.ts';
import type { Raster } from '../geotiff/raster.ts';
import type { Window } from '../geotiff/window.ts';
import { type AffineFit, fitShifts, quantile, type WindowShift } from './fit-shifts.ts';
import { createCorrelator, type Shift } from './phase-correlation.ts';
import { type Grey, greyAt } from './sample-grey.ts';

/** Pixels along a side of a window. */
const WINDOW_PIXELS = 256;
/** Smaller images are looked at through smaller windows. */
const LEAST_WINDOW_PIXELS = 64;
/** At most so many windows, evenly spread. */
const MOST_WINDOWS = 144;
const LEAST_SIGMAS = 8;
/** What a second look, with the shift taken off, may still find. */
const MOST_RETURN_PIXELS = 0.5;
/** Of a window's pixels, in both images. */
const LEAST_VALID_SHARE = 0.9;
/** Fewer windows say nothing of how one image lies against the other. */
const LEAST_WINDOWS = 3;
/** Windows farther from the map through all of them do not agree with it; so many have to. */
const MOST_APART_PIXELS = 3;
const LEAST_AGREEING = 0.3;
/** An image of a coarse look is so many pixels on its shorter side at least. */
const COARSE_PIXELS = 256;

export interface Registration {
  /** From pixel positions of the first image to those of the second, shifts included. */
  toSecond: Geotransform;
  /** The shifts alone: from positions in the first to where their ground lies, in pixels of the first. */
  shift: Geotransform;
  /** Those that agree. */
  windows: WindowShift[];
  /** How many were looked at. */
  tried: number;
  /** Lengths of the windows' shifts, in pixels of the first image. */
  medianPixels: number;
  p90Pixels: number;
  /** What the map through them leaves, in pixels of the first image: half of the windows are nearer, and nine of ten. */
  residualMedianPixels: number;
  residualP90Pixels: number;
}

/**
 * @param toSecond from pixel positions of the first image to those of the second, by their geotransforms
 * @param shared pixels of the first image that the second may show, too
 * @returns null where too few windows show the same in both: flat ground, clouds, or no common ground
 */
export async function register(
  first: Raster,
  second: Raster,
  toSecond: Geotransform,
  shared: Window,
): Promise<Registration | null> {
  const coarse = await lookFromAfar(first, second, toSecond, shared);
  const side = windowSide(shared);
  const correlate = createCorrelator(side);
  const windows: WindowShift[] = [];
  const places = placesOf(shared, side);
  for (const { x, y } of places) {
    const here = await greyAt(first, 0, { x, y, width: side, height: side }, IDENTITY);
    if (here.validShare < LEAST_VALID_SHARE) continue;
    const found = await shiftOf(here, { x, y }, coarse);
    if (found) windows.push({ x: x + side / 2, y: y + side / 2, ...found });
  }
  const fit = fitShifts(windows);
  if (!fit) return null;
  // Those of chance peaks, and of things that have moved, tell nothing.
  const agreeing = [...windows.keys()].filter((i) => fit.residuals[i] <= MOST_APART_PIXELS);
  if (agreeing.length < Math.max(LEAST_WINDOWS, LEAST_AGREEING * windows.length)) return null;
  const residuals = agreeing.map((i) => fit.residuals[i]);
  const summary = summaryOf(
    { map: fit.map, residuals },
    agreeing.map((i) => windows[i]),
  );
  return { ...summary, toSecond: compose(toSecond, fit.map), tried: places.length };

  async function shiftOf(
    here: Grey,
    { x, y }: { x: number; y: number },
    begin: { x: number; y: number },
  ): Promise<Pick<WindowShift, 'dx' | 'dy' | 'sigmas'> | null> {
    let [dx, dy] = [begin.x, begin.y];
    let last: Shift | null = null;
    // Each look takes off what the one before has found: near zero, sub-pixel peaks are true.
    for (let look = 0; look < 3; look++) {
      const moved = compose(toSecond, [dx, 1, 0, dy, 0, 1]);
      const there = await greyAt(second, 0, { x, y, width: side, height: side }, moved);
      if (there.validShare < LEAST_VALID_SHARE) return null;
      last = correlate(here.grey, there.grey);
      if (!last || last.sigmas < LEAST_SIGMAS) return null;
      if (look > 0 && Math.hypot(last.x, last.y) > MOST_RETURN_PIXELS) return null;
      dx += last.x;
      dy += last.y;
    }
    return { dx, dy, sigmas: last!.sigmas };
  }
}

const IDENTITY: Geotransform = [0, 1, 0, 0, 0, 1];

/** A shift of more than a window, seen in overviews; none where nothing stands out. */
async function lookFromAfar(
  first: Raster,
  second: Raster,
  toSecond: Geotransform,
  shared: Window,
): Promise<{ x: number; y: number }> {
  const shorter = Math.min(shared.width, shared.height);
  const factor = Math.max(1, shorter / COARSE_PIXELS);
  if (factor < 2) return { x: 0, y: 0 };
  const side = COARSE_PIXELS;
  const scale: Geotransform = [shared.x, factor, 0, shared.y, 0, factor];
  const [x, y] = [shared.width, shared.height].map((size) => (size / factor - side) / 2);
  const window = { x, y, width: side, height: side };
  const [here, there] = [
    await greyAt(first, levelOf(first, factor), window, scale),
    await greyAt(second, levelOf(second, factor * scaleOf(toSecond)), window, compose(toSecond, scale)),
  ];
  if (Math.min(here.validShare, there.validShare) < LEAST_VALID_SHARE / 2) return { x: 0, y: 0 };
  const found = createCorrelator(side)(here.grey, there.grey);
  if (!found || found.sigmas < LEAST_SIGMAS) return { x: 0, y: 0 };
  return { x: found.x * factor, y: found.y * factor };
}

/** The coarsest level that is as fine as the factor. */
function levelOf({ levels, width }: Raster, factor: number): number {
  const fitting = levels.findLastIndex((level) => width / level.width <= factor * 1.01);
  return Math.max(0, fitting);
}

const scaleOf = ([, a, b, , d, e]: Geotransform): number => Math.sqrt(Math.abs(a * e - b * d));

function windowSide({ width, height }: Window): number {
  let side = WINDOW_PIXELS;
  while (side > LEAST_WINDOW_PIXELS && side > Math.min(width, height) / 2) side /= 2;
  return side;
}

/** Upper left corners of windows, evenly spread over what is shared and half overlapping where that is small. */
function placesOf({ x: left, y: top, width, height }: Window, side: number): { x: number; y: number }[] {
  const along = (size: number, most: number) => {
    const count = Math.max(1, Math.min(most, Math.floor((size - side) / (side / 2)) + 1));
    return Array.from({ length: count }, (_, i) =>
      count === 1 ? Math.floor((size - side) / 2) : Math.round((i * (size - side)) / (count - 1)),
    );
  };
  const perSide = Math.sqrt(MOST_WINDOWS);
  const ratio = Math.sqrt(width / height);
  const columns = along(width, Math.max(1, Math.round(perSide * ratio)));
  const rows = along(height, Math.max(1, Math.round(perSide / ratio)));
  return rows.flatMap((y) => columns.map((x) => ({ x: left + x, y: top + y })));
}

/** `after` of what `before` gives. */
export function compose(after: Geotransform, before: Geotransform): Geotransform {
  const [x, y] = apply(after, before[0], before[3]);
  return [
    x,
    after[1] * before[1] + after[2] * before[4],
    after[1] * before[2] + after[2] * before[5],
    y,
    after[4] * before[1] + after[5] * before[4],
    after[4] * before[2] + after[5] * before[5],
  ];
}

/** From pixel positions of one grid to those of another of the same CRS. */
export const pixelsBetween = (from: Geotransform, to: Geotransform): Geotransform => compose(invert(to), from);

function summaryOf({ map, residuals }: AffineFit, windows: WindowShift[]) {
  const lengths = windows.map(({ dx, dy }) => Math.hypot(dx, dy));
  return {
    ...{ shift: map, windows },
    ...{ medianPixels: quantile(lengths, 0.5), p90Pixels: quantile(lengths, 0.9) },
    ...{ residualMedianPixels: quantile(residuals, 0.5), residualP90Pixels: quantile(residuals, 0.9) },
  };
}
