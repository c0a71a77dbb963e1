/** A finished TIFF becomes the next rows of one that is written, as a shard of a map does. */
import { withPooledBuffer } from './buffer-pool.ts';
import type { ByteSource } from './byte-source.ts';
import type { TiffLayout } from './cog-layout.ts';
import { bufferOf, endRow, type Level, placeRow, pushOverview } from './level-rows.ts';
import type { Row } from './overview.ts';
import { CACHE_BYTES, type Raster, rasterOf } from './raster.ts';
import type { Samples } from './samples.ts';
import { readImage, type TiffImage } from './tiff-image.ts';
import { openTiff } from './tiff-structure.ts';
import { writeAll } from './write-all.ts';

/**
 * Takes the levels of a file: tiles are copied as they are, rows of levels that it ends in the middle of a tile are read,
 * and the coarsest is reduced for the levels that it lacks. Returns its rows.
 */
export async function appendTiles(path: string, levels: Level[], layout: TiffLayout): Promise<number> {
  const tiff = await openTiff(path, levels.length);
  try {
    const images = await Promise.all(tiff.ifds.map((ifd) => readImage(tiff, ifd, MAP_LIMITS)));
    for (const [index, image] of images.entries()) checkPart(image, levels, index, layout);
    const raster = await rasterOf(tiff, MAP_LIMITS, CACHE_BYTES, true);
    const coarsest = images.length - 1;
    for (const [index, image] of images.entries()) {
      const level = levels[index];
      const copied = isWhole(image, level);
      if (copied) await copyTiles(tiff.source, image, level);
      if (copied && index < coarsest) level.rows += image.height;
      else {
        await eachRow(raster, index, layout.bands, async (row) => {
          if (!copied) placeRow(level, row, layout.bands);
          if (index === coarsest) await pushOverview(levels, index, row, layout);
          if (copied) level.rows++;
          else await endRow(level, layout);
        });
      }
    }
    return images[0].height;
  } finally {
    await tiff.source.close();
  }
}

const PART_ROWS = 256;
const SPAN_BYTES = 4 << 20;
const MAP_LIMITS = { pixels: 2 ** 40, bytesPerBlock: 2 ** 30 };

/** Tiles that follow each other in the file are copied together. */
async function copyTiles(source: ByteSource, { offsets, byteCounts }: TiffImage, level: Level): Promise<void> {
  const { store, tiles } = level;
  const first = (level.rows / level.tileSize) * level.tilesAcross;
  for (let tile = 0; tile < offsets.length; ) {
    const from = offsets[tile];
    const position = store.bytes;
    let bytes = 0;
    while (offsets[tile] === from + bytes && (bytes === 0 || bytes + byteCounts[tile] <= SPAN_BYTES)) {
      tiles.position[first + tile] = position + bytes;
      tiles.bytes[first + tile] = byteCounts[tile];
      bytes += byteCounts[tile++];
    }
    store.bytes += bytes;
    await withPooledBuffer(bytes, async (memory) => {
      await writeAll(store.file, await source.read(from, bytes, bufferOf(memory)), position);
    });
  }
}

async function eachRow(raster: Raster<Samples>, level: number, bands: number, take: (row: Row) => Promise<void>) {
  const { width, height } = raster.levels[level];
  for (let y = 0; y < height; y += PART_ROWS) {
    const rows = Math.min(PART_ROWS, height - y);
    const { pixels, valid } = await raster.read(level, { x: 0, y, width, height: rows });
    for (let start = 0; start < rows * width; start += width) {
      const end = start + width;
      await take({ pixels: pixels.subarray(start * bands, end * bands), valid: valid.subarray(start, end) });
    }
  }
}

/** Whether a part begins at the edge of a tile, and ends at one or with the level. */
const isWhole = (part: TiffImage, { rows, height, tileSize }: Level): boolean =>
  rows % tileSize === 0 && (part.height % tileSize === 0 || rows + part.height === height);

function checkPart(part: TiffImage, levels: Level[], index: number, { bands, mask, sampleType = 'uint8' }: TiffLayout) {
  const [full, level] = [levels[0], levels[index]];
  const same =
    part.width === level.width &&
    part.bands === bands &&
    part.sampleType === sampleType &&
    part.blockWidth === level.tileSize &&
    part.blockHeight === level.tileSize;
  const fits = level.rows * 2 ** index === full.rows && level.rows + part.height <= level.height;
  if (mask || !same || !fits || (index === 0 && !isWhole(part, level))) {
    throw new RangeError(`a part of ${part.width} x ${part.height} pixels does not fit below row ${level.rows}`);
  }
}
