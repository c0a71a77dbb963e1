/** Strips drawn from maps that are still written. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTiffWriter, type TiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { planStrips } from '../../vectorizer/strips.ts';
import { drawStrip, growthOf } from './draw-strip.ts';
import { readFeaturesFile } from './features-file.ts';

const SIZE = { width: 300, height: 300 };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-strips-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const begin = (path: string): Promise<TiffWriter> =>
  createTiffWriter(
    path,
    {
      ...{ ...SIZE, bands: 1, nodata: 255, compression: 'deflate', overviews: 'majority', epsg: 32631 },
      geotransform: [500_000, 1, 0, 4_000_000, 0, -1],
    },
    { growing: true },
  );

const draw = async (classesPath: string, growth: string | null) => {
  const featuresPath = join(folder, 'features');
  await drawStrip({
    ...{ size: SIZE, strip: planStrips(SIZE)[0], geotransform: [500_000, 1, 0, 4_000_000, 0, -1] },
    ...{ pixelMetres: { x: 1, y: 1 }, minAreaM2: 10, toleranceMetres: 1, nodata: 255 },
    codes: { building: 1, road: null, water: null },
    layers: [{ y: 0, classesPath, scoresPath: null, ...(growth !== null && { growth }) }],
    ...{ featuresPath, openPath: join(folder, 'open') },
  });
  return (await Array.fromAsync(readFeaturesFile(featuresPath))).flat().length;
};

test('a map that another process has begun anew is told from one whose rows are there', async () => {
  const path = join(folder, 'classes.tif');
  const pixels = Uint8Array.from({ length: 300 * 300 }, (_, i) => Number(i % 300 > 100 && i % 300 < 130 && i < 9000));
  const killed = await begin(path);
  await killed.writeRows(300, pixels);
  const growth = growthOf(path);
  const whole = await draw(path, growth);
  expect(whole).toBeGreaterThan(1);
  // The one that was killed leaves its file to the next, which has no rows yet.
  const next = await begin(path);
  await expect(draw(path, growth)).rejects.toThrow('begun anew');
  await next.writeRows(300, pixels);
  await next.finish();
  expect(await draw(path, growth)).toBe(whole);
  await killed.abort();
});
