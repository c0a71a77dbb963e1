import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Network } from '../../models/registry.ts';
import { WrongCall } from '../arguments.ts';
import { groundSizeNotice, groundSizeOf, pixelMetresOf } from './ground-size.ts';

const NETWORK = { id: 'n', gsdMetres: 1 } as Network;
let folder: string;
let images: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-ground-'));
  images = join(folder, 'banepa', 'images');
  await mkdir(images, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const manifest = (value: unknown, ...path: string[]) =>
  writeFile(join(folder, ...path, 'manifest.json'), typeof value === 'string' ? value : JSON.stringify(value));

test('what is given goes before what a manifest says, and that before what the network was trained at', async () => {
  expect(await groundSizeOf(images, [], NETWORK)).toMatchObject({ gsdMetres: 1, assumed: true });
  await manifest({ places: [{ place: 'paris', gsd_m: 0.3 }, null, { place: 'banepa', gsd_m: 0.132 }] });
  const told = await groundSizeOf(images, [], NETWORK);
  expect(told).toMatchObject({ gsdMetres: 0.132, assumed: false });
  expect(told.reason).toBe(`as ${join(folder, 'manifest.json')} says of banepa`);
  expect(await groundSizeOf(images, [], NETWORK, '0.5')).toMatchObject({ gsdMetres: 0.5, assumed: false });
});

test('a manifest nearer to the images goes before one further up, and may speak of all of them', async () => {
  await manifest({ places: [{ place: 'banepa', gsd_m: 0.132 }] });
  await manifest({ gsd_m: 0.2 }, 'banepa', 'images');
  expect(await groundSizeOf(images, [], NETWORK)).toMatchObject({ gsdMetres: 0.2 });
  expect(await groundSizeOf(join(folder, 'banepa'), [], NETWORK)).toMatchObject({ gsdMetres: 0.132 });
});

test.each([
  ['no JSON', '{'],
  ['something else', ['a']],
  ['null', 'null'],
  ['other places', { places: [{ place: 'paris', gsd_m: 0.3 }] }],
  ['sizes that are none', { places: [{ place: 'banepa', gsd_m: '0.3' }], gsd_m: -1 }],
])('a manifest of %s says nothing', async (_what, value) => {
  await manifest(value);
  expect(await groundSizeOf(images, [], NETWORK)).toMatchObject({ gsdMetres: 1, assumed: true });
});

test('where nobody has said the size, the notice says what to do', async () => {
  expect(groundSizeNotice(await groundSizeOf(images, [], NETWORK))).toMatch(/^WARNING: .*1 m per pixel[\s\S]*--gsd M/);
  expect(groundSizeNotice(await groundSizeOf(images, [], NETWORK, '0.3'))).toBe(
    'Ground size of the images: 0.3 m per pixel, as --gsd says.\n',
  );
  const unknown = { ...NETWORK, gsdMetres: null };
  await expect(groundSizeOf(images, [], unknown)).rejects.toThrow(WrongCall);
});

test('pixels of a georeferenced image, on the ground', () => {
  const at = (epsg: number | null, x: number, y: number, side: number) =>
    pixelMetresOf({ epsg, geotransform: [x, side, 0, y, 0, -side], width: 2, height: 2 });
  // Web Mercator is stretched by 1 / cos 60°, and a degree of longitude is half as long there.
  const mercator = at(3857, 0, 6378137 * Math.asinh(Math.tan(Math.PI / 3)), 1)!;
  expect(mercator.x).toBeCloseTo(0.5, 2);
  expect(mercator.y).toBeCloseTo(0.5, 2);
  const degrees = at(4326, 25, 60, 1e-5)!;
  expect(degrees.x).toBeCloseTo(0.558, 3);
  expect(degrees.y).toBeCloseTo(1.114, 3);
  expect(at(32633, 500000, 5_000_000, 0.3)!.x).toBeCloseTo(0.3 / 0.9996, 6);
  expect(at(2154, 600000, 6_000_000, 0.3)).toBeNull();
  expect(at(null, 0, 0, 1)).toBeNull();
});
