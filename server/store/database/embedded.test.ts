/** What only the embedded database has: a folder that one process owns, deaths in the middle, a template. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { lockFolder } from './lock.ts';
import { openDatabase } from './open-database.ts';
import { findTemplate } from './pglite-template.ts';

let root: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'planimeter-embedded-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs a module's text in a process of its own; its lines of output come one by one. */
function inChild(script: string) {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, next: async () => (await lines.next()).value as string | undefined };
}

const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

test('a folder has one owner, who is named; a dead owner holds nothing', async () => {
  const folder = join(root, 'locked');
  const owner = inChild(`import { lockFolder } from ${at('./lock.ts')};
    lockFolder(${JSON.stringify(folder)}); console.log('locked'); setInterval(() => {}, 1000);`);
  expect(await owner.next()).toBe('locked');
  const refused = {
    code: 'data_folder_locked',
    message: expect.stringContaining(`process ${owner.child.pid} on ${hostname()}`),
  };
  expect(() => lockFolder(folder)).toThrow(expect.objectContaining(refused));
  await expect(openDatabase({ folder })).rejects.toMatchObject(refused);

  owner.child.kill('SIGKILL');
  await once(owner.child, 'exit');
  expect(existsSync(join(folder, 'lock.json'))).toBe(true); // what a dead process leaves behind
  const unlock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(/process \d+ on/); // also within one process
  unlock();
  lockFolder(folder)();
});

test('of many that want a folder at once one gets it', async () => {
  const folder = join(root, 'contended');
  const contenders = Array.from({ length: 8 }, () =>
    inChild(`import { lockFolder } from ${at('./lock.ts')};
      try { lockFolder(${JSON.stringify(folder)}); console.log('mine'); setInterval(() => {}, 1000); }
      catch (error) { console.log(error.code); }`),
  );
  const outcomes = await Promise.all(contenders.map(({ next }) => next()));
  expect(outcomes.sort()).toEqual([...Array(7).fill('data_folder_locked'), 'mine']);
});

test('a damaged template is made anew, and a database that is laid out from it survives kill -9', async () => {
  const [folder, templateFolder] = [join(root, 'data'), join(root, 'templates')];
  const template = findTemplate(templateFolder);
  expect(template.exists).toBe(false);
  mkdirSync(templateFolder);
  writeFileSync(template.path, 'no template');
  await (await openDatabase({ templateFolder })).close();
  expect(readdirSync(templateFolder)).toEqual([basename(template.path)]);
  expect(statSync(template.path).size).toBeGreaterThan(1e6);

  const options = JSON.stringify({ folder, templateFolder });
  const writer = inChild(`import { openDatabase } from ${at('./open-database.ts')};
    const db = await openDatabase(${options});
    await db.execute('CREATE TABLE written (n integer PRIMARY KEY, g geometry)');
    for (let n = 0; ; n += 10) {
      await db.query('INSERT INTO written SELECT i, ST_Buffer(ST_MakePoint(i, i), 1) FROM generate_series($1::int, $1::int + 9) AS i', [n]);
      console.log(n + 9);
    }`);
  let acknowledged = -1;
  for (let line = await writer.next(); line !== undefined; line = await writer.next()) {
    acknowledged = Number(line);
    if (acknowledged >= 500) writer.child.kill('SIGKILL'); // lines that are still in the pipe count too
  }
  expect(acknowledged).toBeGreaterThanOrEqual(500);

  const db = await openDatabase({ folder, templateFolder });
  const [row] = await db.query<{ n: number; valid: boolean; last: number }>(
    'SELECT count(*) AS n, bool_and(ST_IsValid(g) AND ST_NPoints(g) > 8) AS valid, max(n) AS last FROM written',
  );
  expect(row!.n).toBeGreaterThanOrEqual(acknowledged + 1);
  expect(row!.n % 10).toBe(0); // a statement is there altogether or not at all
  expect(row!.last).toBe(row!.n - 1);
  expect(row!.valid).toBe(true);
  await db.query('DELETE FROM written WHERE n > 0');
  await db.close();
  await db.close(); // twice is once
  await expect(db.query('SELECT 1')).rejects.toThrow('closed');

  const again = await openDatabase({ folder, templateFolder });
  expect(await again.query('SELECT n FROM written')).toEqual([{ n: 0 }]);
  await again.close();

  // As a process leaves the folder that dies while the files are unpacked.
  rmSync(join(folder, 'database.ready'));
  rmSync(join(folder, 'database', 'base'), { recursive: true });
  writeFileSync(join(folder, 'database', 'planimeter.json'), '{"state":"being laid out"}');
  const fresh = await openDatabase({ folder, templateFolder });
  expect(await fresh.query('SELECT count(*) AS n FROM planimeter.scenes')).toEqual([{ n: 0 }]);
  await fresh.close();
}, 240_000); // six starts of the embedded database
