/** A band that is tagged as alpha and holds an image is told of, and is a band for those who name it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Entry, encodeIfd, ifdBytes, Tag } from '../geotiff/tiff-tags.ts';
import { chooseRendering } from '../working-copy/job-rendering.ts';
import { openScene } from '../working-copy/open-scene.ts';
import { openView } from '../working-copy/scene-view.ts';
import { ingest, inspect } from './ingest.ts';
import { DEFAULT_INGEST_LIMITS } from './validate-source.ts';

const SIDE = 128;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alpha-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Pixel = (x: number, y: number) => number;

/** Red, green and blue of a textured image, black where `collar` says so, and a fourth band tagged as alpha. */
async function rgbaOf(
  name: string,
  alpha: Pixel,
  collar: (x: number, y: number) => boolean = () => false,
  metadata = '',
) {
  const entries = (pixelsAt: number): Entry[] => [
    { tag: Tag.ImageWidth, type: 'long', values: [SIDE] },
    { tag: Tag.ImageLength, type: 'long', values: [SIDE] },
    { tag: Tag.BitsPerSample, type: 'short', values: [8, 8, 8, 8] },
    { tag: Tag.Compression, type: 'short', values: [1] },
    { tag: Tag.PhotometricInterpretation, type: 'short', values: [2] },
    { tag: Tag.StripOffsets, type: 'long', values: [pixelsAt] },
    { tag: Tag.SamplesPerPixel, type: 'short', values: [4] },
    { tag: Tag.RowsPerStrip, type: 'long', values: [SIDE] },
    { tag: Tag.StripByteCounts, type: 'long', values: [SIDE * SIDE * 4] },
    { tag: Tag.ExtraSamples, type: 'short', values: [2] },
    { tag: Tag.ModelPixelScale, type: 'double', values: [1, 1, 0] },
    { tag: Tag.ModelTiepoint, type: 'double', values: [0, 0, 0, 400_000, 2_800_000, 0] },
    ...(metadata ? [{ tag: Tag.GdalMetadata, type: 'ascii', values: Buffer.from(`${metadata}\0`) } as const] : []),
    { tag: Tag.GeoKeyDirectory, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32640] },
  ];
  const head = encodeIfd(entries(8 + ifdBytes(entries(0), false)), false, 8, 0);
  const pixels = Buffer.alloc(SIDE * SIDE * 4);
  for (let y = 0, at = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++, at += 4) {
      if (!collar(x, y))
        for (let band = 0; band < 3; band++) pixels[at + band] = 20 + ((x * 7 + y * 13 + band * 31) % 200);
      pixels[at + 3] = alpha(x, y);
    }
  }
  const path = join(folder, `${name}.tif`);
  await writeFile(path, Buffer.concat([Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]), head, pixels]));
  return path;
}

const isLake = (x: number, y: number): boolean => x > 40 && x < 80 && y > 40 && y < 80;
const isCollar = (x: number, y: number): boolean => x + y < 60;

test.each<[string, Pixel, ((x: number, y: number) => boolean)?]>([
  ['near infrared over water', (x, y) => (isLake(x, y) ? 0 : 150)],
  ['many values', (x, y) => (x * 3 + y) % 256],
  ['holes where there is an image', (x, y) => (isLake(x, y) ? 0 : 255)],
])('%s: told, and kept as a band', async (name, alpha) => {
  const path = await rgbaOf(name, alpha);
  const look = await inspect(path, DEFAULT_INGEST_LIMITS);
  expect(look.findings.map(({ code }) => code)).toContain('alpha_looks_like_data');
  const working = join(folder, `${name}.working.tif`);
  const report = await ingest(path, working, DEFAULT_INGEST_LIMITS, () => {});
  expect(report.findings.map(({ code }) => code)).toContain('alpha_looks_like_data');
  expect(report.bandNames).toEqual(['red', 'green', 'blue', 'alpha']);
  expect(look.bandNames).toEqual(report.bandNames);
  expect(report.validPixels).toBeLessThan(SIDE * SIDE);
  // Named, it is a band like others, and says nothing of which pixels are imagery.
  const { rendering } = await chooseRendering(working, { bands: [4, 1, 2], stretch: 'none' });
  const whole = { x: 0, y: 0, width: SIDE, height: SIDE };
  for (const scene of [
    await openScene(working, rendering),
    await openView(working, { bands: [4, 1, 2], stretch: 'none' }),
  ]) {
    const { pixels, valid } = await scene.read(0, whole);
    await scene.close();
    expect(valid.includes(0)).toBe(false);
    for (const [x, y] of [
      [60, 60],
      [3, 9],
      [100, 100],
    ]) {
      expect(pixels[3 * (y * SIDE + x)]).toBe(alpha(x, y));
      expect(pixels[3 * (y * SIDE + x) + 1]).toBe(20 + ((x * 7 + y * 13) % 200));
    }
  }
  const scene = await openScene(working);
  const { valid } = await scene.read(0, whole);
  await scene.close();
  expect(valid.reduce((sum, value) => sum + value)).toBe(report.validPixels);
});

test.each<[string, Pixel]>([
  ['a collar', (x, y) => (isCollar(x, y) ? 0 : 255)],
  ['a collar with soft edges', (x, y) => Math.max(0, Math.min(255, (x + y - 60) * 64))],
  ['all opaque', () => 255],
])('%s: alpha is alpha', async (name, alpha) => {
  const path = await rgbaOf(name, alpha, (x, y) => alpha(x, y) === 0);
  const working = join(folder, `${name}.working.tif`);
  const { findings, bandNames } = await ingest(path, working, DEFAULT_INGEST_LIMITS, () => {});
  expect(findings.map(({ code }) => code)).not.toContain('alpha_looks_like_data');
  expect(bandNames).toEqual(['red', 'green', 'blue']);
});

test('a name that says what the band measures counts for more than its tag', async () => {
  const item = '<Item name="DESCRIPTION" sample="3" role="description">NIR</Item>';
  const path = await rgbaOf(
    'named',
    (x, y) => (isLake(x, y) ? 0 : 150),
    undefined,
    `<GDALMetadata>${item}</GDALMetadata>`,
  );
  const report = await ingest(path, join(folder, 'named.working.tif'), DEFAULT_INGEST_LIMITS, () => {});
  expect(report).toMatchObject({ bandNames: ['red', 'green', 'blue', 'NIR'], validPixels: SIDE * SIDE });
});
