/** A network on a folder of images: a generated town, whose truth is told wholly or in part. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { WrongCall } from './arguments.ts';
import { run } from './evaluate.ts';

const SIDE = 384;
let folder: string;
let truth: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-evaluate-'));
  const town = await writeTown(join(folder, 'town'), { seed: 12, width: SIDE, height: SIDE, gsdMetres: 0.5 });
  const [image, classes] = await Promise.all([readPixels(town.image), readPixels(town.truth)]);
  truth = classes;
  await mkdir(join(folder, 'images'));
  await writePng(join(folder, 'images', 'a.png'), image, 3);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readPixels(path: string): Promise<Uint8Array> {
  const raster = await openRaster(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return pixels;
}

const writePng = (path: string, pixels: Uint8Array, channels: 1 | 3) =>
  sharp(pixels, { raw: { width: SIDE, height: SIDE, channels } })
    .png()
    .toFile(path);

/** The scores against a mask, and what was said on standard error. */
async function evaluate(mask: Uint8Array, ...options: string[]) {
  const masks = await mkdtemp(join(folder, 'masks-'));
  await writePng(join(masks, 'a.png'), mask, 1);
  return captured(['--model', 'landuse-unet', '--images', join(folder, 'images'), '--masks', masks, ...options]);
}

/** What a call writes. */
async function captured(args: string[]) {
  const written = { out: '', notices: '' };
  const keep = (name: keyof typeof written) => (text: string | Uint8Array) => {
    written[name] += text;
    return true;
  };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation(keep('out'));
  const err = vi.spyOn(process.stderr, 'write').mockImplementation(keep('notices'));
  try {
    await run(args);
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
  return written;
}

const scores = async (...given: Parameters<typeof evaluate>) => {
  const [mask, ...options] = given;
  const { out, notices } = await evaluate(mask, '--json', ...options);
  return { ...JSON.parse(out), notices };
};

test('buildings as objects and roads as routes are scored with the pixels', async () => {
  const { classes, miou, buildings, roads, gsd_m, gsd_reason, notices } = await scores(truth, '--gsd', '0.5');
  expect(miou).toBeGreaterThan(0.4);
  expect(classes.map((each: { class: string }) => each.class)).toContain('water');
  expect(buildings.truth).toBeGreaterThan(3);
  expect(buildings.f1_50).toBeGreaterThanOrEqual(buildings.f1_75);
  expect(buildings.count_error).toBeCloseTo(buildings.predicted / buildings.truth - 1, 12);
  expect(roads.apls).toBeGreaterThan(0.1);
  expect([gsd_m, gsd_reason]).toEqual([0.5, 'as --gsd says']);
  expect(notices).toMatch(/^Ground size of the images: 0.5 m/);
});

test('--only building: nothing else is judged, also where the mask names other classes', async () => {
  const only = await scores(truth, '--gsd', '0.5', '--only', 'building');
  const coded = await scores(
    truth.map((code) => (code === 1 ? 1 : code === 255 ? 255 : 254)),
    '--gsd',
    '0.5',
  );
  expect(only).toEqual(coded);
  const [other, building, road] = only.classes;
  expect([other.iou, road.iou, only.roads, only.ece]).toEqual([null, null, null, null]);
  expect(only.miou).toBe(building.iou);
  expect(building.iou).toBeGreaterThan(0.2);
  await expect(evaluate(truth, '--gsd', '0.5', '--only', 'roof')).rejects.toThrow(/one of the classes: "roof" is none/);
});

test('the table says which classes do not occur, and the ground size comes from the manifest', async () => {
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ gsd_m: 0.5 }));
  const { out, notices } = await evaluate(truth, '--only', 'road');
  expect(out).toMatch(/^road +0\.\d{3} +0\.\d{3} +0\.\d{3}/m);
  expect(out).toMatch(/^Not in the truth, and not in the mean: other, building, vegetation, water$/m);
  expect(out).toMatch(/^Roads APLS: 0\.\d{3}$/m);
  expect(notices).toContain('0.5 m per pixel, as ');
  await rm(join(folder, 'manifest.json'));
  expect((await evaluate(truth)).notices).toMatch(/^WARNING: nothing says/);
});

