/**
 * A GeoTIFF becomes windows of its pixels with their validity, at full resolution or from an overview. Validity comes
 * from the internal mask, else the alpha band, else the nodata value (a pixel is invalid where all its bands hold it);
 * blocks that were never written are invalid, and floating-point pixels that are NaN in all bands.
 */

import { Problem } from '../../errors/problem.ts';
import type { UserCrs } from '../crs/crs.ts';
import type { Geotransform } from '../crs/geotransform.ts';
import { kept } from './buffer-pool.ts';
import type { ByteRange } from './byte-source.ts';
import { DECODING_THREADS } from './codecs/codec-pool.ts';
import { bandTexts, captureTime, type MetadataItem, readGdalMetadata } from './gdal-metadata.ts';
import { readGeoreference } from './georeference.ts';
import { openMainImage } from './main-image.ts';
import { bytesPerSample, createSamples, isFloat, nodataAsSample, type Samples, type SampleType } from './samples.ts';
import { blockRows, readBlock, type UseBlock } from './tiff-blocks.ts';
import { type ImageLimits, readImage, readSize, type TiffImage } from './tiff-image.ts';
import type { Ifd, TiffFile } from './tiff-structure.ts';
import { SubfileType } from './tiff-tags.ts';
import type { Window } from './window.ts';

/** `S` is Uint8Array where nothing else is said: maps of classes and scores, and RGB as networks and screens take it. */
export interface Raster<S extends Samples = Uint8Array> {
  readonly width: number;
  readonly height: number;
  readonly bands: number;
  readonly geotransform: Geotransform;
  /** Null where there is no code; then `userCrs` defines the CRS, if there is one. */
  readonly epsg: number | null;
  readonly userCrs?: UserCrs | null;
  /** Whether `epsg` names a geographic CRS; hand it on to what is written on the same grid. */
  readonly geographic?: boolean;
  readonly nodata: number | null;
  /** Full resolution, then overviews. */
  readonly levels: readonly { width: number; height: number }[];
  /**
   * The window must lie inside the level (RangeError). pixels: height*width*bands; valid: height*width of 0|1. Throws
   * Problem damaged_tiff where blocks do not decode. The memory of `into`, an earlier window that is no longer needed
   * and was as large at least, may be used for this one.
   */
  read(level: number, window: Window, into?: RasterWindow<S>): Promise<RasterWindow<S>>;
  close(): Promise<void>;
}

export interface RasterWindow<S extends Samples = Uint8Array> {
  pixels: S;
  valid: Uint8Array;
}

const OPEN_LIMITS = { pixels: 2 ** 40, bytesPerBlock: 2 ** 30, ifds: 256 };
export const CACHE_BYTES = 96 << 20;
const ASSOCIATED_ALPHA = 1;
const UNASSOCIATED_ALPHA = 2;
const FLOAT32_EPSILON = 2 ** -23;

/** What `ingest` wants to know besides. */
export interface RasterOfFile extends Raster<Samples> {
  readonly sampleType: SampleType;
  /** Whether there is an internal mask. */
  readonly hasMask: boolean;
  readonly alphaBand: number | null;
  /** When the image was taken, ISO 8601 without a zone. */
  readonly capturedAt: string | null;
  /** GDAL's items about the image as a whole. */
  readonly metadata: Readonly<Record<string, string>>;
  /** GDAL's colour roles and names of bands, by number of the band, the first being 0. */
  readonly bandRoles: ReadonlyMap<number, string>;
  readonly bandNames: ReadonlyMap<number, string>;
  /** All of GDAL's items. */
  readonly items: readonly MetadataItem[];
  /** Whether no block of these rows of the full resolution was ever written. */
  isEmpty(y: number, rows: number): boolean;
}

interface Level {
  image: TiffImage;
  mask: TiffImage | null;
}

/** Opens class maps, score maps and other TIFFs of 8-bit samples. Throws Problem. */
export async function openRaster(path: string): Promise<Raster> {
  const raster = await openSamples(path);
  if (raster.sampleType === 'uint8') return raster as Raster & RasterOfFile;
  await raster.close();
  throw new Problem('unsupported_raster', `Expected 8-bit samples, got ${raster.sampleType} ones.`);
}

/** Opens a TIFF of any samples that are read. Throws Problem. */
export async function openSamples(path: string): Promise<RasterOfFile> {
  const { tiff } = await openMainImage(path, OPEN_LIMITS.ifds);
  try {
    return await rasterOf(tiff, OPEN_LIMITS, CACHE_BYTES, true);
  } catch (error) {
    await tiff.source.close();
    throw error;
  }
}

