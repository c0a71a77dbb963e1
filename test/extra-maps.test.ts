/** Probabilities of every class and features by API: asked for with the job, downloaded, packed, listed; or refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SHIPPED_NETWORKS } from '../models/registry.ts';
import type { JobJson, ModelJson, ProblemJson } from '../server/api/index.ts';
import type { StacItem } from '../server/api/stac.ts';
import { addNetwork } from '../server/networks/install-network.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { openSamples } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { getJson, upload, waitForJob, waitForScene } from './support/client.ts';
import { writeForm } from './support/networks/onnx-dialects.ts';
import { randomUNet } from './support/networks/onnx-writer.ts';
import { redNetwork } from './support/networks/red-detector.ts';
import { tinyNetwork } from './support/networks/tiny-network.ts';
import { type Served, serve, stopAll } from './support/serve.ts';

const CLASSES = ['other', 'building', 'road', 'water'];
let folder: string;
let service: Served;
let scene: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-extra-maps-'));
  const data = join(folder, 'data');
  const file = async (name: string, bytes: Uint8Array) => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const telling = await file('telling.onnx', randomUNet({ seed: 3, bands: 3, classes: CLASSES.length }));
  await addNetwork(data, telling, { said: { divisor: 255, gsdMetres: 0.5, classes: CLASSES.map(named) } });
  await addNetwork(data, await file('red.onnx', redNetwork()), { said: { gsdMetres: 0.5 } });
  // As one that was trained on from it: added, with its manifest.
  await addNetwork(data, join(SHIPPED_NETWORKS, 'landuse-fcn'), { id: 'tuned', said: {} });
  await addNetwork(data, (await tinyNetwork(folder)).modelPath, { id: 'likeliest', said: { gsdMetres: 0.5 } });
  const form = { seed: 3, kind: 'labels int32', extent: 'same', layout: 'nchw', bands: 3, type: 'float32' } as const;
  const codes = writeForm({ ...form, opset: 17, heads: 0, batch: 1, size: null });
  await addNetwork(data, await file('codes.onnx', codes), { said: { gsdMetres: 0.5 } });
  service = await serve(data);
  const town = await writeTown(join(folder, 'town'), { seed: 21, width: 420, height: 360, gsdMetres: 0.5 });
  scene = (await waitForScene(service.url, await upload(service.url, town.image))).id;
}, 240_000);
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

const named = (name: string, value: number) => ({ name, value });

async function ask(model: string, parameters: object) {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ scene, model, parameters });
  const response = await fetch(`${service.url}/jobs`, { method: 'POST', headers, body });
  return { status: response.status, body: (await response.json()) as JobJson & ProblemJson };
}

test.each([
  { model: 'telling', map: 'probabilities', asset: 'probabilities' },
  { model: 'landuse-fcn', map: 'probabilities', asset: 'probabilities' },
  { model: 'landuse-fcn', map: 'features', asset: 'feature_layer' },
] as const)('a job of $model gives its $map when it is asked', { timeout: 240_000 }, async ({ model, map, asset }) => {
  const models = await getJson<ModelJson[]>(`${service.url}/models`);
  const said = models.find(({ id }) => id === model)!;
  expect(map === 'features' ? said.features : said.probabilities).toBeTruthy();

  const plain = (await ask(model, { [map]: false })).body;
  expect(plain.parameters).not.toHaveProperty(map);
  expect((await ask(model, {})).body.id).toBe(plain.id);
  const { status, body: asked } = await ask(model, { [map]: true });
  expect([status, asked.parameters[map], asked.id === plain.id]).toEqual([202, true, false]);
  for (const { id } of [plain, asked]) expect((await waitForJob(service.url, id)).state).toBe('done');

  const response = await fetch(`${service.url}/jobs/${asked.id}/${map}.tif`);
  expect(response.headers.get('content-disposition')).toContain(`image-${map}.tif`);
  const path = join(folder, `${map}.tif`);
  await writeFile(path, new Uint8Array(await response.arrayBuffer()));
  const raster = await openSamples(path);
  await raster.close();
  const size = { bands: raster.bands, width: raster.width };
  if (map === 'probabilities')
    expect(size).toEqual({ bands: said.classes.length, width: model === 'telling' ? 420 : 210 });
  else expect(size.bands).toBe(said.features!.channels);

  const absent = await fetch(`${service.url}/jobs/${plain.id}/${map}.tif`);
  expect([absent.status, ((await absent.json()) as { detail: string }).detail]).toEqual([
    404,
    expect.stringContaining(`{"${map}": true}`),
  ]);
  for (const [id, there] of [
    [plain.id, false],
    [asked.id, true],
  ] as const) {
    const zip = Buffer.from(await (await fetch(`${service.url}/jobs/${id}/package.zip`)).arrayBuffer());
    expect(zip.includes(`${map}.tif`)).toBe(there);
    const { assets } = await getJson<StacItem>(`${service.url}/stac/collections/class-maps/items/${id}`);
    expect(assets[asset]?.href).toBe(there ? `${service.url}/jobs/${id}/${map}.tif` : undefined);
  }
});

test('a network that was trained on from one of ours tells them too', { timeout: 240_000 }, async () => {
  const models = await getJson<ModelJson[]>(`${service.url}/models`);
  const telling = models.filter(({ probabilities }) => probabilities).map(({ id }) => id);
  expect(telling.sort()).toEqual(['buildings-unet', 'landuse-fcn', 'landuse-unet', 'telling', 'tuned']);
  const bytes: Buffer[] = [];
  for (const model of ['tuned', 'landuse-fcn']) {
    const { id } = (await ask(model, { probabilities: true, precision: 'fp32' })).body;
    expect((await waitForJob(service.url, id)).state).toBe('done');
    const path = join(folder, `${model}-probabilities.tif`);
    const response = await fetch(`${service.url}/jobs/${id}/probabilities.tif`);
    await writeFile(path, new Uint8Array(await response.arrayBuffer()));
    const raster = await openSamples(path);
    bytes.push(Buffer.from((await raster.read(0, wholeOf(raster))).pixels as Uint8Array));
    await raster.close();
  }
  expect(bytes[0].equals(bytes[1])).toBe(true);
});

test.each([
  ['likeliest', { probabilities: true }, 422, /"likeliest" gives no probabilities of every class: it tells/],
  ['codes', { probabilities: true }, 422, /"codes" gives no probabilities of every class: it gives class codes/],
  ['red', { probabilities: true }, 422, /draws boxes/],
  ['red', { features: true }, 422, /declares no feature layer/],
  ['telling', { features: true }, 422, /"telling" gives no features/],
  ['telling', { probabilities: 'yes' }, 400, /"probabilities" is true or false/],
])('%s with %j is refused when it is asked', async (model, parameters, status, detail) => {
  const answer = await ask(model, parameters);
  expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)]);
  expect(answer.body.code).toBe(status === 422 ? 'unsupported_model' : 'bad_request');
});