test('GeoTIFFs have the ground size of their georeference, whatever a manifest says', async () => {
  const [images, masks] = [join(folder, 'tiffs'), join(folder, 'tiff-masks')];
  await Promise.all([images, masks].map((path) => mkdir(path)));
  await cp(join(folder, 'town', 'image.tif'), join(images, 'a.tif'));
  await cp(join(folder, 'town', 'truth.tif'), join(masks, 'a.tif'));
  await writeFile(join(images, 'manifest.json'), JSON.stringify({ gsd_m: 2 }));
  const { out, notices } = await captured(['--model', 'landuse-unet', '--images', images, '--masks', masks, '--json']);
  expect(notices).toMatch(/^Ground size of the images: 0\.500\d? m per pixel, as their georeference says\.\n$/);
  const found = JSON.parse(out);
  const asPng = await scores(truth, '--gsd', String(found.gsd_m));
  expect(found.confusion).toEqual(asPng.confusion);
  expect(found.roads.apls).toBeCloseTo(asPng.roads.apls, 6);
  expect(
    (await captured(['--model', 'landuse-unet', '--images', images, '--masks', masks, '--gsd', '0.5'])).notices,
  ).toMatch(/0.5 m per pixel, as --gsd says/);
});

test('a truth that says nothing, or little, is spoken of', async () => {
  const marked = await evaluate(
    truth.map((code) => (code === 1 ? 255 : 7)),
    '--gsd',
    '0.5',
  );
  expect(marked.notices).toMatch(/WARNING: the truth says nothing of any pixel \(its codes: 7, 255\)/);
  const odd = await evaluate(
    truth.map((code) => (code === 3 ? 9 : code)),
    '--gsd',
    '0.5',
  );
  expect(odd.notices).toMatch(
    /WARNING: \d+ pixels of the truth are taken as not known, with the codes 9\. Codes are 0 other/,
  );
  expect((await evaluate(truth, '--gsd', '0.5')).notices).not.toContain('WARNING');
});

test.each([
  [['--model', 'm', '--places', 'd', '--gsd', '1'], '--gsd does not go with --model and --places'],
  [['--predicted', 'a', '--truth', 'b', '--model', 'm'], '--model does not go with --predicted and --truth'],
  [['--model', 'm', '--images', 'd'], 'evaluate takes --predicted and --truth, or --model, --images, and --masks'],
])('what a way of calling does not take is refused: %j', async (args, message) => {
  await expect(captured(args)).rejects.toThrow(new RegExp(`^${message}`));
});

test('--places: every place to judge by, at its own ground size', async () => {
  const places = [
    { place: 'here', split: 'val', gsd_m: 0.5 },
    { place: 'coarse', split: 'val', gsd_m: 30 },
    { place: 'learnt', split: 'train', gsd_m: 0.5 },
  ];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ places }));
  await mkdir(join(folder, 'here', 'labels'), { recursive: true });
  await cp(join(folder, 'images'), join(folder, 'here', 'images'), { recursive: true });
  await writePng(join(folder, 'here', 'labels', 'a.png'), truth, 1);
  const { out } = await captured(['--model', 'landuse-unet', '--places', folder, '--json']);
  const alone = await scores(truth, '--gsd', '0.5');
  const { gsd_reason: _, notices: __, ...expected } = alone;
  expect(JSON.parse(out)).toMatchObject({ model: 'landuse-unet', places: { here: expected } });
  expect(Object.keys(JSON.parse(out).places)).toEqual(['here']);
  const land = JSON.parse(
    (await captured(['--model', 'landuse-unet', '--places', folder, '--only', 'other', '--json'])).out,
  );
  const { classes, miou, buildings } = land.places.here;
  expect([classes.filter((each: { iou: number | null }) => each.iou !== null).length, buildings]).toEqual([1, null]);
  expect(miou).toBe(classes[0].iou);
  await rm(join(folder, 'manifest.json'));
  await expect(captured(['--model', 'landuse-unet', '--places', folder])).rejects.toThrow(WrongCall);
});
