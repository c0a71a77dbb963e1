/**
 * `npm run build`: the viewer to web/dist, where it is missing or older than what it is made from. Plain JavaScript: it
 * also runs at the end of `npm ci`, by whatever Node is there.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['package-lock.json', 'web/index.html', 'web/api.html', 'web/vite.config.ts', 'web/src', 'web/public'];

const modifiedMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Of a file, or of everything in a folder and of the folder itself, which changes when a file is removed. */
function newestMs(path) {
  const inside = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }) : [];
  return Math.max(modifiedMs(path), ...inside.map((name) => modifiedMs(join(path, name))));
}

const newest = Math.max(...SOURCES.map((path) => newestMs(join(ROOT, path))));
if (modifiedMs(join(ROOT, 'web/dist/index.html')) < newest) {
  const vite = await import('vite').catch(() => null);
  if (vite) await vite.build({ root: join(ROOT, 'web'), logLevel: 'error' });
  // `npm ci --omit=dev`: the program works without its viewer.
  else process.stderr.write('The viewer is not built: Vite is not installed. "npm ci && npm run build" makes it.\n');
}
