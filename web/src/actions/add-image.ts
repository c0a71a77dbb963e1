/** The ways an image comes in: files that are sent one after the other, a URL, the demo scene. */
import { batch } from '@preact/signals';
import type { App } from '../app.ts';
import { t } from '../messages/index.ts';
import * as api from '../service/api.ts';
import { groupFiles, type ImageFiles, packed, refuseEarly } from '../service/image-files.ts';
import { forgetInterrupted, type InterruptedUpload, startUpload } from '../service/upload.ts';
import { attempt } from './attempt.ts';
import { mapInBackground } from './background.ts';
import { expectJob } from './remembered.ts';
import { noteInterrupted, openScene, putScene, receiveScene } from './scenes.ts';

/** What was told of earlier ones does not stay over these. */
function forgetFormer({ error, refusals, known }: App['state']): void {
  batch(() => {
    error.value = null;
    refusals.value = [];
    known.value = null;
  });
}

/** The first that arrives is opened; the others are read and mapped meanwhile. */
export async function addFiles(app: App, files: readonly File[]): Promise<void> {
  const { waiting, refusals, service } = app.state;
  const { images, strays } = groupFiles(files);
  forgetFormer(app.state);
  const limitBytes = service.value?.limits.upload_bytes ?? Number.POSITIVE_INFINITY;
  const judged = await Promise.all(images.map((each) => refuseEarly(each, limitBytes)));
  batch(() => {
    refusals.value = [...strays, ...judged.filter((refusal) => refusal !== null)];
    waiting.value = [...waiting.value, ...images.filter((_, i) => judged[i] === null)];
  });
  if (app.sending) return;
  let opened = false;
  while (waiting.value.length > 0) {
    const [next, ...rest] = waiting.value;
    waiting.value = rest;
    app.sending = next.image;
    const arrived = await send(app, next).catch((error: unknown) => refuse(app, next, api.messageOf(error)));
    if (arrived) await attempt(app, () => receive(app, arrived, next.image.name, !opened));
    opened ||= arrived !== null;
  }
  app.sending = null;
  await attempt(app, () => noteInterrupted(app));
}

interface Arrived {
  sceneId: string;
  uploadId: string;
}

/** Null where it was refused or cancelled. */
async function send(app: App, files: ImageFiles): Promise<Arrived | null> {
  const { state } = app;
  const { name, size } = files.image;
  // From here on it is shown, though what lies beside it may have to be packed first.
  state.upload.value = { name, sentBytes: 0, totalBytes: size, bytesPerSecond: 0, paused: false };
  const file = await packed(files);
  state.interrupted.value = state.interrupted.value.filter(
    (each) => each.name !== name || each.totalBytes !== file.size,
  );
  app.sending = file;
  return new Promise<Arrived | null>((resolve, reject) => {
    app.endUpload = () => resolve(null);
    startUpload(file, {
      onProgress(progress) {
        if (app.sending === file) state.upload.value = progress;
      },
      onScene: (sceneId, uploadId) => resolve({ sceneId, uploadId }),
      onError: (error) => resolve(refuse(app, files, error)),
    }).then((upload) => {
      app.upload = upload;
    }, reject);
  }).finally(() => {
    app.upload = null;
    state.upload.value = null;
  });
}

function refuse({ state: { refusals } }: App, { image }: ImageFiles, error: api.ErrorMessage): null {
  refusals.value = [...refusals.value, { ...error, title: t.error.ofFile(image.name, error.title) }];
  return null;
}

async function receive(app: App, { sceneId, uploadId }: Arrived, sentAs: string, open: boolean): Promise<void> {
  expectJob(sceneId, true);
  const scene = await api.getScene(sceneId);
  putScene(app.state, scene);
  if (open) openScene(app, sceneId);
  else void mapInBackground(app, sceneId);
  if (scene.upload !== uploadId) app.state.known.value = { scene, sentAs: sentAs.normalize('NFC') };
}

export function cancelUpload(app: App): void {
  app.upload?.cancel();
  app.endUpload();
}

/** Of those that wait. */
export function dropWaiting({ state: { waiting } }: App, image: ImageFiles): void {
  waiting.value = waiting.value.filter((each) => each !== image);
}

/** Gives the image that was here already the name that it had this time. */
export const renameKnown = (app: App) =>
  attempt(app, async () => {
    const { known } = app.state;
    if (!known.value) return;
    putScene(app.state, await api.renameScene(known.value.scene.id, known.value.sentAs));
    known.value = null;
  });

export async function discardInterrupted({ state: { interrupted } }: App, upload: InterruptedUpload): Promise<void> {
  interrupted.value = interrupted.value.filter(({ key }) => key !== upload.key);
  await forgetInterrupted(upload);
}

/** False where it was refused. */
export const addByUrl = (app: App, url: string): Promise<boolean> =>
  attempt(app, async () => {
    forgetFormer(app.state);
    receiveScene(app, await api.addByUrl(url));
  });

export const addDemo = (app: App) =>
  attempt(app, async () => {
    const { demoRunning } = app.state;
    forgetFormer(app.state);
    demoRunning.value = true;
    const scene = await api.makeDemoScene().finally(() => {
      demoRunning.value = false;
    });
    receiveScene(app, scene);
  });
