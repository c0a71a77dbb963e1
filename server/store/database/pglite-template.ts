/**
 * A migrated, empty embedded database kept as one file (a compressed tar with a checksum), so that the next fresh
 * start does not have to create a cluster and load PostGIS again.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readMigrations } from './migrate.ts';

/** The template's place; its name changes with the engine's versions and with the migrations. */
export function findTemplate(folder: string | undefined): { path: string; exists: boolean } {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const hash = createHash('sha256');
  for (const name of ['@electric-sql/pglite', '@electric-sql/pglite-postgis'])
    hash.update(`${name} ${version(name)}\n`);
  for (const { name, sha256 } of readMigrations()) hash.update(`${name} ${sha256}\n`);
  const path = join(folder ?? join(cache, 'planimeter'), `database-${hash.digest('hex').slice(0, 16)}.tar.zst`);
  return { path, exists: existsSync(path) };
}

/** Written beside its place and moved there: a template is whole or not there. A failure costs only the next start's time. */
export async function writeTemplate(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, bytes);
    await rename(partial, path);
  } catch {
    await rm(partial, { force: true }).catch(() => {});
  }
}

export async function removeTemplate(path: string): Promise<void> {
  await rm(path, { force: true });
}

function version(packageName: string): string {
  const entry = createRequire(import.meta.url).resolve(packageName);
  const manifest = readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
