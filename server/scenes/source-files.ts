/**
 * What was handed in as one scene: `scenes/ID/original.tif` (a GeoTIFF, or a ZIP archive of several with what lies
 * beside them) or the folder `scenes/ID/original`, with files beside the images, and `original.srs` for the CRS that
 * the user gave. Of an image that is read in place there is but its card, `original.remote`.
 */
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import type { SourceFile } from '../../tiler/ingest/mosaic.ts';
import { findSidecars } from '../../tiler/ingest/sidecars.ts';
import { unzipInSandbox } from '../processes/ingest-sandbox.ts';
import { type RemoteCard, writeCard } from '../remote/reader.ts';
import { type FileStore, fetchIfThere } from '../store/files/file-store.ts';

export interface SceneSources {
  sources: SourceFile[];
  srs: string | undefined;
  /** Removes what was unpacked. */
  release(): Promise<void>;
}

/** A ZIP archive begins with its first entry, or its end where it has none, or the mark of one in several files. */
const ZIP = /^504b(0304|0506|0708)/;

/** Whether a key is part of what was handed in. */
export const isOriginal = (key: string): boolean => /^scenes\/[^/]+\/original[./]/.test(key);

/** Path of the card of an image that is read in place; null for what was handed in itself. */
export const remoteOriginal = (files: FileStore, scene: string): Promise<string | null> =>
  fetchIfThere(files, cardKey(scene));

/** Stores the card of an image that is read in place. */
export async function storeCard(files: FileStore, scene: string, card: RemoteCard): Promise<void> {
  await writeCard(files.path(cardKey(scene)), card);
  await files.put(cardKey(scene));
}

const cardKey = (scene: string): string => `scenes/${scene}/original.remote`;

/** Throws Problem for an archive that is refused. */
export async function openSceneSources(files: FileStore, scene: string, signal: AbortSignal): Promise<SceneSources> {
  const srsPath = await fetchIfThere(files, `scenes/${scene}/original.srs`);
  const srs = srsPath === null ? undefined : await readFile(srsPath, 'utf8');
  // Images that a command links to; they are not stored.
  const folder = files.path(`scenes/${scene}/original`);
  const several = await imagesIn(folder);
  if (several.length > 0) return { sources: await withSidecars(folder, several), srs, release: async () => {} };
  const original = await fetchIfThere(files, `scenes/${scene}/original.tif`);
  if (original === null) throw new Problem('internal', 'The original of the scene is not there any more.');
  const unpacked = files.path(`scenes/${scene}/unpacked`);
  return { ...(await unpack(original, unpacked, signal)), srs };
}

/**
 * A GeoTIFF as it lies there, or the GeoTIFFs of a ZIP archive unpacked into `folder`, which `release` removes. Throws
 * Problem for an archive that is refused.
 */
export async function unpack(
  path: string,
  folder: string,
  signal: AbortSignal,
): Promise<Pick<SceneSources, 'sources' | 'release'>> {
  if (!(await isZip(path))) {
    return { sources: [{ path, sidecars: await findSidecars(path) }], release: async () => {} };
  }
  const release = () => rm(folder, { recursive: true, force: true });
  try {
    const { images, nameEncoding } = await unzipInSandbox(path, folder, { signal });
    return { sources: images.map((image) => ({ ...image, nameEncoding })), release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Notes the CRS that the user gives of a scene that has none, or another one. */
export async function writeSrs(files: FileStore, scene: string, srs: string | undefined): Promise<void> {
  const key = `scenes/${scene}/original.srs`;
  if (srs === undefined) {
    await files.remove(key);
    return;
  }
  const path = files.path(key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, srs);
  await files.put(key);
}

const imagesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).filter((name) => /\.tiff?$/i.test(name)).sort();

async function withSidecars(folder: string, names: readonly string[]): Promise<SourceFile[]> {
  const sources: SourceFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    sources.push({ path, name: name.replace(/^\d{5}-/, ''), sidecars: await findSidecars(path) });
  }
  return sources;
}

async function isZip(path: string): Promise<boolean> {
  const handle = await open(path, 'r').catch((cause) => {
    throw new Problem('internal', 'The original of the scene is not there any more.', { cause });
  });
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return ZIP.test(buffer.toString('hex'));
  } finally {
    await handle.close();
  }
}
