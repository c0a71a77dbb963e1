/**
 * Where images, maps and networks are kept that all processes of an installation share: a folder, or for images and maps a
 * bucket. A mark in it and in the database says that both belong together: a worker with another store would fail every
 * job for want of its images.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../../errors/problem.ts';
import type { Queryable } from '../database/database.ts';
import { type FileStore, fetchIfThere, localFileStore } from './file-store.ts';
import { type S3FileOptions, s3FileStore } from './s3-files.ts';

const MARK = 'store-id';

/**
 * The folder of what is no file of a scene or a job, such as networks.
 * @param store `file:` URL of it; the data folder without, or where files go into a bucket. Throws Problem bad_request.
 */
export function sharedFolderOf(dataFolder: string, store: string | undefined): string {
  if (!store || isBucket(store)) return dataFolder;
  if (URL.canParse(store) && new URL(store).protocol === 'file:') return fileURLToPath(store);
  throw new Problem(
    'bad_request',
    'PLANIMETER_STORE is the address of what all processes reach: a folder, file:///srv/planimeter, or s3://BUCKET/PREFIX.',
  );
}

/** The files of scenes and jobs. Of a bucket, what is being written and copies of what is read lie in the data folder. */
export function openFileStore(
  dataFolder: string,
  store: string | undefined,
  options: Pick<S3FileOptions, 'onFault'> = {},
): FileStore {
  if (store && isBucket(store)) {
    return s3FileStore(store, { folder: join(dataFolder, 'store'), env: process.env, ...options });
  }
  return localFileStore(join(sharedFolderOf(dataFolder, store), 'files'));
}

export const isBucket = (store: string): boolean => store.startsWith('s3:');

/** The store's mark becomes the database's; made where there is none. */
export async function markStore(q: Queryable, files: FileStore): Promise<void> {
  const mark = (await markOf(files)) ?? (await makeMark(files));
  await q.query(
    `INSERT INTO planimeter.settings (name, value) VALUES ('store', $1)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    [mark],
  );
}

/** Throws Problem store_mismatch where the store is not the one that the service of this database works with. */
export async function checkStore(q: Queryable, files: FileStore): Promise<void> {
  const [known] = await q.query<{ value: string }>(`SELECT value FROM planimeter.settings WHERE name = 'store'`);
  if (!known) {
    throw new Problem('store_mismatch', 'No service has used this database yet: start "planimeter serve" on it first.');
  }
  if ((await markOf(files)) !== known.value) {
    throw new Problem(
      'store_mismatch',
      'This is not the store that the service of this database works with. Give this worker the same one, with ' +
        'PLANIMETER_STORE or --data; a folder of another machine has to be mounted here.',
    );
  }
}

async function markOf(files: FileStore): Promise<string | null> {
  const path = await fetchIfThere(files, MARK);
  return path && readFile(path, 'utf8');
}

async function makeMark(files: FileStore): Promise<string> {
  const mark = randomUUID();
  await mkdir(dirname(files.path(MARK)), { recursive: true });
  await writeFile(files.path(MARK), mark);
  await files.put(MARK);
  return mark;
}
