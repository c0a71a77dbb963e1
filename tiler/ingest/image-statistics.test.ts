import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { sharedPath } from '../../test/support/shared.ts';
import { openSamples } from '../geotiff/raster.ts';
import type { Samples, SampleType } from '../geotiff/samples.ts';
import { wholeOf } from '../geotiff/window.ts';
import { createTiffWriter } from '../geotiff/write-tiff.ts';
import { storedRendering } from '../rendering/rendering.ts';
import { chooseRendering } from '../working-copy/job-rendering.ts';
import { openScene } from '../working-copy/open-scene.ts';
import { imageStatistics } from './image-statistics.ts';
import { ingest, inspect } from './ingest.ts';
import { DEFAULT_INGEST_LIMITS } from './validate-source.ts';

const SIZE = { width: 420, height: 330 };

let folder: string;
let town: { image: string; truth: string };
let rgb: Uint8Array;
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-look-'));
  town = await writeTown(file('town'), { seed: 5, ...SIZE, gsdMetres: 0.5 });
  const raster = await openSamples(town.image);
  rgb = (await raster.read(0, wholeOf(SIZE))).pixels as Uint8Array;
  await raster.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, bands: number, sampleType: SampleType, pixels: Samples): Promise<string> {
  const geotransform = [500_000, 0.5, 0, 5_000_000, 0, -0.5] as const;
  const layout = {
    ...SIZE,
    bands,
    sampleType,
    compression: 'deflate' as const,
    epsg: 32633,
    overviews: 'none' as const,
  };
  const writer = await createTiffWriter(file(name), { ...layout, geotransform: [...geotransform] });
  await writer.writeRows(SIZE.height, pixels);
  await writer.finish();
  return file(name);
}

async function lookAtFile(path: string) {
  const raster = await openSamples(path);
  try {
    return await imageStatistics(raster, storedRendering(raster));
  } finally {
    await raster.close();
  }
}

const inspectFile = (path: string) => inspect(path, DEFAULT_INGEST_LIMITS);
const noProgress = () => {};

test('imagery, a drawn map and a scanned sheet are told apart', async () => {
  expect((await lookAtFile(town.image)).content.kind).toBe('imagery');
  expect((await inspectFile(town.image)).look.content.kind).toBe('imagery');
  const palette = [
    [90, 160, 90],
    [200, 60, 60],
    [90, 90, 90],
    [30, 120, 40],
    [40, 80, 190],
  ];
  const truth = await openSamples(town.truth);
  const codes = (await truth.read(0, wholeOf(SIZE))).pixels;
  await truth.close();
  const drawn = Uint8Array.from(
    { length: codes.length * 3 },
    (_, i) => palette[codes[Math.floor(i / 3)]]?.[i % 3] ?? 0,
  );
  expect((await lookAtFile(await write('drawn.tif', 3, 'uint8', drawn))).content.kind).toBe('few_colours');
  expect((await inspectFile(town.truth)).look.content.kind).toBe('few_colours');
  // Noisy paper with some ink.
  const sheet = Uint8Array.from(drawn, (value, i) =>
    codes[Math.floor(i / 3)] === 1 ? value : 240 + ((i * 7919) % 13),
  );
  expect((await lookAtFile(await write('sheet.tif', 3, 'uint8', sheet))).content.kind).toBe('paper');
});

test('real scenes look like imagery, and a mask of one does not', { timeout: 60_000 }, async (context) => {
  const scenes = sharedPath('scenes');
  if (!scenes) return context.skip();
  const files = (await readdir(scenes)).filter((name) => name.endsWith('.tif'));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files) {
    const { content } = (await inspectFile(join(scenes, name))).look;
    expect([name, content.kind]).toEqual([name, name.includes('truth') ? 'few_colours' : 'imagery']);
  }
});

test('the values of bands are those of the pixels', async () => {
  const { bands, sampled, valid } = await lookAtFile(town.image);
  expect([sampled >= 100_000, valid]).toEqual([true, sampled]);
  for (const [band, look] of bands.entries()) {
    const all = rgb.filter((_, i) => i % 3 === band).sort();
    const near = (share: number) => all[Math.floor(share * all.length)];
    expect(look!.histogram.reduce((sum, count) => sum + count, 0)).toBe(sampled);
    for (const [i, share] of [0.02, 0.25, 0.5, 0.75, 0.98].entries()) {
      expect(Math.abs(look!.percentiles[i] - near(share))).toBeLessThan(6);
    }
  }
});

test('bands that a job names give the pixels of the file with its bands in that order, at every level', async () => {
  const bgr = Uint8Array.from(rgb, (_, i) => rgb[i - (i % 3) + (2 - (i % 3))]);
  const wide = Uint16Array.from(rgb, (value, i) => value * 11 + (i % 5));
  const wideBgr = Uint16Array.from(wide, (_, i) => wide[i - (i % 3) + (2 - (i % 3))]);
  for (const [type, plain, swapped] of [
    ['uint8', rgb, bgr],
    ['uint16', wide, wideBgr],
  ] as const) {
    const [working, other] = [file(`${type}.cog.tif`), file(`${type}-bgr.cog.tif`)];
    const report = await ingest(await write('a.tif', 3, type, plain), working, DEFAULT_INGEST_LIMITS, noProgress);
    await ingest(await write('b.tif', 3, type, swapped), other, DEFAULT_INGEST_LIMITS, noProgress);
    const chosen = await chooseRendering(other, { bands: [3, 2, 1] });
    expect(chosen.rendering.ranges).toEqual(report.rendering.ranges);
    expect(chosen.meanColour).toEqual(report.meanColour);
    const [a, b] = await Promise.all([openScene(working), openScene(other, chosen.rendering)]);
    for (const [level, { width, height }] of a.levels.entries()) {
      const [left, right] = await Promise.all([
        a.read(level, { x: 0, y: 0, width, height }),
        b.read(level, { x: 0, y: 0, width, height }),
      ]);
      expect(Buffer.compare(left.pixels, right.pixels as Uint8Array), `${type} level ${level}`).toBe(0);
    }
    await Promise.all([a.close(), b.close()]);
  }
});

test('a declared stretch, the whole range and percentiles become what they say', async () => {
  const dark = Uint16Array.from(rgb, (value) => value * 3);
  const working = file('dark.cog.tif');
  await ingest(await write('dark.tif', 3, 'uint16', dark), working, DEFAULT_INGEST_LIMITS, noProgress);
  const ranges = async (view: Parameters<typeof chooseRendering>[1]) =>
    (await chooseRendering(working, view)).rendering.ranges;
  const declared = [
    [0, 765],
    [0, 700],
    [10, 600],
  ] as [[number, number], [number, number], [number, number]];
  expect(await ranges({ stretch: declared })).toEqual(declared);
  expect(await ranges({ stretch: 'none' })).toEqual([
    [0, 65_535],
    [0, 65_535],
    [0, 65_535],
  ]);
  const found = (await ranges({ stretch: 'percentile' }))!;
  for (const [band, range] of found.entries()) {
    const sorted = dark.filter((_, i) => i % 3 === band).sort();
    expect(range).toEqual([0.02, 0.98].map((share) => sorted[Math.ceil(share * sorted.length) - 1]));
  }
  await expect(chooseRendering(working, { bands: [4, 3, 2] })).rejects.toThrow(RangeError);
});
