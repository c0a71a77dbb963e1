/** `planimeter change`: an image against itself, georeferenced 1.5 m aside, has not changed. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
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

const planimeter = (...args: string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args]);
const change = (...args: string[]) => planimeter('change', ...args);

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
  const told = JSON.parse(await readFile(out, 'utf8')) as {
    features: { properties: { change: string }; geometry: { coordinates: number[][][] } }[];
  };
  const { features } = told;
  expect(features.map(({ properties }) => properties.change)).toEqual(Array(features.length).fill('unchanged'));
  // In the frame of the first image, though the second one's buildings are drawn.
  const own = join(folder, 'own.geojson');
  await planimeter('segment', image, own, '--collection', 'buildings');
  const mapped = JSON.parse(await readFile(own, 'utf8')) as typeof told;
  const cornersOf = (all: typeof told) =>
    new Set(
      all.features.flatMap(({ geometry }) =>
        geometry.coordinates[0]!.map((at) => at.map((each) => each.toFixed(6)).join()),
      ),
    );
  const [found, expected] = [cornersOf(told), cornersOf(mapped)];
  const near = [...found].filter((corner) => expected.has(corner));
  expect(near.length).toBeGreaterThan(0.6 * found.size); // the rest has a last digit of its own

  const same = join(folder, 'same.tif');
  await copyFile(image, same);
  await expect(change(image, same, out)).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('same image'),
  });
  await expect(change(image, aside, out, '--report', out)).rejects.toMatchObject({ code: 2 });
});
