/** `planimeter teach`: strokes on an image that the network does not understand, and the taught network from then on. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TaughtNetwork } from '../server/teaching/teach-network.ts';
import { randomStream } from '../synthetic/town/noise.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { utmToLonLat } from '../synthetic/town/utm.ts';
import { apply } from '../tiler/crs/geotransform.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { PROGRAM } from './support/workers.ts';

const NAMES = ['other', 'building', 'road', 'vegetation', 'water'];
let folder: string;
/** Image in false colours, with its truth. */
let strange: { image: string; truth: Uint8Array; width: number; height: number };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-teach-'));
  const town = await writeTown(join(folder, 'town'), { seed: 21, width: 640, height: 512, gsdMetres: 1 });
  const raster = await openRaster(town.image);
  const { width, height, geotransform } = raster;
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  const turned = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    turned.set([255 - pixels[i + 1]!, pixels[i + 2]!, 255 - pixels[i]!], i); // nothing looks as it does
  }
  const image = join(folder, 'strange.tif');
  const writer = await createTiffWriter(image, {
    ...{ width, height, bands: 3, compression: 'deflate', epsg: 32633, geotransform, overviews: 'average' },
  });
  await writer.writeRows(height, turned);
  await writer.finish();
  const truth = await readMap(town.truth);
  strange = { image, truth, width, height };
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const planimeter = (...args: string[]) =>
  promisify(execFile)(process.execPath, [PROGRAM, ...args, '--data', join(folder, 'data')]);

