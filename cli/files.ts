/** Files that a command line names. */
import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { findNetwork, type Network, networkFolders } from '../models/registry.ts';
import type { FileStore } from '../server/store/files/file-store.ts';
import { isBucket, openFileStore, sharedFolderOf } from '../server/store/files/open-file-store.ts';
import { WrongCall } from './arguments.ts';

/** The path itself, if it can be read. Throws a wrong call. */
export async function inputFile(path: string): Promise<string> {
  await access(path, constants.R_OK).catch(() => {
    throw new WrongCall(`"${path}" cannot be read`);
  });
  return path;
}

/** Before hours of work: that files can be written there. Those that were not asked for are undefined. Throws a wrong call. */
export async function checkOutputs(paths: readonly (string | undefined)[]): Promise<void> {
  const named = paths.filter((path) => path !== undefined).map((path) => resolve(path));
  const twice = named.find((path, i) => named.indexOf(path) !== i);
  if (twice !== undefined) throw new WrongCall(`"${twice}" is named for two outputs; give each a file of its own`);
  for (const path of paths) {
    if (path === undefined) continue;
    await access(dirname(resolve(path)), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'its folder does not exist' : 'its folder is not writable';
      throw new WrongCall(`"${path}" cannot be written: ${why}`);
    });
  }
}

/** The folder of the embedded database, and of everything else where no other is shared. */
export const dataFolder = (given?: string): string => resolve(given ?? process.env.PLANIMETER_DATA ?? '.planimeter');

/** Where the service keeps networks, and without a bucket images and maps. */
export const sharedFolder = (given?: string): string => sharedFolderOf(dataFolder(given), process.env.PLANIMETER_STORE);

/** Where images and maps are kept, and a copy of each network that was added; null where that is a folder. */
export function sharedBucket(given?: string): FileStore | null {
  const { PLANIMETER_STORE: store } = process.env;
  return store && isBucket(store) ? openFileStore(dataFolder(given), store) : null;
}

/** A network by id, of those that ship with the program and those that were added. */
export const installedNetwork = (id: string, given?: string): Promise<Network> =>
  findNetwork(id, networkFolders(sharedFolder(given)));
