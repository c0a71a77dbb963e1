/**
 * Rows of pixels, top to bottom, become a tiled cloud-optimised GeoTIFF with overviews and a mask.
 *
 * Tiles are compressed in the thread pool as soon as they are full and collected in a temporary file; `finish` then
 * knows every size, chooses classic TIFF or BigTIFF and assembles the file: all IFDs, the coarsest overview's tiles,
 * ..., the full resolution's tiles. Memory follows the width: four tile rows per level.
 *
 * The temporary file can be one that others watch grow: see `sparse-tiff.ts`.
 */
import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { packBits } from './bit-mask.ts';
import { levelSizes, type TiffLayout } from './cog-layout.ts';
import { averageRowsOf, type Halve, majorityRows, type Row } from './overview.ts';
import { openSamples } from './raster.ts';
import { bytesOfSamples, bytesPerSample, createSamples, type Samples } from './samples.ts';
import { createSparseTiff, type SparseTiff, sparsePath } from './sparse-tiff.ts';
import { readImage, type TiffImage } from './tiff-image.ts';
import { openTiff } from './tiff-structure.ts';
import {
  appendTile,
  assemble,
  compress,
  compressTile,
  createTileWriter,
  imagesOf,
  type StoredLevel,
  type TileWriter,
} from './tile-writer.ts';

export type { TiffLayout };
export { sparsePath };

export interface TiffWriter {
  /** pixels: rows*width*bands; valid: rows*width of 0|1, given exactly when the layout has a mask. */
  writeRows(rows: number, pixels: Samples, valid?: Uint8Array): Promise<void>;
  /** Rows without imagery, of a layout with a mask. Tiles of such rows alone are not written. */
  skipRows(rows: number): Promise<void>;
  /**
   * Takes all rows of a finished TIFF of the same layout but for its height and number of overviews. Where they begin
   * and, but for the last, end at the edge of a tile on each of its levels, tiles are copied as they are.
   * Throws a RangeError otherwise, and for a layout with a mask.
   */
  appendTiff(path: string): Promise<void>;
  /** Assembles the file and renames it to its final path. Rejects when rows are missing. */
  finish(): Promise<void>;
  /** Nothing is left behind. */
  abort(): Promise<void>;
}

const COMPRESSIONS_IN_FLIGHT = 4;
/** Larger tile rows are not filled while others are compressed. */
const TWIN_BYTES = 24 << 20;
const CLASSIC_LIMIT_BYTES = 2 ** 32 - 1;

export interface WriterOptions {
  /** Files whose size could exceed this become BigTIFFs. */
  classicLimitBytes?: number;
  /** Whether the rows written so far can be read as a TIFF at `sparsePath(path)` until `finish` or `abort`. */
  growing?: boolean;
}

