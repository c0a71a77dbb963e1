/** Map tiles through a control grid, from rasters in memory and from a written file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { openRaster, type Raster } from '../geotiff/raster.ts';
import { createTiffWriter, type TiffLayout } from '../geotiff/write-tiff.ts';
import { renderMapTile } from './map-tile.ts';
import { type ControlGrid, warpColours } from './warp.ts';

/** The tile shows the scene's pixels [x0, x0 + span) × [y0, y0 + span); y runs to the north in its CRS. */
function straightGrid(x0: number, y0: number, span: number, cells = 8): ControlGrid {
  const nodes = cells + 1;
  const at = (i: number) => (i * span) / cells;
  return {
    cells,
    x: Float64Array.from({ length: nodes * nodes }, (_, i) => x0 + at(i % nodes)),
    y: Float64Array.from({ length: nodes * nodes }, (_, i) => -y0 - at(Math.floor(i / nodes))),
  };
}

const LAYOUT: TiffLayout = {
  width: 1300,
  height: 900,
  bands: 3,
  compression: 'zstd',
  geotransform: [0, 1, 0, 0, 0, -1],
  epsg: 32632,
  overviews: 'average',
};

async function withRaster(layout: TiffLayout, colour: (x: number, y: number) => number[], run: (r: Raster) => unknown) {
  const folder = await mkdtemp(join(tmpdir(), 'map-tile-'));
  try {
    const { width, height, bands } = layout;
    const pixels = new Uint8Array(width * height * bands);
    for (let i = 0; i < width * height; i++) pixels.set(colour(i % width, Math.floor(i / width)), i * bands);
    const valid = layout.mask
      ? Uint8Array.from({ length: width * height }, (_, i) => (i % width < width / 2 ? 0 : 1))
      : undefined;
    const writer = await createTiffWriter(join(folder, 'scene.tif'), layout);
    await writer.writeRows(height, pixels, valid);
    await writer.finish();
    const raster = await openRaster(join(folder, 'scene.tif'));
    await run(raster);
    await raster.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}

const decode = async (tile: Buffer | null) => [...(await sharp(tile!).ensureAlpha().raw().toBuffer())];
const gradient = (x: number, y: number) => [x % 256, y % 256, (x + y) % 256];

test('a tile on the scene’s own pixels is the scene’s own pixels', () =>
  withRaster(LAYOUT, gradient, async (raster) => {
    const tile = await decode(await renderMapTile(raster, straightGrid(517, 301, 256), 256, 'png'));
    const expected = Array.from({ length: 256 * 256 }, (_, i) => [
      ...gradient(517 + (i % 256), 301 + Math.floor(i / 256)),
      255,
    ]);
    expect(tile).toEqual(expected.flat());
  }));

test('a tile of many scene pixels is read from the overview that fits', () =>
  withRaster(
    LAYOUT,
    (x, y) => ((x + y) % 2 ? [255, 0, 0] : [0, 0, 255]),
    async (raster) => {
      const tile = await decode(await renderMapTile(raster, straightGrid(0, 0, 512), 256, 'png'));
      expect(new Set(tile.filter((_, i) => i % 4 === 0))).toEqual(new Set([128]));
    },
  ));

test('what the scene does not cover is transparent, and a tile beside it is null', () =>
  withRaster({ ...LAYOUT, mask: true }, gradient, async (raster) => {
    const tile = await decode(await renderMapTile(raster, straightGrid(650 - 128, -100, 256), 256, 'png'));
    for (let i = 0; i < 256 * 256; i++) {
      const inside = i % 256 >= 128 && Math.floor(i / 256) >= 100;
      expect(tile[i * 4 + 3], `pixel ${i}`).toBe(inside ? 255 : 0);
    }
    expect(await renderMapTile(raster, straightGrid(0, 0, 256), 256, 'png')).toBeNull();
    expect(await renderMapTile(raster, straightGrid(1300, 0, 256), 256, 'png')).toBeNull();
    expect(await renderMapTile(raster, straightGrid(Number.NaN, 0, 256), 256, 'png')).toBeNull();
  }));

test('classes keep their colours exactly, in PNG and in WebP; nodata is transparent', () => {
  const palette = new Map([
    [0, [0, 0, 0, 0]],
    [1, [200, 10, 20, 255]],
    [2, [1, 250, 3, 255]],
  ] as const);
  const layout: TiffLayout = { ...LAYOUT, bands: 1, nodata: 255, overviews: 'majority' };
  const codes = [0, 1, 2, 255];
  return withRaster(
    layout,
    (x, y) => [codes[(x >> 4) & (y >> 3) & 3]],
    async (raster) => {
      for (const format of ['png', 'webp'] as const) {
        const tile = await decode(await renderMapTile(raster, straightGrid(64, 64, 100), 300, format, palette));
        const seen = new Set<string>();
        for (let i = 0; i < tile.length; i += 4) seen.add(tile[i + 3] === 0 ? 'none' : tile.slice(i, i + 4).join());
        expect(seen).toEqual(new Set(['none', '200,10,20,255', '1,250,3,255']));
      }
    },
  );
});

test('a tile that covers all is opaque; what is transparent is white in JPEG', () =>
  withRaster({ ...LAYOUT, mask: true }, gradient, async (raster) => {
    const channels = async (grid: ControlGrid, format: 'png' | 'jpg') =>
      (await sharp((await renderMapTile(raster, grid, 256, format))!).metadata()).channels;
    const [whole, partly] = [straightGrid(700, 100, 300), straightGrid(650 - 128, -100, 256)];
    expect(await channels(whole, 'png')).toBe(3);
    expect(await channels(partly, 'png')).toBe(4);
    const tile = await decode(await renderMapTile(raster, partly, 256, 'jpg'));
    expect(tile.slice(0, 4)).toEqual([255, 255, 255, 255]);
  }));

test('what is invalid elsewhere in the window changes no pixel, at any scale', () => {
  const [width, height] = [900, 700];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24);
  const valid = new Uint8Array(width * height).fill(1);
  const withHole = valid.slice();
  withHole[width * height - 1] = 0;
  for (const span of [200, 256, 277, 400, 555, 640]) {
    const { cells, x, y } = straightGrid(3, 2, span);
    // Turned a little, as a projection is against another.
    const grid = { cells, x: x.map((nodeX, i) => nodeX - y[i]! / 100), y: y.map((nodeY, i) => -nodeY + x[i]! / 90) };
    const [whole, holed] = [valid, withHole].map((mask) => {
      const rgba = new Uint8Array(256 * 256 * 4);
      expect(warpColours({ width, height, bands: 3, pixels, valid: mask }, grid, 256, rgba)).toBe(256 * 256);
      return rgba;
    });
    expect(Buffer.compare(whole!, holed!), `${span} pixels`).toBe(0);
  }
});
