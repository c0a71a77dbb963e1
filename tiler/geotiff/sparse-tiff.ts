/**
 * A TIFF that can be read while it is written: its head stands first, with no tile written; tiles are appended, and
 * their places entered once they are there. At every moment it is a sparse BigTIFF, whose missing tiles are nodata.
 */

import type { FileHandle } from 'node:fs/promises';
import type { TilePlaces } from './cog-layout.ts';
import { openTiff } from './tiff-structure.ts';
import { type Entry, encodeHead, Tag } from './tiff-tags.ts';
import { writeAll } from './write-all.ts';

/** Where the growing form of a file lies until the file is finished. */
export const sparsePath = (path: string): string => `${path}.growing`;

export interface SparseTiff {
  /** Tiles begin after them. */
  headBytes: number;
  /** Enters the places of all tiles that have one. */
  publish(): Promise<void>;
}

/** Writes the head of an empty file. `images` without places yet, in the order of their IFDs. */
export async function createSparseTiff(
  path: string,
  file: FileHandle,
  images: readonly { entries: readonly Entry[]; places: TilePlaces }[],
): Promise<SparseTiff> {
  const head = encodeHead(images, true);
  await writeAll(file, head, 0);
  const { source, ifds } = await openTiff(path, images.length);
  await source.close();
  return {
    headBytes: head.length,
    async publish() {
      for (const [i, { places }] of images.entries()) {
        const sizes = Buffer.from(Uint32Array.from(places.bytes).buffer);
        const offsets = Buffer.from(BigUint64Array.from(places.position, BigInt).buffer);
        // Sizes first: a tile without an offset is one that is not there.
        await writeAll(file, sizes, ifds[i].get(Tag.TileByteCounts)!.position);
        await writeAll(file, offsets, ifds[i].get(Tag.TileOffsets)!.position);
      }
    },
  };
}
