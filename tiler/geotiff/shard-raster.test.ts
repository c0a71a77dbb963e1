/** Parts of a map, with one missing, read as the map does. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRaster } from './raster.ts';
import { openShardRaster } from './shard-raster.ts';
import { createTiffWriter, type TiffLayout } from './write-tiff.ts';

const [WIDTH, HEIGHT, PART, MISSING] = [700, 900, 256, 1];
const LAYOUT: TiffLayout = {
  ...{ width: WIDTH, height: HEIGHT, bands: 1, compression: 'deflate', epsg: 32640, nodata: 255 },
  geotransform: [500_000, 0.5, 0, 4_000_000, 0, -0.5],
  ...{ overviews: 'majority', tileSize: 64 },
};

test('any window of any level is that of the whole map, but for the part that is missing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stacked-'));
  try {
    const pixels = Uint8Array.from(
      { length: WIDTH * HEIGHT },
      (_, i) => ((i % WIDTH) * 7 + Math.floor(i / WIDTH / 5)) % 5,
    );
    const write = async (name: string, layout: TiffLayout, y: number) => {
      const writer = await createTiffWriter(join(folder, name), layout);
      await writer.writeRows(layout.height, pixels.subarray(y * WIDTH, (y + layout.height) * WIDTH));
      await writer.finish();
      return join(folder, name);
    };
    const whole = await openRaster(await write('whole.tif', LAYOUT, 0));
    const paths: string[] = [];
    for (let part = 0; part * PART < HEIGHT; part++) {
      const y = part * PART;
      const geotransform = LAYOUT.geotransform.with(3, LAYOUT.geotransform[3] - y * 0.5) as TiffLayout['geotransform'];
      const layout = { ...LAYOUT, geotransform, height: Math.min(PART, HEIGHT - y), overviewCount: 1 };
      if (part !== MISSING) paths.unshift(await write(`${part}.tif`, layout, y));
    }
    const stacked = await openShardRaster(paths);
    expect(stacked).toMatchObject({ width: WIDTH, height: HEIGHT, geotransform: LAYOUT.geotransform });
    expect(stacked.levels).toEqual(whole.levels.slice(0, 2));
    for (let i = 0; i < 60; i++) {
      const level = i % 2;
      const size = whole.levels[level];
      const [x, y] = [(i * 37) % (size.width - 40), (i * 53) % (size.height - 50)];
      const [got, expected] = [
        await stacked.read(level, { x, y, width: 40, height: 50 }),
        await whole.read(level, { x, y, width: 40, height: 50 }),
      ];
      for (let at = 0; at < got.pixels.length; at++) {
        const row = (y + Math.floor(at / 40)) * 2 ** level;
        const missing = row >= MISSING * PART && row < (MISSING + 1) * PART;
        const want = missing ? [255, 0] : [expected.pixels[at], 1];
        if (got.pixels[at] !== want[0] || got.valid[at] !== want[1]) expect.fail(`level ${level}, row ${row}`);
      }
    }
    await stacked.close();
    await whole.close();
    await expect(openShardRaster([...paths, join(folder, 'none.tif')])).rejects.toMatchObject({ code: 'ENOENT' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
