/** Building regions of a class map, with the network's planes on the same grid, become one region a house. */
import { Problem } from '../../errors/problem.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import { splitInstances } from '../../vectorizer/buildings/instances.ts';
import { insideOf, type PixelBox, pixelBoxOf } from '../../vectorizer/buildings/region-mask.ts';
import type { Region } from '../../vectorizer/region.ts';
import { vectorize } from '../../vectorizer/vectorize.ts';

/** What a band of the planes' raster says; as the network's manifest declares it. */
export interface Plane {
  name: string;
  /** Class code that an object plane is about. */
  class?: number;
  role?: string;
}

export interface SplitReport {
  /** Regions that came apart, and the houses that they became. */
  split_regions: number;
  houses: number;
  /** Regions whose bounding box is larger than what is looked at as one; they stay whole. */
  too_large: number;
}

/** Pixels of the largest bounding box that is read as one: about 25 bytes each. */
const WINDOW_PIXELS = 16 << 20;

/** Interleaved bytes of a window of the map: probabilities of all planes, and of the class map's classes. */
export interface PlaneReaders {
  planes(box: PixelBox): Promise<Uint8Array>;
  /** Where scores are not known there is none. */
  scores?(box: PixelBox): Promise<Uint8Array>;
}

export interface SplitOptions {
  planes: readonly Plane[];
  /** Class code of buildings. */
  code: number;
  /** Of the smallest house. */
  minPixels: number;
}

/**
 * What takes a region's houses apart: one region a house, the region itself where the planes tell none apart, null where
 * its box is larger than what is looked at as one. Undefined where no plane shows touching borders.
 */
export function rowSplitter(
  readers: PlaneReaders,
  { planes, code, minPixels }: SplitOptions,
): ((region: Region) => Promise<Region[] | null>) | undefined {
  const border = planes.findIndex(({ role }) => role === 'touching-border');
  const building = planes.findIndex((plane) => plane.role === 'object' && plane.class === code);
  if (border < 0) return undefined;
  return async (region) => {
    const box = pixelBoxOf(region.rings);
    if (box.width * box.height > WINDOW_PIXELS) return null;
    const pixels = await readers.planes(box);
    const inside = insideOf(region.rings, box);
    const window = {
      width: box.width,
      height: box.height,
      inside,
      border: bandOf(pixels, border, planes.length),
      building: building < 0 ? new Uint8Array(inside.length).fill(255) : bandOf(pixels, building, planes.length),
    };
    const { count, map } = splitInstances(window, minPixels);
    if (count < 2) return [region];
    return housesOf(region, box, map, (await readers.scores?.(box)) ?? new Uint8Array(map.length));
  };
}

/** Throws Problem where the planes are not on the map's grid. */
export function checkGrid({ planes, classes }: { planes: Raster; classes: Raster }, bands: number): void {
  const same = planes.width === classes.width && planes.height === classes.height && planes.bands === bands;
  if (same) return;
  throw new Problem(
    'unsupported_raster',
    `Expected ${bands} planes of ${classes.width} x ${classes.height} pixels, as the class map has, got ${planes.bands} of ${planes.width} x ${planes.height}: give the planes of the same run as the class map.`,
  );
}

function bandOf(pixels: Uint8Array, band: number, bands: number): Uint8Array {
  const values = new Uint8Array(pixels.length / bands);
  for (let i = 0, from = band; i < values.length; i++, from += bands) values[i] = pixels[from];
  return values;
}

/** The regions of a window's map, where they are in the whole map. */
async function housesOf(
  region: Region,
  { x, y, width, height }: PixelBox,
  classes: Uint8Array,
  scores: Uint8Array,
): Promise<Region[]> {
  const { regions } = await vectorize([{ rows: height, classes, scores }], {
    ...{ width, height, pixelAreaM2: 1, minAreaM2: 0, tolerancePixels: 0, nodata: 0 },
  });
  return [...regions].map((house) => ({
    ...house,
    class: region.class,
    x: house.x + x,
    y: house.y + y,
    rings: house.rings.map((ring) => ring.map((value, i) => value + (i % 2 === 0 ? x : y))),
  }));
}
