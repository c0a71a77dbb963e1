/** Any window of a raster is the crop of the whole: of its blocks' width or another, on their borders or not. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BASE } from '../../test/support/tiff.ts';
import { openRaster } from './raster.ts';
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
