/** Chips leave no trace: every chip is a crop of the whole model plane, byte for byte, and cores tile the grid. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { levelSizes } from '../geotiff/cog-layout.ts';
import { openRaster, type Raster } from '../geotiff/raster.ts';
import { wholeOf } from '../geotiff/window.ts';
import { createTiffWriter, type TiffLayout } from '../geotiff/write-tiff.ts';
import { chipAt, planChips, readChips } from './chips.ts';
import { type ModelGrid, planModelGrid, readModelWindow } from './model-grid.ts';

const FILL = [11, 120, 230] as const;

/** Mulberry32: numbers in [0, 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A scene of noise over a slope, some of it invalid. */
async function withScene(
  seed: number,
  width: number,
  height: number,
  run: (raster: Raster, valid: Uint8Array, pixels: Uint8Array) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'chips-'));
  try {
    const random = generator(seed);
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i / 3) % width) / 8 + random() * 128);
    const holeX = random() * width;
    const holeY = random() * height;
    const valid = Uint8Array.from({ length: width * height }, (_, i) =>
      Math.hypot((i % width) - holeX, Math.floor(i / width) - holeY) < 40 ? 0 : 1,
    );
    const layout: TiffLayout = {
      width,
      height,
      bands: 3,
      compression: 'zstd',
      geotransform: [500_000, 0.5, 0, 4_000_000, 0, -0.5],
      epsg: 32640,
      mask: true,
      overviews: 'average',
      tileSize: 128,
    };
    const writer = await createTiffWriter(join(folder, 'scene.tif'), layout);
    await writer.writeRows(height, pixels, valid);
    await writer.finish();
    const raster = await openRaster(join(folder, 'scene.tif'));
    await run(raster, valid, pixels);
    await raster.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** numpy.pad(mode='reflect') of one axis. */
function reflect(index: number, size: number): number {
  if (size === 1) return 0;
  let i = index;
  while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i;
  return i;
}

/** The window of the plane, from the whole grid in memory. */
function crop(whole: Uint8Array, grid: ModelGrid, bands: number, x: number, y: number, width: number, height: number) {
  const out = new Uint8Array(width * height * bands);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (reflect(y + row, grid.height) * grid.width + reflect(x + column, grid.width)) * bands;
      out.set(whole.subarray(from, from + bands), (row * width + column) * bands);
    }
  }
  return out;
}

const CASES = [
  { width: 700, height: 410, gsd: { x: 0.5, y: 0.5 }, network: 0.5, why: 'the scene’s own grid' },
  { width: 700, height: 410, gsd: { x: 0.5, y: 0.53 }, network: 0.81, why: 'down from full resolution' },
  { width: 1290, height: 777, gsd: { x: 0.3, y: 0.3 }, network: 0.8, why: 'down from an overview' },
  { width: 1290, height: 777, gsd: { x: 0.25, y: 0.25 }, network: 0.5, why: 'an overview as it is' },
  { width: 300, height: 210, gsd: { x: 1, y: 0.9 }, network: 0.4, why: 'up' },
  { width: 600, height: 300, gsd: { x: 0.5, y: 0.9 }, network: 0.5, why: 'up along y alone' },
  { width: 500, height: 30, gsd: { x: 0.1, y: 0.1 }, network: 0.5, why: 'far down, smaller than a chip' },
  { width: 40, height: 57, gsd: { x: 0.5, y: 0.5 }, network: 0.5, why: 'smaller than the halo' },
  { width: 300, height: 1, gsd: { x: 0.5, y: 0.5 }, network: 0.8, why: 'one pixel high' },
  { width: 1, height: 1, gsd: { x: 0.5, y: 0.5 }, network: 0.2, why: 'one pixel' },
];

