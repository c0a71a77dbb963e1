/** Nothing that could be somebody's database is removed: not for want of a mark, of an empty folder, or of a part. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from './database.ts';
import { findDatabase } from './database-folder.ts';
import { openDatabase } from './open-database.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'planimeter-folder-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const asides = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('database-'));

async function use<T>(folder: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase({ folder });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

test('a database that lost its marks and its empty folders is there again, or put aside', async () => {
  const folder = join(root, 'marks');
  const files = join(folder, 'database');
  const count = () => use(folder, (db) => db.query('SELECT n FROM kept'));
  await use(folder, (db) => db.execute('CREATE TABLE kept AS SELECT 13 AS n'));
  const [ready, record] = [join(folder, 'database.ready'), join(files, 'planimeter.json')];

  rmSync(ready);
  const empty = readdirSync(files, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(entry.parentPath, entry.name)).length === 0)
    .map((entry) => join(entry.parentPath, entry.name));
  expect(empty.length).toBeGreaterThan(5);
  for (const each of empty) rmdirSync(each);
  const tables = readdirSync(files, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).isFile() && statSync(path).size === 0);
  expect(tables.length).toBeGreaterThan(50);
  for (const path of tables) rmSync(path);
  expect(await count()).toEqual([{ n: 13 }]);

  rmSync(ready);
  rmSync(record);
  await expect(openDatabase({ folder })).rejects.toMatchObject({ code: 'database_put_aside' });
  const [aside] = asides(folder);
  expect(aside).toMatch(/^database-\d{4}-\d\d-\d\dT/);
  expect(existsSync(join(folder, aside!, 'PG_VERSION'))).toBe(true);
  // A supervisor that starts it again gets no empty service either.
  await expect(openDatabase({ folder })).rejects.toMatchObject({
    code: 'database_put_aside',
    message: expect.stringContaining(`mv "${join(folder, aside!)}" "${files}"`),
  });
  renameSync(join(folder, aside!), files);
  expect(await count()).toEqual([{ n: 13 }]);
  expect(asides(folder)).toEqual([]);
}, 240_000); // five starts

test('parts that cannot be made again stop the start, and nothing is begun in their place', async () => {
  const folder = join(root, 'parts');
  const files = join(folder, 'database');
  const fill = () => {
    for (const name of ['global', 'base/1', 'pg_wal', 'pg_xact']) mkdirSync(join(files, name), { recursive: true });
    for (const name of ['PG_VERSION', 'global/pg_control', 'base/1/1259', 'planimeter.json'])
      writeFileSync(join(files, name), '{"state":"whole"}');
  };
  fill();
  expect(await findDatabase(folder)).toBe(true);
  for (const name of ['PG_VERSION', 'global/pg_control', 'base', 'pg_wal', 'pg_xact']) {
    rmSync(join(files, name), { recursive: true });
    await expect(openDatabase({ folder }), name).rejects.toMatchObject({
      code: 'database_incomplete',
      message: expect.stringContaining(name),
    });
    expect(existsSync(join(files, 'planimeter.json'))).toBe(true);
    fill();
  }
  rmSync(files, { recursive: true });
  writeFileSync(join(folder, 'database.ready'), '');
  await expect(openDatabase({ folder }), 'its disk is not mounted').rejects.toMatchObject({
    code: 'database_incomplete',
  });
});

test('what a start began and did not finish is begun anew', async () => {
  const folder = join(root, 'half');
  const files = join(folder, 'database');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, 'planimeter.json'), '{"state":"being laid out"}');
  writeFileSync(join(files, 'PG_VERSION'), '17');
  expect(await findDatabase(folder)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});
