/** Probabilities of every class: the same bytes whatever the chips, the map's own class the likeliest, described as GDAL reads it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { randomUNet } from '../../test/support/networks/onnx-writer.ts';
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { type Network, tellsProbabilities } from '../registry.ts';
import { CLASS_NODATA } from '../runtime/answer.ts';

const [WIDTH, HEIGHT] = [170, 140];
const NAMES = ['other', 'building', 'road', 'water'];
let folder: string;
let scene: TestScene;
let network: Network;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-probabilities-'));
  scene = await townScene(folder, 6, WIDTH, HEIGHT);
  const path = join(folder, 'network.onnx');
  await writeFile(path, randomUNet({ seed: 3, bands: 3, classes: NAMES.length }));
  const classes = NAMES.map((name, value) => ({ name, value }));
  ({ network } = await addedNetwork(path, { said: { divisor: 255, classes } }));
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function probabilities(of: Network, core: number) {
  const run = { threads: 1, probabilities: true };
  const request = await mapRequest(folder, scene, of, { core, run });
  const path = `${request.classesPath}.probabilities.tif`;
  const { classes, scores } = await mapped({ ...request, probabilitiesPath: path });
  const raster = await openSamples(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return { classes, scores, pixels: pixels as Uint8Array, items: raster.items };
}

test('chips of any size give the same bytes', { timeout: 120_000 }, async () => {
  expect(tellsProbabilities(network)).toBe(true);
  const one = await probabilities(network, 32);
  const other = await probabilities(network, 96);
  expect(Buffer.from(one.pixels).equals(Buffer.from(other.pixels))).toBe(true);
  const told = (role: string) => one.items.filter((item) => item.role === role).map(({ text }) => text);
  expect(told('description')).toEqual(NAMES);
  expect(new Set(told('scale'))).toEqual(new Set([String(1 / 255)]));
  expect(new Set(one.pixels).size).toBeGreaterThan(50);
});

test.each(['exact', 'blended'])(
  'the class of the map is the likeliest, and its probability the score: %s',
  async (how) => {
    const of: Network = how === 'exact' ? network : { ...network, receptiveField: [999, 999, 999, 999] };
    const { classes, scores, pixels } = await probabilities(of, 64);
    let sums = 0;
    for (const [i, code] of classes.entries()) {
      if (code === CLASS_NODATA) continue;
      const each = pixels.subarray(i * NAMES.length, (i + 1) * NAMES.length);
      expect(Math.max(...each) - each[code]).toBeLessThanOrEqual(1); // of rounding
      expect(Math.abs(each[code] - scores[i])).toBeLessThanOrEqual(1);
      sums += Math.abs(each.reduce((sum, value) => sum + value, 0) - 255);
    }
    expect(sums / classes.length).toBeLessThan(2);
  },
);
