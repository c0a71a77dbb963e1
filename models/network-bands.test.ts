/** Networks of other bands than RGB: which bands of a scene they are given, and that the map is Python's. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mapped } from '../test/support/mapped-scene.ts';
import { addedNetwork } from '../test/support/networks/added-network.ts';
import { randomUNet } from '../test/support/networks/onnx-writer.ts';
import { judge, pythonWithOnnxRuntime } from '../test/support/python.ts';
import { sharedPath } from '../test/support/shared.ts';
import { planChips } from '../tiler/grid/chips.ts';
import { planModelGrid } from '../tiler/grid/model-grid.ts';
import { ingest } from '../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../tiler/ingest/validate-source.ts';
import { chooseRendering } from '../tiler/working-copy/job-rendering.ts';
import { openScene } from '../tiler/working-copy/open-scene.ts';
import { networkBands } from './network-bands.ts';
import { type Network, wantedBands } from './registry.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-bands-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('bands are found', () => {
  const rgbn = { id: 'net', bands: ['red', 'green', 'blue', 'nir'], stored: false };
  const rgb = [1, 2, 3];
  test.each<[string, (string | null)[], number[], string[], number[]]>([
    ['by name', ['blue', 'green', 'red', 'nir'], [3, 2, 1], ['red', 'green', 'blue', 'nir'], [3, 2, 1, 4]],
    ['of Sentinel-2', ['B02', 'B03', 'B04', 'B08', 'B11'], [3, 2, 1], ['swir16', 'nir', 'red'], [5, 4, 3]],
    ['by the names of the network', ['x', 'q'], [1, 1, 1], ['Q', 'X'], [2, 1]],
    ['by colour, where only that is known', [null, null, null, null, null], [3, 2, 1], ['blue', 'red'], [1, 3]],
    ['by number', [null, null, null], rgb, ['3', '1'], [3, 1]],
    ['as the one that is left of four', ['red', 'green', 'blue', null], rgb, rgbn.bands, [1, 2, 3, 4]],
  ])('%s', (_, names, colours, bands, expected) => {
    expect(networkBands({ ...rgbn, bands }, { names, rgb: colours })!.bands).toEqual(expected);
  });

  test.each<[reason: string, names: (string | null)[], rgb: number[], bands: string[]]>([
    ['too few', ['red', 'green', 'blue'], rgb, rgbn.bands],
    ['of two unnamed ones none is near infrared', [null, null, null, null, null], rgb, rgbn.bands],
    ['one-digit names are of any satellite', ['B4', 'B3', 'B2', 'B8'], rgb, ['nir']],
    ['grey has no colours', [null], [1, 1, 1], ['red']],
    ['a number beyond the last', [null, null], [1, 1, 1], ['3']],
  ])('or missed: %s', (_, names, colours, bands) => {
    const found = () => networkBands({ ...rgbn, bands }, { names, rgb: colours });
    expect(found).toThrow(expect.objectContaining({ code: 'bands_missing' }));
  });
});

/** What a user would get by adding the file with an MLM item beside it. */
async function added(path: string, item: object): Promise<Network> {
  const sidecars = [{ name: 'net.json', text: JSON.stringify(item) }];
  return (await addedNetwork(path, { sidecars })).network;
}

const mlm = (input: object) => ({ properties: { 'mlm:tasks': ['semantic-segmentation'], 'mlm:input': [input] } });

/** One pass over the whole array: classes, and how far the best one is ahead of the next. */
const ONE_PASS = `
import sys, json, numpy as np, rasterio, onnxruntime as ort
q = json.load(sys.stdin)
with rasterio.open(q['scene']) as d:
    a = d.read(q['bands']).astype('float64'); ok = d.dataset_mask() > 0
if q['fill'] is not None: a[:, ~ok] = np.array(q['fill'])[:, None]
a = ((a / q['divisor'] - np.array(q['mean'])[:, None, None]) / np.array(q['std'])[:, None, None]).astype('float32')
h, w = a.shape[1:]; s = q['stride']; p = q['halo']
a = np.pad(a, ((0, 0), (p, p + -h % s), (p, p + -w % s)), 'reflect')[None]
y = ort.InferenceSession(q['model'], providers=['CPUExecutionProvider']).run(None, {q['input']: a})[0][0]
y = y[:, p:p + h, p:p + w]
top = np.sort(y, 0)
np.stack([y.argmax(0), top[-1] - top[-2], top[-1], ok]).astype('float32').tofile(q['out'])
print('null')
`;

const python = pythonWithOnnxRuntime();

