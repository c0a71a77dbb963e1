/** A cloud-optimised GeoTIFF on a web server gives the map that it gives when it is uploaded, and costs few requests. */
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork } from '../../models/registry.ts';
import { DEFAULT_INGEST_LIMITS, ingest } from '../../tiler/ingest.ts';
import { openScene } from '../../tiler/rendering.ts';
import { writeTown } from '../../tiler/town/town.ts';
import { jobId, sceneId } from '../identity.ts';
import { parseParameters } from '../parameters.ts';
import { ingestScene, isReady, type PipelineTools, type ReadyScene, segmentScene } from '../pipeline.ts';
import { addRemoteScene } from '../remote-scene.ts';
import { insertJob } from '../store/jobs.ts';
import { getScene, insertScene } from '../store/scenes.ts';
import { workingPathOf } from '../working-copy.ts';
import { inWorkplace } from '../workplace.ts';
import { parseRemoteHosts } from './policy.ts';
import { type FileServer, serveFiles } from './test-server.ts';

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
  inWorkplace(async (opening) => work(await opening), { policy: policy() });

async function ready(tools: PipelineTools, id: string): Promise<ReadyScene> {
  await ingestScene(tools, (await getScene(tools.db, id))!, context());
  const scene = (await getScene(tools.db, id))!;
  if (!isReady(scene)) throw new Error(`the scene is ${scene.state}`);
  return scene;
}

const queue = { enqueueIngest: async () => {} } as unknown as Parameters<typeof addRemoteScene>[0]['queue'];

async function addRemote(tools: PipelineTools, path: string): Promise<ReadyScene> {
  const id = await addRemoteScene({ ...tools, queue }, { url: server.url(path), name: 'remote.tif' });
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
  const id = jobId(scene.sha256, network.sha256, parameters);
  await insertJob(tools.db, { id, scene: scene.id, model: network.id, parameters: { ...parameters } });
  const report = await segmentScene(tools, { id, scene, network, parameters, modelReason: '' }, context());
  const file = (name: string) => readFile(tools.files.path(`jobs/${id}/${name}.tif`));
  return { report, classes: await file('classes'), scores: await file('scores') };
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
    // Once more with bands that the job sets: counted over the whole scene in both.
    const swapped = parseParameters({ bands: [3, 2, 1] });
    const [a, b] = [await mapOf(tools, remote, swapped), await mapOf(tools, local, swapped)];
    expect(a.classes).toEqual(b.classes);
    expect(a.classes.equals(there.classes)).toBe(false);
    const bytes = server.files.get('/town.tif')!.bytes.length;
    console.log(`registered by ${described.requests} requests and ${described.bytes} bytes; both maps by`, {
      requests: traffic.requests - described.requests,
      bytes: traffic.bytes - described.bytes,
      file: bytes,
    });
    expect(traffic.bytes, 'no byte is fetched twice').toBeLessThan(bytes * 1.02 + 65_536);
    await expect(openScene(workingPathOf(tools.files, remote)), 'in this process').rejects.toThrow('child processes');
  });
});