/** What files beside a TIFF say of its pixels. */
export interface PixelSupplement {
  /** In place of the file's own. */
  nodata?: number | null;
  /** Full resolution; pixels where it is 0 are invalid. */
  mask?: Raster<Samples> | null;
}

/** The raster of the first image of an opened file, and of what belongs to it; decoded blocks up to `cacheBytes` are kept. */
export async function rasterOf(
  tiff: TiffFile,
  limits: ImageLimits,
  cacheBytes: number,
  overviews: boolean,
  supplement: PixelSupplement = {},
): Promise<RasterOfFile> {
  const levels = await readLevels(tiff, limits, overviews);
  const { image } = levels[0];
  const nodata = supplement.nodata ?? image.nodata;
  const external = supplement.mask ?? null;
  const georeference = await readGeoreference(tiff, tiff.ifds[0]);
  const blocks = createBlockCache(tiff, cacheBytes);
  const items = await readGdalMetadata(tiff);
  const bandRoles = bandTexts(items, 'colorinterp');
  const bandNames = bandTexts(items, 'description');
  const alpha = findAlphaBand(image, bandRoles, bandNames);
  const { sampleType } = image;
  const held = nodata === null ? null : nodataAsSample(sampleType, nodata);

  return {
    width: image.width,
    height: image.height,
    bands: image.bands,
    geotransform: georeference.geotransform ?? [0, 1, 0, 0, 0, -1],
    epsg: georeference.crs?.epsg ?? null,
    userCrs: georeference.crs?.userCrs ?? null,
    geographic: georeference.crs?.geographic ?? false,
    nodata,
    sampleType,
    hasMask: levels[0].mask !== null || external !== null,
    alphaBand: alpha,
    capturedAt: await captureTime(tiff, items),
    metadata: { ...imageItems(items), ...tiff.source.items },
    bandRoles,
    bandNames,
    items,
    levels: levels.map(({ image: { width, height } }) => ({ width, height })),
    isEmpty: (y, rows) => !hasBlocks(image, y, rows),
    async read(level, window, into) {
      const { x, y, width, height } = window;
      const at = levels[level];
      if (!at || !(x >= 0 && y >= 0 && x + width <= at.image.width && y + height <= at.image.height)) {
        const size = at ? `${at.image.width} x ${at.image.height}` : 'missing';
        throw new RangeError(`expected a window within level ${level} (${size}), got ${x},${y} ${width} x ${height}`);
      }
      announceWindow(tiff, [at.image, ...(at.mask ? [at.mask] : [])], window);
      const { samples: pixels, written } = await readWindow(blocks, at.image, window, into);
      if (at.mask) {
        const mask = await readWindow(blocks, at.mask, window);
        for (let i = 0; i < written.length; i++) written[i] &= mask.samples[i] === 0 ? 0 : 1;
      } else if (external && level === 0) {
        const mask = await external.read(0, window);
        for (let i = 0; i < written.length; i++) if (mask.pixels[i * external.bands] === 0) written[i] = 0;
      } else if (alpha !== null) {
        for (let i = 0, a = alpha; i < written.length; i++, a += image.bands) if (pixels[a] === 0) written[i] = 0;
      } else {
        if (isFloat(sampleType) && image.wideSigned === null) {
          if (held !== null && !Number.isNaN(held)) invalidateNear(pixels, written, image.bands, held);
          invalidateNaN(pixels, written, image.bands);
        } else if (held !== null) invalidateNodata(pixels, written, image.bands, held);
      }
      return { pixels, valid: written };
    },
    async close() {
      await tiff.source.close();
      await external?.close();
    },
  };
}

const MEASURED = /\b(n?ir|infra-?red|swir|red[ -]?edge|thermal|ndvi|height|elevation|d[est]m)\b/i;

/**
 * The band that says how opaque a pixel is, or null. GDAL's metadata, where it gives a band's role, overrules tag 338:
 * that is how GDAL itself marks a fourth band that is no alpha. So does a name that says what the band measures.
 */
function findAlphaBand(
  image: TiffImage,
  roles: ReadonlyMap<number, string>,
  names: ReadonlyMap<number, string>,
): number | null {
  const colours = image.bands - image.extraSamples.length;
  const extra = image.extraSamples.findIndex((kind) => kind === ASSOCIATED_ALPHA || kind === UNASSOCIATED_ALPHA);
  if (extra < 0 || colours < 1) return null;
  const role = roles.get(colours + extra);
  if (role === undefined && MEASURED.test(names.get(colours + extra) ?? '')) return null;
  return role === undefined || role === 'Alpha' ? colours + extra : null;
}

const imageItems = (items: readonly MetadataItem[]): Record<string, string> =>
  Object.fromEntries(items.filter(({ band }) => band === null).map(({ name, text }) => [name, text]));

