/**
 * The one way by which an image becomes a scene, whether it was uploaded, is read where it lies, or was generated: the
 * same image is the same scene, one that was refused is tried again, and its ingest is asked for.
 */

import { randomUUID } from 'node:crypto';
import type { SceneRights } from '../api/index.ts';
import { type Actor, recordDone } from '../operations/caller.ts';
import type { Queue } from '../queue/queue.ts';
import type { Queryable, Transactional } from '../store/database/database.ts';
import { findSceneBySha256, getScene, insertScene, updateScene } from '../store/tables/scenes.ts';
import { lockUsage } from '../store/tables/usage.ts';

export interface NewImage {
  name: string;
  /** By which the same image is known again: of its bytes, or of its address and version. */
  sha256: string;
  bytes: number;
  /** Whether it is read where it lies, and only its card is stored. */
  inPlace?: boolean;
  /** Identifier of the upload that brought it. */
  upload?: string;
  /** CRS that whoever brings it gives: in another one, the same bytes are another scene. */
  srs?: string | undefined;
  rights?: Partial<SceneRights>;
  /** That an interrupted attempt to add it has chosen. */
  sceneId?: string | undefined;
  /** Puts the image into the store below `scenes/ID`. Called unless there is a scene of it that was not refused. */
  storeOriginal(sceneId: string): Promise<void>;
  /** Whether the original of a scene is as it was stored; where not, this image takes its place. Without: always. */
  isSound?(sceneId: string): Promise<boolean>;
}

export interface SceneStore {
  /** Of the workspace that the scene will be in. */
  db: Transactional;
  queue: Pick<Queue, 'enqueueIngest'>;
  /** Throws where the workspace may have no more images, or none of which so many bytes are stored. */
  admit?: ((q: Queryable, storedBytes: number) => Promise<void>) | undefined;
}

/** The last of those that add one image to one workspace. */
const adding = new Map<string, Promise<string>>();

/** Returns the scene's id. */
export async function addScene(store: SceneStore, actor: Actor, image: NewImage): Promise<string> {
  // One after the other: an image that arrives twice at the same moment becomes one scene.
  const key = `${actor.workspace} ${image.sha256}`;
  const added = (adding.get(key) ?? Promise.resolve('')).catch(() => {}).then(() => addOnce(store, actor, image));
  adding.set(key, added);
  try {
    return await added;
  } finally {
    if (adding.get(key) === added) adding.delete(key);
  }
}

async function addOnce({ db, queue, admit }: SceneStore, actor: Actor, image: NewImage): Promise<string> {
  const { name, sha256, bytes, upload, srs, rights = {} } = image;
  const stored_bytes = image.inPlace ? 0 : bytes;
  const begun = image.sceneId === undefined ? null : await getScene(db, image.sceneId);
  const same = await findSceneBySha256(db, sha256);
  // Of a refused one nothing is left that could differ.
  const differs = same && srs !== undefined && same.state !== 'refused' && same.srs !== srs;
  const existing = begun ?? (differs ? null : same);
  const id = existing?.id ?? image.sceneId ?? randomUUID();
  if (existing && existing.state !== 'refused') {
    if (image.isSound && !(await image.isSound(id))) await image.storeOriginal(id);
    if (Object.keys(rights).length > 0) await updateScene(db, id, rights);
    return id;
  }
  await admit?.(db, stored_bytes); // before it is stored in vain
  await image.storeOriginal(id);
  await db.transaction(async (q) => {
    await lockUsage(q, actor.workspace);
    await admit?.(q, stored_bytes);
    // What was refused once may be taken now: limits change, and so does the program.
    const again = {
      state: 'uploaded',
      problem: null,
      name,
      stored_bytes,
      ...(upload !== undefined && { upload }),
      ...rights,
    } as const;
    if (existing) await updateScene(q, id, again);
    else await insertScene(q, { id, name, upload: upload ?? null, sha256, bytes, stored_bytes, ...rights });
    await recordDone(q, actor, 'scene_added', id, { name, bytes });
  });
  await queue.enqueueIngest(id);
  return id;
}
