/** An image that is read in place, from a source that fails now and then. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { type ByteRange, readRemoteThrough } from '../geotiff/byte-source.ts';
import { createTiffWriter } from '../geotiff/write-tiff.ts';
import { openWorking } from './open-working-copy.ts';

const SIDE = 300;

test('a block that could not be read is read the next time, and all blocks of a window are announced', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-working-'));
  try {
    const path = join(folder, 'image.tif');
    const layout = {
      width: SIDE,
      height: SIDE,
      bands: 3,
      compression: 'zstd',
      epsg: 32633,
      overviews: 'average',
    } as const;
    const writer = await createTiffWriter(path, { ...layout, tileSize: 64, geotransform: [5e5, 1, 0, 5e6, 0, -1] });
    const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7) ^ (i >> 6));
    await writer.writeRows(SIDE, pixels);
    await writer.finish();
    const bytes = await readFile(path);
    let away = false;
    const announced: ByteRange[] = [];
    readRemoteThrough(async () => ({
      size: bytes.length,
      async read(position, length) {
        if (away) throw new Problem('remote_unreachable', 'Not now.');
        return bytes.subarray(position, position + length);
      },
      announce: (ranges) => void announced.push(...ranges),
      async close() {},
    }));
    const raster = await openWorking('card.remote');
    expect(raster.levels).toEqual([{ width: SIDE, height: SIDE }]);
    away = true;
    await expect(raster.read(0, { x: 60, y: 0, width: 140, height: 64 })).rejects.toMatchObject({
      code: 'remote_unreachable',
    });
    expect(announced.length).toBe(4);
    away = false;
    const window = await raster.read(0, { x: 60, y: 0, width: 140, height: 64 });
    for (let row = 0; row < 64; row++) {
      const line = window.pixels.subarray(row * 140 * 3, (row + 1) * 140 * 3);
      expect(line).toEqual(pixels.subarray((row * SIDE + 60) * 3, (row * SIDE + 200) * 3));
    }
    await raster.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
