/** Scenes that this page brought in while another is open: read, and mapped as if they were. */
import type { App } from '../app.ts';
import * as api from '../service/api.ts';
import type { JobJson } from '../service/types.ts';
import { attempt } from './attempt.ts';
import { isOver, startExpected } from './jobs.ts';
import { expectJob, isJobExpected } from './remembered.ts';
import { isReadOut, putScene } from './scenes.ts';

const POLL_MS = 2000;
const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

/** Asks now and then: browsers keep few connections to a service, and each stream of events is one. */
export const mapInBackground = (app: App, sceneId: string) =>
  attempt(app, async () => {
    const { state } = app;
    const isThere = () => state.scenes.value.some(({ id }) => id === sceneId);
    let scene = await api.getScene(sceneId);
    while (!isReadOut(scene)) {
      await pause();
      if (!isThere()) return;
      scene = await api.getScene(sceneId);
      putScene(state, scene);
    }
    if (scene.state !== 'ready') return expectJob(sceneId, false);
    const show = (job: JobJson) => (state.backgroundJobs.value = new Map(state.backgroundJobs.value).set(sceneId, job));
    let job = await startExpected(sceneId);
    while (job && !isOver(job)) {
      show(job);
      await pause();
      if (!isThere()) return;
      job = await api.getJob(job.id);
    }
    if (job) show(job);
  });

/** What an earlier visit to this page brought in and did not see mapped. */
export function mapExpected(app: App): void {
  const { scenes, sceneId } = app.state;
  for (const { id } of scenes.value) if (isJobExpected(id) && id !== sceneId.value) void mapInBackground(app, id);
}
