/**
 * Peers from PyPI that figures are compared with, in a virtual environment of their own, made on first use and kept in
 * the user's cache folder under a hash of its requirements.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Path of a Python that has exactly these packages. Throws where it cannot be made. */
export function pythonWith(name: string, requirements: readonly string[]): string {
  const hash = createHash('sha256').update(requirements.join('\n')).digest('hex').slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'planimeter');
  const folder = join(cache, `${name}-${hash}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return python;
  mkdirSync(cache, { recursive: true });
  const building = `${folder}.${process.pid}`;
  try {
    run('python3', ['-m', 'venv', building]);
    run(join(building, 'bin', 'python'), ['-m', 'pip', 'install', '-q', '--only-binary=:all:', ...requirements]);
    // Another process may have finished first.
    if (!existsSync(python)) renameSync(building, folder);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return python;
}

/** Runs a command with one thread for numerical libraries; returns its standard output. */
export function run(command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr || result.error}`);
  return result.stdout;
}
