/** Where the built viewer lies. It is made by `npm run build`, and only read here: a program folder may be read-only. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { log } from '../log.ts';

const WEB_FOLDER = fileURLToPath(new URL('../../web/', import.meta.url));

/** Folder of the built viewer; null, and a line in the log, where it is not there. */
export async function viewerFolder(): Promise<string | null> {
  const built = join(WEB_FOLDER, 'dist');
  const builtAt = await modifiedMs(join(built, 'index.html'));
  if (builtAt === 0) {
    log.warn('the viewer is not built; "npm run build" makes it. Everything else is served');
    return null;
  }
  if (builtAt < (await sourcesModifiedMs()))
    log.warn('the viewer is older than its sources; "npm run build" renews it');
  return built;
}

/** When a source of the viewer was last changed; 0 where there are none, as in an installed package. */
async function sourcesModifiedMs(): Promise<number> {
  const files = await readdir(join(WEB_FOLDER, 'src'), { recursive: true }).catch(() => []);
  const times = await Promise.all(files.map((file) => modifiedMs(join(WEB_FOLDER, 'src', file))));
  return Math.max(0, ...times);
}

const modifiedMs = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
