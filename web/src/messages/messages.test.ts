import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { en } from './en.ts';
import { t } from './index.ts';
import { chooseLanguage } from './languages.ts';
import { pluralsOf } from './plurals.ts';
import { zh } from './zh.ts';

const SOURCES = join(import.meta.dirname, '..');
/** Words in quotes, text between tags, words in attributes that people read, and whatever is Chinese. */
const WORDS = [
  /(?<!import |from )(['"`])[A-Z][\w’]* [a-z][^'"`]*\1/g,
  /^\s+[A-Z][a-z]+( [\w,.…]+)*$/gm,
  /(?<!=)>\s*[A-Z][a-z]+[^<>{}=;]*<\//g,
  /\b(aria-label|title|placeholder|alt)="(?!https:)[A-Za-z][^"]*"/g,
  /\p{Script=Han}+/gu,
];
/** What the service says in English is said by code elsewhere. */
const BY_CODE = ['problems', 'findings', 'assumptions'];

test('no text of the page stands outside the messages', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.tsx?$/.test(file) && !/\.test\.ts$|^messages/.test(file),
  );
  expect(files).toContain(join('panel', 'panel.tsx'));
  const strays = files.flatMap((file) => {
    const code = readFileSync(join(SOURCES, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, '');
    return WORDS.flatMap((words) => code.match(words) ?? []).map((text) => `${file}: ${text.trim()}`);
  });
  expect(strays).toEqual([]);
});

type Say = (...figures: unknown[]) => unknown;
type Leaf = readonly [path: string, text: unknown];
const leaves = (of: object, path = ''): Leaf[] =>
  Object.entries(of).flatMap(([key, value]) =>
    typeof value === 'object' ? leaves(value, `${path}${key}.`) : [[path + key, value] as const],
  );
const ofPage = (messages: typeof en) =>
  new Map(
    leaves(messages).filter(
      ([path]) => !BY_CODE.includes(path.split('.')[0]!) && !/^(titles|table\.columns)\./.test(path),
    ),
  );

test('both languages say the same things', () => {
  const [english, chinese] = [ofPage(en), ofPage(zh)];
  expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
  const untranslated = [...chinese].filter(
    ([path, text]) => typeof text === 'string' && /[a-z]{3,} [a-z]{2,}/.test(text) && text === english.get(path),
  );
  expect(untranslated).toEqual([]);
});

test('both languages name the same figures', () => {
  const [english, chinese] = [ofPage(en), ofPage(zh)];
  const functions = [...english].filter(([, text]) => typeof text === 'function') as [string, Say][];
  expect(functions.length).toBeGreaterThan(50);
  for (const [path, text] of functions) {
    const named = (say: Say) => {
      const figures = Array.from({ length: 9 }, (_, i) => 511 + i);
      const lists = figures.map((figure) => [String(figure)]);
      // Texts of lists take no figures, and the other way about.
      const said = [figures, lists].flatMap((values) => {
        try {
          return [String(say(...values))];
        } catch {
          return [];
        }
      });
      return figures.filter((figure) => said.some((each) => each.includes(String(figure))));
    };
    const wanted = named(text);
    const found = named(chinese.get(path) as Say);
    // A text may leave to the service what the other has to say itself.
    if (path !== 'preflight.suits') expect([path, found]).toEqual([path, wanted]);
  }
});

test('whatever the service finds or assumes is said in Chinese', () => {
  const codes = globSync(['server/**/*.ts', 'tiler/**/*.ts', 'models/**/*.ts'])
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/code: '([a-z_0-9]+)'/g)].map(([, code]) => code!));
  expect(codes).toContain('low_contrast');
  const said = new Set([...Object.keys(zh.problems), ...Object.keys(zh.findings), ...Object.keys(zh.assumptions)]);
  expect([...new Set(codes)].filter((code) => !said.has(code))).toEqual([]);
});

test('the language is the one that was chosen, or the first of the browser that there is', () => {
  expect(chooseLanguage(null, ['de-CH', 'zh-Hans-CN', 'en'])).toBe('zh');
  expect(chooseLanguage(null, ['en-GB', 'zh-CN'])).toBe('en');
  expect(chooseLanguage('zh', ['en-GB'])).toBe('zh');
  expect(chooseLanguage('toString', ['fr'])).toBe('en');
});

test('numbers choose their words by the language', () => {
  expect([0, 1, 1200].map(t.areas)).toEqual(['0 areas', '1 area', '1,200 areas']);
  expect([1, 4].map((bands) => t.report.imageSize('8', '6', bands))).toEqual(['8 × 6 px, 1 band', '8 × 6 px, 4 bands']);
  const forms = { one: '# фича', few: '# фичи', other: '# фич' };
  expect([1, 3, 5].map((value) => pluralsOf('ru')(value, forms))).toEqual(['1 фича', '3 фичи', '5 фич']);
});