/** Opens a writer for `path`; nothing stands there before `finish`. Throws RangeError for a layout that makes no sense. */
export async function createTiffWriter(
  path: string,
  layout: TiffLayout,
  { classicLimitBytes = CLASSIC_LIMIT_BYTES, growing = false }: WriterOptions = {},
): Promise<TiffWriter> {
  checkLayout(layout);
  const { width, height, bands } = layout;
  const stem = `${path}.${randomBytes(4).toString('hex')}`;
  const store = await createTileWriter(growing ? sparsePath(path) : `${stem}.tiles.partial`);
  let levels: Level[] = [];
  let grown: SparseTiff | null = null;
  let rowsWritten = 0;

  const removeAll = async () => {
    for (const level of levels) await level.flushing.catch(() => {});
    levels = [];
    await store.file.close().catch(() => {}); // closed before
    await rm(store.path, { force: true });
    await rm(`${stem}.partial`, { force: true });
  };

  try {
    const sizes = levelSizes(layout);
    levels = sizes.map((size) => createLevel(store, size, layout));
    if (growing) {
      const images = imagesOf(levels, layout);
      grown = await createSparseTiff(store.path, store.file, images);
      store.bytes = grown.headBytes;
    }
  } catch (error) {
    await removeAll();
    throw error;
  }

  return {
    async writeRows(rows, pixels, valid) {
      const pixelCount = rows * width;
      if (pixels.length !== pixelCount * bands) {
        throw new RangeError(`expected ${pixelCount * bands} samples for ${rows} rows, got ${pixels.length}`);
      }
      if ((valid !== undefined) !== (layout.mask === true) || (valid && valid.length !== pixelCount)) {
        const expected = layout.mask ? `${pixelCount} values` : 'none';
        throw new RangeError(`expected ${expected} of the mask, got ${valid?.length ?? 'none'}`);
      }
      if (rowsWritten + rows > height) {
        throw new RangeError(`expected ${height} rows, got ${rowsWritten + rows}`);
      }
      const validity = valid ?? validFromNodata(pixels, pixelCount, bands, layout.nodata);
      for (let row = 0; row < rows; row++) {
        const start = row * width;
        const one = {
          pixels: pixels.subarray(start * bands, (start + width) * bands),
          valid: validity.subarray(start, start + width),
        };
        await pushRow(levels, 0, one, layout);
      }
      rowsWritten += rows;
      if (!grown) return;
      for (const level of levels) await flushUnfinished(level, layout);
      await grown.publish();
    },
    async skipRows(rows) {
      if (!layout.mask) throw new RangeError('expected a mask, which says that there is no imagery');
      if (rowsWritten + rows > height) throw new RangeError(`expected ${height} rows, got ${rowsWritten + rows}`);
      for (let row = 0; row < rows; row++) await pushRow(levels, 0, null, layout);
      rowsWritten += rows;
    },
    async appendTiff(part) {
      rowsWritten += await appendTiles(part, levels, layout);
    },
    async finish() {
      if (rowsWritten !== height) throw new RangeError(`expected ${height} rows, got ${rowsWritten}`);
      for (const level of levels) await level.flushing;
      await assemble(`${stem}.partial`, store, levels, layout, classicLimitBytes);
      await rename(`${stem}.partial`, path);
      await removeAll();
    },
    abort: removeAll,
  };
}

function checkLayout(layout: TiffLayout): void {
  const { width, height, bands, palette, overviews, mask, epsg, userCrs } = layout;
  if (epsg === null && !userCrs) throw new RangeError('expected a CRS with a code or a definition');
  const tileSize = layout.tileSize ?? 512;
  if (!(width > 0 && height > 0 && Number.isInteger(width) && Number.isInteger(height))) {
    throw new RangeError(`expected a size in whole pixels, got ${width} x ${height}`);
  }
  if (tileSize % 16 !== 0 || tileSize < 16) throw new RangeError(`expected a tile size in 16ths, got ${tileSize}`);
  if (layout.sampleType && layout.sampleType !== 'uint8' && (palette || overviews === 'majority')) {
    throw new RangeError(`expected uint8 with a palette or majority overviews, got ${layout.sampleType}`);
  }
  if ((palette || overviews === 'majority') && bands !== 1) {
    throw new RangeError(`expected one band with a palette or majority overviews, got ${bands}`);
  }
  if (palette && (palette.length > 256 || mask)) throw new RangeError('a palette has 256 colours and no mask');
}

/** Rows waiting to become tiles of one level, and the tiles already in its file. */
interface Level extends StoredLevel {
  store: TileWriter;
  tilesAcross: number;
  /** Rows taken so far. */
  rows: number;
  /** Whether any row of the open tile row holds imagery. */
  filled: boolean;
  /** The open tile row, tile after tile, each row after row; its twin is being compressed. */
  open: Row;
  twin: Row | null;
  /** The last even row, until its partner comes for the next level. */
  upper: Row;
  upperIsEmpty: boolean;
  halved: Row;
  halve: Halve;
  flushing: Promise<void>;
}

