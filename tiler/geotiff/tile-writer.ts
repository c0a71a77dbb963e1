/**
 * Compressed tiles of all levels of a TIFF, in one temporary file in the order in which they were full, and the file that
 * is assembled of them: all IFDs, the coarsest overview's tiles, ..., the full resolution's tiles.
 */

import { type FileHandle, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, deflate, zstdCompress } from 'node:zlib';
import { withPooledBuffer } from './buffer-pool.ts';
import { differences, floatDifferences } from './codecs/codecs.ts';
import { imageEntries, maskEntries, predictorOf, type TiffLayout, type TilePlaces } from './cog-layout.ts';
import { bytesPerSample } from './samples.ts';
import { type Entry, encodeHead, headBytes, Tag } from './tiff-tags.ts';
import { writeAll } from './write-all.ts';

const ZSTD_LEVEL = 1;
const DEFLATE_LEVEL = 4;
const COPY_BYTES = 4 << 20;

const deflateAsync = promisify(deflate);
const zstdAsync = promisify(zstdCompress);

/** A level's size and where its tiles are in the store; those of the mask apart. */
export interface StoredLevel {
  width: number;
  height: number;
  tileSize: number;
  tiles: TilePlaces;
  maskTiles: TilePlaces | null;
}

/** The temporary file with the tiles of all levels, in the order in which they were full. */
export interface TileWriter {
  path: string;
  file: FileHandle;
  bytes: number;
}

export async function createTileWriter(path: string): Promise<TileWriter> {
  await rm(path, { force: true }); // of a process that was killed while others watched it
  return { path, file: await open(path, 'wx+'), bytes: 0 };
}

export async function appendTile(store: TileWriter, places: TilePlaces, tile: number, bytes: Buffer): Promise<void> {
  const position = store.bytes;
  store.bytes += bytes.length;
  await writeAll(store.file, bytes, position);
  places.position[tile] = position;
  places.bytes[tile] = bytes.length;
}

/** The predictor's differences live in memory that is used again. */
export async function compressTile(pixels: Uint8Array, tileSize: number, layout: TiffLayout): Promise<Buffer> {
  const predictor = predictorOf(layout);
  if (predictor === 1) return compress(pixels, layout.compression);
  const size = bytesPerSample(layout.sampleType ?? 'uint8');
  const rows = { rowBytes: tileSize * layout.bands * size, samples: layout.bands, size };
  return withPooledBuffer(pixels.length, (buffer) => {
    buffer.set((predictor === 2 ? differences : floatDifferences)(pixels, 'subtract', rows));
    return compress(buffer, layout.compression);
  });
}

export function compress(bytes: Uint8Array, compression: 'deflate' | 'zstd'): Promise<Buffer> {
  const chunkSize = bytes.length + (bytes.length >> 8) + 1024;
  if (compression === 'deflate') return deflateAsync(bytes, { level: DEFLATE_LEVEL, chunkSize });
  return zstdAsync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }, chunkSize });
}

interface Image {
  level: StoredLevel;
  entries: Entry[];
  places: TilePlaces;
}

/** Each level's image followed by its mask. */
export function imagesOf(levels: readonly StoredLevel[], layout: TiffLayout): Image[] {
  return levels.flatMap((level, index) => {
    const { tiles, maskTiles } = level;
    const image = { level, entries: imageEntries({ ...level, places: tiles }, index > 0, layout), places: tiles };
    if (!maskTiles) return [image];
    const entries = maskEntries({ ...level, places: maskTiles }, index > 0, layout);
    return [image, { level, entries, places: maskTiles }];
  });
}

/** Writes the whole file at `path` from the tiles in the store. */
export async function assemble(
  path: string,
  store: TileWriter,
  levels: readonly StoredLevel[],
  layout: TiffLayout,
  classicLimitBytes: number,
): Promise<void> {
  const images = imagesOf(levels, layout);
  const tileBytes = images.reduce((sum, { places }) => sum + places.bytes.reduce((bytes, tile) => bytes + tile, 0), 0);
  const big = headBytes(images, false) + tileBytes > classicLimitBytes;
  let position = headBytes(images, big);
  const copies: { from: number; to: number; bytes: number }[] = [];
  for (const level of [...levels].reverse()) {
    // A tile's mask follows the tile, so that one read fetches both.
    const parts = images.filter((image) => image.level === level);
    const offsets = parts.map(({ places }) => new Float64Array(places.bytes.length));
    for (let tile = 0; tile < level.tiles.bytes.length; tile++) {
      for (const [i, { places }] of parts.entries()) {
        const bytes = places.bytes[tile];
        if (bytes === 0) continue; // without imagery
        copies.push({ from: places.position[tile], to: position, bytes });
        offsets[i][tile] = position;
        position += bytes;
      }
    }
    for (const [i, { entries }] of parts.entries()) {
      entries.find(({ tag }) => tag === Tag.TileOffsets)!.values = offsets[i];
    }
  }
  const out = await open(path, 'wx');
  try {
    const head = encodeHead(images, big);
    await writeAll(out, head, 0);
    await copyParts(store, out, copies);
  } finally {
    await out.close();
  }
}

/** Copies ranges of bytes, those that follow each other in both files in one go. */
async function copyParts(
  store: TileWriter,
  out: FileHandle,
  copies: readonly { from: number; to: number; bytes: number }[],
): Promise<void> {
  const buffer = Buffer.alloc(COPY_BYTES);
  for (let first = 0; first < copies.length; ) {
    const { from, to } = copies[first];
    let bytes = 0;
    while (first < copies.length && copies[first].from === from + bytes && copies[first].to === to + bytes) {
      bytes += copies[first++].bytes;
    }
    for (let done = 0; done < bytes; ) {
      const { bytesRead } = await store.file.read(buffer, 0, Math.min(COPY_BYTES, bytes - done), from + done);
      if (bytesRead === 0) throw new Error(`${store.path} ends at byte ${from + done}`);
      await writeAll(out, buffer.subarray(0, bytesRead), to + done);
      done += bytesRead;
    }
  }
}
