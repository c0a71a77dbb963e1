/** Probabilities of every class: the same bytes whatever the chips, the map's own class the likeliest, described as GDAL reads it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { always, mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { randomUNet } from '../../test/support/networks/onnx-writer.ts';
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { findNetwork, type Network, type Precision, tellsProbabilities } from '../registry.ts';
import { CLASS_NODATA } from '../runtime/answer.ts';
import { openNetwork } from '../runtime/session.ts';
import { type MapRequest, mapScene } from './map-scene.ts';
import { mergeShards } from './merge-shards.ts';
import { planShards } from './shards.ts';

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

async function probabilities(of: Network, core: number, precision: Precision = 'fp32') {
  const run = { threads: 1, probabilities: true, precision };
  const request = await mapRequest(folder, scene, of, { core, run });
  const path = `${request.classesPath}.probabilities.tif`;
  const { classes, scores } = await mapped({ ...request, probabilitiesPath: path });
  const raster = await openSamples(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return { classes, scores, pixels: pixels as Uint8Array, items: raster.items };
}

/** Up to rounding. */
function expectLikeliest({ classes, scores, pixels }: Awaited<ReturnType<typeof probabilities>>, count: number) {
  let sums = 0;
  for (const [i, code] of classes.entries()) {
    if (code === CLASS_NODATA) continue;
    const each = pixels.subarray(i * count, (i + 1) * count);
    expect(Math.max(...each) - each[code]).toBeLessThanOrEqual(1);
    expect(Math.abs(each[code] - scores[i])).toBeLessThanOrEqual(1);
    sums += Math.abs(each.reduce((sum, value) => sum + value, 0) - 255);
  }
  expect(sums / classes.length).toBeLessThan(2);
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
    expectLikeliest(await probabilities(of, 64), NAMES.length);
  },
);

const SHIPPED = ['landuse-unet', 'landuse-fcn', 'buildings-unet'];

describe.each(SHIPPED)('%s tells what it says of every class', (id) => {
  test.each<Precision>(['fp32', 'int8'])(
    'in %s, and its map stays what it was',
    { timeout: 120_000 },
    async (precision) => {
      const of = await findNetwork(id);
      expect(tellsProbabilities(of)).toBe(true);
      const told = await probabilities(of, 64, precision);
      const count = of.classes.length;
      expectLikeliest(told, count);
      const plain = await mapped(await mapRequest(folder, scene, of, { core: 64, run: { threads: 1, precision } }));
      expect(Buffer.from(told.classes).equals(Buffer.from(plain.classes))).toBe(true);
      expect(Buffer.from(told.scores).equals(Buffer.from(plain.scores))).toBe(true);
      const uneven = told.classes.reduce((sum, code, i) => {
        const others = told.pixels.subarray(i * count, (i + 1) * count).filter((_, place) => place !== code);
        return sum + Number(Math.max(...others) > Math.min(...others) + 1);
      }, 0);
      expect(uneven > told.classes.length / 4).toBe(count > 2);
    },
  );

  test('in shards and in batches of chips of another size, byte for byte', { timeout: 240_000 }, async () => {
    const of = await findNetwork(id);
    const tall = await townScene(folder, 8, 70, 1100);
    const run = { threads: 1, probabilities: true };
    const session = await openNetwork(of, run);
    const request = async (core: number) => {
      const made = await mapRequest(folder, tall, of, { core, run });
      return { ...made, probabilitiesPath: `${made.classesPath}.probabilities.tif` };
    };
    const map = async (made: MapRequest) => {
      await mapScene(made, always(session), () => {});
      return made;
    };
    const one = await map(await request(128));
    const other = await map({ ...(await request(256)), batch: 2 });
    const shards: MapRequest[] = [];
    for (const shard of planShards(one.plan, 512)) shards.push(await map({ ...(await request(128)), shard }));
    await session.close();
    expect(shards.length).toBeGreaterThan(1);
    const { classesPath, scoresPath, probabilitiesPath } = await request(128);
    await mergeShards({ mapped: one, shards, to: { classesPath, scoresPath, probabilitiesPath } });
    const bytes = await readFile(one.probabilitiesPath!);
    for (const path of [other.probabilitiesPath!, probabilitiesPath])
      expect(bytes.equals(await readFile(path))).toBe(true);
  });
});
