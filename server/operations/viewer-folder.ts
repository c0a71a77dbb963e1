/** The built viewer: made by Vite when it is missing or older than its sources. */
import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WEB_FOLDER = fileURLToPath(new URL('../../web/', import.meta.url));
const VITE = fileURLToPath(new URL('../../node_modules/vite/bin/vite.js', import.meta.url));

/** Folder of the built viewer. */
export async function viewerFolder(): Promise<string> {
  const built = join(WEB_FOLDER, 'dist');
  const builtAt = await modifiedMs(join(built, 'index.html'));
  const [newestSource] = (await sourceTimes()).sort((a, b) => b - a);
  if (builtAt < newestSource) await build();
  return built;
}

async function sourceTimes(): Promise<number[]> {
  const files = await readdir(join(WEB_FOLDER, 'src'), { recursive: true });
  const paths = ['index.html', 'vite.config.ts', ...files.map((file) => join('src', file))];
  return Promise.all(paths.map((path) => modifiedMs(join(WEB_FOLDER, path))));
}

const modifiedMs = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

function build(): Promise<void> {
  return new Promise((resolve, reject) => {
    const vite = spawn(process.execPath, [VITE, 'build', WEB_FOLDER, '--logLevel', 'error'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    vite.on('error', reject);
    vite.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`vite build ended with status ${code}`))));
  });
}
