/**
 * The outside judges (GDAL through rasterio, shapely, scikit-learn) in a virtual environment of their own, made on
 * first use and kept in the user's cache folder under a hash of its requirements.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const REQUIREMENTS = ['numpy==2.4.6', 'rasterio==1.4.4', 'shapely==2.2.0', 'scikit-learn==1.9.1'];

/** Path of a Python that has the judges, or null (said loudly) where none can be made. With CI=true that is an error. */
export function pythonWithJudges(): string | null {
  const hash = createHash('sha256').update(REQUIREMENTS.join('\n')).digest('hex').slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'planimeter');
  const folder = join(cache, `judges-${hash}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return python;
  mkdirSync(cache, { recursive: true });
  const building = `${folder}.${process.pid}`;
  const steps: [string, string[]][] = [
    ['python3', ['-m', 'venv', building]],
    [join(building, 'bin', 'python'), ['-m', 'pip', 'install', '-q', '--only-binary=:all:', ...REQUIREMENTS]],
  ];
  for (const [command, args] of steps) {
    const result = spawnSync(command, args, { encoding: 'utf8', timeout: 300_000 });
    if (result.status === 0) continue;
    rmSync(building, { recursive: true, force: true });
    const reason = `${command} ${args.join(' ')}: ${result.stderr || result.error}`;
    if (process.env.CI === 'true') throw new Error(`the Python judges could not be installed: ${reason}`);
    console.error(`SKIPPED: no Python judges (rasterio, shapely, scikit-learn): ${reason}`);
    return null;
  }
  try {
    renameSync(building, folder);
  } catch {
    rmSync(building, { recursive: true, force: true }); // another process finished first
  }
  return python;
}

/** Runs a Python script with JSON in and JSON out. Throws with its standard error. */
export function judge<Result>(python: string, script: string, input: unknown): Result {
  const result = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
  });
  if (result.status !== 0) throw new Error(result.stderr || String(result.error));
  return JSON.parse(result.stdout) as Result;
}
