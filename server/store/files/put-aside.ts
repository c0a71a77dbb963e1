/** What may be somebody's is not removed to make place: it gets another name, beside its own. */
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { log } from '../../log.ts';

/**
 * Renames a file or folder to its name with the time (UTC), and says so in the log. Returns the new path.
 * @param prefix of the new name: a dot hides it from who looks for others of its kind
 */
export async function putAside(path: string, prefix = ''): Promise<string> {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const aside = join(dirname(path), `${prefix}${basename(path)}-${time}Z`);
  await rename(path, aside);
  log.warn(`put ${path} aside: it is at ${aside}`);
  return aside;
}
