import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FileStore, fetchIfThere, localFileStore } from './file-store.ts';

let root: string;
let files: FileStore;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'planimeter-files-'));
  files = localFileStore(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('keys become paths below the folder', () => {
  expect(files.path('scenes/a-1/original.tif')).toBe(join(root, 'scenes', 'a-1', 'original.tif'));
});

test('no key leads out of the folder', () => {
  for (const key of [
    '../x',
    'a/../../x',
    '/etc/passwd',
    'a//b',
    'a\\..\\b',
    '',
    '.',
    'a/.',
    'a/..',
    '.hidden',
    'a\0b',
    'a/',
  ]) {
    expect(() => files.path(key), key).toThrow('not a key');
  }
});

test('lists and removes by prefix, whether there is something or not', async () => {
  for (const key of ['jobs/1/classes.tif', 'jobs/1/deep/x', 'jobs/10/classes.tif']) {
    mkdirSync(dirname(files.path(key)), { recursive: true });
    writeFileSync(files.path(key), key);
  }
  expect(await files.list('jobs')).toEqual(['jobs/1/classes.tif', 'jobs/1/deep/x', 'jobs/10/classes.tif']);
  expect(await files.list('none')).toEqual([]);
  await files.remove('jobs/1');
  await files.remove('none');
  expect(await files.list('jobs')).toEqual(['jobs/10/classes.tif']);
});

test('what was written at its path and put is fetched; what was not is not found', async () => {
  const key = 'scenes/put/working.tif';
  await expect(files.fetch(key)).rejects.toMatchObject({ code: 'not_found' });
  await expect(files.put(key)).rejects.toThrow('ENOENT');
  mkdirSync(dirname(files.path(key)), { recursive: true });
  writeFileSync(files.path(key), 'pixels');
  await files.put(key);
  expect(readFileSync(await files.fetch(key), 'utf8')).toBe('pixels');
  expect(await fetchIfThere(files, key)).not.toBeNull();
  await files.remove('scenes/put');
  expect(await fetchIfThere(files, key)).toBeNull();
  await expect(files.fetch('../x')).rejects.toThrow('not a key');
});
