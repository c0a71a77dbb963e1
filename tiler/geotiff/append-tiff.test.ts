/** Maps written in parts and joined are, byte for byte, the maps written in one go. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BASE, PALETTE } from '../../test/support/tiff.ts';
import { createTiffWriter, type TiffLayout } from './write-tiff.ts';

/** Numbers in 0–1 (Lehmer's generator, 48271). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Blocks of seven pixels of one value, some of them nodata. */
function blocks({ width, height, bands, nodata, palette }: TiffLayout, random: () => number): Uint8Array {
  const across = Math.ceil(width / 7);
  const most = palette ? palette.length : 256;
  const values = Uint8Array.from({ length: across * Math.ceil(height / 7) }, () =>
    nodata !== undefined && random() < 0.2 ? nodata : Math.floor(random() * most),
  );
  const pixels = new Uint8Array(width * height * bands);
  for (let i = 0; i < pixels.length; i++) {
    const pixel = Math.floor(i / bands);
    pixels[i] =
      values[Math.floor(Math.floor(pixel / width) / 7) * across + Math.floor((pixel % width) / 7)] + (i % bands);
  }
  return pixels;
}

test('a map written in parts becomes the same file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'write-tiff-'));
  try {
    for (let seed = 1; seed <= 18; seed++) {
      const random = randomOf(seed);
      const pick = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
      const kinds = [
        { bands: 1, nodata: 255, palette: PALETTE, overviews: 'majority', compression: 'deflate' },
        { bands: 1, nodata: 0, overviews: 'average', compression: 'deflate' },
        { bands: 2, overviews: 'none', compression: 'zstd' },
      ] as const;
      const [tileSize, wholeTiles] = [64, pick(0, 2)];
      const partRows = tileSize * 2 ** wholeTiles * pick(1, 3);
      // Up to those that a part ends in the middle of a tile, and fewer than those that it ends with one.
      const overviewCount = pick(0, Math.log2(tileSize) + wholeTiles);
      const layout: TiffLayout = {
        ...BASE,
        ...kinds[seed % 3],
        width: pick(1, 1500),
        height: pick(1, 4) * partRows - pick(0, partRows - 1),
        tileSize,
      };
      const { width, height, bands } = layout;
      const pixels = blocks(layout, random);
      const [whole, joined] = [join(folder, 'whole.tif'), join(folder, 'joined.tif')];
      const writer = await createTiffWriter(whole, layout);
      await writer.writeRows(height, pixels);
      await writer.finish();
      const joiner = await createTiffWriter(joined, layout);
      for (let y = 0; y < height; y += partRows) {
        const rows = Math.min(partRows, height - y);
        const path = join(folder, 'part.tif');
        const part = await createTiffWriter(path, { ...layout, height: rows, overviewCount });
        await part.writeRows(rows, pixels.subarray(y * width * bands, (y + rows) * width * bands));
        await part.finish();
        await joiner.appendTiff(path);
      }
      await joiner.finish();
      expect((await readFile(joined)).equals(await readFile(whole)), `seed ${seed}`).toBe(true);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('parts that would break tiles are refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'write-tiff-'));
  try {
    const layout: TiffLayout = { ...BASE, bands: 1, width: 100, height: 200, tileSize: 64 };
    const path = join(folder, 'part.tif');
    const part = await createTiffWriter(path, { ...layout, height: 100 });
    await part.writeRows(100, new Uint8Array(100 * 100));
    await part.finish();
    const joiner = await createTiffWriter(join(folder, 'joined.tif'), layout);
    await expect(joiner.appendTiff(path)).rejects.toThrow('does not fit below row 0');
    await joiner.abort();
    expect(await readdir(folder)).toEqual(['part.tif']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
