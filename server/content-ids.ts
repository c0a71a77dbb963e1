/** Names that are derived from content: the same input gives the same job and the same features. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DEFAULT_WORKSPACE } from './store/database/row-level-security.ts';

/** Version of the program, part of every job's identity. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Id of a scene that is known by its content alone. */
export function sceneId(sha256: string): string {
  return contentUuid(sha256);
}

/**
 * Id of the job that runs one network over one scene with fixed parameters. The same bytes may be told to lie elsewhere,
 * and in every workspace they make other jobs: whoever meets an id learns nothing of the images of others.
 */
export function jobId(
  scene: { sha256: string; srs?: string | null; workspace?: string },
  network: string,
  parameters: object,
): string {
  const content = [VERSION, scene.sha256, scene.srs, network, parameters];
  const { workspace = DEFAULT_WORKSPACE } = scene;
  return contentUuid(JSON.stringify(workspace === DEFAULT_WORKSPACE ? content : [...content, workspace]));
}

/** Id of the feature of a job that is at a place of the model grid. */
export function featureId(job: string, collection: string, place: string): string {
  return contentUuid(`${job}/${collection}/${place}`);
}

/** A UUID of version 8 (RFC 9562) from the SHA-256 of a text. */
function contentUuid(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