/** Full resolution and, if asked for, its overviews, each with its mask. Other images in the file are passed over. */
async function readLevels(tiff: TiffFile, limits: ImageLimits, overviews: boolean): Promise<Level[]> {
  const image = await readImage(tiff, tiff.ifds[0], limits);
  const levels: Level[] = [{ image, mask: null }];
  const masks: Ifd[] = [];
  for (const ifd of tiff.ifds.slice(1)) {
    const { subfile } = await readSize(tiff, ifd, limits.pixels);
    if (subfile & SubfileType.mask) masks.push(ifd);
    else if (overviews && subfile & SubfileType.reduced) {
      const overview = await readImage(tiff, ifd, limits);
      const smaller = overview.width <= image.width && overview.height <= image.height;
      if (overview.bands === image.bands && smaller) levels.push({ image: overview, mask: null });
    }
  }
  for (const ifd of masks) {
    const { width, height } = await readSize(tiff, ifd, limits.pixels);
    const level = levels.find(({ image }) => image.width === width && image.height === height);
    if (level) level.mask = await readImage(tiff, ifd, limits);
  }
  return levels.sort((a, b) => b.image.width * b.image.height - a.image.width * a.image.height);
}

function invalidateNodata(pixels: Samples, valid: Uint8Array, bands: number, nodata: number): void {
  const first = pixels.indexOf(nodata); // most windows have none, which is found out at the speed of memory
  if (first < 0) return;
  for (let pixel = Math.floor(first / bands), at = pixel * bands; pixel < valid.length; pixel++, at += bands) {
    let band = 0;
    while (band < bands && pixels[at + band] === nodata) band++;
    if (band === bands) valid[pixel] = 0;
  }
}

/** Of floating-point samples, GDAL takes what is as near as the last two digits of a float32 for the nodata value. */
function invalidateNear(pixels: Samples, valid: Uint8Array, bands: number, nodata: number): void {
  const near = 2 * FLOAT32_EPSILON;
  for (let pixel = 0, at = 0; pixel < valid.length; pixel++, at += bands) {
    let band = 0;
    while (band < bands) {
      const value = pixels[at + band];
      if (value !== nodata && !(Math.abs(value - nodata) < near * Math.abs(value + nodata))) break;
      band++;
    }
    if (band === bands) valid[pixel] = 0;
  }
}

function invalidateNaN(pixels: Samples, valid: Uint8Array, bands: number): void {
  for (let pixel = 0, at = 0; pixel < valid.length; pixel++, at += bands) {
    let band = 0;
    while (band < bands && Number.isNaN(pixels[at + band])) band++;
    if (band === bands) valid[pixel] = 0;
  }
}

/** Whether any block of some rows was written. */
function hasBlocks(image: TiffImage, y: number, rows: number): boolean {
  const { blockHeight, blocksAcross, segmentsPerBlock, segmentsPerPlane, byteCounts } = image;
  const perBlockRow = blocksAcross * segmentsPerBlock;
  const from = Math.floor(y / blockHeight) * perBlockRow;
  const to = Math.min(segmentsPerPlane, Math.ceil((y + rows) / blockHeight) * perBlockRow);
  for (let plane = 0; plane < byteCounts.length; plane += segmentsPerPlane) {
    for (let segment = from; segment < to; segment++) if (byteCounts[plane + segment] > 0) return true;
  }
  return false;
}

type ReadBlock = (image: TiffImage, column: number, row: number, use: UseBlock, once: boolean) => Promise<void>;

/**
 * Decoded blocks, the least recently used forgotten first; one being decoded is waited for, not decoded twice. Those
 * that are wanted `once` are not kept.
 */
function createBlockCache(tiff: TiffFile, mostBytes: number): ReadBlock {
  const known = new Map<string, CachedBlock>();
  const imageNumbers = new Map<TiffImage, number>();
  let bytes = 0;
  // The memory of one that was forgotten, for the next: large ones would wait for the garbage collector.
  let spare: Samples | null = null;
  return async (image, column, row, use, once) => {
    if (!imageNumbers.has(image)) imageNumbers.set(image, imageNumbers.size);
    const key = `${imageNumbers.get(image)}/${column}/${row}`;
    let entry = known.get(key);
    if (entry) known.delete(key);
    else if (once) return readBlock(tiff, image, column, row, use);
    else {
      const reading: CachedBlock = {
        bytes: image.blockWidth * blockRows(image, row) * image.bands * bytesPerSample(image.sampleType),
        samples: null,
        users: 0,
        read: readBlock(tiff, image, column, row, (samples) => {
          const memory = spare;
          spare = null;
          reading.samples = samples && kept(samples, memory);
        }),
      };
      entry = reading;
      bytes += entry.bytes;
      // What could not be read may be had the next time: files elsewhere come and go.
      entry.read.catch(() => {
        if (known.get(key) !== reading) return;
        known.delete(key);
        bytes -= reading.bytes;
      });
    }
    known.set(key, entry);
    entry.users++;
    for (const [oldest, { bytes: freed, users, samples }] of known) {
      if (bytes <= mostBytes || known.size === 1) break;
      known.delete(oldest);
      bytes -= freed;
      if (users === 0) spare = samples;
    }
    try {
      await entry.read;
      use(entry.samples);
    } finally {
      entry.users--;
    }
  };
}

