/** Uploads by tus 1.0 (resumable): bytes stream to a file, and a finished file becomes a scene (`finish-upload.ts`). */
import { createWriteStream } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FileConfigstore, FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import { type Request, type Response, Router } from 'express';
import { noRoomOf } from '../../../errors/no-room.ts';
import { Problem } from '../../../errors/problem.ts';
import { crsOfText } from '../../../tiler/ingest/locate.ts';
import { checkImage } from '../../operations/quotas.ts';
import { fileName } from '../../scenes/file-name.ts';
import {
  createUploadFinisher,
  rightsOf,
  UPLOAD_EXPIRY_MS,
  type UploadInfoStore,
  workspaceOf,
} from '../../scenes/finish-upload.ts';
import { getScene } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { publicPath } from '../core/public-address.ts';
import { pathParameter } from '../core/request.ts';

const SCENE_HEADER = 'Planimeter-Scene';
const SWEEP_INTERVAL_MS = 3600 * 1000;

type Dependencies = Pick<AppContext, 'allWorkspaces' | 'files' | 'limits' | 'queue' | 'room' | 'uploadFolder'>;

export function uploadsRouter(deps: Dependencies): Router {
  const { limits, uploadFolder, room } = deps;
  const configstore = new WholeFiles(uploadFolder);
  const infos = configstore as unknown as UploadInfoStore;
  const finisher = createUploadFinisher(deps, infos);
  const datastore = new PlainErrors({
    directory: uploadFolder,
    configstore,
    expirationPeriodInMilliseconds: UPLOAD_EXPIRY_MS,
  });
  // Of a file without a length nobody could say whether there is room for it.
  datastore.extensions = datastore.extensions.filter((name) => name !== 'creation-defer-length');
  const tus = new Server({
    path: '/uploads',
    generateUrl: (request, { path, id }) =>
      publicPath(request.runtime!.node!.req as unknown as Request, `${path}/${id}`),
    maxSize: limits.uploadBytes,
    allowedOrigins: () => false,
    exposedHeaders: [SCENE_HEADER],
    disableTerminationForFinishedUploads: true,
    datastore,
    async onUploadCreate(request, upload) {
      if (upload.size === 0) throw new Problem('bad_request', 'The file is empty; choose the GeoTIFF itself.');
      await room.check(upload.size!);
      const srs = upload.metadata?.srs?.trim();
      const epsg = srs ? crsOfText(srs).epsg : null;
      const filename = fileName(upload.metadata?.filename ?? upload.metadata?.name);
      const asked = request.runtime!.node!.req as unknown as Request;
      const caller = callerOf(asked);
      const { workspace, name: by } = caller;
      await finisher.reserve({ id: upload.id, workspace, bytes: upload.size! }, (underWay) =>
        checkImage(databaseOf(asked), caller, limits, upload.size!, underWay),
      );
      asked.res!.once('close', () => finisher.release(upload.id));
      const said = { ...(srs && { srs: epsg === null ? srs : `EPSG:${epsg}` }), ...rightsOf(upload) };
      return { metadata: { filename, workspace, by, ...said } };
    },
    async onUploadFinish(_request, upload) {
      return { headers: { [SCENE_HEADER]: await finisher.finish(upload.id) } };
    },
    onResponseError(_request, error) {
      throw asProblem(error, limits.uploadBytes);
    },
  });

  void finisher.sweep();
  setInterval(finisher.sweep, SWEEP_INTERVAL_MS).unref();

  const router = Router();
  const handle = async (request: Request, response: Response) => {
    response.set('Tus-Resumable', '1.0.0');
    if (request.method !== 'OPTIONS') checkHeaders(request);
    try {
      await tus.handle(request, response);
    } catch (error) {
      // A client that goes away in the middle is no fault of ours, whatever the write to disk makes of it.
      if (request.destroyed && !request.complete && !noRoomOf(error))
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
    if ((await infos.get(id))?.sha256) await finisher.finish(id);
    const info = await infos.get(id);
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
    const info = /^[\w-]+$/.test(id) ? await infos.get(id) : undefined;
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

const noSuchUpload = () => new Problem('not_found', 'There is no such upload, or it has expired; start it anew.');

/** The library's own store hides why bytes could not be written. Those that were stay, to be gone on from. */
class PlainErrors extends FileStore {
  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const file = createWriteStream(join(this.directory, id), { flags: 'r+', start: offset });
    await pipeline(readable, file);
    return offset + file.bytesWritten;
  }
}

/** A process that is killed while it writes down what is known of an upload leaves what was known before. */
export class WholeFiles extends FileConfigstore {
  override async set(id: string, info: Parameters<FileConfigstore['set']>[1]): Promise<void> {
    const path = join(this.directory, `${id}.json`);
    await writeFile(`${path}.new`, JSON.stringify(info));
    await rename(`${path}.new`, path);
  }
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
  if (headers['upload-defer-length'] !== undefined) {
    throw new Problem(
      'bad_request',
      'Say how long the file is, with the header "Upload-Length", when the upload begins.',
    );
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
