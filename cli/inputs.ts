/**
 * The images that a command line names, with what lies beside them, become the originals of one scene. One that is named
 * by its address is read where it lies.
 */
import { createHash } from 'node:crypto';
import { mkdir, stat, symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Problem } from '../errors/problem.ts';
import type { SceneRights } from '../server/api/scenes.ts';
import { sceneId } from '../server/content-ids.ts';
import type { WorkContext } from '../server/queue/work-context.ts';
import { policyOfUser, type RemotePolicy } from '../server/remote/policy.ts';
import { createRemoteReader, identityOf, isAddress, type RemoteCard, shownCard } from '../server/remote/reader.ts';
import { copyScene, placeScene } from '../server/scenes/ingest-scene.ts';
import type { ReadyScene } from '../server/scenes/ready-scene.ts';
import { storeCard, writeSrs } from '../server/scenes/source-files.ts';
import { DEFAULT_WORKSPACE } from '../server/store/database/row-level-security.ts';
import type { FileStore } from '../server/store/files/file-store.ts';
import type { MappingTools } from '../server/tools.ts';
import type { SourceFile } from '../tiler/ingest/mosaic.ts';
import { sha256OfFile } from '../tiler/ingest/sha256.ts';
import { findSidecars, type SidecarPaths } from '../tiler/ingest/sidecars.ts';
import { SRS_ITEM } from '../tiler/ingest/validate-source.ts';
import { WrongCall } from './arguments.ts';
import { inputFile } from './files.ts';

export const INPUTS_HELP = `IN.tif may be a ZIP of adjacent GeoTIFFs, or the address of a cloud-optimised GeoTIFF, https://… or s3://…, which is
read where it lies. What lies beside a file is read too: .prj, .aux.xml, .tfw, .msk.
`;

export interface Inputs {
  sources: readonly SourceFile[];
  srs: string | undefined;
  /** Of all images. */
  bytes: number;
  name: string;
  /** Of an image elsewhere, which then is the only one. */
  remote?: { card: RemoteCard; policy: RemotePolicy };
}

/** Throws a wrong call for files that cannot be read. */
export async function readInputs(paths: readonly string[], srs: string | undefined): Promise<Inputs> {
  if (paths.some(isAddress)) return readAddress(paths, srs);
  const sources: SourceFile[] = [];
  let bytes = 0;
  for (const path of paths) {
    const file = resolve(await inputFile(path));
    bytes += (await stat(file)).size;
    sources.push({ path: file, sidecars: await findSidecars(file) });
  }
  const more = paths.length > 1 ? ` and ${paths.length - 1} more` : '';
  return { sources, srs, bytes, name: basename(paths[0]) + more };
}

function readAddress([address, ...others]: readonly string[], srs: string | undefined): Promise<Inputs> {
  if (others.length > 0) throw new WrongCall('an image elsewhere is a scene by itself; name it alone');
  if (!URL.canParse(address)) throw new WrongCall(`"${address}" is no address`);
  return readRemote(address, srs, policyOfUser(new URL(address)));
}

/** An image elsewhere, by its address. Throws Problem where the policy does not allow it, or where it cannot be read in parts. */
export async function readRemote(address: string, srs: string | undefined, policy: RemotePolicy): Promise<Inputs> {
  const reader = createRemoteReader(policy);
  try {
    const found = await reader.look(address);
    const card = { ...found, ...(srs !== undefined && { items: { [SRS_ITEM]: srs } }) };
    return { sources: [], srs, bytes: card.bytes, name: basename(shownCard(card).url), remote: { card, policy } };
  } finally {
    reader.close();
  }
}

/** Of one image alone its own; else of all that the scene follows from. */
export async function sha256OfInputs({ sources, srs, remote }: Inputs): Promise<string> {
  if (remote) return identityOf(remote.card);
  const files = sources.flatMap(({ path, sidecars = {} }) => [path, ...Object.values(sidecars)]);
  const hashes: string[] = [];
  for (const file of files) hashes.push(await sha256OfFile(file));
  if (hashes.length === 1 && srs === undefined) return hashes[0];
  return createHash('sha256')
    .update(JSON.stringify([hashes, srs]))
    .digest('hex');
}

/** The image that was mapped, read with the system that was said with it. Throws Problem bad_request for another. */
export async function mappedImage(
  path: string,
  { sha256, srs }: { sha256: string; srs: string | null },
): Promise<Inputs> {
  const hashes: string[] = [];
  for (const said of [undefined, srs ?? undefined]) {
    const inputs = await readInputs([path], said);
    const hash = await sha256OfInputs(inputs);
    if (hash === sha256) return inputs;
    hashes.push(hash);
  }
  throw new Problem(
    'bad_request',
    `"${basename(path)}" is not the image that was mapped: its SHA-256 is ${hashes[0]}, and was ${sha256}.`,
  );
}

/** Links them to where the pipeline looks for a scene's originals. */
async function linkSourceFiles(files: FileStore, scene: string, { sources, srs, remote }: Inputs): Promise<void> {
  if (remote) return storeCard(files, scene, remote.card);
  const folder = files.path(`scenes/${scene}`);
  await mkdir(folder, { recursive: true });
  await writeSrs(files, scene, srs);
  if (sources.length === 1) {
    await linkOne(sources[0], folder, 'original.tif');
    return;
  }
  await mkdir(join(folder, 'original'));
  for (const [i, source] of sources.entries()) {
    const name = basename(source.path).replace(/\.\w+$/, '');
    await linkOne(source, join(folder, 'original'), `${String(i).padStart(5, '0')}-${name}.tif`);
  }
}

async function linkOne({ path, sidecars = {} }: SourceFile, folder: string, name: string): Promise<void> {
  const stem = name.slice(0, -'.tif'.length);
  const names: Record<keyof SidecarPaths, string> = {
    aux: `${name}.aux.xml`,
    world: `${stem}.tfw`,
    prj: `${stem}.prj`,
    mask: `${name}.msk`,
  };
  await symlink(path, join(folder, name));
  for (const [kind, target] of Object.entries(sidecars)) {
    await symlink(target, join(folder, names[kind as keyof SidecarPaths]));
  }
}

/** Copies the images, and places them. @param known their hash, where it was computed before */
export async function readyScene(
  tools: MappingTools,
  inputs: Inputs,
  rights: Partial<SceneRights>,
  context: WorkContext,
  known?: string,
): Promise<ReadyScene> {
  const sha256 = known ?? (await sha256OfInputs(inputs));
  const id = sceneId(sha256);
  await linkSourceFiles(tools.files, id, inputs);
  return {
    ...{ id, workspace: DEFAULT_WORKSPACE, name: inputs.name, upload: null, sha256, bytes: inputs.bytes },
    ...{ created_at: new Date().toISOString(), problem: null, license: null, attribution: null, ...rights },
    ...(await placeScene(tools.db, await copyScene(tools, { id, report: null }, context))),
  };
}