interface CachedBlock {
  bytes: number;
  read: Promise<void>;
  /** Null until it is read, and where none of it was ever written. */
  samples: Samples | null;
  /** Readers that wait for it. */
  users: number;
}

/** Tells the file's source which blocks a window is made of. */
function announceWindow({ source }: TiffFile, images: readonly TiffImage[], { x, y, width, height }: Window): void {
  if (!source.announce) return;
  const ranges: ByteRange[] = [];
  for (const { tiled, blockWidth, blockHeight, blocksAcross, segmentsPerPlane, offsets, byteCounts } of images) {
    for (let row = Math.floor(y / blockHeight); tiled && row * blockHeight < y + height; row++) {
      for (let column = Math.floor(x / blockWidth); column * blockWidth < x + width; column++) {
        for (let tile = row * blocksAcross + column; tile < offsets.length; tile += segmentsPerPlane) {
          if (byteCounts[tile] > 0) ranges.push([offsets[tile], byteCounts[tile]]);
        }
      }
    }
  }
  source.announce(ranges);
}

/** Those that are decoded at the same time, and one that is read meanwhile; fewer where blocks are large. */
const BLOCKS_IN_FLIGHT = DECODING_THREADS + 1;
const BYTES_IN_FLIGHT = 32 << 20;

const blocksInFlight = ({ blockWidth, blockHeight, bands, sampleType }: TiffImage): number => {
  const fitting = Math.floor(BYTES_IN_FLIGHT / (blockWidth * blockHeight * bands * bytesPerSample(sampleType)));
  return Math.max(1, Math.min(BLOCKS_IN_FLIGHT, fitting));
};

/** Copies the blocks' parts of a window together; `written` is 0 where a block was never written. */
async function readWindow(
  blocks: ReadBlock,
  image: TiffImage,
  { x, y, width, height }: Window,
  into?: RasterWindow<Samples>,
) {
  const { bands, blockWidth, blockHeight } = image;
  const pixelCount = width * height;
  const samples = into?.pixels.subarray(0, pixelCount * bands) ?? createSamples(image.sampleType, pixelCount * bands);
  const written = (into?.valid.subarray(0, pixelCount) ?? new Uint8Array(pixelCount)).fill(1);
  const read = (column: number, row: number) => {
    const left = Math.max(x, column * blockWidth);
    const right = Math.min(x + width, (column + 1) * blockWidth);
    const top = Math.max(y, row * blockHeight);
    const bottom = Math.min(y + height, (row + 1) * blockHeight);
    // Who reads whole rows goes from top to bottom and will not come back.
    const whole = top === row * blockHeight && bottom === Math.min(image.height, (row + 1) * blockHeight);
    const copy = (block: Samples | null) => {
      if (block && right - left === blockWidth && width === blockWidth) {
        const from = (top - row * blockHeight) * width * bands;
        samples.set(block.subarray(from, from + (bottom - top) * width * bands), (top - y) * width * bands);
        return;
      }
      for (let line = top; line < bottom; line++) {
        const to = (line - y) * width + left - x;
        if (block) {
          const from = (line - row * blockHeight) * blockWidth + left - column * blockWidth;
          samples.set(block.subarray(from * bands, (from + right - left) * bands), to * bands);
        } else {
          samples.fill(0, to * bands, (to + right - left) * bands);
          written.fill(0, to, to + right - left);
        }
      }
    };
    return blocks(image, column, row, copy, whole && width === image.width);
  };
  const columns = [Math.floor(x / blockWidth), Math.ceil((x + width) / blockWidth)];
  const rows = [Math.floor(y / blockHeight), Math.ceil((y + height) / blockHeight)];
  let [column, row] = [columns[0], rows[0]];
  const readSome = async () => {
    while (row < rows[1]) {
      const reading = read(column, row);
      column++;
      if (column === columns[1]) [column, row] = [columns[0], row + 1];
      await reading;
    }
  };
  await Promise.all(Array.from({ length: blocksInFlight(image) }, readSome));
  return { samples, written };
}
