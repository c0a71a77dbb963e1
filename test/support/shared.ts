/** Finds the optional folder of real imagery that stands beside the checkout; tests that want it skip loudly without. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SHARED_FOLDER = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** Absolute path of a file or folder there, or null (said on standard error) where it is missing. */
export function sharedPath(name: string): string | null {
  const path = SHARED_FOLDER + name;
  if (existsSync(path)) return path;
  console.error(`SKIPPED: ../shared/${name} is not here`);
  return null;
}
