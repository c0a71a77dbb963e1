/**
 * Networks that users bring: examined in a sandbox, copied below the data folder, pinned by their SHA-256, described by
 * a manifest of their own, listed beside the shipped ones.
 */
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, parse, resolve } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { withRole } from '../../models/class-roles.ts';
import { asNetwork, type Examination } from '../../models/imported/examine.ts';
import { type Manifest, manifestOf } from '../../models/imported/manifest.ts';
import { isObject, parseJson } from '../../models/imported/metadata-json.ts';
import type { NetworkMetadata, Sidecar } from '../../models/imported/network-metadata.ts';
import { networkBands } from '../../models/network-bands.ts';
import { findNetwork, listNetworks, type Network, networkFolders, wantedBands } from '../../models/registry.ts';
import type { HaloSweep } from '../../models/verify/halo-sweep.ts';
import { planModelGrid } from '../../tiler/grid/model-grid.ts';
import { readText } from '../../tiler/ingest/read-text.ts';
import { sha256OfFile } from '../../tiler/ingest/sha256.ts';
import { chooseRendering } from '../../tiler/working-copy/job-rendering.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import type { ModelReportJson } from '../api/index.ts';
import { ingestInSandbox } from '../processes/ingest-sandbox.ts';
import { examineInSandbox, examineOwnInSandbox, haloSweepInSandbox } from '../processes/network-sandbox.ts';
import { bandNamesOf } from '../scenes/ready-scene.ts';

export interface AddRequest {
  /** Derived from the file's name by default. */
  id?: string | undefined;
  name?: string | undefined;
  /** What the user says, over all that is written in and beside the file. */
  said: NetworkMetadata;
  /** Words that lie beside the file; by default those that are found there. */
  sidecars?: readonly Sidecar[];
}

