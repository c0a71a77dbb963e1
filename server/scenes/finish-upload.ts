/**
 * What happens when an upload ends: its file is hashed, moved into the store, and becomes a scene.
 *
 * An upload is a data file and an information file beside it. Every step of finishing is written down there before the
 * next one begins, so that a process that is killed in between finishes the upload at its next start.
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import { sha256OfFile } from '../../tiler/ingest/sha256.ts';
import { SaidRights, type SceneRights } from '../api/scenes.ts';
import { check } from '../api/schema.ts';
import { log } from '../log.ts';
import type { UnderWay } from '../operations/quotas.ts';
import type { Queue } from '../queue/queue.ts';
import type { Database } from '../store/database/database.ts';
import { DEFAULT_WORKSPACE } from '../store/database/row-level-security.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { addScene } from './add-scene.ts';
import { fileName } from './file-name.ts';
import { writeSrs } from './source-files.ts';

/** How long an upload that nobody goes on with is kept, and how long a finished one is remembered. */
export const UPLOAD_EXPIRY_MS = 7 * 24 * 3600 * 1000;

/** How long a finished one waits before it looks again whether there is room. */
const ROOM_MS = 10_000;

/** What is known of an upload beside its bytes; `sha256` once hashed, `scene` once chosen, `done` once it is stored. */
export interface UploadInfo {
  id: string;
  size?: number | undefined;
  metadata?: Record<string, string | null> | undefined;
  sha256?: string;
  scene?: string;
  done?: boolean;
}

export interface UploadInfoStore {
  get(id: string): Promise<UploadInfo | undefined>;
  set(id: string, info: UploadInfo): Promise<void>;
}

export interface UploadFinisher {
  /** Makes a scene of a complete upload, once however often it is called; returns the scene's id. */
  finish(id: string): Promise<string>;
  /** Finishes complete uploads that a stopped process left, and removes expired ones. */
  sweep(): Promise<void>;
  /**
   * Keeps room for an upload that begins, unless `check` throws for what is under way beside it in its workspace: one
   * after the other, so that many at the same moment get no more room than there is.
   */
  reserve(upload: Reserved, check: (underWay: UnderWay) => Promise<void>): Promise<void>;
  /** The upload is written down in the folder by now, or came to nothing. */
  release(id: string): void;
}

interface Reserved {
  id: string;
  workspace: string;
  bytes: number;
}

interface Tools {
  allWorkspaces: Database;
  files: FileStore;
  queue: Queue;
  /** On the file system of the file store: finished uploads are moved there. */
  uploadFolder: string;
}

