import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Network } from '../../models/registry.ts';
import { WrongCall } from '../arguments.ts';
import { groundSizeNotice, groundSizeOf } from './ground-size.ts';

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
  expect(await groundSizeOf(images, NETWORK)).toMatchObject({ gsdMetres: 1, assumed: true });
  await manifest({ places: [{ place: 'paris', gsd_m: 0.3 }, null, { place: 'banepa', gsd_m: 0.132 }] });
  const told = await groundSizeOf(images, NETWORK);
  expect(told).toMatchObject({ gsdMetres: 0.132, assumed: false });
  expect(told.reason).toBe(`as ${join(folder, 'manifest.json')} says of banepa`);
  expect(await groundSizeOf(images, NETWORK, '0.5')).toMatchObject({ gsdMetres: 0.5, assumed: false });
});

test('a manifest nearer to the images goes before one further up, and may speak of all of them', async () => {
  await manifest({ places: [{ place: 'banepa', gsd_m: 0.132 }] });
  await manifest({ gsd_m: 0.2 }, 'banepa', 'images');
  expect(await groundSizeOf(images, NETWORK)).toMatchObject({ gsdMetres: 0.2 });
  expect(await groundSizeOf(join(folder, 'banepa'), NETWORK)).toMatchObject({ gsdMetres: 0.132 });
});

test.each([
  ['no JSON', '{'],
  ['something else', ['a']],
  ['null', 'null'],
  ['other places', { places: [{ place: 'paris', gsd_m: 0.3 }] }],
  ['sizes that are none', { places: [{ place: 'banepa', gsd_m: '0.3' }], gsd_m: -1 }],
])('a manifest of %s says nothing', async (_what, value) => {
  await manifest(value);
  expect(await groundSizeOf(images, NETWORK)).toMatchObject({ gsdMetres: 1, assumed: true });
});

test('where nobody has said the size, the notice says what to do', async () => {
  expect(groundSizeNotice(await groundSizeOf(images, NETWORK))).toMatch(/^WARNING: .*1 m per pixel[\s\S]*--gsd M/);
  expect(groundSizeNotice(await groundSizeOf(images, NETWORK, '0.3'))).toBe(
    'Ground size of the images: 0.3 m per pixel, as --gsd says.\n',
  );
  const unknown = { ...NETWORK, gsdMetres: null };
  await expect(groundSizeOf(images, unknown)).rejects.toThrow(WrongCall);
});
