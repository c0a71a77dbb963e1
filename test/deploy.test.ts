/** What stands in deploy/: by the linters of its formats, and against what this program reads, answers and measures. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createMetrics } from '../server/operations/metrics.ts';
import { pythonWithLinters } from './support/python.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const python = pythonWithLinters();

const beside = (name: string) => join(dirname(python ?? ''), name);

test.skipIf(!python).each([
  ['deploy/Dockerfile', beside('hadolint')],
  ['deploy/compose.yaml', beside('python'), '-m', 'check_jsonschema', '--builtin-schema', 'vendor.compose-spec'],
  ['deploy/kubernetes.yaml', beside('python'), '-m', 'kubernetes_validate', '--strict'],
])('%s has no fault', { timeout: 120_000 }, (file, program, ...args) => {
  const { status, stdout, stderr } = spawnSync(program!, [...args, file], { cwd: ROOT, encoding: 'utf8' });
  expect(`${stdout}${stderr}`).not.toMatch(/\b(warning|error|invalid)\b/i);
  expect(status, stdout + stderr).toBe(0);
});

test.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)('the unit has no fault', () => {
  // What it starts is not installed here.
  const unit = join(mkdtempSync(join(tmpdir(), 'planimeter-unit-')), 'planimeter.service');
  writeFileSync(unit, read('deploy/planimeter.service').replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
  const { stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('planimeter.service:'))).toEqual([]);
});

test('what alerts and the documentation name is measured', async () => {
  const db = { query: async () => [] as never[] };
  const there = new Set<string>();
  const text = await createMetrics({
    ...db,
    query: async (sql: string) => {
      if (sql.includes('to_regclass')) return [{ there: false }] as never[];
      return (sql.includes('stored_files') ? [{ files: 0, jobs: 0 }] : []) as never[];
    },
  }).text();
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) there.add(name!);
  const named = [
    ...`${read('deploy/alerts.yaml')}${read('docs/operator.md')}`.matchAll(/\b((?:planimeter|process)_\w+)/g),
  ]
    .map(([, name]) => name!.replace(/_(count|sum|bucket)$/, ''))
    .filter((name) => !/^planimeter_(confined|queue)$/.test(name));
  expect(named.length).toBeGreaterThan(12);
  expect([...new Set(named)].filter((name) => !there.has(name))).toEqual([]);
});

test('commands and variables are those of this program', () => {
  const files = ['deploy/Dockerfile', 'deploy/compose.yaml', 'deploy/kubernetes.yaml'].map(read).join('\n');
  const sources = ['cli', 'server', 'models']
    .flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((name) => join(room, name)),
    )
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map(read)
    .join('\n');
  const variables = new Set(files.match(/\b(PLANIMETER|AWS|LOG|XDG)_[A-Z_]+\b|\bDATABASE_URL\b/g));
  expect(variables.size).toBeGreaterThan(8);
  expect([...variables].filter((name) => !sources.includes(name))).toEqual([]);
  for (const [, command] of files.matchAll(/cli\/planimeter\.js (\w+)/g))
    expect(existsSync(join(ROOT, `cli/${command}.ts`))).toBe(true);
  for (const [, path] of read('deploy/Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const each of path!.split(' ')) expect(existsSync(join(ROOT, each)), each).toBe(true);
  }
});
