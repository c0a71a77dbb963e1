/**
 * PMTiles archives of version 3 (https://github.com/protomaps/PMTiles, spec/v3) of gzipped vector tiles, written and read.
 * Tiles are written as they are made; header and directories, whose size is known last, have their place kept free.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { writeAll } from '../../tiler/geotiff/write-all.ts';
import type { Bbox } from '../api/index.ts';
import { hilbertIndex } from './hilbert.ts';
import type { TileAddress } from './web-mercator.ts';

const HEADER_BYTES = 127;
/** Header and root directory must lie within so many bytes. */
const FIRST_FETCH_BYTES = 16_384;
const GZIP = 2;
const MVT = 1;

/** Where sections stand in the header: offset and length of each, eight bytes a number. */
const SECTIONS = { root: 8, leaves: 40, tiles: 56 };
const MIN_ZOOM_AT = 100;

interface Entry {
  tileId: number;
  offset: number;
  length: number;
  /** 1 for a tile, 0 for a leaf directory. */
  run: 0 | 1;
}

export interface Described {
  metadata: object;
  bbox: Bbox;
  zooms: [number, number];
}

/**
 * Writes an archive of the tiles that come, in the order of their numbers.
 * @param describe says what the archive is of, once all tiles are written
 */
export async function writeArchive(
  path: string,
  tiles: AsyncIterable<{ tile: TileAddress; bytes: Uint8Array }>,
  { metadata: described, bbox, zooms }: Described,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    const entries: Entry[] = [];
    let at = FIRST_FETCH_BYTES;
    const append = async (bytes: Uint8Array) => {
      await writeAll(file, bytes, at);
      at += bytes.length;
    };
    for await (const { tile, bytes } of tiles) {
      entries.push({ tileId: tileId(tile), offset: at - FIRST_FETCH_BYTES, length: bytes.length, run: 1 });
      await append(bytes);
    }
    const metadata = gzipSync(JSON.stringify(described));
    const metadataStart = at;
    await append(metadata);
    const { root, leaves } = directories(entries);
    const leavesStart = at;
    await append(leaves);
    await writeHeader(file, {
      sections: [
        [HEADER_BYTES, root.length],
        [metadataStart, metadata.length],
        [leavesStart, leaves.length],
        [FIRST_FETCH_BYTES, metadataStart - FIRST_FETCH_BYTES],
      ],
      tiles: entries.length,
      zooms,
      bbox,
    });
    await writeAll(file, root, HEADER_BYTES);
  } finally {
    await file.close();
  }
}

/** The gzipped tile of an archive of ours; null: it has none; undefined: it begins at a later zoom. */
export async function readTile(path: string, tile: TileAddress): Promise<Buffer | null | undefined> {
  const file = await open(path, 'r');
  try {
    const read = async (position: number, length: number) =>
      (await file.read(Buffer.allocUnsafe(length), 0, length, position)).buffer;
    const first = await read(0, FIRST_FETCH_BYTES);
    if (tile.z < first.readUInt8(MIN_ZOOM_AT)) return undefined;
    const offsetOf = (section: number) => Number(first.readBigUInt64LE(section));
    const wanted = tileId(tile);
    let directory = first.subarray(HEADER_BYTES, HEADER_BYTES + Number(first.readBigUInt64LE(SECTIONS.root + 8)));
    for (;;) {
      const entry = decodeDirectory(directory).findLast(({ tileId }) => tileId <= wanted);
      if (!entry || (entry.run === 1 && entry.tileId !== wanted)) return null;
      if (entry.run === 1) return read(offsetOf(SECTIONS.tiles) + entry.offset, entry.length);
      directory = await read(offsetOf(SECTIONS.leaves) + entry.offset, entry.length);
    }
  } finally {
    await file.close();
  }
}

/** Number of a tile over all zooms: the zooms one after the other, each along its Hilbert curve. */
export function tileId({ z, x, y }: TileAddress): number {
  return (4 ** z - 1) / 3 + (z === 0 ? 0 : hilbertIndex(z, x, y));
}

/** A root directory that fits its place, with leaf directories where the entries do not. */
function directories(entries: readonly Entry[]): { root: Uint8Array; leaves: Uint8Array } {
  const room = FIRST_FETCH_BYTES - HEADER_BYTES;
  const whole = encodeDirectory(entries);
  if (whole.length <= room) return { root: whole, leaves: new Uint8Array(0) };
  for (let size = 4096; ; size *= 2) {
    const leaves: Uint8Array[] = [];
    const pointers: Entry[] = [];
    let offset = 0;
    for (let start = 0; start < entries.length; start += size) {
      const leaf = encodeDirectory(entries.slice(start, start + size));
      pointers.push({ tileId: entries[start].tileId, offset, length: leaf.length, run: 0 });
      leaves.push(leaf);
      offset += leaf.length;
    }
    const root = encodeDirectory(pointers);
    if (root.length <= room) return { root, leaves: Buffer.concat(leaves) };
  }
}

/** Columns of varints: count, steps of the ids, run lengths, lengths, offsets (0: right after the one before). */
function encodeDirectory(entries: readonly Entry[]): Uint8Array {
  const bytes: number[] = [];
  const put = (value: number) => {
    let rest = value;
    while (rest >= 128) {
      bytes.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  };
  put(entries.length);
  for (const [i, entry] of entries.entries()) put(entry.tileId - (i > 0 ? entries[i - 1].tileId : 0));
  for (const { run } of entries) put(run);
  for (const { length } of entries) put(length);
  for (const [i, { offset }] of entries.entries()) {
    const before = entries[i - 1];
    put(before && before.offset + before.length === offset ? 0 : offset + 1);
  }
  return gzipSync(Uint8Array.from(bytes));
}

function decodeDirectory(compressed: Uint8Array): Entry[] {
  const bytes = gunzipSync(compressed);
  let at = 0;
  const next = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const entries: Entry[] = Array.from({ length: next() }, () => ({ tileId: 0, offset: 0, length: 0, run: 1 }));
  let id = 0;
  for (const entry of entries) entry.tileId = id += next();
  for (const entry of entries) entry.run = next() as Entry['run'];
  for (const entry of entries) entry.length = next();
  let end = 0;
  for (const entry of entries) {
    const offset = next();
    entry.offset = offset === 0 ? end : offset - 1;
    end = entry.offset + entry.length;
  }
  return entries;
}

interface Header {
  /** Start and length of root directory, metadata, leaf directories and tiles. */
  sections: [number, number][];
  tiles: number;
  zooms: [number, number];
  bbox: Bbox;
}

async function writeHeader(file: FileHandle, { sections, tiles, zooms, bbox }: Header): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('PMTiles');
  header.writeUInt8(3, 7);
  for (const [i, value] of sections.flat().entries()) header.writeBigUInt64LE(BigInt(value), 8 + 8 * i);
  for (let i = 0; i < 3; i++) header.writeBigUInt64LE(BigInt(tiles), 72 + 8 * i);
  const clustered = 1;
  header.set([clustered, GZIP, GZIP, MVT, ...zooms], 96);
  const e7 = (degrees: number) => Math.round(degrees * 1e7);
  for (const [i, degrees] of bbox.entries()) header.writeInt32LE(e7(degrees), 102 + 4 * i);
  header.writeUInt8(zooms[0], 118);
  header.writeInt32LE(e7((bbox[0] + bbox[2]) / 2), 119);
  header.writeInt32LE(e7((bbox[1] + bbox[3]) / 2), 123);
  await writeAll(file, header, 0);
}
