/** Networks in all the forms that people export: the map made of chips is that of one pass of Python. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapped, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { type Form, randomForm, writeForm } from '../../test/support/networks/onnx-dialects.ts';
import { judge, pythonWithOnnxRuntime } from '../../test/support/python.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import type { Network } from '../registry.ts';
import type { NetworkMetadata } from './network-metadata.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const SEEDS = Array.from({ length: FULL ? 240 : 18 }, (_, i) => i);
const [WIDTH, HEIGHT] = [230, 171];

let folder: string;
let scene: TestScene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-generated-'));
  scene = await townScene(folder, 5, WIDTH, HEIGHT);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const THRESHOLD = 0.9;

/** Our words for a form. */
const SCALING: NetworkMetadata = { divisor: 255, mean: [0.45, 0.4, 0.35, 0.5], deviation: [0.2, 0.25, 0.22, 0.3] };
function said({ kind, type, bands }: Form): NetworkMetadata {
  const classes = ['a', 'b', 'c', 'd'].map((name, value) => ({ value, name }));
  return {
    ...(type !== 'uint8' && SCALING),
    ...(bands === 4 && { bands: ['1', '2', '3', '2'] }),
    ...(kind === 'sigmoids of objects' && { classes, threshold: THRESHOLD }),
    // Random weights may give no logit below zero, which is otherwise taken for an amount.
    ...(kind === 'one logit' && { task: 'segmentation' as const }),
  };
}

/** The whole scene in one pass of the twin, and classes by the shortest way. */
const JUDGE = `
import sys, json, numpy as np, onnxruntime as ort
q = json.load(sys.stdin)
rgb = np.fromfile(q['pixels'], 'uint8').reshape(q['height'], q['width'], 3)
h, w = q['height'], q['width']

def linear(y, scale):
    for axis in (1, 2):
        n = y.shape[axis]
        at = np.clip((np.arange(n * scale) + 0.5) / scale - 0.5, 0, n - 1)
        low = np.floor(at).astype(int); high = np.minimum(n - 1, low + 1)
        t = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        y = y.take(low, axis) * (1 - t) + y.take(high, axis) * t
    return y

for case in q['cases']:
    if case['bands'] == 1:
        grey = 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]
        a = np.floor(grey + 0.5)[..., None]
    else:
        a = rgb[..., [0, 1, 2, 1][:case['bands']]].astype('float64')
    if case['type'] != 'uint8':
        k = case['bands']
        a = (a / 255 - np.array(q['mean'][:k])) / np.array(q['std'][:k])
    s, p = 4, case['halo'] + 8
    a = np.pad(a, ((p, p + -h % s), (p, p + -w % s), (0, 0)), 'reflect').astype(case['type'])
    if case['layout'] == 'nchw': a = a.transpose(2, 0, 1)
    o = ort.SessionOptions(); o.log_severity_level = 3
    y = ort.InferenceSession(case['model'], o, providers=['CPUExecutionProvider']).run(['y'], {'image': a[None]})[0][0]
    labels = y.dtype.kind in 'iu'
    if y.ndim == 2: y = y[None]
    elif case['layout'] == 'nhwc' and not labels: y = y.transpose(2, 0, 1)
    y = y.astype('float64')
    if case['scale'] > 1: y = y.repeat(case['scale'], 1).repeat(case['scale'], 2) if labels else linear(y, case['scale'])
    p -= case['margin']
    y = y[:, p:p + h, p:p + w]
    if labels: c, ahead = y[0], np.ones((h, w))
    elif len(y) == 1:
        t = 0.0 if case['kind'] == 'one logit' else 0.5
        c, ahead = y[0] >= t, abs(y[0] - t)
    else:
        c = y.argmax(0); top = np.sort(y, 0); ahead = top[-1] - top[-2]
        if case['kind'] == 'sigmoids of objects':
            c = np.where(top[-1] >= q['threshold'], c + 1, 0); ahead = np.minimum(ahead, abs(top[-1] - q['threshold']))
    c.astype('uint8').tofile(case['model'] + '.classes'); ahead.astype('float32').tofile(case['model'] + '.ahead')
print('null')
`;