async function readMap(path: string): Promise<Uint8Array> {
  const raster = await openRaster(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return pixels;
}

/** Points in a file, each with the true class of its pixel. */
async function labelled(name: string, count: number, seed: number, classOf = (code: number) => NAMES[code]!) {
  const { truth, width, height, image } = strange;
  const raster = await openRaster(image);
  await raster.close();
  const { next } = randomStream(seed);
  const features = [];
  while (features.length < count) {
    const [x, y] = [Math.floor(next() * width), Math.floor(next() * height)];
    const code = truth[y * width + x]!;
    if (code !== features.length % NAMES.length) continue; // all classes in turn
    const [east, north] = apply(raster.geotransform, x + 0.5, y + 0.5);
    const coordinates = utmToLonLat(33, east, north);
    features.push({ type: 'Feature', properties: { class: classOf(code) }, geometry: { type: 'Point', coordinates } });
  }
  const path = join(folder, name);
  await writeFile(path, JSON.stringify({ type: 'FeatureCollection', features }));
  return path;
}

const mapOf = async (model: string) => {
  const classes = join(folder, `${model}.tif`);
  const report = join(folder, `${model}.json`);
  await planimeter(
    'segment',
    strange.image,
    join(folder, 'out.fgb'),
    '--model',
    model,
    '--classes',
    classes,
    '--report',
    report,
  );
  return { classes: await readMap(classes), report: JSON.parse(await readFile(report, 'utf8')) };
};

const meanIou = (map: Uint8Array, truth: Uint8Array) => {
  const ious = NAMES.map((_, code) => {
    let [both, either] = [0, 0];
    for (const [i, each] of map.entries()) {
      both += Number(each === code && truth[i] === code);
      either += Number(each === code || truth[i] === code);
    }
    return both / either;
  });
  return ious.reduce((sum, each) => sum + each, 0) / ious.length;
};

test('a place that the network does not understand is learnt, and stitched exactly', { timeout: 300_000 }, async () => {
  const labels = await labelled('labels.geojson', 120, 3);
  const { stdout } = await planimeter(
    'teach',
    strange.image,
    labels,
    '--from',
    'landuse-fcn',
    '--id',
    'strange',
    '--json',
  );
  const taught = JSON.parse(stdout) as TaughtNetwork;
  expect(taught).toMatchObject({
    model: 'strange',
    derived_from: 'landuse-fcn',
    labels: 120,
    outside: 0,
    better: true,
  });
  expect(taught.agreement!.interval[0]).toBeGreaterThan(0);
  expect(taught.classes.map((each) => each.class)).toEqual(NAMES);
  expect(taught.paint_next).toHaveLength(5);
  const [before, after] = [await mapOf('landuse-fcn'), await mapOf('strange')];
  const [was, is] = [before, after].map(({ classes }) => meanIou(classes, strange.truth));
  expect(is! - was!).toBeGreaterThan(0.1);
  expect(after.report.seam).toMatchObject({ certified: true });
  const manifest = JSON.parse(await readFile(join(folder, 'data/models/strange/manifest.json'), 'utf8'));
  expect(manifest.properties['planimeter:taught']).toMatchObject({ id: 'landuse-fcn', report: { labels: 120 } });

  // Taught once more, with a class that nobody had: water is called a pool.
  const pools = await labelled('pools.geojson', 100, 4, (code) => (code === 4 ? 'pool' : NAMES[code]!));
  const again = await planimeter(
    ...['teach', strange.image, pools, '--from', 'strange', '--id', 'pools', '--class', 'pool=#3af:object'],
  );
  expect(again.stdout).toMatch(/pools: strange taught by 100 labels/);
  const { classes, report } = await mapOf('pools');
  expect(Object.keys(report.areas_m2)).toContain('pool');
  const right = classes.filter((code, i) => code === 5 && strange.truth[i] === 4).length;
  expect(right / classes.filter((code) => code === 5).length).toBeGreaterThan(0.5);
  const { stdout: list } = await planimeter('models', 'list');
  expect(list).toMatch(/^pools: other, building, road, vegetation, water, pool$/m);
});

test('labels that say nothing hardly change a map, and what they say of it holds no gain', {
  timeout: 120_000,
}, async () => {
  const { next } = randomStream(9);
  const labels = await labelled('noise.geojson', 60, 5, () => NAMES[Math.floor(next() * NAMES.length)]!);
  const { stdout } = await planimeter(
    'teach',
    strange.image,
    labels,
    '--from',
    'landuse-fcn',
    '--id',
    'noise',
    '--json',
  );
  const { agreement } = JSON.parse(stdout) as TaughtNetwork;
  expect(agreement!.interval[0]).toBeLessThanOrEqual(0);
  const [before, after] = [await mapOf('landuse-fcn'), await mapOf('noise')];
  const [was, is] = [before, after].map(({ classes }) => meanIou(classes, strange.truth));
  expect(is!).toBeGreaterThan(was! - 0.03);
});

test('what cannot be used leaves nothing behind', { timeout: 120_000 }, async () => {
  const far = join(folder, 'far.geojson');
  const point = { type: 'Feature', properties: { class: 'road' }, geometry: { type: 'Point', coordinates: [0, 0] } };
  await writeFile(far, JSON.stringify({ type: 'FeatureCollection', features: [point] }));
  const teach = (...args: string[]) => planimeter('teach', strange.image, ...args);
  await expect(teach(far, '--from', 'landuse-fcn', '--id', 'far')).rejects.toMatchObject({
    ...{ code: 3, stderr: expect.stringContaining('No label lies on imagery') },
  });
  const good = await labelled('few.geojson', 5, 6);
  await expect(
    teach(
      good,
      '--from',
      'buildings-unet',
      '--id',
      'b',
      '--class',
      'road',
      '--class',
      'vegetation',
      '--class',
      'water',
    ),
  ).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining('one kind of object') });
  await expect(teach(good, '--from', 'landuse-fcn')).rejects.toMatchObject({ code: 2 });
  await expect(teach(good, '--from', 'landuse-fcn', '--id', 'landuse-unet')).rejects.toMatchObject({
    ...{ code: 3, stderr: expect.stringContaining('give another --id') },
  });
  const { stdout } = await planimeter('models', 'list', '--json');
  expect(JSON.parse(stdout).map(({ id }: { id: string }) => id)).not.toEqual(expect.arrayContaining(['far']));
});

test('places that look like one are listed, best first', { timeout: 120_000 }, async () => {
  const raster = await openRaster(strange.image);
  await raster.close();
  const [lon, lat] = utmToLonLat(33, ...apply(raster.geotransform, 320, 256));
  const { stdout } = await planimeter('similar', strange.image, '--at', `${lon},${lat}`, '--most', '7', '--json');
  const places = JSON.parse(stdout) as { lon: number; lat: number; similarity: number }[];
  expect(places).toHaveLength(7);
  for (const [i, { similarity }] of places.entries()) {
    expect(similarity).toBeLessThanOrEqual(i === 0 ? 1 : places[i - 1]!.similarity);
  }
  await expect(planimeter('similar', strange.image, '--at', '1,1')).rejects.toMatchObject({ code: 3 });
  await expect(planimeter('similar', strange.image, '--at', 'here')).rejects.toMatchObject({ code: 2 });
});
