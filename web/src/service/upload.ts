/** Sends a file by tus: pausable, and resumable after a reload once the same file is chosen again. */
import type { DetailedError, HttpResponse } from 'tus-js-client';
import { t } from '../messages/index.ts';
import { type ErrorMessage, findSceneByUpload, messageOf, messageOfBody, ServiceError } from './api.ts';
import { BASE, reconnected } from './connection.ts';

/** Loaded after the page is drawn: it is as large as the rest of the viewer. */
const loadTus = () => import('tus-js-client');

const ENDPOINT = `${BASE}/uploads`;
const SCENE_HEADER = 'Planimeter-Scene';
/** Large enough to cost nothing in speed, small enough that a proxy which buffers requests shows progress. */
const CHUNK_BYTES = 16 * 1024 * 1024;
const RETRY_DELAYS_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];

export interface UploadState {
  name: string;
  sentBytes: number;
  totalBytes: number;
  bytesPerSecond: number;
  paused: boolean;
}

/** An upload of an earlier visit; browsers forget the file, so it has to be chosen again. */
export interface InterruptedUpload {
  key: string;
  url: string;
  name: string;
  totalBytes: number;
  sentBytes: number;
}

export interface RunningUpload {
  pause(): void;
  resume(): void;
  /** Ends the upload here and on the service. */
  cancel(): void;
}

interface UploadListener {
  onProgress(state: UploadState): void;
  /** The scene that it became, or that was here already: then another upload brought it. */
  onScene(sceneId: string, uploadId: string): void;
  onError(error: ErrorMessage): void;
}

export async function startUpload(file: File, listener: UploadListener): Promise<RunningUpload> {
  const { Upload } = await loadTus();
  let paused = false;
  let cancelled = false;
  let sentBytes = 0;
  let startedAt = performance.now();
  let startedAtBytes: number | null = null;
  const report = () => {
    const seconds = (performance.now() - startedAt) / 1000;
    const bytesPerSecond = seconds > 0.5 ? (sentBytes - (startedAtBytes ?? sentBytes)) / seconds : 0;
    listener.onProgress({ name: file.name, sentBytes, totalBytes: file.size, bytesPerSecond, paused });
  };
  const upload = new Upload(file, {
    endpoint: ENDPOINT,
    metadata: { filename: file.name, filetype: file.type },
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    onProgress(sent) {
      sentBytes = sent;
      startedAtBytes ??= sent;
      report();
    },
    onSuccess({ lastResponse }) {
      sceneOf(lastResponse, upload.url).then(
        (scene) => listener.onScene(scene, idOf(upload.url ?? '')),
        (error) => listener.onError(messageOf(error)),
      );
    },
    onError(error) {
      const response = 'originalResponse' in error ? (error as DetailedError).originalResponse : null;
      if (response) listener.onError(messageOfBody(response.getBody(), response.getStatus()));
      else void goOn();
    },
  });
  /** Once the connection is back. */
  const goOn = async () => {
    await reconnected();
    if (!paused && !cancelled) upload.start();
  };
  const [previous] = await upload.findPreviousUploads();
  if (previous) upload.resumeFromPreviousUpload(previous);
  report();
  upload.start();
  return {
    pause() {
      paused = true;
      void upload.abort();
      report();
    },
    resume() {
      paused = false;
      startedAt = performance.now();
      startedAtBytes = null;
      report();
      upload.start();
    },
    cancel() {
      cancelled = true;
      // The service may not have heard of the upload yet; then there is nothing to end there.
      upload.abort(true).catch(() => {});
    },
  };
}

const idOf = (uploadUrl: string): string => uploadUrl.split('/').at(-1) ?? '';

async function sceneOf(response: HttpResponse, uploadUrl: string | null): Promise<string> {
  const scene = response.getHeader(SCENE_HEADER) ?? (uploadUrl ? await findSceneByUpload(uploadUrl) : undefined);
  if (scene) return scene;
  throw new ServiceError({ title: t.error.uploadLost, detail: t.error.uploadLostDetail });
}

/** Uploads of earlier visits that the service still holds a part of; those it has forgotten are forgotten here too. */
export async function findInterrupted(): Promise<InterruptedUpload[]> {
  const { urlStorage } = (await loadTus()).defaultOptions;
  const known = await urlStorage.findAllUploads();
  const found = await Promise.all(
    known.map(async ({ urlStorageKey: key, uploadUrl: url, metadata, size }): Promise<InterruptedUpload | null> => {
      if (!url) return null;
      const response = await fetch(url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } }).catch(() => null);
      const sentBytes = Number(response?.headers.get('Upload-Offset') ?? Number.NaN);
      const totalBytes = size ?? 0;
      if (!response) return null;
      const worthResuming = response.ok && sentBytes > 0 && sentBytes < totalBytes;
      if (!worthResuming) {
        await urlStorage.removeUpload(key);
        return null;
      }
      return { key, url, name: metadata.filename ?? 'image.tif', totalBytes, sentBytes };
    }),
  );
  return found.filter((upload) => upload !== null);
}

export async function forgetInterrupted({ key, url }: InterruptedUpload): Promise<void> {
  const { Upload, defaultOptions } = await loadTus();
  await defaultOptions.urlStorage.removeUpload(key);
  await Upload.terminate(url).catch(() => {});
}
