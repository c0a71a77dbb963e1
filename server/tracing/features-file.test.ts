import { appendFile, mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../../test/support/geometry.ts';
import { type FeatureLine, readFeaturesFile, writeFeaturesFile } from './features-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-features-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function someFeatures(seed: number, count: number, mostBytes: number): FeatureLine[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => ({
    ...{ collection: 'landuse', level: i % 3, class: i % 7, score: i % 5 === 0 ? null : random(), place: `${i}/é€` },
    wkb: Uint8Array.from({ length: Math.floor(random() * mostBytes) }, () => Math.floor(random() * 256)),
    properties: i % 2 === 0 ? {} : { width_m: random(), text: '"\n' },
    ...(i % 11 === 0 && { pieceOf: { place: `${i}`, borderShare: random() } }),
  }));
}

const readAll = async (path: string): Promise<FeatureLine[]> =>
  (await Array.fromAsync(readFeaturesFile(path)))
    .flat()
    .map((feature) => ({ ...feature, wkb: Uint8Array.from(feature.wkb) }));

test.each([
  ['none', 0, 0],
  ['one', 1, 40],
  ['many small ones', 5003, 40],
  ['large ones', 40, 200_000],
])('%s come back as they were written', async (name, count, mostBytes) => {
  const path = join(folder, name);
  const features = someFeatures(3, count, mostBytes);
  await writeFeaturesFile(path, features);
  expect(await readAll(path)).toEqual(features);
});

test('files put together are such a file', async () => {
  const parts = [1, 2, 3].map((seed) => someFeatures(seed, 700 * seed, 50));
  const whole = join(folder, 'whole');
  for (const [i, part] of parts.entries()) {
    const path = join(folder, `part ${i}`);
    await writeFeaturesFile(path, part);
    await appendFile(whole, await readFile(path));
  }
  expect(await readAll(whole)).toEqual(parts.flat());
});

test('one that breaks off is not taken for one of fewer features', async () => {
  const path = join(folder, 'broken');
  await writeFeaturesFile(path, someFeatures(5, 1500, 50));
  const { length } = await readFile(path);
  for (const left of [length - 1, length - 20_000, 5]) {
    await truncate(path, left);
    await expect(readAll(path), `${left} bytes`).rejects.toThrow('breaks off');
  }
});
