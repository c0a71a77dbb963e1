import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { misspeltSettings, SETTINGS } from './environment.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

test('the list has every PLANIMETER_ variable that sources read, and no other', () => {
  const sources = ['cli', 'server', 'models', 'tiler', 'vectorizer']
    .flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((name) => join(room, name)),
    )
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'cli/environment.ts')
    .map((name) => readFileSync(join(ROOT, name), 'utf8'));
  // Items of a TIFF's metadata have such names, too.
  const items = ['PLANIMETER_SRS', 'PLANIMETER_RENDERING', 'PLANIMETER_ALPHA'];
  const read = new Set(
    sources.flatMap((text) => text.match(/\bPLANIMETER_[A-Z_]+\b/g) ?? []).filter((name) => !items.includes(name)),
  );
  expect([...read].sort()).toEqual(
    Object.keys(SETTINGS)
      .filter((name) => name.startsWith('PLANIMETER_'))
      .sort(),
  );
});

test('what looks like a misspelt setting is named, with the setting that was meant', () => {
  const env = {
    PLANIMETER_STOER: 'a',
    PLANIMETER_MAX_JOB: '1',
    PLANIMETER_DATA: 'b',
    PLANIMETER_PORT: 'tcp://10.0.0.1:80',
  };
  expect(misspeltSettings(env)).toEqual([
    'PLANIMETER_STOER is no setting and is ignored. Did you mean PLANIMETER_STORE?',
    'PLANIMETER_MAX_JOB is no setting and is ignored. Did you mean PLANIMETER_MAX_JOBS?',
  ]);
});

test('variables of the tests are not taken for misspelt ones', () => {
  const env = { PLANIMETER_FULL: '1', PLANIMETER_SEED: '2', PLANIMETER_CHROMIUM: 'c', PLANIMETER_TEST_POSTGRESQL: 'd' };
  expect(misspeltSettings(env)).toEqual([]);
});
