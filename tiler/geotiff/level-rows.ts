/**
 * Rows of one level of an image become its tiles, which are compressed in the thread pool as soon as a row of them is full,
 * and the rows of the level above it.
 */
import { packBits } from './bit-mask.ts';
import type { TiffLayout } from './cog-layout.ts';
import { averageRowsOf, type Halve, majorityRows, type Row } from './overview.ts';
import { bytesOfSamples, bytesPerSample, createSamples, type Samples } from './samples.ts';
import { appendTile, compress, compressTile, type StoredLevel, type TileWriter } from './tile-writer.ts';

const COMPRESSIONS_IN_FLIGHT = 4;
/** Larger tile rows are not filled while others are compressed. */
const TWIN_BYTES = 24 << 20;

/** Rows waiting to become tiles of one level, and the tiles already in its file. */
export interface Level extends StoredLevel {
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

export function createLevel(store: TileWriter, size: { width: number; height: number }, layout: TiffLayout): Level {
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

export const bufferOf = ({ buffer, byteOffset, byteLength }: Samples): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Takes one row (null: one without imagery) into level `index`, and what becomes of it into the levels above. */
export async function pushRow(levels: Level[], index: number, row: Row | null, layout: TiffLayout): Promise<void> {
  placeRow(levels[index], row, layout.bands);
  await pushOverview(levels, index, row, layout);
  await endRow(levels[index], layout);
}

export function placeRow(level: Level, row: Row | null, bands: number): void {
  const rowInTile = level.rows % level.tileSize;
  if (row && !level.filled) clearRows(level, 0, rowInTile, bands);
  if (row) {
    copyRow(level, row, rowInTile, bands);
    level.filled = true;
  } else if (level.filled) clearRows(level, rowInTile, rowInTile + 1, bands);
}

/** Counts the row that was placed; where it was the last of its tile row, that is compressed and written. */
export async function endRow(level: Level, layout: TiffLayout): Promise<void> {
  level.rows++;
  if (level.rows % level.tileSize !== 0 && level.rows !== level.height) return;
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
export async function pushOverview(levels: Level[], index: number, row: Row | null, layout: TiffLayout): Promise<void> {
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
export async function flushUnfinished(level: Level, layout: TiffLayout): Promise<void> {
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
