/** A network trained further as models/training says keeps what its manifest declares: scores, features, planes, its own figures. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork, listNetworks, networkFolders, SHIPPED_NETWORKS } from '../../models/registry.ts';
import { mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { addNetwork, readNetworkManifest } from './install-network.ts';

let folder: string;
let scene: TestScene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-own-'));
  scene = await townScene(folder, 4, 300, 260);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder as `card.py` leaves it. */
async function trained(id: string): Promise<string> {
  const path = await mkdtemp(join(folder, 'trained-'));
  await cp(join(SHIPPED_NETWORKS, id), path, { recursive: true });
  return path;
}

const added = async (id: string) => (await listNetworks(networkFolders(folder))).find((each) => each.id === id)!;

const samples = async (path: string) => {
  const raster = await openSamples(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return pixels;
};

test.each([
  ['landuse-fcn', 'the folder', ''],
  ['landuse-fcn', 'the file', '/landuse-fcn.onnx'],
  ['buildings-unet', 'the folder', ''],
])('%s by %s: the same map, scores, planes and features', { timeout: 300_000 }, async (id, _, file) => {
  const shipped = await findNetwork(id);
  const name = `mine-${id}${file ? '-file' : ''}`;
  const report = await addNetwork(folder, (await trained(id)) + file, { id: name, said: {} });
  expect(report.findings.map(({ code }) => code)).not.toContain('no_scores');
  expect(report.findings.map(({ code }) => code)).not.toContain('outputs_not_used');
  const network = await added(name);
  expect(network).toMatchObject({ miou: shipped.miou, gsdRangeMetres: shipped.gsdRangeMetres });
  expect([network.features, network.planes]).toEqual([shipped.features, shipped.planes]);
  const withFeatures = shipped.features !== undefined;
  const halo = Math.max(network.halo, shipped.halo);
  const requests = await Promise.all(
    [network, shipped].map((each) =>
      mapRequest(folder, scene, { ...each, halo }, { core: 96, features: withFeatures }),
    ),
  );
  const [ours, theirs] = [await mapped(requests[0]), await mapped(requests[1])];
  expect(ours.classes.every((code, i) => code === theirs.classes[i])).toBe(true);
  expect(ours.scores.every((score, i) => score === theirs.scores[i])).toBe(true);
  expect(new Set(ours.scores).size).toBeGreaterThan(50);
  if (shipped.planes.length > 0) {
    expect(Buffer.from(await readFile(requests[0].planesPath!)).equals(await readFile(requests[1].planesPath!))).toBe(
      true,
    );
    expect((await samples(requests[0].planesPath!)).some((value) => value > 0)).toBe(true);
  }
  if (withFeatures) {
    const [a, b] = await Promise.all(requests.map(({ featuresPath }) => samples(featuresPath!)));
    expect(a.length).toBeGreaterThan(1000);
    expect(a.every((value, i) => Object.is(value, b[i]))).toBe(true);
  }
});

test('its manifest keeps its figures and what it went on from; what it says of outputs that are not there is not believed', async () => {
  const path = await trained('landuse-fcn');
  const manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'));
  const { properties } = manifest;
  properties['planimeter:started_from'] = { id: 'landuse-fcn', sha256: 'ab'.repeat(32) };
  properties['planimeter:planes'] = [{ name: 'border' }];
  properties['planimeter:features'] = { output: 'nowhere', stride: 16, channels: 3 };
  await writeFile(join(path, 'manifest.json'), JSON.stringify(manifest));
  await addNetwork(folder, path, { id: 'further', said: {} });
  const network = await added('further');
  expect([network.planes, network.features]).toEqual([[], undefined]);
  const kept = (await readNetworkManifest(network)).properties as Record<string, unknown>;
  expect(kept).toMatchObject({
    license: 'Apache-2.0',
    'planimeter:scores': properties['planimeter:scores'],
    'planimeter:started_from': { id: 'landuse-fcn' },
  });
  expect(kept).not.toHaveProperty('planimeter:int8');
});
