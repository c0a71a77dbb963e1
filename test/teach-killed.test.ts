/**
 * `serve` is killed with kill -9 while a network is taught, with its children and alone, at several moments: no label is
 * lost, and the network is there whole or not at all. Only with PLANIMETER_FULL=1.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { LabelsJson, ModelJson } from '../server/api/index.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { utmToLonLat } from '../synthetic/town/utm.ts';
import { apply } from '../tiler/crs/geotransform.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { getJson, upload, waitForScene } from './support/client.ts';
import { kill, killGroup, type Served, startServing, stopAll } from './support/serve.ts';

const NAMES = ['other', 'building', 'road', 'vegetation', 'water'];
const LABELS = 40;
/** Shares of the work after which it is killed; and of the last, while the network is being tried out. */
const MOMENTS = [0.05, 0.4, 1];

let folder: string;
afterEach(stopAll);
afterAll(() => folder && rm(folder, { recursive: true, force: true }));

test.skipIf(process.env.PLANIMETER_FULL !== '1')(
  'kill -9 leaves no half network and loses no label',
  {
    timeout: 600_000,
  },
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-teach-killed-'));
    const town = await writeTown(join(folder, 'town'), { seed: 7, width: 512, height: 512, gsdMetres: 1 });
    const data = join(folder, 'data');
    const start = async (): Promise<Served> => {
      const { process, url } = startServing(data, {}, { group: true });
      return { process, url: await url };
    };
    let service = await start();
    const scene = await upload(service.url, town.image);
    await waitForScene(service.url, scene);
    const added = await post(`${service.url}/scenes/${scene}/labels`, await labelsOf(town.truth));
    expect(added.status).toBe(201);
    const labels = async () => (await getJson<LabelsJson>(`${service.url}/scenes/${scene}/labels`)).features;
    const drawn = await labels();
    expect(drawn).toHaveLength(LABELS);
    const request = { id: 'mine', scenes: [scene] };

    for (const [i, moment] of MOMENTS.entries()) {
      const teaching = await post(`${service.url}/models/landuse-fcn/teach`, request, { Accept: 'text/event-stream' });
      expect(teaching.status).toBe(200);
      await untilShare(teaching, moment);
      await (i === 1 ? kill : killGroup)(service);
      // Alone, it left a child behind, which ends by itself and writes nothing that counts.
      service = await start();
      expect(await labels()).toEqual(drawn);
      const models = await getJson<ModelJson[]>(`${service.url}/models`);
      expect(models.map(({ id }) => id)).not.toContain('mine');
      expect((await readdir(join(data, 'models')).catch(() => [])).filter((name) => !name.startsWith('.'))).toEqual([]);
    }
    const done = await post(`${service.url}/models/landuse-fcn/teach`, request);
    expect(done.status).toBe(201);
    expect(await done.json()).toMatchObject({ model: 'mine', labels: LABELS });
    expect((await getJson<ModelJson[]>(`${service.url}/models`)).map(({ id }) => id)).toContain('mine');
  },
);

const post = (url: string, body: object, headers = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Reads events until the work is so far. */
async function untilShare({ body }: Response, least: number): Promise<void> {
  let text = '';
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const shares = [...text.matchAll(/"share":([\d.]+)/g)].map(([, share]) => Number(share));
    expect(text).not.toContain('event: problem');
    if (shares.some((share) => share >= least)) return;
  }
  throw new Error(`the answer ended before: ${text}`);
}

/** Points at which the class is known, each class in turn. */
async function labelsOf(truth: string): Promise<object> {
  const raster = await openRaster(truth);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  const features: object[] = [];
  for (let at = 0; features.length < LABELS; at = (at + 7919) % pixels.length) {
    const name = NAMES[features.length % NAMES.length]!;
    if (NAMES[pixels[at]!] !== name) continue;
    const place = apply(raster.geotransform, (at % raster.width) + 0.5, Math.floor(at / raster.width) + 0.5);
    const geometry = { type: 'Point', coordinates: utmToLonLat(33, ...place) };
    features.push({ type: 'Feature', properties: { class: name }, geometry });
  }
  return { type: 'FeatureCollection', features };
}
