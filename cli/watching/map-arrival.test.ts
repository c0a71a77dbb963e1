import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';
import type { WorkContext } from '../../server/queue/work-context.ts';
import type { Arrival } from './ledger.ts';
import { type Mapping, mapArrival, pathOf } from './map-arrival.ts';

test('whatever an image is called, its map stays below the output folder', () => {
  const odd = [
    '../../etc/passwd',
    '/etc/passwd',
    '..',
    '.',
    '',
    '/',
    'a/../../b',
    '.planimeter/ledger',
    'a\\..\\..\\b',
  ];
  for (const name of [...odd, 'a\0b', 'a\nb', `${'ü'.repeat(300)}`, 'C:x']) {
    const path = resolve('/out', pathOf(name));
    expect(path.startsWith(`/out${sep}`), name).toBe(true);
    expect(
      path.split(sep).some((part) => part.startsWith('.') || Buffer.byteLength(part) > 255),
      name,
    ).toBe(false);
  }
  expect(pathOf('2026/a (1) Straße.x')).toBe(join('2026', 'a (1) Straße.x'));
});

test('a map that was made before the process died is moved, whatever of it was moved already', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-staged-'));
  try {
    const staging = join(folder, 'staging', '7');
    await mkdir(staging, { recursive: true });
    const result = { output: 'new/a.gpkg', job: 'j', model: 'm', counts: {}, areas_m2: {} };
    await writeFile(join(staging, 'staged.json'), JSON.stringify({ version: '1', sha256: 'hash', result }));
    await writeFile(join(staging, 'map.gpkg'), 'map');
    await writeFile(join(staging, 'report.json'), '{}');
    const mapping = { ending: '.gpkg', output: join(folder, 'out'), staging: join(folder, 'staging') } as Mapping;
    const asked = {
      arrival: { seq: 7, version: '1', name: 'new/a.tif' } as Arrival,
      found: { name: '', version: '1' },
    };
    const nothing = {} as never; // what would map is not there
    for (const when of ['first', 'again']) {
      const came = await mapArrival(nothing, nothing, asked as never, mapping, nothing as WorkContext);
      expect(came, when).toEqual({ sha256: 'hash', result, again: false });
    }
    expect((await readdir(join(folder, 'out', 'new'))).sort()).toEqual(['a.gpkg', 'a.report.json']);
    expect(await readFile(join(folder, 'out', 'new', 'a.gpkg'), 'utf8')).toBe('map');
  } finally {
    await rm(folder, { recursive: true });
  }
});
