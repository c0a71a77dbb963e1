/** ZIP archives are unpacked to flat, harmless names; those made to do harm leave nothing. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { DEFAULT_UNZIP_LIMITS, unzip } from './unzip.ts';

const PYTHON = pythonWithJudges();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unzip-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Names and contents; a content of "->target" makes a symbolic link. */
function zip(name: string, entries: [name: string, content: string, repeat?: number][]): string {
  const script = `
import json, sys, zipfile, warnings
warnings.filterwarnings('ignore')
path, entries = json.load(sys.stdin)
with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
    for name, content, *repeat in entries:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (0o120777 if content.startswith('->') else 0o100644) << 16
        z.writestr(info, content * (repeat[0] if repeat else 1))
json.dump(None, sys.stdout)
`;
  const path = join(folder, name);
  judge(PYTHON!, script, [path, entries]);
  return path;
}

const attempt = async (path: string, limits = DEFAULT_UNZIP_LIMITS) => {
  const out = join(folder, 'out');
  await rm(out, { recursive: true, force: true });
  const result = await unzip(path, out, limits).catch((error) => error);
  return { result, left: (await readdir(out).catch(() => [])).sort() };
};

test.skipIf(!PYTHON)('images with what lies beside them, in one folder', async () => {
  const path = zip('good.zip', [
    ['tiles/', ''],
    ['tiles/B 2.TIF', 'two'],
    ['tiles/B 2.tfw', 'world'],
    ['a.tif', 'one'],
    ['a.tif.aux.xml', '<PAMDataset/>'],
    ['readme.txt', 'hello'],
    ['__MACOSX/._a.tif', 'x'],
    ['.hidden.tif', 'x'],
  ]);
  const { result, left } = await attempt(path);
  expect(result).toEqual(['a.tif', 'tiles__b_2.tif']);
  expect(left).toEqual(['a.tif', 'a.tif.aux.xml', 'tiles__b_2.tfw', 'tiles__b_2.tif']);
  expect(await readFile(join(folder, 'out', 'tiles__b_2.tif'), 'utf8')).toBe('two');
});

test.skipIf(!PYTHON).each<[string, string, [string, string, number?][], object?]>([
  ['a path out of the folder', 'damaged_tiff', [['../../evil.tif', 'x']]],
  ['an absolute path', 'damaged_tiff', [['/etc/evil.tif', 'x']]],
  ['a path of Windows', 'damaged_tiff', [['..\\evil.tif', 'x']]],
  ['a link', 'damaged_tiff', [['a.tif', '->/etc/passwd']]],
  [
    'one name twice',
    'damaged_tiff',
    [
      ['a.tif', 'x'],
      ['A.TIF', 'y'],
    ],
  ],
  ['no image', 'not_a_tiff', [['readme.txt', 'x']]],
  ['nothing', 'not_a_tiff', []],
  ['a bomb', 'limit_exceeded', [['a.tif', '0'.repeat(1000), 10_000]], { bytes: 1_000_000 }],
  [
    'many files',
    'limit_exceeded',
    [
      ['a.tif', 'x'],
      ['b.tif', 'x'],
      ['c.tif', 'x'],
    ],
    { files: 2 },
  ],
])('%s is refused', async (name, code, entries, limits = {}) => {
  const { result, left } = await attempt(zip(`${name}.zip`, entries), { ...DEFAULT_UNZIP_LIMITS, ...limits });
  expect(result).toMatchObject({ name: 'Problem', code });
  expect(left).toEqual([]);
  expect(await readdir(join(folder, '..'))).not.toContain('evil.tif');
});

test.skipIf(!PYTHON)('damage anywhere is refused or read, never anything else', async () => {
  const good = await readFile(
    zip('whole.zip', [
      ['a.tif', 'abcdefgh', 40],
      ['b.tfw', '0.5 ', 9],
    ]),
  );
  const path = join(folder, 'bad.zip');
  for (let seed = 1; seed <= 120; seed++) {
    const bad = Buffer.from(good);
    for (let flip = 0, state = seed; flip < 1 + (seed % 3); flip++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bad[(state >>> 8) % bad.length] ^= 1 << (state & 7);
    }
    await writeFile(path, seed % 4 ? bad : good.subarray(0, (seed * 7) % good.length));
    const { result, left } = await attempt(path);
    if (result instanceof Error && result.name !== 'Problem') throw new Error(`seed ${seed}`, { cause: result });
    if (result instanceof Error) expect(left, `seed ${seed}`).toEqual([]);
  }
});
