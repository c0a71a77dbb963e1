/** Networks whose chips depend on where they were cut: blended without seams, and the disagreement is told. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';

const WIDTH = 230;
const HEIGHT = 171;
const EVERYWHERE: [number, number, number, number] = [Infinity, Infinity, Infinity, Infinity];

let folder: string;
let scene: TestScene;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-blend-'));
  scene = await townScene(folder, 5, WIDTH, HEIGHT);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('where overlapping chips agree, blending changes nothing', async () => {
  const exact = await tinyNetwork(folder, { planes: true });
  const plain = await mapped(await mapRequest(folder, scene, exact));
  expect(plain.result.seam).toEqual({ certified: true, halo: exact.halo, disagreement: 0, max_delta: 0 });
  // Half of this halo is blended over, and the other half is still more than the network looks.
  const unsure = { ...exact, halo: 24, receptiveField: EVERYWHERE };
  for (const core of [32, 50, 160]) {
    const { result, classes, scores } = await mapped(await mapRequest(folder, scene, unsure, { core }));
    expect(result.seam).toEqual({ certified: false, halo: 24, disagreement: 0, max_delta: 0 });
    expect(classes, `core ${core}`).toEqual(plain.classes);
    expect(scores, `core ${core}`).toEqual(plain.scores);
  }
});

test('where they differ, only what chips share is blended, and the disagreement is in the result', async () => {
  const network = { ...(await tinyNetwork(folder, { seed: 7, global: true })), halo: 32, receptiveField: EVERYWHERE };
  const core = 64;
  const blended = await mapped(await mapRequest(folder, scene, network, { core }));
  const { seam, ledger } = blended.result;
  expect(seam).toMatchObject({ certified: false, halo: 32 });
  expect(seam.max_delta).toBeGreaterThan(0.02);
  expect(seam.disagreement).toBeGreaterThan(0);
  expect(seam.disagreement).toBeLessThan(0.5);
  expect(ledger).toEqual({ done: WIDTH * HEIGHT, nodata: 0, outside: 0, failed: 0, pending: 0 });
  // The same network, cut without blending.
  const cut = await mapped(await mapRequest(folder, scene, { ...network, receptiveField: [1, 1, 1, 1] }, { core }));
  let changed = 0;
  for (let i = 0; i < cut.classes.length; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const same = blended.classes[i] === cut.classes[i] && blended.scores[i] === cut.scores[i];
    if (isShared(x, WIDTH, core) || isShared(y, HEIGHT, core)) changed += Number(!same);
    else if (!same) expect.fail(`pixel ${x}, ${y} is one chip's alone and was changed`);
  }
  expect(changed).toBeGreaterThan(1000);
  const again = await mapped(await mapRequest(folder, scene, network, { core, batch: 3 }));
  expect([again.classes, again.scores, again.result.seam]).toEqual([blended.classes, blended.scores, seam]);
});

/** Whether a seam is within half the halo. */
function isShared(at: number, size: number, core: number): boolean {
  for (let seam = core; seam < size; seam += core) if (at >= seam - 16 && at < seam + 16) return true;
  return false;
}
