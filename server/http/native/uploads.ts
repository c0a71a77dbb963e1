/**
 * Uploads by tus 1.0 (resumable): bytes stream to a file, and a finished file becomes a scene whose ingest is enqueued.
 *
 * An upload is a data file and an information file beside it. Every step of finishing is written down there before the
 * next one begins, so that a process that is killed in between finishes the upload at its next start.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileConfigstore, FileStore } from '@tus/file-store';
import { Server, type Upload } from '@tus/server';
import { type Request, type Response, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { crsOfText } from '../../../tiler/ingest/locate.ts';
import { sha256OfFile } from '../../../tiler/ingest/sha256.ts';
import { log } from '../../log.ts';
import { parseRights } from '../../scenes/attribution.ts';
import { writeSrs } from '../../scenes/source-files.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';
import { record } from '../../store/tables/audit.ts';
import { findSceneBySha256, getScene, insertScene, updateScene } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { checkBytes } from '../core/quotas.ts';
import { pathParameter } from '../core/request.ts';

const SCENE_HEADER = 'Planimeter-Scene';
/** How long an upload that nobody goes on with is kept, and how long a finished one is remembered. */
const EXPIRY_MS = 7 * 24 * 3600 * 1000;
const SWEEP_INTERVAL_MS = 3600 * 1000;

/** What is known of an upload beside its bytes; `sha256` once hashed, `scene` once chosen, `done` once it is stored. */
type UploadInfo = Pick<Upload, 'id' | 'size' | 'metadata'> & { sha256?: string; scene?: string; done?: boolean };

type Dependencies = Pick<AppContext, 'allWorkspaces' | 'files' | 'limits' | 'queue' | 'uploadFolder'>;

export function uploadsRouter(deps: Dependencies): Router {
  const { limits, uploadFolder } = deps;
  const configstore = new WholeFiles(uploadFolder);
  const finishing = createFinisher(deps, configstore as unknown as InformationStore);
  const tus = new Server({
    path: '/uploads',
    relativeLocation: true,
    maxSize: limits.uploadBytes,
    allowedOrigins: () => false,
    exposedHeaders: [SCENE_HEADER],
    disableTerminationForFinishedUploads: true,
    datastore: new FileStore({
      directory: uploadFolder,
      configstore,
      expirationPeriodInMilliseconds: EXPIRY_MS,
    }),
    async onUploadCreate(request, upload) {
      if (upload.size === 0) throw new Problem('bad_request', 'The file is empty; choose the GeoTIFF itself.');
      const srs = upload.metadata?.srs?.trim();
      const epsg = srs ? crsOfText(srs).epsg : null;
      const filename = fileName(upload.metadata?.filename ?? upload.metadata?.name);
      const asked = request.runtime!.node!.req as unknown as Request;
      const caller = callerOf(asked);
      const { workspace, name: by } = caller;
      const underWay = caller.limited ? await finishing.unfinishedBytes(workspace) : 0;
      await checkBytes(databaseOf(asked), caller, limits, upload.size ?? 0, underWay);
      const said = { ...(srs && { srs: epsg === null ? srs : `EPSG:${epsg}` }), ...saidRights(upload.metadata) };
      return { metadata: { filename, workspace, by, ...said } };
    },
    async onUploadFinish(_request, upload) {
      return { headers: { [SCENE_HEADER]: await finishing.finish(upload.id) } };
    },
    onResponseError(_request, error) {
      throw asProblem(error, limits.uploadBytes);
    },
  });

  void finishing.sweep();
  setInterval(finishing.sweep, SWEEP_INTERVAL_MS).unref();

  const router = Router();
  const handle = async (request: Request, response: Response) => {
    response.set('Tus-Resumable', '1.0.0');
    if (request.method !== 'OPTIONS') checkHeaders(request);
    try {
      await tus.handle(request, response);
    } catch (error) {
      // A client that goes away in the middle is no fault of ours, whatever the write to disk makes of it.
      if (request.destroyed && !request.complete)
        throw new Problem('bad_request', 'The upload ended early; resume it.');
      throw error;
    }
  };

  /**
   * A finished upload has left the folder; a client that missed the last answer asks here how far it came. One that is
   * being made a scene, or was when the process before this one died, is so first.
   */
  const answerFinished = async (request: Request, response: Response): Promise<boolean> => {
    const id = pathParameter(request, 'id');
    if ((await finishing.infos.get(id))?.sha256) await finishing.finish(id);
    const info = await finishing.infos.get(id);
    if (!info?.done || !info.scene || !(await getScene(databaseOf(request), info.scene))) return false;
    response.set({
      'Tus-Resumable': '1.0.0',
      'Cache-Control': 'no-store',
      'Upload-Offset': String(info.size),
      'Upload-Length': String(info.size),
      [SCENE_HEADER]: info.scene,
    });
    response.status(request.method === 'PATCH' ? 204 : 200).end();
    return true;
  };

  /** An upload is there for its own workspace alone. */
  const requireOwn = async (request: Request, _response: Response, next: () => void) => {
    const id = pathParameter(request, 'id');
    const info = /^[\w-]+$/.test(id) ? await finishing.infos.get(id) : undefined;
    if (!info || workspaceOf(info) !== callerOf(request).workspace) throw noSuchUpload();
    next();
  };

  router.options(['/uploads', '/uploads/:id'], handle);
  router.post('/uploads', handle);
  router.head('/uploads/:id', requireOwn, async (request, response) => {
    if (!(await answerFinished(request, response))) await handle(request, response);
  });
  router.patch('/uploads/:id', requireOwn, async (request, response) => {
    if (!(await answerFinished(request, response))) await handle(request, response);
  });
  router.delete('/uploads/:id', requireOwn, handle);
  return router;
}

