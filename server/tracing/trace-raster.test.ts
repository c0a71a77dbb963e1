/** A map that is traced in shards gives the features of one that is traced whole. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { vectorizeMap } from './map-to-features.ts';
import { type ObjectCodes, traceShard } from './trace-raster.ts';

const SIZE = { width: 700, height: 1300 };

let folder: string;
let truth: string;
let town: Raster;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-trace-'));
  ({ truth } = await writeTown(folder, { seed: 77, ...SIZE, gsdMetres: 1 }));
  town = await openRaster(truth);
});
afterAll(async () => {
  await town.close();
  await rm(folder, { recursive: true, force: true });
});

/** Rows of the town as a map of their own. */
async function cut(name: string, y: number, height: number): Promise<string> {
  const path = join(folder, `${name}.tif`);
  const { geotransform, epsg, nodata } = town;
  const layout = { width: SIZE.width, height, bands: 1, compression: 'deflate', overviews: 'none' } as const;
  const writer = await createTiffWriter(path, { ...layout, geotransform, epsg: epsg!, nodata: nodata ?? 255 });
  await writer.writeRows(height, (await town.read(0, { x: 0, y, width: SIZE.width, height })).pixels);
  await writer.finish();
  return path;
}

test.each<[string, ObjectCodes, number[]]>([
  ['towns', { building: 1, road: 2, water: 4 }, [512, 512, 276]],
  ['one shard', { building: 1, road: 2, water: 4 }, [1300]],
  ['of other heights', { building: 1, road: 2, water: 4 }, [128, 1024, 148]],
  ['without objects', { building: null, road: null, water: null }, [512, 788]],
])('%s', async (name, codes, heights) => {
  const common = {
    classesPath: truth,
    scoresPath: null,
    pixelMetres: { x: 1, y: 1 },
    minAreaM2: 12,
    toleranceMetres: 0.7,
  };
  const draw = async (file: string, tracedPaths?: string[]) => {
    const featuresPath = join(folder, file);
    const report = await vectorizeMap(
      { ...common, codes, featuresPath, ...(tracedPaths && { tracedPaths }) },
      () => {},
    );
    return { report, features: await readFile(featuresPath) };
  };
  const tracedPaths: string[] = [];
  let y = 0;
  for (const [i, height] of heights.entries()) {
    const classesPath = await cut(`${name}-${i}`, y, height);
    const tracedPath = join(folder, `${name}-${i}.bin`);
    await traceShard({ classesPath, scoresPath: null, tracedPath, codes, mapSize: SIZE });
    tracedPaths.push(tracedPath);
    y += height;
  }
  expect(y).toBe(SIZE.height);
  const whole = await draw('whole.bin');
  expect(whole.report.levels.length).toBeGreaterThan(1);
  expect(await draw('joined.bin', tracedPaths)).toEqual(whole);
});
