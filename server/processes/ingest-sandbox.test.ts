/** What large scenes take of the machine while they are ingested. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { createTiffWriter, type TiffLayout } from '../../tiler/geotiff/write-tiff.ts';
import { ingestInSandbox } from './ingest-sandbox.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-large-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Most runs stay under 500 MB; when garbage is collected is not always the same. */
const MOST_BYTES = 600e6;
const LINUX = process.platform === 'linux';

const layoutOf = (layout: Partial<TiffLayout> & Pick<TiffLayout, 'width' | 'height' | 'bands'>): TiffLayout => ({
  compression: 'zstd',
  geotransform: [326_000, 1, 0, 2_784_000, 0, -1],
  epsg: 32_640,
  overviews: 'none',
  ...layout,
});

/** The report, and the most resident bytes that the sandbox had. */
async function ingested(path: string, workingPath: string) {
  let bytes = 0;
  const look = () => {
    const rows = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
    const row = rows.split('\n').find((each) => each.includes('ingest-sandbox-entry'));
    if (!row) return;
    const status = readFileSync(`/proc/${Number.parseInt(row, 10)}/status`, 'utf8');
    bytes = Math.max(bytes, 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]));
  };
  let shares = 0;
  const onProgress = (share: number) => void ((share === 1 || shares++ % 64 === 0) && LINUX && look());
  const report = await ingestInSandbox({ sources: [{ path }] }, workingPath, { onProgress });
  return { report, bytes };
}

/** Pixels along each side: 100,000, and half as many in the quick run. */
const side = process.env.PLANIMETER_FULL === '1' ? 100_000 : 50_000;
test(`a scene of ${side} × ${side} pixels that is nearly empty takes what its imagery takes`, {
  timeout: 300_000,
}, async () => {
  const rows = 16;
  const path = join(folder, 'sparse.tif');
  const writer = await createTiffWriter(
    path,
    layoutOf({ width: side, height: side, bands: 3, tileSize: 64, mask: true }),
  );
  const pixels = new Uint8Array(3 * rows * side);
  const valid = new Uint8Array(rows * side);
  const columns = [0, side / 2 + 1, side - 63];
  for (const first of columns) {
    for (let row = 0; row < rows; row++) {
      const at = row * side + first;
      valid.fill(1, at, at + 63);
      for (let i = 3 * at; i < 3 * (at + 63); i++) pixels[i] = 1 + ((i * 31) % 251);
    }
  }
  const tops = [0, 0.6 * side + 2, side - rows];
  let written = 0;
  for (const top of tops) {
    await writer.skipRows(top - written);
    await writer.writeRows(rows, pixels, valid);
    written = top + rows;
  }
  await writer.finish();

  const workingPath = join(folder, 'sparse-working.tif');
  const { report, bytes } = await ingested(path, workingPath);
  expect(report.validPixels).toBe(columns.length * tops.length * rows * 63);
  if (LINUX) expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(MOST_BYTES);
  const working = await openSamples(workingPath);
  for (const y of tops) {
    for (const x of columns) {
      const window = await working.read(0, { x, y, width: 63, height: rows });
      const expected = Array.from({ length: rows }, (_, row) => {
        const at = 3 * (row * side + x);
        return pixels.subarray(at, at + 189);
      });
      expect(window.valid.includes(0)).toBe(false);
      expect(Buffer.compare(Buffer.from(window.pixels.buffer, 0, 189 * rows), Buffer.concat(expected))).toBe(0);
    }
  }
  const between = await working.read(0, { x: 0.4 * side, y: 0.3 * side, width: 1000, height: 1000 });
  expect([between.valid.includes(1), between.pixels.some((each) => each !== 0)]).toEqual([false, false]);
  expect(working.levels.at(-1)).toEqual({ width: 391, height: 391 });
  const coarsest = await working.read(working.levels.length - 1, { x: 0, y: 0, width: 391, height: 391 });
  expect(coarsest.valid.filter((each) => each === 1)).toHaveLength(columns.length * tops.length);
  await working.close();
});

test('an image of 224 bands takes less than 600 MB', { timeout: 300_000 }, async () => {
  const [width, height, bands] = [1000, 600, 224];
  const path = join(folder, 'bands.tif');
  const writer = await createTiffWriter(path, layoutOf({ width, height, bands, sampleType: 'uint16', tileSize: 256 }));
  const rows = 8;
  const pixels = Uint16Array.from({ length: width * bands * rows }, (_, i) => (i * 7 + ((i * 40_503) >> 6)) & 4095);
  for (let y = 0; y < height; y += rows) await writer.writeRows(rows, pixels);
  await writer.finish();
  const { report, bytes } = await ingested(path, join(folder, 'bands-working.tif'));
  expect(report.validPixels).toBe(width * height);
  if (LINUX) expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(MOST_BYTES);
});