/** Maps the scene in small chips and in one pass of Python; nothing may differ but ties. */
async function compareWithPython(scene: string, network: Network) {
  const workingPath = join(folder, 'working.tif');
  const report = await ingest(scene, workingPath, DEFAULT_INGEST_LIMITS, () => {});
  const wanted = wantedBands(network);
  const { bands } = networkBands(wanted, { names: report.bandNames!, rgb: report.rendering.bands })!;
  const { rendering, meanColour } = await chooseRendering(workingPath, { bands, stored: wanted.stored });
  const raster = await openScene(workingPath, rendering);
  const grid = planModelGrid({ ...raster, gsdMetres: { x: 5, y: 5 } }, null);
  await raster.close();
  const plan = planChips(grid, network, 160);
  const out = await mkdtemp(join(folder, 'map-'));
  const { classes, scores, result } = await mapped({
    ...{ workingPath, rendering, grid, plan, fill: meanColour, area: null, network, run: { threads: 1 }, batch: 1 },
    chipCachePath: join(out, 'spool'),
    classesPath: join(out, 'classes.tif'),
    scoresPath: join(out, 'scores.tif'),
  });
  const { input } = network.adapter!;
  const each = (list: number[]) => bands.map((_, i) => list[i] ?? list[0]);
  judge(python!, ONE_PASS, {
    out: join(out, 'truth'),
    ...{ scene, bands, model: network.modelPath, input: input.name, divisor: input.divisor, fill: meanColour },
    ...{ mean: each(input.mean), std: each(input.deviation), stride: plan.stride, halo: plan.halo },
  });
  expect(result.seam.certified).toBe(true);
  const truth = new Float32Array(new Uint8Array(await readFile(join(out, 'truth'))).buffer);
  const count = classes.length;
  expect(truth.length).toBe(4 * count);
  let [differing, farthest] = [0, 0];
  for (let i = 0; i < count; i++) {
    const [best, ahead, probability, valid] = [0, 1, 2, 3].map((plane) => truth[plane * count + i]);
    if (!valid) continue;
    if (classes[i] !== best && ahead > 1e-5) differing++;
    farthest = Math.max(farthest, Math.abs(scores[i] - probability * 255));
  }
  expect(differing).toBe(0);
  expect(farthest).toBeLessThanOrEqual(0.5 + 1e-3);
  expect(new Set(classes).size).toBeGreaterThan(2);
}

const WRITE_SCENE = `
import sys, json, numpy as np, rasterio
from rasterio.transform import from_origin
q = json.load(sys.stdin)
y, x = np.mgrid[0:203, 0:301]
rng = np.random.default_rng(7)
with rasterio.open(q['path'], 'w', driver='GTiff', width=301, height=203, count=5, dtype='uint16', crs='EPSG:32633',
                   transform=from_origin(500000, 5000000, 10, 10)) as d:
    for i, name in enumerate(['B02', 'B03', 'B04', 'B08', 'B11']):
        v = 2000 + 900 * np.sin(x / (9 + i) + i) + 500 * np.cos(y / 7) + rng.integers(0, 400, x.shape)
        d.write(v.astype('uint16'), i + 1)
        d.set_band_description(i + 1, name)
print('null')
`;

test.skipIf(!python)('a map of reflectances by a network that scales them itself is that of one pass', async () => {
  const scene = join(folder, 'reflectance.tif');
  judge(python!, WRITE_SCENE, { path: scene });
  const path = join(folder, 'three.onnx');
  await writeFile(path, randomUNet({ seed: 4, bands: 3, classes: 4 }));
  const scaling = [1900, 2100, 2000].map((mean) => ({ type: 'z-score', mean, stddev: 800 }));
  const network = await added(path, mlm({ name: 'x', bands: ['swir16', 'nir', 'green'], value_scaling: scaling }));
  expect(network.adapter!.input).toMatchObject({ names: ['swir16', 'nir', 'green'], stored: true });
  await compareWithPython(scene, network);
});

const naip = sharedPath('scenes/naip_4band_nodata0_north_dakota_utm14n_5m.tif');

test.skipIf(!naip || !python)('the map of a four-band network over a real image is that of one pass', async () => {
  const path = join(folder, 'four.onnx');
  await writeFile(path, randomUNet({ seed: 3, bands: 4, classes: 5 }));
  const scaling = [90, 100, 80, 120].map((mean) => ({ type: 'z-score', mean, stddev: 45 }));
  const network = await added(path, mlm({ name: 'x', bands: ['red', 'green', 'blue', 'nir'], value_scaling: scaling }));
  await compareWithPython(naip!, network);
});
