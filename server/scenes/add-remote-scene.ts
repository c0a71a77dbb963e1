/** An image elsewhere becomes a scene that is read where it lies. */
import { SRS_ITEM } from '../../tiler/ingest/validate-source.ts';
import type { SceneRights } from '../api/index.ts';
import type { Actor } from '../operations/caller.ts';
import { identityOf, type RemoteReader } from '../remote/reader.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { addScene, type SceneStore } from './add-scene.ts';
import { storeCard } from './source-files.ts';

export interface RemoteSceneRequest {
  url: string;
  name: string;
  /** "EPSG:CODE" or WKT, in place of what the file says. */
  srs?: string | undefined;
  rights?: Partial<SceneRights>;
}

/** Returns the scene's id, of the same file in the same version always the same one. */
export async function addRemoteScene(
  { files, remote, ...store }: SceneStore & { files: FileStore; remote: RemoteReader },
  actor: Actor,
  { url, name, srs, rights = {} }: RemoteSceneRequest,
): Promise<string> {
  const card = { ...(await remote.look(url)), ...(srs !== undefined && { items: { [SRS_ITEM]: srs } }) };
  return addScene(store, actor, {
    ...{ name, sha256: identityOf(card), bytes: card.bytes, inPlace: true, rights },
    storeOriginal: (id) => storeCard(files, id, card),
  });
}
