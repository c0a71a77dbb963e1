/** ZIP archives are unpacked under numbers, their names kept; those made to do harm leave nothing. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encode, UTF8_FLAG, unicodePath, type ZipEntry, zipOf } from '../../test/support/generated/zip.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { DEFAULT_UNZIP_LIMITS, type Unzipped, unzip } from './unzip.ts';

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
  const out = join(folder, 'out');
  expect(result).toEqual({
    images: [
      { path: join(out, '00002.tif'), name: 'a.tif', sidecars: { aux: join(out, '00003.xml') } },
      { path: join(out, '00000.tif'), name: 'tiles/B 2.TIF', sidecars: { world: join(out, '00001.tfw') } },
    ],
    nameEncoding: null,
  });
  expect(left).toEqual(['00000.tif', '00001.tfw', '00002.tif', '00003.xml']);
  expect(await readFile(join(out, '00000.tif'), 'utf8')).toBe('two');
});

test.skipIf(!PYTHON).each<[string, string, [string, string, number?][], object?]>([
  ['a path out of the folder', 'unsupported_archive', [['../../evil.tif', 'x']]],
  ['an absolute path', 'unsupported_archive', [['/etc/evil.tif', 'x']]],
  ['a path of Windows', 'unsupported_archive', [['..\\evil.tif', 'x']]],
  ['a link', 'unsupported_archive', [['a.tif', '->/etc/passwd']]],
  [
    'one name twice',
    'unsupported_archive',
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

/** Names, each image with the kinds of what lies beside it; or the problem. */
async function namesIn(entries: readonly ZipEntry[]) {
  const path = join(folder, 'names.zip');
  await writeFile(path, zipOf(entries));
  const { result, left } = await attempt(path);
  if (result instanceof Error) return result;
  const { images, nameEncoding } = result as Unzipped;
  expect(left.every((file) => /^\d{5}\.\w+$/.test(file))).toBe(true);
  return { names: Object.fromEntries(images.map(({ name, sidecars }) => [name, Object.keys(sidecars)])), nameEncoding };
}

const inGbk = (name: string): ZipEntry => ({ name: encode(name, 'gbk') });

test.each<[string, ZipEntry[], Record<string, string[]>, string | null]>([
  [
    'another image’s sidecar is not taken',
    [
      { name: '测区一.tif', flags: UTF8_FLAG },
      { name: '测区二.prj', flags: UTF8_FLAG },
    ],
    { '测区一.tif': [] },
    null,
  ],
  ['its own is', [inGbk('测区一.tif'), inGbk('测区一.PRJ'), inGbk('测区二.prj')], { '测区一.tif': ['prj'] }, 'gbk'],
  [
    'two names beyond ASCII are two',
    [inGbk('测区一.tif'), inGbk('测区二.tif')],
    { '测区一.tif': [], '测区二.tif': [] },
    'gbk',
  ],
  ['a backslash within a character', [inGbk('誠信.tif'), inGbk('誠信.tfw')], { '誠信.tif': ['world'] }, 'gbk'],
  [
    'backslashes of Windows between folders',
    [inGbk('测区\\誠信.tif'), inGbk('测区\\誠信.tif.aux.xml'), inGbk('誠信.prj')],
    { '测区/誠信.tif': ['aux'] },
    'gbk',
  ],
  [
    'flagged, by extra field and in GBK in one archive',
    [
      { name: '测区一.tif', flags: UTF8_FLAG },
      { ...inGbk('测区二.tif'), extra: unicodePath(encode('测区二.tif', 'gbk'), '测区二.tif') },
      inGbk('测区二.tfw'),
    ],
    { '测区一.tif': [], '测区二.tif': ['world'] },
    'gbk',
  ],
  [
    'an extra field of another name counts for nothing',
    [{ name: 'a.tif', extra: unicodePath(Buffer.from('a.tif'), 'evil.tif', 1) }],
    { 'a.tif': [] },
    null,
  ],
  [
    'accents in both ways of writing them',
    [
      { name: 'Orléans.tif'.normalize('NFD'), flags: UTF8_FLAG },
      { name: 'ORLÉANS.tfw'.normalize('NFC'), flags: UTF8_FLAG },
    ],
    { 'Orléans.tif': ['world'] },
    null,
  ],
  [
    'what macOS and storage systems add',
    [
      { name: 'x/a.tif' },
      { name: 'x/.b.tif' },
      { name: '.c/a.tif' },
      { name: '__MACOSX/x/._a.tif' },
      { name: '@eaDir/a.tif' },
    ],
    { 'x/a.tif': [] },
    null,
  ],
  [
    'the same file twice',
    [
      { name: 'a.tif', content: 'x' },
      { name: './a.tif', content: 'x' },
    ],
    { 'a.tif': [] },
    null,
  ],
  [
    'an image whose name ends twice',
    [{ name: 'b.tif' }, { name: 'b.tif.tif' }, { name: 'b.tif.tfw' }],
    { 'b.tif': ['world'], 'b.tif.tif': ['world'] },
    null,
  ],
])('%s', async (_, entries, names, nameEncoding) => {
  expect(await namesIn(entries)).toEqual({ names, nameEncoding });
});

test.each<[string, ZipEntry[], string, RegExp]>([
  ['an encrypted archive', [{ name: 'a.tif', flags: 1, content: 'x'.repeat(20) }], 'unsupported_archive', /password/],
  [
    'a strongly encrypted one',
    [{ name: 'a.tif', flags: 0x41, content: 'x'.repeat(20) }],
    'unsupported_archive',
    /password/,
  ],
  [
    'Deflate64, as Windows packs large files',
    [{ name: 'a.tif', method: 9 }],
    'unsupported_archive',
    /a\.tif .*Deflate64.*with Deflate/,
  ],
  ['archives in the archive', [inGbk('测区.zip'), { name: 'b.7z' }], 'not_a_tiff', /测区\.zip, b\.7z/],
  [
    'a path that leads out, once decoded',
    [inGbk('测区\\..\\..\\evil.tif')],
    'unsupported_archive',
    /测区\/\.\.\/\.\.\/evil\.tif/,
  ],
  ['a drive', [{ name: 'C:\\evil.tif' }], 'unsupported_archive', /C:\/evil/],
  ['nothing at all', [], 'not_a_tiff', /is empty/],
  [
    'one name twice with another content',
    [
      { name: 'a.tif', content: 'x' },
      { name: 'a.tif', content: 'y' },
    ],
    'unsupported_archive',
    /a\.tif twice/,
  ],
  [
    'names that would turn the text around',
    [{ name: '../\u202efit.tif', flags: UTF8_FLAG }],
    'unsupported_archive',
    /\.\.\/\ufffdfit/,
  ],
])('%s is refused in a sentence about the archive', async (_, entries, code, sentence) => {
  const problem = await namesIn(entries);
  expect(problem).toMatchObject({ name: 'Problem', code, message: expect.stringMatching(sentence) });
  expect((problem as Error).message).toMatch(/^The ZIP archive/);
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
