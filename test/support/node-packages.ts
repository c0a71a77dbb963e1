/**
 * Packages from npm that users of the service have and the program has not, in a folder of their own, made on first use
 * and kept in the user's cache folder under a hash of their versions.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Path of a `node_modules` with these packages, or null (said loudly). With CI=true that is an error. */
export function nodePackages(name: string, packages: readonly string[]): string | null {
  const hash = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 12);
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'planimeter', `${name}-${hash}`);
  const installed = join(folder, 'node_modules');
  if (existsSync(installed)) return installed;
  const building = `${folder}.${process.pid}`;
  try {
    mkdirSync(building, { recursive: true });
    writeFileSync(join(building, 'package.json'), '{ "private": true }');
    const options = ['--silent', '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...options, ...packages], { cwd: building, timeout: 240_000 });
    // Another process may have finished first.
    if (!existsSync(installed)) renameSync(building, folder);
    return installed;
  } catch (error) {
    if (process.env.CI === 'true') throw new Error(`${packages.join(', ')} could not be installed`, { cause: error });
    console.error(`SKIPPED: ${packages.join(', ')} could not be installed:`, (error as Error).message);
    return null;
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}
