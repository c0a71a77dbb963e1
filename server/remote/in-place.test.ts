/** A cloud-optimised GeoTIFF on a web server gives the map that it gives when it is uploaded, and costs few requests. */
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork } from '../../models/registry.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { type FileServer, serveFiles } from '../../test/support/range-server.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { ingest } from '../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { jobId, sceneId } from '../content-ids.ts';
import { withEphemeralEngine } from '../ephemeral-engine.ts';
import { parseParameters } from '../pipeline/job-parameters.ts';
import { runWhole } from '../pipeline/pipeline.ts';
import { startCompute } from '../processes/compute.ts';
import { startRenderer } from '../processes/render.ts';
import { addRemoteScene } from '../scenes/add-remote-scene.ts';
import { ingestScene } from '../scenes/ingest-scene.ts';
import { isReady, type ReadyScene } from '../scenes/ready-scene.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import { tileControlGrid } from '../store/tables/georeference.ts';
import { insertJob } from '../store/tables/jobs.ts';
import { getScene, insertScene } from '../store/tables/scenes.ts';
import { mercatorX, mercatorY, nativeZoom } from '../tiles/web-mercator.ts';
import type { PipelineTools } from '../tools.ts';
import { parseRemoteHosts } from './policy.ts';
import { createRemoteReader } from './reader.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const SIZE = { width: 600, height: 500 };