const python = pythonWithOnnxRuntime();

test.skipIf(!python)('forms of networks give the classes of one pass in Python', { timeout: 1_800_000 }, async () => {
  const raster = await openScene(scene.workingPath);
  const { pixels } = await raster.read(0, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  await raster.close();
  await writeFile(join(folder, 'pixels'), pixels);
  const cases: object[] = [];
  const maps: { form: Form; model: string; classes: Uint8Array }[] = [];
  for (const seed of SEEDS) {
    const form = randomForm(seed);
    const model = join(folder, `twin-${seed}.onnx`);
    const path = join(folder, `${seed}.onnx`);
    await writeFile(model, writeForm(form, true));
    await writeFile(path, writeForm(form));
    const { network, classes, certified } = await map(path, form);
    expect(certified, JSON.stringify(form)).toBe(true);
    maps.push({ form, model, classes });
    const scale = { same: 1, valid: 1, half: 2, quarter: 4 }[form.extent];
    cases.push({ ...form, model, halo: network.halo, scale, margin: form.extent === 'valid' ? 2 : 0 });
  }
  judge(python!, JUDGE, {
    ...{ pixels: join(folder, 'pixels'), width: WIDTH, height: HEIGHT, threshold: THRESHOLD, cases },
    ...{ mean: SCALING.mean, std: SCALING.deviation },
  });
  let mapsOfSeveral = 0;
  for (const { form, model, classes } of maps) {
    const expected = await readFile(`${model}.classes`);
    const ahead = new Float32Array(new Uint8Array(await readFile(`${model}.ahead`)).buffer);
    // Half precision rounds where the runtimes like: what is nearly equal may go either way.
    const tie = form.type === 'float16' ? 1e-2 : 1e-5;
    let differing = 0;
    for (let i = 0; i < classes.length; i++) differing += Number(classes[i] !== expected[i] && ahead[i] > tie);
    expect(differing, JSON.stringify(form)).toBe(0);
    mapsOfSeveral += Number(new Set(classes).size > 1);
  }
  expect(mapsOfSeveral).toBeGreaterThan(SEEDS.length * 0.6);
});

async function map(path: string, form: Form, changes: Partial<Network> = {}) {
  const { network: added } = await addedNetwork(path, { said: said(form) });
  const network = { ...added, ...changes };
  const out = await mkdtemp(join(folder, 'map-'));
  const bands = form.bands === 4 ? [1, 2, 3, 2] : [1, 2, 3];
  const { result, classes } = await mapped({
    ...scene,
    ...(form.bands === 4 && { rendering: { bands, ranges: null } }),
    plan: planChips(scene.grid, network, 64),
    ...{ fill: bands.map(() => 120), area: null, network, run: { threads: 1 }, batch: 1 },
    chipCachePath: join(out, 'spool'),
    classesPath: join(out, 'classes.tif'),
    scoresPath: join(out, 'scores.tif'),
  });
  return { network, classes, certified: result.seam.certified };
}

test('classes that do not exclude each other keep their threshold where chips are blended', async () => {
  const form: Form = { ...randomForm(5), kind: 'sigmoids of objects', extent: 'same', type: 'float32', size: null };
  const path = join(folder, 'blended.onnx');
  await writeFile(path, writeForm(form));
  const exact = await map(path, form);
  // As if nothing were known of the field: blended, though chips agree.
  const everywhere = [null, null, null, null] as unknown as Network['receptiveField'];
  const blended = await map(path, form, { halo: 2 * exact.network.halo + 8, receptiveField: everywhere });
  expect([exact.certified, blended.certified]).toEqual([true, false]);
  // Probabilities are kept in 65,535 steps: near 1 two objects may be alike, and one may be at the threshold.
  const differing = exact.classes.filter((code, i) => (code === 0) !== (blended.classes[i] === 0)).length;
  expect(differing).toBeLessThan(4);
  expect(new Set(exact.classes).size).toBeGreaterThan(2);
});