/** Those that were said; throws `bad_request`. */
function saidRights(metadata: UploadInfo['metadata']): Record<string, string> {
  const { license, attribution } = metadata ?? {};
  const said = Object.entries(parseRights({ license: license ?? undefined, attribution: attribution ?? undefined }));
  return Object.fromEntries(said.filter((entry): entry is [string, string] => entry[1] !== null));
}

const workspaceOf = ({ metadata }: UploadInfo): string => metadata?.workspace ?? DEFAULT_WORKSPACE;

const noSuchUpload = () => new Problem('not_found', 'There is no such upload, or it has expired; start it anew.');

/** A process that is killed while it writes down what is known of an upload leaves what was known before. */
export class WholeFiles extends FileConfigstore {
  override async set(id: string, info: Parameters<FileConfigstore['set']>[1]): Promise<void> {
    const path = join(this.directory, `${id}.json`);
    await writeFile(`${path}.new`, JSON.stringify(info));
    await rename(`${path}.new`, path);
  }
}

interface InformationStore {
  get(id: string): Promise<UploadInfo | undefined>;
  set(id: string, info: UploadInfo): Promise<void>;
}

function createFinisher({ allWorkspaces, files, queue, uploadFolder }: Dependencies, infos: InformationStore) {
  const underWay = new Map<string, Promise<string>>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Makes a scene of a complete upload, once however often it is called; returns the scene's id. */
  const finish = (id: string): Promise<string> => {
    const running = underWay.get(id);
    if (running) return running;
    const finished = hashThenStore(id).finally(() => underWay.delete(id));
    underWay.set(id, finished);
    return finished;
  };

  const hashThenStore = async (id: string): Promise<string> => {
    const info = await infos.get(id);
    if (!info) throw new Error(`the upload ${id} has no information file`);
    if (info.done) return info.scene!;
    info.sha256 ??= await sha256OfFile(join(uploadFolder, id));
    // One after the other: two uploads of the same bytes become one scene.
    const stored = turn.then(() => store(id, info, info.sha256!));
    turn = stored.catch(() => {});
    return stored;
  };

  const store = async (id: string, info: UploadInfo, sha256: string): Promise<string> => {
    const db = allWorkspaces.within({ workspace: workspaceOf(info) });
    const data = join(uploadFolder, id);
    const srs = info.metadata?.srs ?? undefined;
    const rights = saidRights(info.metadata);
    const same = await findSceneBySha256(db, sha256);
    // The same bytes in another system are another scene; of a refused one nothing is left that could differ.
    const existing = same && srs !== undefined && same.state !== 'refused' && same.srs !== srs ? null : same;
    const scene = existing?.id ?? info.scene ?? randomUUID();
    await infos.set(id, { ...info, sha256, scene });
    if (existing && existing.state !== 'refused') {
      if (Object.keys(rights).length > 0) await updateScene(db, scene, rights);
      await rm(data, { force: true });
    } else {
      await handOver(files, data, `scenes/${scene}/original.tif`);
      await writeSrs(files, scene, srs);
      const name = info.metadata?.filename ?? fileName(undefined);
      // What was refused once may be taken now: limits change, and so does the program.
      await db.transaction(async (q) => {
        if (existing) await updateScene(q, scene, { state: 'uploaded', problem: null, name, upload: id, ...rights });
        else await insertScene(q, { id: scene, name, upload: id, sha256, bytes: info.size!, ...rights });
        const by = { workspace: workspaceOf(info), actor: info.metadata?.by ?? 'unknown' };
        await record(q, { ...by, action: 'scene_added', subject: scene, details: { name, bytes: info.size } });
      });
      await queue.enqueueIngest(scene);
    }
    await infos.set(id, { ...info, sha256, scene, done: true });
    return scene;
  };

  /** Finishes complete uploads that a stopped process left, and removes expired ones. */
  const sweep = async (): Promise<void> => {
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
  };

  const sweepOne = async (id: string): Promise<void> => {
    const [data, information] = await Promise.all([fileState(join(uploadFolder, id)), fileState(infoPath(id))]);
    const touched = Math.max(data?.mtimeMs ?? 0, information?.mtimeMs ?? 0);
    const info = await infos.get(id);
    const complete = info && (info.sha256 || (data && data.size === info.size));
    if (complete && !info.done) await finish(id);
    else if (Date.now() - touched > EXPIRY_MS) await removeUpload(id);
  };

  const infoPath = (id: string) => join(uploadFolder, `${id}.json`);
  const removeUpload = async (id: string) => {
    await rm(join(uploadFolder, id), { force: true });
    await rm(infoPath(id), { force: true });
  };

  /** Of a workspace's uploads that are not scenes yet, as long as they will be. */
  const unfinishedBytes = async (workspace: string): Promise<number> => {
    let bytes = 0;
    for (const name of await readdir(uploadFolder)) {
      const info = name.endsWith('.json') ? await infos.get(name.slice(0, -'.json'.length)).catch(() => null) : null;
      if (info && !info.done && workspaceOf(info) === workspace) bytes += info.size ?? 0;
    }
    return bytes;
  };

  return { infos, finish, sweep, unfinishedBytes };
}

