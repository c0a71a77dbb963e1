/** A map computed in shards and joined is, byte for byte, the map of one piece: of exact networks and of blended ones. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { always, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import { type NetworkSession, openNetwork } from '../runtime/session.ts';
import { type MapRequest, mapScene } from './map-scene.ts';
import { mergeShards } from './merge-shards.ts';
import { planShards, SHARD_HEIGHT } from './shards.ts';

let folder: string;
let scene: TestScene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-shards-'));
  scene = await townScene(folder, 5, 230, 1400);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('shards are cut by geometry alone, at the edges of tiles', () => {
  const plan = (core: number, rows: number) => ({ core, halo: 96, stride: 16, columns: 3, rows });
  expect(planShards(plan(1024, 5))).toEqual([
    { first: 0, end: 2, overviews: 11 },
    { first: 2, end: 4, overviews: 11 },
    { first: 4, end: 5, overviews: 11 },
  ]);
  expect(planShards(plan(2048, 1))).toEqual([{ first: 0, end: 1, overviews: 11 }]);
  for (const core of [16, 304, 320, 512, 848, 1000, 2048, 4096]) {
    for (const { first, overviews } of planShards(plan(core, 1000))) {
      expect((first * core) % 512, `core ${core}`).toBe(0);
      expect((first * core) % 2 ** overviews, `core ${core}`).toBe(0);
    }
    const [one, two] = planShards(plan(core, 100_000));
    expect((two.first - one.first) * core).toBeGreaterThanOrEqual(SHARD_HEIGHT);
  }
});

/** Maps the scene whole and in shards; returns the files and results of both. */
async function bothWays(request: MapRequest, session: NetworkSession) {
  const whole = await mapScene(request, always(session), () => {});
  const shards = planShards(request.plan, 512);
  expect(shards.length).toBe(3);
  const results: (typeof whole)[] = [];
  const parts: MapRequest[] = [];
  for (const shard of shards) {
    const paths = await mapRequest(folder, scene, request.network);
    const { chipCachePath, classesPath, scoresPath, planesPath } = paths;
    const part = { ...request, shard, chipCachePath, classesPath, scoresPath, planesPath: planesPath! };
    results.push(await mapScene(part, always(session), () => {}));
    parts.push(part);
  }
  const { classesPath, scoresPath, planesPath } = await mapRequest(folder, scene, request.network);
  const planes = request.network.planes.length > 0;
  const to = { classesPath, scoresPath, ...(planes && { planesPath: planesPath! }) };
  await mergeShards({ mapped: request, shards: parts, to });
  for (const name of ['classesPath', 'scoresPath', ...(planes ? (['planesPath'] as const) : [])] as const) {
    expect((await readFile(to[name]!)).equals(await readFile(request[name]!)), name).toBe(true);
  }
  return { whole, results };
}

const EVERYWHERE: [number, number, number, number] = [Infinity, Infinity, Infinity, Infinity];

test.each([
  { what: 'an exact network', core: 32, options: {}, changes: {} },
  { what: 'planes, and few tiles to a chip', core: 128, options: { planes: true }, changes: {} },
  {
    what: 'a network that is blended',
    core: 64,
    options: { seed: 7, global: true },
    changes: { halo: 32, receptiveField: EVERYWHERE },
  },
])('$what: the same bytes, chips and seam', async ({ core, options, changes }) => {
  const network = { ...(await tinyNetwork(folder, options)), ...changes };
  const session = await openNetwork(network, { threads: 1 });
  const { whole, results } = await bothWays(await mapRequest(folder, scene, network, { core }), session);
  await session.close();
  const sum = (of: (result: typeof whole) => number) => results.reduce((total, each) => total + of(each), 0);
  expect(sum(({ ledger }) => ledger.done)).toBe(whole.ledger.done);
  expect(sum(({ ledger }) => ledger.pending)).toBe(0);
  expect(sum(({ chips }) => chips.done)).toBe(whole.chips.done);
  expect(sum(({ seamPixels }) => seamPixels)).toBe(whole.seamPixels);
  const differing = sum(({ seam, seamPixels }) => seam.disagreement * seamPixels);
  expect(Math.round(differing)).toBe(Math.round(whole.seam.disagreement * whole.seamPixels));
  expect(Math.max(...results.map(({ seam }) => seam.max_delta))).toBe(whole.seam.max_delta);
});