function createLevel(store: TileWriter, size: { width: number; height: number }, layout: TiffLayout): Level {
  const { width, height } = size;
  const tileSize = layout.tileSize ?? 512;
  const tilesAcross = Math.ceil(width / tileSize);
  const tileCount = tilesAcross * Math.ceil(height / tileSize);
  const tileRowPixels = tilesAcross * tileSize * tileSize;
  const rowOf = (pixels: number, withValid = true): Row => ({
    pixels: createSamples(layout.sampleType ?? 'uint8', pixels * layout.bands),
    valid: new Uint8Array(withValid ? pixels : 0),
  });
  const bufferBytes = tileRowPixels * layout.bands * bytesPerSample(layout.sampleType ?? 'uint8');
  const places = () => ({ position: new Float64Array(tileCount), bytes: new Float64Array(tileCount) });
  return {
    store,
    width,
    height,
    tileSize,
    tilesAcross,
    rows: 0,
    filled: false,
    open: rowOf(tileRowPixels, layout.mask),
    twin: bufferBytes <= TWIN_BYTES ? rowOf(tileRowPixels, layout.mask) : null,
    upper: rowOf(width),
    upperIsEmpty: false,
    halved: rowOf((width + 1) >> 1),
    halve: layout.overviews === 'majority' ? majorityRows : averageRowsOf(layout.sampleType ?? 'uint8'),
    flushing: Promise.resolve(),
    tiles: places(),
    maskTiles: layout.mask ? places() : null,
  };
}

/** Where no mask is given, a pixel is valid unless all its bands hold the nodata value. */
function validFromNodata(pixels: Samples, count: number, bands: number, nodata: number | undefined): Uint8Array {
  const valid = new Uint8Array(count).fill(1);
  if (nodata === undefined || !pixels.includes(nodata as never)) return valid;
  for (let pixel = 0, at = 0; pixel < count; pixel++, at += bands) {
    let band = 0;
    while (band < bands && pixels[at + band] === nodata) band++;
    if (band === bands) valid[pixel] = 0;
  }
  return valid;
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Samples): Buffer => Buffer.from(buffer, byteOffset, byteLength);

/** Takes one row (null: one without imagery) into level `index`, and what becomes of it into the levels above. */
async function pushRow(levels: Level[], index: number, row: Row | null, layout: TiffLayout): Promise<void> {
  const level = levels[index];
  const rowInTile = level.rows % level.tileSize;
  if (row && !level.filled) clearRows(level, 0, rowInTile, layout.bands);
  if (row) {
    copyRow(level, row, rowInTile, layout.bands);
    level.filled = true;
  } else if (level.filled) clearRows(level, rowInTile, rowInTile + 1, layout.bands);
  await pushOverview(levels, index, row, layout);
  level.rows++;
  if (rowInTile !== level.tileSize - 1 && level.rows !== level.height) return;
  if (level.filled) await startFlush(level, layout);
  level.filled = false;
}

/** Puts a row into the open tile row. */
function copyRow({ width, tileSize, tilesAcross, open, maskTiles }: Level, row: Row, rowInTile: number, bands: number) {
  const pixelBytes = bands * row.pixels.BYTES_PER_ELEMENT;
  // Copied as buffers, which make no object for each part.
  const [source, target, valid] = [row.pixels, open.pixels, row.valid].map(bufferOf);
  for (let tile = 0; tile < tilesAcross; tile++) {
    const from = tile * tileSize;
    const to = Math.min(width, from + tileSize);
    const at = (tile * tileSize + rowInTile) * tileSize;
    source.copy(target, at * pixelBytes, from * pixelBytes, to * pixelBytes);
    if (maskTiles) valid.copy(open.valid, at, from, to);
  }
}

/** Empties rows of the open tile row. */
function clearRows({ tileSize, tilesAcross, open, maskTiles }: Level, first: number, end: number, bands: number): void {
  for (let tile = 0; tile < tilesAcross && first < end; tile++) {
    const [from, to] = [(tile * tileSize + first) * tileSize, (tile * tileSize + end) * tileSize];
    open.pixels.fill(0, from * bands, to * bands);
    if (maskTiles) open.valid.fill(0, from, to);
  }
}

