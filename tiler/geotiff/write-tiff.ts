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
import { appendTiles } from './append-tiff.ts';
import { levelSizes, type TiffLayout } from './cog-layout.ts';
import { createLevel, flushUnfinished, type Level, pushRow } from './level-rows.ts';
import type { Samples } from './samples.ts';
import { createSparseTiff, type SparseTiff, sparsePath } from './sparse-tiff.ts';
import { assemble, createTileWriter, imagesOf } from './tile-writer.ts';

export type { TiffLayout };
export { sparsePath };

export interface TiffWriter {
  /** pixels: rows*width*bands; valid: rows*width of 0|1, given exactly when the layout has a mask. */
  writeRows(rows: number, pixels: Samples, valid?: Uint8Array): Promise<void>;
  /** Rows without imagery, of a layout with a mask. Tiles of such rows alone are not written. */
  skipRows(rows: number): Promise<void>;
  /**
   * Takes all rows of a finished TIFF of the same layout but for its height and number of overviews. They begin and, but
   * for the last, end at the edge of a tile, and between rows of each of its overviews; its tiles are copied as they are,
   * on all levels where they end with it. Throws a RangeError otherwise, and for a layout with a mask.
   */
  appendTiff(path: string): Promise<void>;
  /** Assembles the file and renames it to its final path. Rejects when rows are missing. */
  finish(): Promise<void>;
  /** Nothing is left behind. */
  abort(): Promise<void>;
}

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
