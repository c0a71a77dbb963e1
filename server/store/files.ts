/** Where scenes' and jobs' files lie: keys such as `scenes/ID/original.tif` become paths under the data folder. */
import { readdir, rm } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';

export interface FileStore {
  /** Absolute path of a key; its folders are not made. Throws for a key that would lead out of the store. */
  path(key: string): string;
  /** Removes the file or the folder of this name, if there is one. */
  remove(prefix: string): Promise<void>;
  /** Keys of all files under a folder, sorted; none where there is no such folder. */
  list(prefix: string): Promise<string[]>;
}

const KEY = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

export function localFileStore(folder: string): FileStore {
  const root = resolve(folder);
  const path = (key: string) => {
    if (!KEY.test(key)) throw new Error(`not a key of the file store: ${JSON.stringify(key)}`);
    return join(root, key);
  };
  return {
    path,
    remove: (prefix) => rm(path(prefix), { recursive: true, force: true }),
    list: async (prefix) => {
      const entries = await readdir(path(prefix), { recursive: true, withFileTypes: true }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
          throw error;
        },
      );
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .sort();
    },
  };
}
