/** A job is proved with what it was run with: its bands, its stretch, its area, and networks that others brought too. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork, networkFolders } from '../../models/registry.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { frailNetwork } from '../../test/support/networks/crashing-network.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import { mapped, sceneOf } from '../../test/support/scene.ts';
import { withEphemeralEngine } from '../ephemeral-engine.ts';
import { addNetwork } from '../networks/install-network.ts';
import { verifyJob } from './verify-job.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-prove-job-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('bands and stretch of the job are those of the proof', async () => {
  const { image } = await writeTown(join(folder, 'town'), { seed: 4, width: 340, height: 320, gsdMetres: 1 });
  const path = join(folder, 'frail.onnx');
  await writeFile(path, frailNetwork());
  await addNetwork(folder, path, { said: { gsdMetres: 1 } });
  await withEphemeralEngine(async (open) => {
    const tools = await open();
    const scene = await sceneOf(tools, image);
    const tiny = await tinyNetwork(folder);
    const stretch = { low: [20, 10, 30], high: [180, 200, 160] };
    const { job } = await mapped(tools, scene, tiny, { bands: [3, 2, 1], stretch });
    const prove = (network = tiny, id = job) => verifyJob(tools, async () => network, id, { seed: 5, windows: 3 });
    const proof = await prove();
    expect(proof).toMatchObject({ windows: 3, differing: 0, max_score_delta: 0 });
    expect(proof.pixels).toBeGreaterThan(30_000);
    // That the rendering matters: the same map held against the scene's own.
    await tools.db.query(`UPDATE planimeter.jobs SET parameters = '{}' WHERE id = $1`, [job]);
    expect((await prove()).differing).toBeGreaterThan(1000);

    const frail = await findNetwork('frail', networkFolders(folder));
    const blended = await mapped(tools, scene, frail);
    expect((await prove(frail, blended.job)).pixels).toBeGreaterThan(100);
  });
}, 120_000);