test.each(CASES)('every chip is a crop of the whole: $why', async ({ width, height, gsd, network, why }) => {
  for (let seed = 1; seed <= 3; seed++) {
    await withScene(seed * 7919 + width, width, height, async (raster) => {
      const label = `${why}, seed ${seed}`;
      const grid = planModelGrid({ levels: raster.levels, geotransform: raster.geotransform, gsdMetres: gsd }, network);
      const whole = await readModelWindow(raster, grid, FILL, wholeOf(grid));
      const core = [64, 96, 160][seed % 3];
      const plan = planChips(grid, { stride: 16, halo: 70 }, core);
      expect(plan).toMatchObject({ core, halo: 80, stride: 16 });
      let covered = 0;
      let row = 0;
      let column = 0;
      for await (const { chip, pixels, valid } of readChips(raster, grid, plan, FILL, Array(plan.rows).keys())) {
        expect([chip.row, chip.column], label).toEqual([row, column]);
        expect([chip.x % 16, chip.y % 16, chip.width % 16, chip.height % 16], label).toEqual([0, 0, 0, 0]);
        const w = chip.width + 2 * plan.halo;
        const h = chip.height + 2 * plan.halo;
        const expected = crop(whole.pixels, grid, 3, chip.x - plan.halo, chip.y - plan.halo, w, h);
        expect(Buffer.compare(pixels, expected), `${label}, chip ${row}, ${column}`).toBe(0);
        const across = Math.min(chip.width, grid.width - chip.x);
        const down = Math.min(chip.height, grid.height - chip.y);
        expect(Math.min(across, down)).toBeGreaterThan(0);
        covered += across * down;
        for (let i = 0; i < valid.length; i++) {
          const x = i % chip.width;
          const y = Math.floor(i / chip.width);
          const inside = x < across && y < down;
          const expectedValid = inside ? whole.valid[(chip.y + y) * grid.width + chip.x + x] : 0;
          if (valid[i] !== expectedValid) expect.fail(`${label}: valid[${i}] of chip ${row}, ${column}`);
        }
        column = (column + 1) % plan.columns;
        if (column === 0) row++;
      }
      expect(covered, label).toBe(grid.width * grid.height);
      expect(row, label).toBe(plan.rows);
    });
  }
});

test('windows far outside are folded as often as needed', () =>
  withScene(5, 37, 23, async (raster) => {
    const grid = planModelGrid({ ...raster, gsdMetres: { x: 0.5, y: 0.5 } }, 0.9);
    const whole = await readModelWindow(raster, grid, FILL, wholeOf(grid));
    const random = generator(99);
    for (let i = 0; i < 50; i++) {
      const x = Math.floor((random() - 0.5) * 300);
      const y = Math.floor((random() - 0.5) * 300);
      const w = 1 + Math.floor(random() * 120);
      const h = 1 + Math.floor(random() * 120);
      const { pixels } = await readModelWindow(raster, grid, FILL, { x, y, width: w, height: h });
      expect(Buffer.compare(pixels, crop(whole.pixels, grid, 3, x, y, w, h)), `window ${x},${y} ${w}x${h}`).toBe(0);
    }
  }));

test('without resampling a window is the scene, with the mean colour where there is none', () =>
  withScene(3, 300, 200, async (raster, valid, scene) => {
    const grid = planModelGrid({ ...raster, gsdMetres: { x: 0.5, y: 0.45 } }, 0.5);
    expect(grid).toMatchObject({ width: 300, height: 200, level: 0, levelPixelsX: 1, levelPixelsY: 1 });
    const { pixels } = await readModelWindow(raster, grid, FILL, { x: 0, y: 0, width: 300, height: 200 });
    const expected = scene.map((value, i) => (valid[Math.floor(i / 3)] ? value : FILL[i % 3]));
    expect(Buffer.compare(pixels, expected)).toBe(0);
  }));

