import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { apply, type Geotransform, invert } from '../crs/geotransform.ts';
import { openRaster, type Raster } from '../geotiff/raster.ts';
import { wholeOf } from '../geotiff/window.ts';
import { createTransform } from './fft.ts';
import { compose, register } from './register.ts';
import { greyAt } from './sample-grey.ts';

const IDENTITY: Geotransform = [0, 1, 0, 0, 0, 1];

test('a transform there and back is the same, and that of a wave is one number', () => {
  const transform = createTransform(16);
  const values = Float64Array.from({ length: 256 }, (_, i) => Math.cos((2 * Math.PI * 3 * (i % 16)) / 16));
  const square = { re: values.slice(), im: new Float64Array(256) };
  transform.forward(square);
  const large = [...square.re].flatMap((value, i) => (Math.abs(value) > 1e-6 ? [i] : []));
  expect(large).toEqual([3, 13]);
  transform.inverse(square);
  for (const [i, value] of values.entries()) expect(square.re[i] / 256).toBeCloseTo(value, 9);
});

describe('a town, moved and turned', () => {
  let folder: string;
  let town: Raster;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-register-'));
    const { image } = await writeTown(folder, { seed: 11, width: 900, height: 700, gsdMetres: 0.5 });
    town = await openRaster(image);
  });
  afterAll(async () => {
    await town.close();
    await rm(folder, { recursive: true });
  });

  /** The town as another camera has it: its ground lies at `moved`. */
  async function seen(moved: Geotransform, change: (grey: number) => number = (grey) => grey): Promise<Raster> {
    const { width, height } = town;
    const all = { x: 0, y: 0, width, height };
    const { grey } = await greyAt(town, 0, all, invert(moved));
    const pixels = Uint8Array.from(grey, (value) => change(value));
    return {
      ...town,
      bands: 1,
      levels: [{ width, height }],
      async read(_level, window) {
        const part = {
          pixels: new Uint8Array(window.width * window.height),
          valid: new Uint8Array(window.width * window.height),
        };
        for (let row = 0; row < window.height; row++) {
          const from = (window.y + row) * width + window.x;
          part.pixels.set(pixels.subarray(from, from + window.width), row * window.width);
        }
        part.valid.forEach((_, i) => {
          part.valid[i] = Number(part.pixels[i] > 0);
        });
        return part;
      },
    };
  }

  test.each([
    ['not at all', [0, 1, 0, 0, 0, 1]],
    ['a little', [0.37, 1, 0, -0.62, 0, 1]],
    ['by pixels', [-3.25, 1, 0, 2.5, 0, 1]],
    ['far', [-41.3, 1, 0, 57.8, 0, 1]],
    ['and by 0.3°', [2 - 1.8, Math.cos(0.00524), -Math.sin(0.00524), 1 + 2.3, Math.sin(0.00524), Math.cos(0.00524)]],
  ] as [string, Geotransform][])('%s', async (_name, moved) => {
    const found = await register(town, await seen(moved, (grey) => 30 + 0.8 * grey), IDENTITY, wholeOf(town));
    expect(found).not.toBeNull();
    const errors = found!.windows.map(({ x, y }) => {
      const [wantX, wantY] = apply(moved, x, y);
      const [gotX, gotY] = apply(found!.toSecond, x, y);
      return Math.hypot(wantX - gotX, wantY - gotY);
    });
    expect(Math.max(...errors)).toBeLessThan(0.2);
    expect(found!.windows.length).toBeGreaterThan(found!.tried / 2);
  });

  test('flat ground tells nothing', async () => {
    expect(await register(town, await seen(IDENTITY, () => 120), IDENTITY, wholeOf(town))).toBeNull();
  });

  test('a window that shows something else does not pull', async () => {
    const moved: Geotransform = [1.5, 1, 0, -0.5, 0, 1];
    const other = await seen(moved);
    const part = { x: 0, y: 0, width: 330, height: 330 };
    const elsewhere = await greyAt(town, 0, part, compose([300, 1, 0, 200, 0, 1], IDENTITY));
    const read = other.read;
    other.read = async (level, window) => {
      const found = await read(level, window);
      for (let y = window.y; y < Math.min(330, window.y + window.height); y++) {
        for (let x = window.x; x < Math.min(330, window.x + window.width); x++) {
          found.pixels[(y - window.y) * window.width + x - window.x] = elsewhere.grey[y * 330 + x];
        }
      }
      return found;
    };
    const found = (await register(town, other, IDENTITY, wholeOf(town)))!;
    const [x, y] = apply(found.toSecond, 450, 350);
    expect(Math.hypot(x - 451.5, y - 349.5)).toBeLessThan(0.2);
  });
});