export function createUploadFinisher(tools: Tools, infos: UploadInfoStore): UploadFinisher {
  const { uploadFolder } = tools;
  const underWay = new Map<string, Promise<string>>();
  const reserved = new Map<string, Reserved>();
  let last: Promise<void> = Promise.resolve();

  /** Uploads that are not scenes yet, as long as they will be. */
  const underWayIn = async (workspace: string): Promise<UnderWay> => {
    // Those that are written down and released while the folder is read may be missing in what was listed.
    const kept = [...reserved.values()].filter((each) => each.workspace === workspace);
    const found = new Map(kept.map(({ id, bytes }) => [id, bytes]));
    for (const name of await readdir(uploadFolder)) {
      const info = name.endsWith('.json') ? await infos.get(name.slice(0, -'.json'.length)).catch(() => null) : null;
      if (info && !info.done && workspaceOf(info) === workspace) found.set(info.id, info.size ?? 0);
    }
    return { bytes: [...found.values()].reduce((sum, bytes) => sum + bytes, 0), scenes: found.size };
  };

  const finish = (id: string): Promise<string> => {
    const running = underWay.get(id);
    if (running) return running;
    const finished = becomeScene(tools, infos, id).finally(() => underWay.delete(id));
    finished.catch((error) => {
      if (noRoomOf(error)) setTimeout(() => finish(id).catch(() => {}), ROOM_MS).unref();
    });
    underWay.set(id, finished);
    return finished;
  };

  const sweepOne = async (id: string): Promise<void> => {
    const information = join(uploadFolder, `${id}.json`);
    const [data, beside] = await Promise.all([fileState(join(uploadFolder, id)), fileState(information)]);
    const touched = Math.max(data?.mtimeMs ?? 0, beside?.mtimeMs ?? 0);
    const info = await infos.get(id);
    const complete = info && (info.sha256 || (data && data.size === info.size));
    if (complete && !info.done) await finish(id);
    else if ((info || !data?.size) && Date.now() - touched > UPLOAD_EXPIRY_MS) {
      await rm(join(uploadFolder, id), { force: true });
      await rm(information, { force: true });
    }
  };

  return {
    finish,
    async sweep() {
      try {
        await mkdir(uploadFolder, { recursive: true });
        const names = await readdir(uploadFolder);
        for (const id of new Set(names.map((name) => name.replace(/\.json$/, '')))) {
          // One that cannot be finished does not keep the others from it.
          await sweepOne(id).catch((error) => log.error('finishing an upload failed', { upload: id, error }));
        }
      } catch (error) {
        log.error('sweeping the upload folder failed', { error });
      }
    },
    reserve(upload, check) {
      const turn = last
        .catch(() => {})
        .then(async () => {
          await check(await underWayIn(upload.workspace));
          reserved.set(upload.id, upload);
        });
      last = turn;
      return turn;
    },
    release(id) {
      reserved.delete(id);
    },
  };
}

async function becomeScene(
  { allWorkspaces, files, queue, uploadFolder }: Tools,
  infos: UploadInfoStore,
  id: string,
): Promise<string> {
  const info = await infos.get(id);
  if (!info) throw new Error(`the upload ${id} has no information file`);
  if (info.done) return info.scene!;
  const data = join(uploadFolder, id);
  const sha256 = info.sha256 ?? (await sha256OfFile(data));
  if (!info.sha256) await infos.set(id, { ...info, sha256 });
  const workspace = workspaceOf(info);
  const srs = info.metadata?.srs ?? undefined;
  const actor = { workspace, name: info.metadata?.by ?? 'unknown' };
  const scene = await addScene({ db: allWorkspaces.within({ workspace }), queue }, actor, {
    ...{ name: info.metadata?.filename ?? fileName(undefined), sha256, bytes: info.size!, upload: id, srs },
    ...{ rights: rightsOf(info), sceneId: info.scene },
    async storeOriginal(chosen) {
      await infos.set(id, { ...info, sha256, scene: chosen });
      await handOver(files, data, `scenes/${chosen}/original.tif`);
      await writeSrs(files, chosen, srs);
    },
    isSound: async (known) => {
      const fetched = files.fetch(`scenes/${known}/original.tif`).catch((error) => {
        if (error instanceof Problem && (error.code === 'damaged' || error.code === 'not_found')) return null;
        throw error;
      });
      return (await fetched) !== null;
    },
  });
  await rm(data, { force: true }); // still there where the image was known already
  await infos.set(id, { ...info, sha256, scene, done: true });
  return scene;
}

export const workspaceOf = ({ metadata }: UploadInfo): string => metadata?.workspace ?? DEFAULT_WORKSPACE;

/** Licence and attribution that were said with an upload. Throws `bad_request`. */
export function rightsOf({ metadata }: Pick<UploadInfo, 'metadata'>): Partial<SceneRights> {
  const rights = check(SaidRights, metadata ?? {});
  return Object.fromEntries(Object.entries(rights).filter(([, text]) => text !== null));
}

/** Moves a file into the store unless an earlier attempt has done so, or the half of it, already. */
async function handOver(files: FileStore, from: string, key: string): Promise<void> {
  const to = files.path(key);
  await mkdir(dirname(to), { recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (!(await fileState(to))) {
      await files.fetch(key);
      return;
    }
  }
  await files.put(key);
}

const fileState = (path: string) => stat(path).catch(() => null);
