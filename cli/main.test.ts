/** Whatever goes wrong, who called the program reads a sentence, and a stack only when asking for it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./planimeter.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'planimeter-main-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const call = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: '', ...env },
  });

const STACK = /^ +at .*:\d+:\d+/m;

test('a database that does not answer', () => {
  const args = ['audit', '--data', folder];
  const env = { DATABASE_URL: 'postgresql://127.0.0.1:1/planimeter' };
  const run = call(args, env);
  expect([run.status, run.stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
  expect(run.stderr).not.toMatch(STACK);
  expect(call(args, { ...env, LOG_LEVEL: 'debug' }).stderr).toMatch(STACK);
});

test('a database whose files are not those of one', () => {
  const data = join(folder, 'broken');
  mkdirSync(join(data, 'database', 'database'), { recursive: true });
  writeFileSync(join(data, 'database', 'database.ready'), '');
  writeFileSync(join(data, 'database', 'database', 'PG_VERSION'), '18\n');
  for (const args of [['serve', '--port', '0'], ['audit'], ['doctor', '--deep']]) {
    const run = call([...args, '--data', data]);
    expect(run.status, args.join(' ')).toBe(1);
    expect(run.stderr).not.toMatch(STACK);
    expect(run.stderr).not.toContain('[object Object]');
    expect(run.stderr.split('\n').length).toBeLessThan(6);
  }
});

test('there is nothing to look through in a folder without a database', () => {
  const run = call(['doctor', '--deep', '--data', join(folder, 'empty')]);
  expect([run.status, run.stderr]).toEqual([3, expect.stringContaining('--data')]);
});
