/**
 * Where scenes' and jobs' files lie, by keys such as `scenes/ID/original.tif`. Who makes a file writes it at `path(key)`
 * and ends with `put(key)`; who reads one begins with `fetch(key)`. So child processes see paths of this machine alone,
 * wherever the files are kept.
 */
import { access, readdir, rm, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { Problem } from '../../../errors/problem.ts';

export interface FileStore {
  /**
   * Absolute path on this machine's disk where a process writes the file of this key before it is stored; its folders
   * are not made. Throws for a key that would lead out of the store.
   */
  path(key: string): string;
  /** What was written at `path(key)` is now the stored file, all of it or nothing; rejects where nothing was written. */
  put(key: string): Promise<void>;
  /** A path on this machine's disk to read the stored file from. Throws Problem not_found where there is none. */
  fetch(key: string, how?: FetchOptions): Promise<string>;
  /** Removes copies of a stored file that are kept on this machine's disk; a folder has none. */
  forget?: (key: string) => Promise<void>;
  /** Removes the file or the folder of this name, if there is one. */
  remove(prefix: string): Promise<void>;
  /** Keys of all stored files under a folder, sorted; none where there is no such folder. */
  list(prefix: string): Promise<string[]>;
  /** As `list`, with sizes and when each was last written. */
  entries(prefix: string): Promise<StoredFile[]>;
  /** Uploads into the store that were begun and not ended, by whichever process; a folder has none. */
  unfinished?: () => Promise<UnfinishedUpload[]>;
  abandon?: (upload: UnfinishedUpload) => Promise<void>;
}

export interface FetchOptions {
  /** Whoever looks at it does not wait until a large file is verified. */
  toShow?: boolean;
}

export interface StoredFile {
  key: string;
  bytes: number;
  modifiedMs: number;
}

export interface UnfinishedUpload {
  key: string;
  id: string;
  startedMs: number;
}

/** As `fetch`, with null where there is no such file. */
export function fetchIfThere(files: FileStore, key: string, how?: FetchOptions): Promise<string | null> {
  return files.fetch(key, how).catch((error) => {
    if (error instanceof Problem && error.code === 'not_found') return null;
    throw error;
  });
}

/** How many files there are below a key, by the first part of their names after it: what goes when it is removed. */
export async function filesBelow(files: FileStore, prefix: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const key of await files.list(prefix)) {
    const name = key.slice(prefix.length + 1).split('/')[0]!;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const KEY = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

/** Files in a folder: the path of a key is where it is stored, too. */
export function localFileStore(folder: string): FileStore {
  const root = resolve(folder);
  const path = (key: string) => {
    if (!KEY.test(key)) throw new Error(`not a key of the file store: ${JSON.stringify(key)}`);
    return join(root, key);
  };
  const list = async (prefix: string): Promise<string[]> => {
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
  };
  return {
    path,
    put: (key) => access(path(key)),
    fetch: async (key) => {
      const stored = path(key);
      await access(stored).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
        throw new Problem('not_found', `The file ${key} is not there any more.`);
      });
      return stored;
    },
    // Another process may still write into a folder whose job was cancelled: what it adds meanwhile goes with the next try.
    remove: (prefix) => rm(path(prefix), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
    list,
    async entries(prefix) {
      const found: StoredFile[] = [];
      for (const key of await list(prefix)) {
        const state = await stat(join(root, key)).catch(() => null); // gone since it was listed
        if (state) found.push({ key, bytes: state.size, modifiedMs: state.mtimeMs });
      }
      return found;
    },
  };
}
