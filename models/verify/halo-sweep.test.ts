/** The measured worth of halos: exact at the certificate's, worse below, and no end to it where everything is seen. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import { examineNetwork } from '../imported/examine.ts';
import { generatedRaster } from '../imported/probe-scene.ts';
import { measureHalos } from './halo-sweep.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-halos-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const scene = generatedRaster({}, 300); // smaller than what is mapped: reflected

test('what the certificate asks for is exact, and less is not', async () => {
  const network = { ...(await tinyNetwork(folder)), halo: 10 };
  const sweep = (await measureHalos(network, scene, 60_000))!;
  expect(sweep.steps.map(({ halo }) => halo)).toEqual([0, 10]);
  expect(sweep.steps[0].differing).toBeGreaterThan(0.001);
  expect(sweep.steps[0].max_delta).toBeGreaterThan(0.001);
  expect(sweep.steps[1]).toEqual({ halo: 10, differing: 0, max_delta: 0 });
});

test('where a network looks everywhere, no halo is enough', async () => {
  const everywhere = [null, null, null, null] as never;
  const network = { ...(await tinyNetwork(folder, { seed: 7, global: true })), receptiveField: everywhere };
  const { steps } = (await measureHalos(network, scene, 60_000))!;
  expect(steps.map(({ halo }) => halo)).toEqual([0, 16, 32, 64, 96, 128]);
  for (const { differing } of steps) expect(differing).toBeGreaterThan(0);
});

test('uneven padding shows in the sides of the halo', async () => {
  const path = join(folder, 'uneven.onnx');
  const pads = [0, 4, 4, 0]; // of a 5 x 5 kernel: it looks up and to the right, or down and to the left, never both
  const w = { dims: [2, 3, 5, 5], values: Array.from({ length: 150 }, (_, i) => Math.sin(i * 12.9898)) };
  await writeFile(
    path,
    writeOnnx({
      nodes: [
        { op: 'Conv', inputs: ['x', 'w'], outputs: ['z'], attributes: { pads } },
        { op: 'Softmax', inputs: ['z'], outputs: ['y'], attributes: { axis: 1 } },
      ],
      constants: { w },
      inputs: [{ name: 'x', dims: [1, 3, 'h', 'w'] }],
      outputs: [{ name: 'y', dims: [1, 2, 'h', 'w'] }],
    }),
  );
  const { understanding, halos } = await examineNetwork(path, [], {});
  expect(understanding.certificate).toMatchObject({
    exact: true,
    receptive_field: [4, 0, 0, 4],
    halo: 4,
    halo_sides: [4, 0, 0, 4],
  });
  expect(halos!.steps.at(-1)).toEqual({ halo: 4, differing: 0, max_delta: 0 });
  expect(halos!.steps[0].differing).toBeGreaterThan(0);
});
