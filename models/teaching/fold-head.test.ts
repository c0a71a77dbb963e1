/** A taught network is a network: nothing learnt changes no byte, and what was learnt stitches like one pass. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomStream } from '../../synthetic/town/noise.ts';
import { mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { certify } from '../onnx/certificate.ts';
import { readOnnx } from '../onnx/read-onnx.ts';
import { findNetwork, type Network } from '../registry.ts';
import { logitsWithin } from '../runtime/class-probabilities.ts';
import { type Correction, foldHead } from './fold-head.ts';
import { teachableLayers } from './taught-layers.ts';

let folder: string;
let scene: TestScene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-fold-'));
  scene = await townScene(folder, 11, 300, 260);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The network with random weights as large as told on all its layers, and `more` new classes. */
async function taughtAtRandom(
  network: Network,
  file: string,
  seed: number,
  size: number,
  more: number,
): Promise<Network> {
  const bytes = await readFile(file);
  const model = readOnnx(bytes);
  const teachable = teachableLayers(model, network);
  const classes = network.classes.length + more;
  const { between } = randomStream(seed);
  const random = (count: number) => Float32Array.from({ length: count }, () => between(-size, size));
  const { layers } = teachable;
  const weights = layers.map(({ channels }) => random(classes * channels));
  const correction: Correction = { layers, weights, bias: random(classes), classes };
  const added = Array.from({ length: more }, (_, i) => ({
    ...{ name: `new ${i}`, value: network.classes.length + i, color: '#123456' },
  }));
  const all = [...network.classes, ...added];
  const modelPath = join(folder, `${network.id}-${seed}-${size}-${more}.onnx`);
  await writeFile(
    modelPath,
    foldHead(
      bytes,
      model,
      teachable,
      correction,
      all.map(({ name }) => name),
    ),
  );
  const { int8: _, ...rest } = network;
  return { ...rest, modelPath, classes: all };
}

const certificateOf = async (path: string) => {
  const image = (side: number) => ({ name: 'image', shape: [1, side, side, 3], rowDim: 1, columnDim: 2 });
  return certify(readOnnx(await readFile(path)), image, false, ['class', 'score']).certificate;
};

test.each([
  ['landuse-unet', 'landuse-unet.onnx'],
  ['landuse-unet', 'landuse-unet.int8.onnx'],
  ['landuse-fcn', 'landuse-fcn.onnx'],
  ['buildings-unet', 'buildings-unet.onnx'],
])('%s (%s): learning nothing changes no byte', { timeout: 120_000 }, async (id, file) => {
  const network = await findNetwork(id);
  const path = join(network.modelPath, '..', file);
  const taught = await taughtAtRandom(network, path, 1, 0, 0);
  const again = await taughtAtRandom(taught, taught.modelPath, 2, 0, 0);
  const [was, once, twice] = await Promise.all(
    [{ ...network, modelPath: path }, taught, again].map(async (each) =>
      mapped(await mapRequest(folder, scene, each, { core: 128 })),
    ),
  );
  for (const now of [once, twice]) {
    expect(now.classes.every((code, i) => code === was.classes[i])).toBe(true);
    expect(now.scores.every((score, i) => score === was.scores[i])).toBe(true);
  }
});

test.each([
  ['landuse-unet', 0],
  ['landuse-unet', 2],
  ['landuse-fcn', 1],
  ['buildings-unet', 0],
])('%s with %s new classes: what was learnt leaves no trace of chips', { timeout: 120_000 }, async (id, more) => {
  const network = await findNetwork(id);
  const seed = 7 + more;
  const taught = await taughtAtRandom(network, network.modelPath, seed, 0.05, more);
  const certificate = await certificateOf(taught.modelPath);
  expect(certificate).toMatchObject({ exact: true, stride: network.stride });
  expect(certificate.halo).toBeLessThanOrEqual(network.halo);
  const logits = logitsWithin(readOnnx(await readFile(taught.modelPath)), taught.classes.length);
  if (network.planes.length === 0) expect(logits).not.toBeNull();
  const whole = await mapped(await mapRequest(folder, scene, taught, { core: 512 }));
  const plain = await mapped(await mapRequest(folder, scene, network, { core: 512 }));
  expect(whole.classes.some((code, i) => code !== plain.classes[i])).toBe(true);
  for (const [core, threads] of [
    [32, 2],
    [96, 1],
  ]) {
    const chips = await mapped(await mapRequest(folder, scene, taught, { core, run: { threads } }));
    expect(chips.classes.every((code, i) => code === whole.classes[i])).toBe(true);
    expect(chips.scores.every((score, i) => score === whole.scores[i])).toBe(true);
  }
});

test('a network whose classes are not weighed up where it is known cannot be taught', async () => {
  const network = await findNetwork('landuse-fcn');
  const model = readOnnx(await readFile(network.modelPath));
  const nodes = model.nodes.filter(({ op }) => op !== 'Max');
  expect(() => teachableLayers({ ...model, nodes }, network)).toThrowError(
    expect.objectContaining({ code: 'not_teachable', message: expect.stringContaining('landuse-unet') }),
  );
});
