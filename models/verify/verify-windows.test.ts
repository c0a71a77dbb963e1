import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { always, mapped, mapRequest, townScene } from '../../test/support/mapped-scene.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import { openNetwork } from '../runtime/session.ts';
import { verifyMap } from './verify-windows.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-prove-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('an exact map is proved, one of another network or of a halo too small is not', async () => {
  const network = await tinyNetwork(folder);
  const scene = await townScene(folder, 8, 500, 390);
  const request = await mapRequest(folder, scene, network, { core: 64 });
  await mapped(request);
  const prove = async (changes: object, seed: number) => {
    const session = await openNetwork(network, { threads: 2 });
    const proof = await verifyMap({ ...request, ...changes, windows: 3, seed }, always(session));
    await session.close();
    return proof;
  };
  for (const seed of [1, 2]) {
    const proof = await prove({}, seed);
    expect(proof).toMatchObject({ seed, windows: 3, differing: 0, max_score_delta: 0 });
    expect(proof.pixels).toBeGreaterThan(3 * 150 * 150);
  }
  const seamed = await mapRequest(folder, scene, { ...network, halo: 2, receptiveField: [1, 1, 1, 1] }, { core: 64 });
  await mapped(seamed);
  const { classesPath, scoresPath } = seamed;
  expect((await prove({ classesPath, scoresPath }, 1)).differing).toBeGreaterThan(100);
});