let folder: string;
let server: FileServer;
let town: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-remote-'));
  server = await serveFiles();
  town = (await writeTown(folder, { seed: 5, ...SIZE, gsdMetres: 0.5 })).image;
  // As a COG: what our own writer makes of it.
  await ingest(town, join(folder, 'town-cog.tif'), DEFAULT_INGEST_LIMITS, () => {});
  await serveAs('/town.tif', join(folder, 'town-cog.tif'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const serveAs = async (path: string, file: string, etag = '"1"') => {
  server.files.set(path, { bytes: await readFile(file), etag });
};

const policy = () => parseRemoteHosts(`http://127.0.0.1:${server.port}, 127.0.0.1`);
const context = () => ({ signal: new AbortController().signal, progress: () => {} });
const withTools = <T>(work: (tools: PipelineTools) => Promise<T>): Promise<T> =>
  withEphemeralEngine(async (open) => work(await open()), { policy: policy() });

async function ready(tools: PipelineTools, id: string): Promise<ReadyScene> {
  await ingestScene(tools, (await getScene(tools.db, id))!, context());
  const scene = (await getScene(tools.db, id))!;
  if (!isReady(scene)) throw new Error(`the scene is ${scene.state}`);
  return scene;
}

const queue = { enqueueIngest: async () => {} } as unknown as Parameters<typeof addRemoteScene>[0]['queue'];

async function addRemote(tools: PipelineTools, path: string, srs?: string): Promise<ReadyScene> {
  const actor = { workspace: 'default', name: 'test' };
  const id = await addRemoteScene({ ...tools, queue }, actor, { url: server.url(path), name: 'remote.tif', srs });
  return ready(tools, id);
}

async function addLocal(tools: PipelineTools, file: string): Promise<ReadyScene> {
  const id = sceneId(file);
  const original = tools.files.path(`scenes/${id}/original.tif`);
  await mkdir(dirname(original), { recursive: true });
  await copyFile(file, original);
  await insertScene(tools.db, { id, name: 'local.tif', upload: null, sha256: file, bytes: 1 });
  return ready(tools, id);
}

async function mapOf(tools: PipelineTools, scene: ReadyScene, parameters = parseParameters({})) {
  const network = await findNetwork('landuse-unet');
  const id = jobId(scene, network.sha256, parameters);
  await insertJob(tools.db, { id, scene: scene.id, model: network.id, parameters: { ...parameters } });
  const report = await runWhole(tools, { id, scene, network, parameters, modelReason: '' }, context());
  const file = (name: string) => readFile(tools.files.path(`jobs/${id}/${name}.tif`));
  const path = tools.files.path(`jobs/${id}/classes.tif`);
  return { report, path, classes: await file('classes'), scores: await file('scores') };
}

/** Share of the pixels of two class maps that differ. */
async function differing(a: string, b: string): Promise<number> {
  const [one, other] = await Promise.all([openRaster(a), openRaster(b)]);
  const { width, height } = one;
  const [{ pixels }, { pixels: others }] = await Promise.all([
    one.read(0, { x: 0, y: 0, width, height }),
    other.read(0, { x: 0, y: 0, width, height }),
  ]);
  await Promise.all([one.close(), other.close()]);
  return pixels.reduce((sum, value, i) => sum + (value === others[i] ? 0 : 1), 0) / pixels.length;
}

test('the map is that of the uploaded file, byte for byte', { timeout: 120_000 }, async () => {
  await withTools(async (tools) => {
    const remote = await addRemote(tools, '/town.tif');
    const { traffic } = tools.remote;
    const described = { ...traffic };
    const local = await addLocal(tools, town);
    const names = ['width', 'height', 'bands', 'srs', 'gsd_m', 'footprint'] as const;
    for (const name of names) expect(remote[name], name).toEqual(local[name]);
    expect(remote.report).toMatchObject({
      rendering: local.report.rendering,
      meanColour: local.report.meanColour,
      validPixels: local.report.validPixels,
      levels: [SIZE, { width: 300, height: 250 }],
      inPlace: { url: server.url('/town.tif'), etag: '"1"' },
    });
    const [there, here] = [await mapOf(tools, remote), await mapOf(tools, local)];
    expect(there.classes).toEqual(here.classes);
    expect(there.scores).toEqual(here.scores);
    expect(there.report.counts).toEqual(here.report.counts);
    expect(there.report.areas_m2).toEqual(here.report.areas_m2);
    const assumption = there.report.assumptions.find(({ code }) => code === 'read_in_place');
    expect(assumption?.value).toMatchObject({ url: server.url('/town.tif'), etag: '"1"' });
    const view = { bands: [3, 2, 1], stretch: 'percentile' as const };
    const [chosen, same] = await Promise.all(
      [remote, local].map((scene) =>
        fetchWorking(tools.files, scene).then((path) => tools.compute.chooseRendering({ path, view }, {})),
      ),
    );
    expect(chosen).toEqual(same);
    const bytes = server.files.get('/town.tif')!.bytes.length;
    console.log(`registered by ${described.requests} requests and ${described.bytes} bytes; the map by`, {
      requests: traffic.requests - described.requests,
      bytes: traffic.bytes - described.bytes,
      file: bytes,
    });
    expect(traffic.bytes, 'no byte is fetched twice').toBeLessThan(bytes * 1.02 + 65_536);
    await expect(openScene(await fetchWorking(tools.files, remote)), 'in this process').rejects.toThrow(
      'child processes',
    );
  });
});

/** GDAL makes COGs of the town, repeated to `columns` × `rows` of it, and what is none. */
const GDAL = `
import json, sys, numpy as np, rasterio
from rasterio.shutil import copy
town, out = (lambda q: (q['town'], q['out']))(json.load(sys.stdin))
with rasterio.open(town) as f:
    pixels, profile = f.read(), dict(driver='GTiff', crs=f.crs, transform=f.transform)
def write(name, pixels, masked=None, photometric=None, **options):
    memory = rasterio.MemoryFile()
    extra = {} if photometric is None else dict(photometric=photometric)
    nodata = options.pop('nodata', None)
    with memory.open(**profile, count=len(pixels), height=pixels.shape[1], width=pixels.shape[2], dtype=pixels.dtype,
                     nodata=nodata, **extra) as f:
        f.write(pixels)
        if masked is not None: f.write_mask(masked)
    copy(memory.name, f'{out}/{name}.tif', **options)
valid = np.full(pixels.shape[1:], 255, 'uint8'); valid[:150, :220] = 0
average = dict(driver='COG', overview_resampling='average')
write('deflate', pixels, **average, compress='deflate', predictor='yes')
write('masked', pixels, masked=valid, **average, compress='lzw')
write('rgba', np.concatenate([pixels, valid[None]]), photometric='RGB', **average, compress='deflate')
write('wide', np.where(valid == 0, 0, np.concatenate([pixels, pixels[:1]]).astype('uint16') * 13 + 40), nodata=0, **average,
      compress='deflate', bigtiff='yes')
write('jpeg', np.tile(pixels, (1, 8, 7)), **average, compress='jpeg', quality=85)
write('strips', pixels, driver='GTiff')
profile['crs'] = None
write('placeless', pixels, driver='COG')
profile['crs'] = 'EPSG:32633'
write('bare', np.tile(pixels, (1, 8, 7)), driver='GTiff', tiled='yes', compress='deflate')
profile['transform'] = profile['transform'] * profile['transform'].scale(0.8)
write('fine', pixels, driver='COG', compress='zstd', blocksize=256)
print('{}')
`;

test('COGs that GDAL wrote show and map as the uploaded files do', { timeout: 240_000 }, async () => {
  const python = pythonWithJudges();
  if (!python) return;
  judge(python, GDAL, { town, out: folder });
  const file = (name: string) => join(folder, `${name}.tif`);
  await withTools(async (tools) => {
    const renderer = startRenderer(tools.remote.open);
    const tileOf = async (scene: ReadyScene, format: 'png' | 'webp') => {
      const [west, south, east, north] = scene.bbox;
      const z = nativeZoom(scene.gsd_m, scene.bbox);
      const x = Math.floor(mercatorX((west + east) / 2) * 2 ** z);
      const y = Math.floor(mercatorY((south + north) / 2) * 2 ** z);
      const controlGrid = await tileControlGrid(tools.db, { ...scene.report, epsg: scene.epsg }, z, x, y, 8);
      return renderer.tile({ path: await fetchWorking(tools.files, scene), controlGrid, format, size: 256 });
    };
    try {
      for (const name of ['deflate', 'fine', 'masked', 'rgba', 'wide']) {
        await serveAs(`/${name}.tif`, file(name));
        const [there, here] = [await addRemote(tools, `/${name}.tif`), await addLocal(tools, file(name))];
        const said = ({
          rendering,
          meanColour,
          validPixels,
          bands,
          bandNames,
          dtype,
          findings,
        }: ReadyScene['report']) => {
          return { rendering, meanColour, validPixels, bands, bandNames, dtype, findings };
        };
        expect(said(there.report), name).toEqual(said(here.report));
        const tile = await tileOf(there, 'png');
        expect(tile!.length, name).toBeGreaterThan(5000);
        expect(tile, name).toEqual(await tileOf(here, 'png'));
        if (!FULL || (name !== 'masked' && name !== 'fine')) continue;
        const [a, b] = [await mapOf(tools, there), await mapOf(tools, here)];
        expect(a.report.ledger, name).toEqual(b.report.ledger);
        if (name === 'masked') expect(a.classes).toEqual(b.classes);
        else console.log('pixels of another class, by the overviews of GDAL:', await differing(a.path, b.path));
        const codes = a.report.assumptions.map(({ code }) => code);
        expect(codes.includes('overview_of_file')).toBe(name === 'fine');
      }

      await serveAs('/jpeg.tif', file('jpeg'));
      const { traffic } = tools.remote;
      const cost = async (what: string, work: () => Promise<unknown>) => {
        const before = { ...traffic };
        await work();
        const spent = { requests: traffic.requests - before.requests, bytes: traffic.bytes - before.bytes };
        console.log(what, spent);
        return spent;
      };
      const size = server.files.get('/jpeg.tif')!.bytes.length;
      let scene: ReadyScene | undefined;
      const added = await cost(`a COG of ${size} bytes is registered by`, async () => {
        scene = await addRemote(tools, '/jpeg.tif');
      });
      expect(added.requests).toBeLessThanOrEqual(16);
      expect(added.bytes).toBeLessThan(size / 2);
      const tile = await cost('a map tile of it costs', async () =>
        expect(await tileOf(scene!, 'webp')).not.toBeNull(),
      );
      expect(tile.requests).toBeLessThanOrEqual(4);
      expect(tile.bytes).toBeLessThan(1 << 20);
      expect(await cost('and once more', () => tileOf(scene!, 'webp'))).toEqual({ requests: 0, bytes: 0 });
      await cost('a look before a job costs', async () => renderer.look(await fetchWorking(tools.files, scene!)));

      await serveAs('/placeless.tif', file('placeless'));
      await expect(addRemote(tools, '/placeless.tif')).rejects.toMatchObject({ code: 'missing_crs' });
      const placed = await addRemote(tools, '/placeless.tif', 'EPSG:32632');
      expect(placed.srs).toBe('EPSG:32632');
      expect(await tileOf(placed, 'webp')).not.toBeNull();

      for (const name of ['strips', 'bare']) {
        await serveAs(`/${name}.tif`, file(name));
        const refused = { code: 'not_cloud_optimised', message: expect.stringContaining('gdal_translate -of COG') };
        await expect(addRemote(tools, `/${name}.tif`), name).rejects.toMatchObject(refused);
      }
      server.files.set('/text.tif', { bytes: Buffer.from('<html>not here</html>'), etag: '"1"' });
      await expect(addRemote(tools, '/text.tif')).rejects.toMatchObject({ code: 'not_a_tiff' });
      expect((await tools.files.list('scenes')).filter((key) => key.includes('.new'))).toEqual([]);
    } finally {
      await renderer.stop();
    }
  });
});

test('a file that is replaced in the middle of a job fails it, and nothing is left of it', {
  timeout: 120_000,
}, async () => {
  await withTools(async (tools) => {
    await serveAs('/moving.tif', join(folder, 'town-cog.tif'));
    const scene = await addRemote(tools, '/moving.tif');
    // What is kept of it would hide the change: the reader that the job meets has none of it.
    const fresh = createRemoteReader(policy());
    const compute = startCompute(fresh.open);
    let changed = 0;
    server.meddle = (request) => {
      if (request.url === '/moving.tif' && ++changed === 2) {
        const { bytes } = server.files.get('/moving.tif')!;
        server.files.set('/moving.tif', { bytes, etag: '"2"' });
      }
      return false;
    };
    try {
      const failed = mapOf({ ...tools, compute, remote: fresh }, scene);
      await expect(failed).rejects.toMatchObject({
        code: 'remote_changed',
        message: expect.stringContaining('moving.tif'),
      });
      expect(await tools.files.list('jobs')).toEqual([]);
    } finally {
      server.meddle = () => false;
      await compute.stop();
      fresh.close();
    }
  });
});
