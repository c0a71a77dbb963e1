/** Scenes: the list, which of them is open, and what follows by itself when one is: it is read, then it has a job. */
import { batch } from '@preact/signals';
import { type App, beginVisit } from '../app.ts';
import { NO_SETTINGS } from '../job-settings.ts';
import { t } from '../messages/index.ts';
import * as api from '../service/api.ts';
import type { SceneJson } from '../service/types.ts';
import { findInterrupted } from '../service/upload.ts';
import type { State } from '../state.ts';
import { attempt } from './attempt.ts';
import { findJob } from './jobs.ts';
import { expectJob, sceneInAddress, writeSceneToAddress } from './remembered.ts';

export const isReadOut = ({ state }: SceneJson): boolean => state === 'ready' || state === 'refused';

const newestFirst = (scenes: readonly SceneJson[]): SceneJson[] =>
  [...scenes].sort((a, b) => b.created_at.localeCompare(a.created_at));

/** Asks the service what there is, and opens the scene of the page's address, or the newest. */
export const start = (app: App) =>
  attempt(app, async () => {
    const { state } = app;
    const [service, models, found] = await Promise.all([api.getService(), api.getModels(), api.getScenes()]);
    const scenes = newestFirst(found);
    batch(() => {
      state.service.value = service;
      state.models.value = models;
      state.scenes.value = scenes;
      state.started.value = true;
    });
    attempt(app, () => noteInterrupted(app));
    const first = sceneInAddress() ?? scenes[0]?.id;
    if (first) openScene(app, first);
  });

/** Goes on where the page was when the connection was lost. */
export function resume(app: App): void {
  const { sceneId } = app.state;
  if (sceneId.value && !app.visit.signal.aborted) openScene(app, sceneId.value);
}

/** Uploads of earlier visits that can go on. */
export async function noteInterrupted(app: App): Promise<void> {
  const found = await findInterrupted();
  const { sending } = app;
  app.state.interrupted.value = found.filter(
    ({ name, totalBytes }) => name !== sending?.name || totalBytes !== sending.size,
  );
}

/** Puts a scene into the list, in place of what was known of it. */
export function putScene({ scenes }: State, scene: SceneJson): void {
  const known = scenes.value.some(({ id }) => id === scene.id);
  scenes.value = known ? scenes.value.map((each) => (each.id === scene.id ? scene : each)) : [scene, ...scenes.value];
}

export function openScene(app: App, id: string): void {
  const { state } = app;
  const signal = beginVisit(app);
  batch(() => {
    state.selected.value = null;
    if (state.sceneId.value === id) return;
    state.sceneId.value = id;
    state.job.value = undefined;
    state.error.value = null;
    state.preflight.value = null;
    state.settings.value = NO_SETTINGS;
    state.settingsOpen.value = false;
  });
  writeSceneToAddress(id);
  const scene = state.scene.value;
  if (!scene) attempt(app, () => fetchScene(app, id, signal));
  else if (scene.state === 'ready') attempt(app, () => findJob(app, id, signal));
  else if (scene.state === 'refused') state.job.value = null;
  else {
    api.follow<SceneJson>('scene', id, {
      signal,
      isFinal: isReadOut,
      onValue(value) {
        putScene(state, value);
        if (value.state === 'ready') attempt(app, () => findJob(app, id, signal));
        if (value.state === 'refused') expectJob(id, false);
      },
    });
  }
}

/** A scene that came by a link, or that another client brought in since the page was loaded. */
async function fetchScene(app: App, id: string, signal: AbortSignal): Promise<void> {
  const scene = await api.getScene(id).catch((error: unknown) => {
    if (!(error instanceof api.ServiceError) || error.code === api.OFFLINE.code) throw error;
    throw new api.ServiceError({ code: 'not_found', title: t.error.noScene, detail: t.error.noSceneDetail });
  });
  if (signal.aborted) return;
  putScene(app.state, scene);
  openScene(app, id);
}

/** Opens a scene that this page brought in, whose first job is to start by itself. */
export function receiveScene(app: App, scene: SceneJson): void {
  expectJob(scene.id, true);
  putScene(app.state, scene);
  openScene(app, scene.id);
}

export const deleteScene = (app: App, { id }: SceneJson) =>
  attempt(app, async () => {
    await api.deleteScene(id);
    const { scenes, sceneId, job, selected } = app.state;
    scenes.value = scenes.value.filter((scene) => scene.id !== id);
    if (sceneId.value !== id) return;
    app.visit.abort();
    batch(() => {
      sceneId.value = null;
      job.value = null;
      selected.value = null;
    });
    writeSceneToAddress(null);
    if (scenes.value[0]) openScene(app, scenes.value[0].id);
  });
