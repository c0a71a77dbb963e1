/** A detection network over a scene: every object is a feature, once, where it is, also across the edges of chips. */
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeOnnx } from '../models/onnx/test-networks.ts';
import { findNetwork, networkFolders } from '../models/registry.ts';
import { createTiffWriter } from '../tiler/write-tiff.ts';
import { addNetwork } from './networks.ts';
import { DEFAULT_PARAMETERS } from './parameters.ts';
import { ingestScene, isReady, segmentScene } from './pipeline.ts';
import { queryItems } from './store/features.ts';
import { insertJob } from './store/jobs.ts';
import { getScene, insertScene } from './store/scenes.ts';
import { inWorkplace } from './workplace.ts';

const CELL = 8;
const CHIP = 64;
const GSD_M = 0.5;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-detection-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Ultralytics' layout: a box for each cell of 8 pixels, whose score is how much redder than green it is. */
function redCells(): Uint8Array {
  const cells = CHIP / CELL;
  const centre = (i: number) => (i + 0.5) * CELL;
  const at = Array.from({ length: cells ** 2 }, (_, i) => [
    centre(i % cells),
    centre(Math.floor(i / cells)),
    CELL,
    CELL,
  ]);
  return writeOnnx({
    nodes: [
      { op: 'Conv', inputs: ['images', 'w'], outputs: ['redness'] },
      {
        op: 'AveragePool',
        inputs: ['redness'],
        outputs: ['mean'],
        attributes: { kernel_shape: [CELL, CELL], strides: [CELL, CELL] },
      },
      { op: 'Reshape', inputs: ['mean', 'flat'], outputs: ['scores'] },
      { op: 'Concat', inputs: ['boxes', 'scores'], outputs: ['output0'], attributes: { axis: 1 } },
    ],
    constants: {
      w: { dims: [1, 3, 1, 1], values: [1, -1, 0] },
      flat: { dims: [3], values: [1, 1, cells ** 2], int: true },
      boxes: { dims: [1, 4, cells ** 2], values: [0, 1, 2, 3].flatMap((n) => at.map((box) => box[n])) },
    },
    inputs: [{ name: 'images', dims: [1, 3, CHIP, CHIP] }],
    outputs: [{ name: 'output0', dims: [1, 5, cells ** 2] }],
    metadata: { task: 'detect', names: "{0: 'red'}", imgsz: '[64, 64]' },
  });
}

test('objects of a scene become features of the collection objects', async () => {
  const network = join(folder, 'red.onnx');
  await writeFile(network, redCells());
  const added = await addNetwork(folder, network, { said: { gsdMetres: GSD_M } });
  expect(added).toMatchObject({ task: 'detection', findings: [] });
  expect(added.classes.map(({ name }) => name)).toEqual(['red']);

  const [width, height] = [200, 168];
  const pixels = new Uint8Array(width * height * 3).fill(90);
  const red: [column: number, row: number][] = [];
  for (let row = 0; row < height / CELL; row++) {
    for (let column = 0; column < width / CELL; column++) {
      if ((row * 7 + column * 3) % 5 !== 0 || (row + column) % 2 === 0) continue;
      red.push([column, row]);
      for (let y = row * CELL; y < (row + 1) * CELL; y++) {
        for (let x = column * CELL; x < (column + 1) * CELL; x++) pixels.set([250, 40, 40], (y * width + x) * 3);
      }
    }
  }
  const image = join(folder, 'scene.tif');
  const origin = [500_000, 5_400_000] as const;
  const writer = await createTiffWriter(image, {
    width,
    height,
    bands: 3,
    compression: 'deflate',
    overviews: 'none',
    epsg: 32633,
    geotransform: [origin[0], GSD_M, 0, origin[1], 0, -GSD_M],
  });
  await writer.writeRows(height, pixels);
  await writer.finish();

  await inWorkplace(async (opening) => {
    const tools = await opening;
    const { db, files } = tools;
    const context = { signal: new AbortController().signal, progress: () => {} };
    const id = '00000000-0000-8000-8000-000000000001';
    await mkdir(files.path(`scenes/${id}`), { recursive: true });
    await symlink(image, files.path(`scenes/${id}/original.tif`));
    await insertScene(db, {
      id,
      name: 'scene.tif',
      upload: null,
      sha256: 'ab'.repeat(32),
      bytes: (await stat(image)).size,
    });
    await ingestScene(tools, (await getScene(db, id))!, context);
    const scene = await getScene(db, id);
    if (!scene || !isReady(scene)) throw new Error('not ready');
    const job = '00000000-0000-8000-8000-000000000002';
    const found = await findNetwork('red', networkFolders(folder));
    await insertJob(db, { id: job, scene: id, model: 'red', parameters: {} });
    const request = { id: job, scene, network: found, parameters: DEFAULT_PARAMETERS, modelReason: 'asked for' };
    const report = await segmentScene(tools, request, context);
    expect(report.counts.objects).toBe(red.length);
    expect(report.ledger).toMatchObject({ done: width * height, failed: 0, pending: 0 });
    const { features } = await queryItems(db, 'objects', { job, limit: 1000 });
    expect(features.length).toBe(red.length);
    for (const { properties } of features) {
      expect(properties).toMatchObject({ class: 'red' });
      expect(properties.area_m2).toBeCloseTo((CELL * GSD_M) ** 2, 0);
    }
  });
}, 120_000);
