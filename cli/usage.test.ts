import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { WrongCall } from './arguments.ts';

const PROGRAM = fileURLToPath(new URL('./planimeter.js', import.meta.url));
const { stdout: list } = spawnSync(process.execPath, [PROGRAM, '--help'], { encoding: 'utf8' });
const commands = [...list.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name!);
const load = (command: string): Promise<{ usage: string; run(args: string[]): Promise<void> }> =>
  import(/* @vite-ignore */ `./${command}.ts`);

test('there are commands', () => {
  expect(commands).toEqual(expect.arrayContaining(['serve', 'worker', 'segment', 'models', 'tokens', 'demo']));
});

test.each(commands)('the help of %s shows how to call it, and every option of these calls', async (name) => {
  const { usage } = await load(name);
  const [calls, ...rest] = usage.split('\n\n');
  for (const call of calls!.trimEnd().split('\n')) expect(call).toMatch(new RegExp(`^ {2}planimeter ${name}\\b`));
  for (const [option] of calls!.matchAll(/--[a-z-]+/g))
    expect(rest.join('\n')).toMatch(new RegExp(`^ +${option}\\b`, 'm'));
});

test.each([
  ['segment a.tif b.gpkg --atribution x', 'there is no option --atribution. Did you mean --attribution?'],
  ['models lst', 'models takes list, inspect, add, bench, remove, and not "lst". Did you mean list?'],
  ['tokens', 'tokens takes create, list, revoke'],
  ['serve --frobnicate', 'there is no option --frobnicate.'],
  ['segment', 'IN.tif and OUT are missing'],
  ['segment a.tif', 'OUT is missing'],
  ['vectorize classes.tif', 'OUT is missing'],
  ['prove', 'JOB is missing'],
  ['models bench', 'ID is missing'],
  ['tokens revoke', 'ID is missing'],
  ['segment a.tif /no/such/folder/b.gpkg', '"/no/such/folder/b.gpkg" cannot be written: its folder does not exist'],
  ['segment a.tif b.gpkg --report no/r.json', '"no/r.json" cannot be written: its folder does not exist'],
  ['vectorize package.json no/b.gpkg', '"no/b.gpkg" cannot be written: its folder does not exist'],
  [
    'evaluate --predicted a.tif --truth b.tif --html no/e.html',
    '"no/e.html" cannot be written: its folder does not exist',
  ],
  ['reap everything', '"everything" is one argument too many'],
])('"%s" is answered with what is wrong', async (line, sentence) => {
  const [command, ...args] = line.split(' ');
  const { run } = await load(command!);
  await expect(run(args)).rejects.toThrow(new WrongCall(sentence));
});
