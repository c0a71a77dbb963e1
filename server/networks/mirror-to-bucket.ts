/**
 * Networks that users brought, where files are kept in a bucket: each is also there, as `networks/ID/…`, and every machine
 * has a copy in its own folder, whose SHA-256 its manifest pins as ever.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileStore } from '../store/files/file-store.ts';
import { putAside } from '../store/files/put-aside.ts';

/** Stands in the folder of a network that the bucket has: where it is gone from there, it goes here too. */
const MIRRORED = '.mirrored';
const MANIFEST = 'manifest.json';

const keyOf = (id: string, file = ''): string => `networks/${id}${file && `/${file}`}`;

/** Puts a network that was added on this machine where the others find it. */
export async function publishNetwork(files: FileStore, modelsFolder: string, id: string): Promise<void> {
  const folder = join(modelsFolder, id);
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  // The manifest last: without it, a network is not looked at.
  for (const name of names.sort((a, b) => Number(a === MANIFEST) - Number(b === MANIFEST))) {
    const path = files.path(keyOf(id, name));
    await mkdir(dirname(path), { recursive: true });
    await copyFile(join(folder, name), path);
    await files.put(keyOf(id, name));
  }
  await writeFile(join(folder, MIRRORED), '');
}

export const withdrawNetwork = (files: FileStore, id: string): Promise<void> => files.remove(keyOf(id));

/** Brings this machine's networks in step with the bucket's; those that were only ever here stay. */
export async function mirrorNetworks(files: FileStore, modelsFolder: string): Promise<void> {
  const keys = await files.list('networks');
  const there = new Set(keys.filter((key) => key.endsWith(`/${MANIFEST}`)).map((key) => key.split('/')[1]!));
  for (const id of there) {
    const manifest = await readFile(await files.fetch(keyOf(id, MANIFEST)), 'utf8');
    if (manifest === (await textOf(join(modelsFolder, id, MANIFEST)))) continue;
    await mkdir(modelsFolder, { recursive: true });
    const incoming = await mkdtemp(join(modelsFolder, '.incoming-'));
    try {
      for (const key of keys.filter((each) => each.startsWith(`${keyOf(id)}/`))) {
        await copyFile(await files.fetch(key), join(incoming, key.split('/').at(-1)!));
      }
      await writeFile(join(incoming, MIRRORED), '');
      await makeWay(modelsFolder, id);
      await rename(incoming, join(modelsFolder, id));
    } catch (error) {
      await rm(incoming, { recursive: true, force: true });
      throw error;
    }
  }
  for (const id of await readdir(modelsFolder).catch(() => [])) {
    if (there.has(id) || id.startsWith('.') || !(await isMirrored(modelsFolder, id))) continue;
    // Withdrawn; or the bucket is another one than it was, or has lost it.
    await putAside(join(modelsFolder, id), '.withdrawn-');
  }
}

const isMirrored = async (modelsFolder: string, id: string): Promise<boolean> =>
  (await textOf(join(modelsFolder, id, MIRRORED))) !== null;

/** A copy of what the bucket had goes; another network of the same name, which was only ever here, is put aside. */
async function makeWay(modelsFolder: string, id: string): Promise<void> {
  const folder = join(modelsFolder, id);
  if (await isMirrored(modelsFolder, id)) await rm(folder, { recursive: true });
  else if (existsSync(folder)) await putAside(folder, '.replaced-');
}

const textOf = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);
