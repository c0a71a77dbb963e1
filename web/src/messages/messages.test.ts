import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { t } from './index.ts';
import { pluralsOf } from './plurals.ts';

const SOURCES = join(import.meta.dirname, '..');
/** Words in quotes, text between tags, and words in attributes that people read. */
const WORDS = [
  /(?<!import |from )(['"`])[A-Z][\w’]* [a-z][^'"`]*\1/g,
  /^\s+[A-Z][a-z]+( [\w,.…]+)*$/gm,
  /(?<!=)>\s*[A-Z][a-z]+[^<>{}=;]*<\//g,
  /\b(aria-label|title|placeholder|alt)="(?!https:)[A-Za-z][^"]*"/g,
];

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

test('numbers choose their words by the language', () => {
  expect([0, 1, 1200].map(t.areas)).toEqual(['0 areas', '1 area', '1,200 areas']);
  expect([1, 4].map((bands) => t.report.imageSize('8', '6', bands))).toEqual(['8 × 6 px, 1 band', '8 × 6 px, 4 bands']);
  const forms = { one: '# фича', few: '# фичи', other: '# фич' };
  expect([1, 3, 5].map((value) => pluralsOf('ru')(value, forms))).toEqual(['1 фича', '3 фичи', '5 фич']);
});
