/** A certified network gives the same bytes however its scene is cut, batched and spread over threads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';

let folder: string;
let scene: TestScene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-certified-'));
  scene = await townScene(folder, 9, 233, 174);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([1, 2, 3])('seed %i: other origins, chip sizes, halos, batches and threads', async (seed) => {
  const network = await tinyNetwork(folder, { seed, planes: true });
  const plain = await mapped(await mapRequest(folder, scene, network, { core: 256 }));
  expect(plain.result.chips.done).toBe(1);
  expect(new Set(plain.classes).size).toBeGreaterThan(1);
  for (const [core, halo, batch, threads] of [
    [32, 10, 1, 1],
    [46, 10, 3, 2],
    [94, 12, 2, 1],
    [130, 30, 4, 3],
    [64, 10, 16, 2],
  ]) {
    const request = await mapRequest(folder, scene, { ...network, halo }, { core, batch, run: { threads } });
    const { classes, scores, result } = await mapped(request);
    const how = `core ${core}, halo ${halo}, batches of ${batch}, ${threads} threads`;
    expect(Buffer.compare(classes, plain.classes), how).toBe(0);
    expect(Buffer.compare(scores, plain.scores), how).toBe(0);
    expect(result.seam, how).toEqual({ certified: true, halo, disagreement: 0, max_delta: 0 });
  }
});
