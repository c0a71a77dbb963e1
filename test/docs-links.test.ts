/** The papers: links lead somewhere, files that are named are there, and every setting is in the operator's table. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const filesOf = (pattern: string) => globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**'] }).sort();
const papers = filesOf('**/*.md');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Without blocks of code. */
const proseOf = (paper: string) => read(paper).replace(/^```.*?^```$/gms, '');

/** The fragment by which a heading is linked to, as GitHub makes it. */
const fragmentOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const fragmentsOf = (paper: string) => [...proseOf(paper).matchAll(/^#+ (.*)$/gm)].map(([, text]) => fragmentOf(text));

test.each(papers)('links of %s lead somewhere', (paper) => {
  const links = [...proseOf(paper).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
  const broken = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path, fragment] = link.split('#');
    const target = path === '' ? paper : join(dirname(paper), path);
    if (!existsSync(join(ROOT, target))) return true;
    return fragment !== undefined && !fragmentsOf(target).includes(fragment);
  });
  expect(broken).toEqual([]);
});

/** What begins with the name of a folder at the top is a path, unless a part of it stands for others: `models/ID`. */
const rooms = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const isPath = (name: string) => rooms.some((room) => name.startsWith(`${room.name}/`)) && !/\/[A-Z]+(\/|$)/.test(name);

// The cards are written by models/training/card.py.
test.each(papers.filter((paper) => !paper.endsWith('CARD.md')))('files that %s names are there', (paper) => {
  const named = [...proseOf(paper).matchAll(/`([\w.-]+\/[\w./-]*)`/g)].map(([, path]) => path);
  expect(named.filter((name) => isPath(name) && !existsSync(join(ROOT, name)))).toEqual([]);
});

test('every setting that the program reads is in the table of docs/operator.md', () => {
  const names = filesOf('{cli,errors,models,server,tiler}/**/*.{ts,js}')
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) => read(file).match(/\bPLANIMETER_[A-Z_]+[A-Z]|\bAWS_[A-Z_\d]+|(?<=\benv\.)[A-Z][A-Z_]+/g) ?? []);
  // Items of metadata in the files that Planimeter writes, and what it sets for a library.
  const others = ['PLANIMETER_SRS', 'PLANIMETER_RENDERING', 'PLANIMETER_ALPHA', 'ORT_DISABLE_TELEMETRY'];
  const settings = new Set(names).difference(new Set(others));
  const table = read('docs/operator.md')
    .match(/^\| `[A-Z].*$/gm)!
    .join('\n');
  expect(settings.size).toBeGreaterThan(20);
  expect([...settings].filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
});
