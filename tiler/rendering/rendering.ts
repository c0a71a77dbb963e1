/**
 * A working COG of any samples becomes the 8-bit RGB that networks and screens take: which bands are red, green and
 * blue, and which values become 0 and 255. Both hold for the whole scene and stand in the working COG's metadata.
 * Networks of other bands are given those, in their order, and networks that scale values themselves the stored ones.
 *
 * Samples are converted as they are read, before any resampling: each 8-bit value follows from one stored value alone,
 * so an 8-bit and a 16-bit file of one scene give the network the same pixels, and a window equals the crop of the
 * whole.
 */
import type { Raster, RasterOfFile } from '../geotiff/raster.ts';
import { isFloat, type Samples, type SampleType } from '../geotiff/samples.ts';

/** The stored values that become 0 and 255; the first may be the larger one (inverted). */
export type ValueRange = [zero: number, full: number];

export interface Rendering {
  /** Numbers of the bands that are red, green and blue, or what a network takes; the first band is 1. */
  bands: number[];
  /** For each of these bands; null: the samples are taken as they are. */
  ranges: ValueRange[] | null;
  /** Samples as they are stored, as float32, for networks that scale them themselves; else bytes. */
  stored?: boolean;
}

/** What a rendering gives: bytes, or stored values where it says so. */
export type Pixels = Uint8Array | Float32Array;

/** The metadata item of working COGs that holds their Rendering as JSON. */
export const RENDERING_ITEM = 'PLANIMETER_RENDERING';

/** A working COG's own rendering; of other files the first three bands, or the first one as gray. */
export function storedRendering(raster: RasterOfFile): Rendering {
  const stored = raster.metadata[RENDERING_ITEM];
  return stored ? JSON.parse(stored) : { bands: raster.bands >= 3 ? [1, 2, 3] : [1, 1, 1], ranges: null };
}

/** The RGB view of a raster (or that of a rendering's other bands), which it closes with itself. */
export function renderRaster(raster: RasterOfFile, rendering: Rendering): Raster {
  const { bands, ranges } = rendering;
  if (
    !ranges &&
    raster.sampleType === 'uint8' &&
    raster.bands === bands.length &&
    bands.every((band, i) => band === i + 1)
  ) {
    return raster as Raster & RasterOfFile;
  }
  const count = bands.length;
  const converters = bands.map((_, i) => converter(raster.sampleType, ranges?.[i] ?? [0, 255], count));
  return {
    ...raster,
    bands: count,
    nodata: null, // of the stored values; `valid` tells
    async read(level, window) {
      const { pixels, valid } = await raster.read(level, window);
      const rgb = new Uint8Array(valid.length * count);
      for (const [to, convert] of converters.entries()) convert(pixels, bands[to] - 1, raster.bands, rgb, to);
      if (isFloat(raster.sampleType)) invalidateNaN(pixels, bands, raster.bands, valid);
      return { pixels: rgb, valid };
    },
  };
}

type Converter = (pixels: Samples, band: number, bands: number, rgb: Uint8Array, to: number) => void;

/** Rounded half up and held within 0..255. */
export function toByte(value: number, [zero, full]: ValueRange): number {
  const scaled = ((value - zero) * 255) / (full - zero);
  return scaled <= 0 ? 0 : scaled >= 255 ? 255 : Math.floor(scaled + 0.5);
}

/** `step`: bands of what is written. */
function converter(type: SampleType, range: ValueRange, step: number): Converter {
  const table = byteTable(type, range);
  if (!table) {
    return (pixels, band, bands, rgb, to) => {
      for (let from = band, at = to; at < rgb.length; from += bands, at += step) rgb[at] = toByte(pixels[from], range);
    };
  }
  const mask = table.length - 1;
  return (pixels, band, bands, rgb, to) => {
    for (let from = band, at = to; at < rgb.length; from += bands, at += step) rgb[at] = table[pixels[from] & mask];
  };
}

/** The byte of every value of an 8- or 16-bit type, by its lowest bits; null for other types. */
function byteTable(type: SampleType, range: ValueRange): Uint8Array | null {
  const wide = type === 'uint16' || type === 'int16';
  if (!wide && type !== 'uint8' && type !== 'int8') return null;
  const table = new Uint8Array(wide ? 65_536 : 256);
  const first = type === 'int16' ? -32_768 : type === 'int8' ? -128 : 0;
  for (let i = 0; i < table.length; i++) table[(first + i) & (table.length - 1)] = toByte(first + i, range);
  return table;
}

/** A pixel that lacks one of the chosen bands is no imagery. */
export function invalidateNaN(pixels: Samples, chosen: readonly number[], bands: number, valid: Uint8Array): void {
  for (const band of new Set(chosen)) {
    for (let pixel = 0, at = band - 1; pixel < valid.length; pixel++, at += bands) {
      if (Number.isNaN(pixels[at])) valid[pixel] = 0;
    }
  }
}