test('a constant stays constant, and a slope stays a slope, through both filters', async () => {
  for (const network of [0.2, 0.31, 0.7, 1.3]) {
    const levels = levelSizes({ width: 400, height: 300, overviews: 'average' });
    const grid = planModelGrid({ levels, geotransform: [0, 1, 0, 0, 0, -1], gsdMetres: { x: 0.5, y: 0.5 } }, network);
    const slope = { ...memoryRaster(400, 300, (x, y) => [77, x / 2, y / 2]), levels };
    const { pixels } = await readModelWindow(slope, grid, FILL, wholeOf(grid));
    const margin = Math.ceil(6 / Math.min(1, grid.levelPixelsX));
    let worst = 0;
    for (let y = margin; y < grid.height - margin; y++) {
      for (let x = margin; x < grid.width - margin; x++) {
        const at = (y * grid.width + x) * 3;
        // The pixel's centre on the slope; its values were cut to whole numbers, so they are half a step too low.
        const expected = [77, x + 0.5, y + 0.5].map((value, i) =>
          i === 0 ? 77 : (value * grid.levelPixelsX) / 2 - 0.5,
        );
        worst = Math.max(worst, ...expected.map((value, i) => Math.abs(pixels[at + i] - value) * (i === 0 ? 100 : 1)));
      }
    }
    expect(worst, `to ${network} m`).toBeLessThan(1.1);
  }
});

function memoryRaster(width: number, height: number, colour: (x: number, y: number) => number[]): Raster {
  return {
    width,
    height,
    bands: 3,
    geotransform: [0, 1, 0, 0, 0, -1],
    epsg: 32632,
    nodata: null,
    levels: [{ width, height }],
    async read(_level, { x, y, ...window }) {
      const count = window.width * window.height;
      const pixels = new Uint8Array(count * 3);
      for (let i = 0; i < count; i++) {
        pixels.set(colour(x + (i % window.width), y + Math.floor(i / window.width)), i * 3);
      }
      return { pixels, valid: new Uint8Array(count).fill(1) };
    },
    async close() {},
  };
}

test('the grid takes the coarsest overview that is fine enough, and covers the scene’s extent', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = generator(seed);
    const width = 1 + Math.floor(random() * 9000);
    const height = 1 + Math.floor(random() * 9000);
    const gsdMetres = { x: 0.05 + random() * 2, y: 0.05 + random() * 2 };
    const network = 0.1 + random() * 2;
    const levels = levelSizes({ width, height, overviews: 'average' });
    const grid = planModelGrid({ levels, geotransform: [10, 2, 0, 20, 0, -3], gsdMetres }, network);
    const label = `seed ${seed}`;
    const fits = (level: number) => Math.max(gsdMetres.x, gsdMetres.y) * 2 ** level <= network;
    const near = (gsd: number) => Math.abs(gsd / network - 1) <= 0.15;
    const own = near(gsdMetres.x) && near(gsdMetres.y);
    const expectedLevel = own
      ? 0
      : Math.max(
          0,
          levels.findLastIndex((_, level) => fits(level)),
        );
    expect(grid.level, label).toBe(expectedLevel);
    const [, sx, , , , sy] = grid.geotransform;
    const beyondX = (grid.width * sx) / 2 - width;
    const beyondY = (grid.height * sy) / -3 - height;
    const pixel = 2 ** grid.level;
    expect(beyondX, label).toBeGreaterThan(-1e-6);
    expect(beyondX, label).toBeLessThan(grid.levelPixelsX === 1 ? pixel : 1e-6);
    expect(beyondY, label).toBeGreaterThan(-1e-6);
    expect(beyondY, label).toBeLessThan(grid.levelPixelsY === 1 ? pixel : 1e-6);
    expect(grid.gsdMetres.x * grid.width, label).toBeCloseTo(gsdMetres.x * (width + beyondX), 3);
    if (grid.width > 20 && grid.height > 20) {
      expect(Math.abs(grid.gsdMetres.x / network - 1), label).toBeLessThan(0.151);
      expect(Math.abs(grid.gsdMetres.y / network - 1), label).toBeLessThan(0.151);
    }
    const plan = planChips(grid, { stride: 16, halo: 96 }, 1000);
    expect(plan.core, label).toBe(1008);
    const last = chipAt(grid, plan, plan.rows - 1, plan.columns - 1);
    expect(last.x + last.width - grid.width, label).toBeLessThan(16);
    expect(last.y + last.height, label).toBeGreaterThanOrEqual(grid.height);
  }
});