const MANIFEST = 'manifest.json';
const SIDECAR_ENDINGS = ['.json', '.emd'];
const SIDECAR_BYTES = 2 ** 20;
const MOST_SIDECARS = 16;
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Adds the ONNX file at `path`, or the one in that folder. Throws the problem why it cannot be used. */
export async function addNetwork(dataFolder: string, path: string, request: AddRequest): Promise<ModelReportJson> {
  const { file, sidecars: beside } = await networkFiles(path);
  const sidecars = request.sidecars ?? beside;
  const id = request.id ?? idOf(file);
  if (!ID.test(id)) {
    throw new Problem(
      'bad_request',
      `"${id}" is no id: small letters, digits, dots, dashes and underscores, 64 at most.`,
    );
  }
  const sha256 = await sha256OfFile(file);
  await refuseTaken(dataFolder, id, sha256);
  const models = join(dataFolder, 'models');
  await mkdir(models, { recursive: true });
  const incoming = await mkdtemp(join(models, '.incoming-'));
  try {
    const copy = join(incoming, `${id}.onnx`);
    await copyFile(file, copy);
    // What is examined is what is kept.
    const examined = await examineInSandbox(copy, sidecars, request.said);
    const facts = {
      id,
      name: request.name ?? examined.name ?? parse(file).name,
      sha256: await sha256OfFile(copy),
      bytes: (await stat(copy)).size,
      file: `${id}.onnx`,
      addedAt: new Date().toISOString(),
    };
    const manifest = manifestOf(facts, examined.understanding, examined.selfTest, examined.halos);
    await writeFile(join(incoming, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await rm(join(models, id), { recursive: true, force: true });
    await rename(incoming, join(models, id));
    return { ...reportOf(examined, id, facts.name, facts.sha256), kind: 'added' };
  } catch (error) {
    await rm(incoming, { recursive: true, force: true });
    throw error;
  }
}

/** The same file may be added again, with other words about it; another one not under the same id. */
async function refuseTaken(dataFolder: string, id: string, sha256: string): Promise<void> {
  const taken = (await listNetworks(networkFolders(dataFolder))).find((network) => network.id === id);
  if (!taken) return;
  if (!taken.adapter) throw new Problem('conflict', `"${id}" is a network of the program's own; give another --id.`);
  if (taken.sha256 !== sha256) {
    throw new Problem('conflict', `There is another network "${id}"; remove it first, or give another --id.`);
  }
}

/** Removes a network that was added. Throws `not_found`, or `conflict` for one of the program's own. */
export async function removeNetwork(dataFolder: string, id: string): Promise<void> {
  const network = await findNetwork(id, networkFolders(dataFolder));
  if (!network.adapter) throw new Problem('conflict', `"${id}" is a network of the program's own and stays.`);
  await rm(dirname(network.modelPath), { recursive: true, force: true });
}

/** The manifest of a network as it stands on the disk: a STAC item with the MLM extension. */
export async function readNetworkManifest(network: Network): Promise<Record<string, unknown>> {
  return JSON.parse(await readText(join(dirname(network.modelPath), MANIFEST)));
}

/** What is understood of a network: of one by its id, or of a file that is not added. */
export async function inspectNetwork(
  dataFolder: string,
  idOrPath: string,
  said: NetworkMetadata,
  scene?: string,
): Promise<ModelReportJson> {
  const isFile = extname(idOrPath).toLowerCase() === '.onnx' || (await stat(idOrPath).catch(() => null)) !== null;
  if (isFile) {
    const { file, sidecars } = await networkFiles(idOrPath);
    const examined = await examineInSandbox(file, sidecars, said);
    const report = reportOf(examined, null, examined.name ?? parse(file).name, await sha256OfFile(file));
    if (scene === undefined) return report;
    return { ...report, halos: await haloLadder(asNetwork(file, examined.understanding), scene) };
  }
  const network = await findNetwork(idOrPath, networkFolders(dataFolder));
  const report = await describeNetwork(network);
  if (scene === undefined && report.halos) return report;
  return { ...report, halos: await haloLadder(network, scene) };
}

/** The network's halos on an image, or on the generated scene. Throws `bands_missing`, and the image's problem. */
async function haloLadder(network: Network, image: string | undefined): Promise<HaloSweep | null> {
  if (image === undefined) return haloSweepInSandbox(network, null);
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-halos-'));
  try {
    const workingPath = join(folder, 'working.tif');
    const report = await ingestInSandbox({ sources: [{ path: resolve(image) }] }, workingPath, {});
    const wanted = wantedBands(network);
    const found = networkBands(wanted, { names: bandNamesOf(report), rgb: report.rendering.bands });
    const view = { stored: wanted.stored, ...(found && { bands: found.bands }) };
    const { rendering, meanColour } = await chooseRendering(workingPath, view);
    const raster = await openScene(workingPath);
    const grid = planModelGrid({ ...raster, gsdMetres: { x: 1, y: 1 } }, null);
    await raster.close();
    return await haloSweepInSandbox(network, { workingPath, rendering, grid, fill: meanColour });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is known of an installed network, without running it. */
export async function describeNetwork(network: Network): Promise<ModelReportJson> {
  const item = await readNetworkManifest(network);
  const { certificate, inputs, outputs } = await examineOwnOrAdded(network);
  const properties = item.properties as Manifest['properties'];
  return {
    id: network.id,
    kind: network.adapter ? 'added' : 'shipped',
    task: network.adapter?.output.kind === 'boxes' ? 'detection' : 'segmentation',
    name: network.name,
    sha256: network.sha256,
    gsd_m: network.gsdMetres,
    inputs,
    outputs,
    classes: network.classes.map(withRole),
    certificate: network.adapter ? properties['planimeter:certificate'] : certificate,
    findings: properties['planimeter:findings'] ?? [],
    halos: properties['planimeter:halos'] ?? null,
    stride: network.stride,
    halo: network.halo,
    ...(network.adapter && { adapter: network.adapter, self_test: properties['planimeter:self_test'] }),
  };
}

async function examineOwnOrAdded(network: Network) {
  const { certificate, inputs, outputs } = await examineOwnInSandbox(network.modelPath);
  return { certificate, inputs, outputs };
}

function reportOf(examined: Examination, id: string | null, name: string, sha256: string): ModelReportJson {
  const { understanding, selfTest, inputs, outputs, halos } = examined;
  const { task, classes, certificate, findings, gsdMetres, stride, halo, adapter } = understanding;
  return {
    id,
    kind: 'file',
    task,
    name,
    sha256,
    gsd_m: gsdMetres,
    inputs,
    outputs,
    classes: classes.map(withRole),
    certificate,
    findings,
    halos,
    stride,
    halo,
    adapter,
    self_test: selfTest,
  };
}

/** "My Net (v2).onnx" → "my-net-v2". */
const idOf = (file: string): string =>
  parse(file)
    .name.toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 64) || 'network';

/** The ONNX file and the texts that lie beside it: in a folder all of them, beside a file those of its name. */
async function networkFiles(path: string): Promise<{ file: string; sidecars: Sidecar[] }> {
  const full = resolve(path);
  const found = await stat(full).catch(() => null);
  if (!found) throw new Problem('not_found', `There is no file "${path}".`);
  if (!found.isDirectory()) {
    const { dir, name, base } = parse(full);
    const names = [`${name}.json`, `${base}.json`, `${name}.mlm.json`, `${name}.emd`, `${name}.EMD`];
    if ((await ownFile(dir)) === base) names.push(MANIFEST);
    return { file: full, sidecars: await readSidecars(names.map((each) => join(dir, each))) };
  }
  const names = (await readdir(full)).sort();
  const own = await ownFile(full);
  if (own !== null && names.includes(own)) return networkFiles(join(full, own));
  const networks = names.filter((name) => name.toLowerCase().endsWith('.onnx'));
  if (networks.length !== 1) {
    throw new Problem('bad_request', `The folder "${path}" holds ${networks.length} ONNX files; name one of them.`);
  }
  const texts = names.filter((name) => SIDECAR_ENDINGS.includes(extname(name).toLowerCase()));
  return { file: join(full, networks[0]), sidecars: await readSidecars(texts.map((name) => join(full, name))) };
}

/** The network that a manifest of our own in a folder is of; null where there is none. */
async function ownFile(folder: string): Promise<string | null> {
  const [manifest] = await readSidecars([join(folder, MANIFEST)]);
  const json = manifest && parseJson(manifest.text);
  const assets = isObject(json) && isObject(json.assets) ? json.assets : {};
  return isObject(assets.model) && typeof assets.model.href === 'string' ? basename(assets.model.href) : null;
}

async function readSidecars(paths: readonly string[]): Promise<Sidecar[]> {
  const sidecars: Sidecar[] = [];
  for (const path of paths.slice(0, MOST_SIDECARS)) {
    const found = await stat(path).catch(() => null);
    if (!found?.isFile() || found.size > SIDECAR_BYTES) continue;
    sidecars.push({ name: basename(path), text: await readText(path) });
  }
  return sidecars;
}
