/** The ways an image comes in: an upload, a URL, the demo scene. */

import type { App } from '../app.ts';
import { t } from '../messages/index.ts';
import * as api from '../service/api.ts';
import { forgetInterrupted, type InterruptedUpload, refuseEarly, startUpload } from '../service/upload.ts';
import { attempt } from './attempt.ts';
import { expectJob } from './remembered.ts';
import { noteInterrupted, receiveScene } from './scenes.ts';

export const upload = (app: App, file: File) =>
  attempt(app, async () => {
    const { state } = app;
    if (app.upload) throw new api.ServiceError({ title: t.error.uploading, detail: t.error.uploadingDetail });
    state.error.value = null;
    const limitBytes = state.service.value?.limits.upload_bytes ?? Number.POSITIVE_INFINITY;
    const refusal = await refuseEarly(file, limitBytes);
    if (refusal) throw new api.ServiceError(refusal);
    state.interrupted.value = state.interrupted.value.filter(
      ({ name, totalBytes }) => name !== file.name || totalBytes !== file.size,
    );
    app.sending = file;
    const end = () => {
      app.upload = null;
      state.upload.value = null;
    };
    app.upload = await startUpload(file, {
      onProgress(progress) {
        state.upload.value = progress;
      },
      onScene(id) {
        end();
        expectJob(id, true);
        attempt(app, async () => receiveScene(app, await api.getScene(id)));
      },
      onError(error) {
        end();
        state.error.value = error;
        app.sending = null;
        noteInterrupted(app);
      },
    });
  });

export function cancelUpload(app: App): void {
  app.upload?.cancel();
  app.upload = null;
  app.state.upload.value = null;
}

export async function discardInterrupted({ state: { interrupted } }: App, upload: InterruptedUpload): Promise<void> {
  interrupted.value = interrupted.value.filter(({ key }) => key !== upload.key);
  await forgetInterrupted(upload);
}

/** False where it was refused. */
export const addByUrl = (app: App, url: string): Promise<boolean> =>
  attempt(app, async () => {
    app.state.error.value = null;
    receiveScene(app, await api.addByUrl(url));
  });

export const addDemo = (app: App) =>
  attempt(app, async () => {
    const { error, demoRunning } = app.state;
    error.value = null;
    demoRunning.value = true;
    const scene = await api.makeDemoScene().finally(() => {
      demoRunning.value = false;
    });
    receiveScene(app, scene);
  });
