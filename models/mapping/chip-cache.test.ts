/** What is recorded of chips outlives the process, but for attempts that failed for want of room. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChipCache } from './chip-cache.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-chips-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const done = (column: number) => ({
  ...{ row: 0, column, state: 'done' as const },
  ledger: { done: 1, nodata: 0, outside: 0, failed: 0 },
});

test('what was begun counts as an attempt until it is ended', async () => {
  const path = join(folder, 'begun');
  const before = await openChipCache(path, 'key');
  for (const column of [0, 1, 2]) before.begin(0, column);
  await before.finish(done(1), Buffer.from('answer'));
  await before.close();
  const after = await openChipCache(path, 'key');
  expect([0, 1, 2, 3].map((column) => after.attempts(0, column))).toEqual([1, 1, 1, 0]);
  expect(String(await after.read(0, 1))).toBe('answer');
  await after.close();
});

const FULL = '/dev/full';
test.skipIf(!existsSync(FULL))('chips under way when there is no room have not been attempted', async () => {
  const path = join(folder, 'full');
  const first = await openChipCache(path, 'key');
  await first.close();
  await rm(join(path, 'answers.bin'));
  await symlink(FULL, join(path, 'answers.bin'));
  const before = await openChipCache(path, 'key');
  for (const column of [0, 1, 2]) before.begin(0, column);
  await before.finish({ ...done(2), state: 'nodata' }); // takes no room
  await expect(before.finish(done(0), Buffer.from('answer'))).rejects.toMatchObject({ code: 'ENOSPC' });
  await before.close();
  const after = await openChipCache(path, 'key');
  expect([0, 1].map((column) => after.attempts(0, column))).toEqual([0, 0]);
  expect(after.get(0, 2)?.state).toBe('nodata');
  await after.close();
});