/** What becomes of the next row of level `index` in the levels above. */
async function pushOverview(levels: Level[], index: number, row: Row | null, layout: TiffLayout): Promise<void> {
  if (index + 1 >= levels.length) return;
  const { bands } = layout;
  const level = levels[index];
  const lower = level.rows % 2 === 1;
  const last = lower || level.rows === level.height - 1;
  if (!row && last && (!lower || level.upperIsEmpty)) return pushRow(levels, index + 1, null, layout);
  if (lower && level.upperIsEmpty) emptyRow(level.upper);
  level.upperIsEmpty = !last && !row;
  if (level.upperIsEmpty) return;
  const given = row ?? emptyRow({ pixels: level.upper.pixels.slice(), valid: level.upper.valid.slice() });
  const clamped = index === 0 && layout.overviewRanges ? clampRow(given, layout.overviewRanges, bands) : given;
  if (last) {
    level.halve(lower ? level.upper : clamped, clamped, level.width, bands, level.halved);
    if (layout.nodata !== undefined && !layout.mask) keepOffNodata(level.halved, bands, layout.nodata);
    await pushRow(levels, index + 1, level.halved, layout);
  } else {
    level.upper.pixels.set(clamped.pixels);
    level.upper.valid.set(given.valid);
  }
}

function emptyRow(row: Row): Row {
  row.pixels.fill(0);
  row.valid.fill(0);
  return row;
}

/** A copy whose values are within their band's range; NaN stays. */
function clampRow(row: Row, ranges: NonNullable<TiffLayout['overviewRanges']>, bands: number): Row {
  const pixels = row.pixels.slice();
  for (const [band, range] of ranges.entries()) {
    if (!range) continue;
    const [low, high] = range;
    for (let at = band; at < pixels.length; at += bands) {
      if (pixels[at] < low) pixels[at] = low;
      else if (pixels[at] > high) pixels[at] = high;
    }
  }
  return { pixels, valid: row.valid };
}

/** A mean of valid pixels must not read as nodata: moves it by one. Invalid pixels get the value. */
function keepOffNodata(row: Row, bands: number, nodata: number): void {
  for (let pixel = 0, at = 0; pixel < row.valid.length; pixel++, at += bands) {
    if (row.valid[pixel] === 0) {
      row.pixels.fill(nodata, at, at + bands);
      continue;
    }
    let band = 0;
    while (band < bands && row.pixels[at + band] === nodata) band++;
    if (band === bands) row.pixels[at] = nodata > 0 ? nodata - 1 : 1;
  }
}

/** Copies the tiles of a file's levels; the coarsest of them are read, for the levels that it lacks. Returns its rows. */
async function appendTiles(path: string, levels: Level[], layout: TiffLayout): Promise<number> {
  const tiff = await openTiff(path, levels.length);
  const raster = await openSamples(path);
  try {
    const coarsest = raster.levels.length - 1;
    for (const [index, level] of levels.slice(0, coarsest + 1).entries()) {
      const image = await readImage(tiff, tiff.ifds[index], MAP_LIMITS);
      checkPart(image, level, layout);
      const first = (level.rows / level.tileSize) * level.tilesAcross;
      for (let tile = 0; tile < image.offsets.length; tile++) {
        const bytes = await tiff.source.read(image.offsets[tile], image.byteCounts[tile]);
        await appendTile(level.store, level.tiles, first + tile, bytes);
      }
      if (index < coarsest) level.rows += image.height;
    }
    const { width, height } = raster.levels[coarsest];
    for (let y = 0; y < height; y += PART_ROWS) {
      const rows = Math.min(PART_ROWS, height - y);
      const { pixels, valid } = await raster.read(coarsest, { x: 0, y, width, height: rows });
      for (let row = 0; row < rows; row++) {
        const [start, end] = [row * width, (row + 1) * width];
        const one = {
          pixels: pixels.subarray(start * layout.bands, end * layout.bands),
          valid: valid.subarray(start, end),
        };
        await pushOverview(levels, coarsest, one, layout);
        levels[coarsest].rows++;
      }
    }
    return raster.height;
  } finally {
    await Promise.all([tiff.source.close(), raster.close()]);
  }
}

