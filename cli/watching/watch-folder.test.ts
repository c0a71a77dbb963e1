/** What counts as whole in a folder, by a clock of the test. */
import { appendFile, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFolder } from './watch-folder.ts';

let folder: string;
let nowMs = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-watch-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);
const open = (marker?: string) =>
  watchFolder(folder, { leaveOut: file('maps'), settleMs: 5000, marker, srs: undefined, now: () => nowMs });
const whole = async (watched: ReturnType<typeof open>, afterMs: number) => {
  nowMs += afterMs;
  return (await watched.look()).whole.map(({ name }) => name);
};

test('a file is whole when it and what lies beside it have stood still', async () => {
  const watched = open();
  await writeFile(file('a.tif'), 'one');
  expect(await watched.look()).toEqual({ whole: [], unfinished: ['a.tif'] });
  expect(await whole(watched, 4999)).toEqual([]);
  await appendFile(file('a.tif'), ' more');
  expect(await whole(watched, 4999)).toEqual([]);
  await writeFile(file('a.tfw'), '1');
  expect(await whole(watched, 4999), 'its world file came').toEqual([]);
  expect(await whole(watched, 5000)).toEqual(['a.tif']);

  const [found] = (await watched.look()).whole;
  expect(await watched.hasChanged(found!)).toBe(false);
  await appendFile(file('a.tif'), ' and more');
  expect(await watched.hasChanged(found!)).toBe(true);
  expect(await whole(watched, 5000), 'it is written again').toEqual([]);
  await rm(file('a.tif'));
  expect(await watched.hasChanged(found!)).toBe(true);
  expect(await watched.look()).toEqual({ whole: [], unfinished: [] });
});

test('with a marker nothing else counts', async () => {
  const watched = open('.done');
  await writeFile(file('a.tif'), 'one');
  expect(await whole(watched, 60_000)).toEqual([]);
  expect(await whole(watched, 60_000)).toEqual([]);
  expect((await watched.look()).unfinished, 'it may never come').toEqual([]);
  await writeFile(file('a.tif.done'), '');
  expect(await whole(watched, 0)).toEqual(['a.tif']);
});

test('images below the folder, oldest first; not what the program writes, nor what is hidden or no image', async () => {
  const watched = open();
  const names = ['b.TIFF', 'new/a.tif', 'c.zip', 'maps/x.tif', '.hidden/x.tif', '.x.tif', 'readme.txt', 'd.tif.part'];
  for (const name of names) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(file(name), name);
  }
  for (const [i, name] of ['new/a.tif', 'c.zip', 'b.TIFF'].entries()) await utimes(file(name), 1000 + i, 1000 + i);
  await watched.look();
  expect(await whole(watched, 5000)).toEqual(['new/a.tif', 'c.zip', 'b.TIFF']);
  await rename(file('d.tif.part'), file('d.tif'));
  expect(await whole(watched, 0)).toHaveLength(3);
  expect(await whole(watched, 5000)).toContain('d.tif');
});
