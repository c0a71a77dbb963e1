/** An image elsewhere becomes a scene that is read where it lies. */
import { randomUUID } from 'node:crypto';
import { SRS_ITEM } from '../../tiler/ingest/validate-source.ts';
import type { Queue } from '../queue/queue.ts';
import { identityOf, type RemoteReader } from '../remote/reader.ts';
import type { Transactional } from '../store/database/database.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { findSceneBySha256, insertScene, type NoteScene, updateScene } from '../store/tables/scenes.ts';
import type { SceneRights } from './attribution.ts';
import { storeCard } from './source-files.ts';

export interface RemoteSceneRequest {
  url: string;
  name: string;
  /** "EPSG:CODE" or WKT, in place of what the file says. */
  srs?: string | undefined;
  rights?: Partial<SceneRights>;
}

let turn: Promise<unknown> = Promise.resolve();

/** Enqueues its ingest; returns the scene's id, of the same file in the same version always the same one. */
export async function addRemoteScene(
  { db, files, queue, remote }: { db: Transactional; files: FileStore; queue: Queue; remote: RemoteReader },
  { url, name, srs, rights = {} }: RemoteSceneRequest,
  note: NoteScene,
): Promise<string> {
  const card = { ...(await remote.look(url)), ...(srs !== undefined && { items: { [SRS_ITEM]: srs } }) };
  const store = async () => {
    const sha256 = identityOf(card);
    const existing = await findSceneBySha256(db, sha256);
    if (existing && existing.state !== 'refused') {
      if (Object.keys(rights).length > 0) await updateScene(db, existing.id, rights);
      return existing.id;
    }
    const id = existing?.id ?? randomUUID();
    await storeCard(files, id, card);
    await db.transaction(async (q) => {
      if (existing) await updateScene(q, id, { state: 'uploaded', problem: null, name, ...rights });
      else await insertScene(q, { id, name, upload: null, sha256, bytes: card.bytes, ...rights });
      await note(q, { id, name, bytes: card.bytes });
    });
    await queue.enqueueIngest(id);
    return id;
  };
  // One after the other: the same file asked for twice becomes one scene.
  const stored = turn.then(store);
  turn = stored.catch(() => {});
  return stored;
}
