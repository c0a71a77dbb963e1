/**
 * The folder of images, maps and networks that all processes of an installation share. A mark in it and in the database
 * says that both belong together: a worker with another folder would fail every job for want of its images.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../tiler/problem.ts';
import type { Queryable } from './database.ts';

const FILE = 'store-id';

/** @param store `file:` URL of the folder; without one it is the data folder. Throws Problem bad_request for others. */
export function sharedFolderOf(dataFolder: string, store: string | undefined): string {
  if (!store) return dataFolder;
  if (URL.canParse(store) && new URL(store).protocol === 'file:') return fileURLToPath(store);
  throw new Problem(
    'bad_request',
    'PLANIMETER_STORE is the address of a folder that all processes reach, such as file:///srv/planimeter.',
  );
}

/** The folder's mark becomes the database's; made where there is none. */
export async function markStore(q: Queryable, folder: string): Promise<void> {
  const mark = (await markOf(folder)) ?? (await makeMark(folder));
  await q.query(
    `INSERT INTO planimeter.settings (name, value) VALUES ('store', $1)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    [mark],
  );
}

/** Throws Problem store_mismatch where the folder is not the one that the service of this database works with. */
export async function checkStore(q: Queryable, folder: string): Promise<void> {
  const [known] = await q.query<{ value: string }>(`SELECT value FROM planimeter.settings WHERE name = 'store'`);
  if (!known) {
    throw new Problem('store_mismatch', 'No service has used this database yet: start "planimeter serve" on it first.');
  }
  if ((await markOf(folder)) !== known.value) {
    throw new Problem(
      'store_mismatch',
      `${folder} is not the folder that the service of this database works with. Give this worker the same one, ` +
        'with PLANIMETER_STORE or --data; on another machine, mount it there.',
    );
  }
}

const markOf = (folder: string): Promise<string | null> => readFile(join(folder, FILE), 'utf8').catch(() => null);

async function makeMark(folder: string): Promise<string> {
  const mark = randomUUID();
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `${FILE}.${mark}`);
  await writeFile(partial, mark);
  await rename(partial, join(folder, FILE));
  return mark;
}
