/** `planimeter change`: an image against itself, georeferenced 1.5 m aside, has not changed. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangeReport } from '../server/change/find-changes.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { PROGRAM } from './support/workers.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-change-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const change = (...args: string[]) => promisify(execFile)(process.execPath, [PROGRAM, 'change', ...args]);

test('what only lies elsewhere has not changed', { timeout: 240_000 }, async () => {
  const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 700, height: 600, gsdMetres: 1 });
  const town = await openRaster(image);
  const { width, height, geotransform } = town;
  const { pixels } = await town.read(0, { x: 0, y: 0, width, height });
  await town.close();
  const aside = join(folder, 'aside.tif');
  const [x, perColumn, a, y, b, perRow] = geotransform;
  const writer = await createTiffWriter(aside, {
    ...{ width, height, bands: 3, compression: 'deflate', epsg: 32633, overviews: 'average' },
    geotransform: [x + 1.2, perColumn, a, y - 0.9, b, perRow],
  });
  await writer.writeRows(height, pixels);
  await writer.finish();

  const [out, report] = [join(folder, 'out.geojson'), join(folder, 'report.json')];
  const { stdout } = await change(image, aside, out, '--report', report);
  expect(stdout).toMatch(/B lies 1\.[45]\d m beside A/);
  const { registration, counts, findings } = JSON.parse(await readFile(report, 'utf8')) as ChangeReport;
  expect(registration.median_m).toBeCloseTo(1.5, 1);
  expect(findings).toEqual([]);
  expect(counts.landuse).toBe(0);
  expect(counts.buildings).toMatchObject({ appeared: 0, gone: 0, grown: 0, shrunk: 0 });
  expect(counts.buildings.unchanged).toBeGreaterThan(0);
  const { features } = JSON.parse(await readFile(out, 'utf8')) as { features: { properties: { change: string } }[] };
  expect(features.map(({ properties }) => properties.change)).toEqual(Array(features.length).fill('unchanged'));
});