const PART_ROWS = 256;
const MAP_LIMITS = { pixels: 2 ** 40, bytesPerBlock: 2 ** 30 };

function checkPart(part: TiffImage, level: Level, { bands, mask, sampleType = 'uint8' }: TiffLayout): void {
  const same =
    part.width === level.width &&
    part.bands === bands &&
    part.sampleType === sampleType &&
    part.blockWidth === level.tileSize &&
    part.blockHeight === level.tileSize;
  const whole = part.height % level.tileSize === 0 || level.rows + part.height === level.height;
  if (mask || !same || !whole || level.rows % level.tileSize !== 0 || level.rows + part.height > level.height) {
    throw new RangeError(`a part of ${part.width} x ${part.height} pixels does not fit below row ${level.rows}`);
  }
}

/**
 * Hands the open tile row to the compressors and opens its twin, once the tile row before it is written; where it has
 * none, it is written at once.
 */
async function startFlush(level: Level, layout: TiffLayout): Promise<void> {
  await level.flushing;
  const full = level.open;
  const tileRow = Math.ceil(level.rows / level.tileSize) - 1;
  clearBottom(full, level, layout.bands, 0);
  if (!level.twin) return flushTileRow(level, full, tileRow, layout);
  level.open = level.twin;
  level.twin = full;
  level.flushing = flushTileRow(level, full, tileRow, layout);
  level.flushing.catch(() => {}); // reported by the next await of it
}

/** Writes the open tile row as far as it is filled; it is written once more when it is full. */
async function flushUnfinished(level: Level, layout: TiffLayout): Promise<void> {
  await level.flushing;
  if (level.rows % level.tileSize === 0 || level.rows === level.height || !level.filled) return;
  clearBottom(level.open, level, layout.bands, layout.nodata ?? 0);
  await flushTileRow(level, level.open, Math.floor(level.rows / level.tileSize), layout);
  clearBottom(level.open, level, layout.bands, 0);
}

/** Clears what lies below the last row of its tile row: the buffer holds an earlier tile row there. */
function clearBottom(row: Row, level: Level, bands: number, value: number): void {
  const { tileSize, tilesAcross } = level;
  const unfilled = (tileSize - (level.rows % tileSize)) % tileSize;
  for (let tile = 0; tile < tilesAcross; tile++) {
    const to = (tile + 1) * tileSize * tileSize;
    const from = to - unfilled * tileSize;
    row.pixels.fill(value, from * bands, to * bands);
    if (level.maskTiles) row.valid.fill(0, from, to);
  }
}

async function flushTileRow(level: Level, row: Row, tileRow: number, layout: TiffLayout): Promise<void> {
  const { tileSize, tilesAcross, maskTiles } = level;
  const tilePixels = tileSize * tileSize;
  for (let first = 0; first < tilesAcross; first += COMPRESSIONS_IN_FLIGHT) {
    const count = Math.min(COMPRESSIONS_IN_FLIGHT, tilesAcross - first);
    const compressed = Array.from({ length: count }, async (_, i) => {
      const from = (first + i) * tilePixels;
      const pixels = bytesOfSamples(row.pixels.subarray(from * layout.bands, (from + tilePixels) * layout.bands));
      const valid = row.valid.subarray(from, from + tilePixels);
      if (maskTiles && !valid.includes(1) && isZero(pixels)) return null;
      return [
        await compressTile(pixels, tileSize, layout),
        maskTiles && (await compress(packBits(valid), layout.compression)),
      ] as const;
    });
    for (const [i, parts] of (await Promise.all(compressed)).entries()) {
      if (!parts) continue;
      const [pixels, mask] = parts;
      const tile = tileRow * tilesAcross + first + i;
      await appendTile(level.store, level.tiles, tile, pixels);
      if (mask && maskTiles) await appendTile(level.store, maskTiles, tile, mask);
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
