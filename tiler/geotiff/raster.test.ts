/** Any window of a raster is the crop of the whole: of its blocks' width or another, on their borders or not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BASE } from '../../test/support/tiff.ts';
import { openRaster } from './raster.ts';
import { type Entry, encodeIfd, ifdBytes, Tag } from './tiff-tags.ts';
import { wholeOf } from './window.ts';
import { createTiffWriter } from './write-tiff.ts';

const [WIDTH, HEIGHT, TILE] = [300, 200, 64];

test('windows are crops of the whole, those as wide as a block too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-windows-'));
  const path = join(folder, 'tiled.tif');
  const writer = await createTiffWriter(path, { ...BASE, width: WIDTH, height: HEIGHT, tileSize: TILE });
  const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 2_654_435_761) >>> 24);
  await writer.writeRows(HEIGHT, pixels);
  await writer.finish();
  const raster = await openRaster(path);
  const { pixels: whole } = await raster.read(0, wholeOf(raster));
  for (const width of [1, TILE - 1, TILE, TILE + 1, 2 * TILE, 200]) {
    for (const x of [0, 1, 37, TILE, TILE + 1, WIDTH - width]) {
      const window = { x: Math.min(x, WIDTH - width), y: 41, width, height: 90 };
      const { pixels } = await raster.read(0, window);
      const rows = Array.from({ length: window.height }, (_, row) => {
        const from = ((window.y + row) * WIDTH + window.x) * 3;
        return whole.subarray(from, from + width * 3);
      });
      expect(Buffer.compare(Buffer.from(pixels), Buffer.concat(rows)), JSON.stringify(window)).toBe(0);
    }
  }
  await raster.close();
  await rm(folder, { recursive: true });
});

/** Long strips are read in blocks of 256 rows. */
const TALL = 1000;
const ROWS = 300;

/** Uncompressed strips, the bands of which stand together or apart. */
async function writeStrips(path: string, bytes: Uint8Array, planar: boolean): Promise<void> {
  const stripBytes = planar ? new Array<number>(3).fill(WIDTH * TALL) : [WIDTH * TALL * 3];
  const entries = (offset: number): Entry[] => [
    { tag: Tag.ImageWidth, type: 'long', values: [WIDTH] },
    { tag: Tag.ImageLength, type: 'long', values: [TALL] },
    { tag: Tag.BitsPerSample, type: 'short', values: [8, 8, 8] },
    { tag: Tag.Compression, type: 'short', values: [1] },
    { tag: Tag.PhotometricInterpretation, type: 'short', values: [2] },
    { tag: Tag.StripOffsets, type: 'offset', values: stripBytes.map((bytes, i) => offset + i * bytes) },
    { tag: Tag.SamplesPerPixel, type: 'short', values: [3] },
    { tag: Tag.RowsPerStrip, type: 'long', values: [TALL] },
    { tag: Tag.StripByteCounts, type: 'offset', values: stripBytes },
    { tag: Tag.PlanarConfiguration, type: 'short', values: [planar ? 2 : 1] },
  ];
  const offset = 8 + ifdBytes(entries(0), false);
  const head = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  await writeFile(path, Buffer.concat([head, encodeIfd(entries(offset), false, 8, 0), bytes]));
}

test('blocks of uncompressed files are kept as they were read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-strips-'));
  const pixels = Uint8Array.from({ length: WIDTH * TALL * 3 }, (_, i) => (i * 2_654_435_761) >>> 24);
  const apart = Uint8Array.from(pixels, (_, i) => pixels[(i % (WIDTH * TALL)) * 3 + Math.floor(i / (WIDTH * TALL))]);
  for (const planar of [false, true]) {
    const path = join(folder, `${planar}.tif`);
    await writeStrips(path, planar ? apart : pixels, planar);
    const raster = await openRaster(path);
    for (const y of [0, 300, 20, 600, 130, 700, 260]) {
      const { pixels: read } = await raster.read(0, { x: 3, y, width: 100, height: ROWS });
      const expected = Array.from({ length: ROWS }, (_, row) => {
        const from = ((y + row) * WIDTH + 3) * 3;
        return pixels.subarray(from, from + 300);
      });
      expect(Buffer.compare(Buffer.from(read), Buffer.concat(expected)), `${planar}, row ${y}`).toBe(0);
    }
    await raster.close();
  }
  await rm(folder, { recursive: true });
});