/** Moves a file into the store unless an earlier attempt has done so, or the half of it, already. */
async function handOver(files: Dependencies['files'], from: string, key: string): Promise<void> {
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

async function fileState(path: string) {
  return stat(path).catch(() => null);
}

/** The last part of a name that a client sent, without anything that could mislead a reader or a file system. */
export function fileName(sent: string | null | undefined): string {
  const last = (sent ?? '').normalize('NFC').split(/[/\\]/).at(-1)!;
  const clean = last.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').replace(/^[.\s]+|\s+$/g, '');
  return [...clean].slice(0, 200).join('') || 'image.tif';
}

/** The headers of the protocol, checked before the library does, which would answer in plain text. */
function checkHeaders(request: Request): void {
  const { headers } = request;
  if (headers['tus-resumable'] !== '1.0.0') {
    throw new Problem('bad_request', 'Uploads speak tus 1.0: send the header "Tus-Resumable: 1.0.0".');
  }
  for (const name of ['upload-offset', 'upload-length']) {
    const value = headers[name];
    if (value !== undefined && !/^(0|[1-9]\d{0,15})$/.test(String(value))) {
      throw new Problem('bad_request', `The header "${name}" is a whole number of bytes.`);
    }
  }
  const metadata = headers['upload-metadata'];
  if (metadata !== undefined && !/^[^\s,]+( [A-Za-z\d+/=]*)?(, ?[^\s,]+( [A-Za-z\d+/=]*)?)*$/.test(String(metadata))) {
    throw new Problem('bad_request', 'The header "upload-metadata" holds keys with values in base64.');
  }
}

/** The errors of @tus/server carry an HTTP status and a text. */
function asProblem(error: Error | { status_code: number; body: string }, limitBytes: number): Problem | Error {
  if (error instanceof Error) return error;
  const text = error.body.trim();
  switch (error.status_code) {
    case 404:
    case 410:
      return noSuchUpload();
    case 409:
      return new Problem(
        'conflict',
        'The upload stands at another offset; ask with HEAD where it stands and go on there.',
      );
    case 413:
      return new Problem(
        'too_large',
        `A file may have at most ${limitBytes} bytes here, and no more than were announced. Split the image, or ask who ` +
          'runs the service to set PLANIMETER_MAX_UPLOAD_BYTES higher.',
      );
    default:
      return error.status_code < 500 || error.status_code === 501
        ? new Problem('bad_request', `The upload is not understood: ${text}.`)
        : new Error(text);
  }
}
