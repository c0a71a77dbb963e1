/** Tiles out of the render process: of a class map that is still growing, and of a scene seen with other bands. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTiffWriter, sparsePath, type TiffLayout } from '../../tiler/geotiff/write-tiff.ts';
import { RENDERING_ITEM } from '../../tiler/rendering/rendering.ts';
import type { ControlGrid } from '../../tiler/rendering/warp.ts';
import { type Renderer, startRenderer } from './render.ts';

const SIZE = 256;
let folder: string;
let renderer: Renderer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'render-'));
  renderer = startRenderer();
});
afterAll(async () => {
  await renderer.stop();
  await rm(folder, { recursive: true });
});

const LAYOUT: Omit<TiffLayout, 'bands' | 'overviews'> = {
  width: SIZE,
  height: 2 * SIZE,
  compression: 'deflate',
  geotransform: [0, 1, 0, 0, 0, -1],
  epsg: 32632,
  tileSize: 64,
};
/** The upper half of the raster, or the lower one. */
const half = (lower: number): ControlGrid => {
  const [top, bottom] = [-lower * SIZE, -(lower + 1) * SIZE];
  return { cells: 1, x: Float64Array.of(0, SIZE, 0, SIZE), y: Float64Array.of(top, top, bottom, bottom) };
};
const decode = (tile: Buffer | null) => sharp(tile!).ensureAlpha().raw().toBuffer();

test('a pixel is the one at its position, and there is none beyond', async () => {
  const path = join(folder, 'pixel.tif');
  const writer = await createTiffWriter(path, { ...LAYOUT, bands: 1, nodata: 255, overviews: 'majority' });
  const rows = Array.from({ length: 2 * SIZE * SIZE }, (_, i) => Math.floor(i / SIZE) % 256);
  await writer.writeRows(2 * SIZE, Uint8Array.from(rows));
  await writer.finish();
  expect(await renderer.pixel(path, 7.9, -3.1)).toEqual({ column: 7, row: 3, valid: true, values: [3] });
  expect(await renderer.pixel(path, 0, -255.5)).toEqual({ column: 0, row: 255, valid: false, values: [255] });
  for (const [x, y] of [
    [-0.1, -1],
    [1, 0.1],
    [SIZE, -1],
    [1, -2 * SIZE],
    [Number.NaN, -1],
  ] as const) {
    expect(await renderer.pixel(path, x, y), `${x} ${y}`).toBeNull();
  }
});

test('a class map shows as far as it is written, and whole in the end', async () => {
  const path = join(folder, 'classes.tif');
  const layout: TiffLayout = { ...LAYOUT, bands: 1, nodata: 255, overviews: 'majority' };
  const palette = new Map([[1, [200, 10, 20, 255]]] as const);
  const tile = (lower: number) => renderer.tile({ path, controlGrid: half(lower), format: 'png', size: SIZE, palette });
  expect(await tile(0)).toBeNull();
  await writeFile(sparsePath(path), ''); // as it is begun
  expect(await tile(0)).toBeNull();
  const writer = await createTiffWriter(path, layout, { growing: true });
  expect(await tile(0)).toBeNull();
  const rows = 100;
  await writer.writeRows(rows, new Uint8Array(rows * SIZE).fill(1));
  const first = await decode(await tile(0));
  for (const [row, expected] of [
    [0, 255],
    [rows - 1, 255],
    [rows, 0],
    [SIZE - 1, 0],
  ]) {
    expect(first[(row * SIZE + 5) * 4 + 3], `row ${row}`).toBe(expected);
  }
  expect(await tile(1)).toBeNull();
  await writer.writeRows(2 * SIZE - rows, new Uint8Array((2 * SIZE - rows) * SIZE).fill(1));
  const growing = await decode(await tile(1));
  await writer.finish();
  expect([...(await decode(await tile(1)))]).toEqual([...growing]);
  expect([...growing.subarray(0, 4)]).toEqual([200, 10, 20, 255]);
});

test('a scene is seen in the bands and with the stretch asked for', async () => {
  const path = join(folder, 'scene.tif');
  const rendering = {
    bands: [1, 2, 3],
    ranges: [
      [0, 1000],
      [0, 1000],
      [0, 1000],
    ],
  };
  const layout: TiffLayout = {
    ...LAYOUT,
    bands: 4,
    sampleType: 'uint16',
    overviews: 'none',
    metadata: { [RENDERING_ITEM]: JSON.stringify(rendering) },
  };
  const pixels = new Uint16Array(2 * SIZE * SIZE * 4);
  // Band 4 runs from 0 to 2550 along each row.
  for (let i = 0; i < pixels.length; i += 4) pixels.set([100, 200, 300, ((i / 4) % SIZE) * 10], i);
  const writer = await createTiffWriter(path, layout);
  await writer.writeRows(2 * SIZE, pixels);
  await writer.finish();
  const column = async (x: number, view?: Parameters<Renderer['tile']>[0]['view']) => {
    const tile = await renderer.tile({ path, controlGrid: half(0), format: 'png', size: SIZE, ...(view && { view }) });
    return [...(await decode(tile)).subarray((7 * SIZE + x) * 4, (7 * SIZE + x) * 4 + 3)];
  };
  expect(await column(9)).toEqual([26, 51, 77]);
  expect(await column(9, { bands: [3, 2, 1] })).toEqual([77, 51, 26]);
  expect(
    await column(9, {
      bands: [4, 2, 1],
      stretch: [
        [0, 2550],
        [0, 400],
        [100, 0],
      ],
    }),
  ).toEqual([9, 128, 0]);
  expect(await column(9, { stretch: 'none' })).toEqual([0, 1, 1]);
  // Its 2nd and 98th percentiles are its columns 5 and 250.
  expect(await column(5, { bands: [4, 4, 1] })).toEqual([0, 0, 26]);
  expect((await column(249, { bands: [4, 4, 1] }))[0]).toBeLessThan(255);
  expect((await column(250, { bands: [4, 4, 1] }))[0]).toBe(255);
  await expect(column(9, { bands: [5, 1, 1] })).rejects.toThrow('expected bands from 1 to 4');
});
