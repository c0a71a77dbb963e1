/** What the page is at, in a few words: for the lowered sheet, and for screen readers. */
import { area, percent } from '../format.ts';
import { t } from '../messages/index.ts';
import { type ErrorMessage, inOurWords } from '../service/api.ts';
import type { JobJson, SceneJson } from '../service/types.ts';
import type { State } from '../state.ts';

/** Whether a scene or a job waits until there is room again. */
export const waitsForRoom = (of: Pick<SceneJson | JobJson, 'problem'> | null | undefined): boolean =>
  of?.problem?.code === 'no_room';

/** The problem that ended the scene's reading or its job. */
export function refusalOf({ scene, job }: State): ErrorMessage | null {
  const refused = scene.value?.state === 'refused' ? scene.value.problem : null;
  const problem = refused ?? (job.value?.state === 'failed' ? job.value.problem : null);
  return problem && inOurWords(problem);
}

/** One line for the lowered sheet. */
export function summaryOf(state: State): string {
  const scene = state.scene.value;
  const job = state.job.value;
  const upload = state.upload.value;
  if (state.demoRunning.value) return t.status.demo;
  if (upload) return t.status.uploaded(percent(upload.sentBytes / Math.max(1, upload.totalBytes)));
  if (scene?.state === 'refused') return t.status.refused;
  if (job?.state === 'failed') return t.status.failed;
  if (waitsForRoom(scene) || waitsForRoom(job)) return t.status.waitsForRoom;
  if (scene && scene.state !== 'ready') return t.status.read(percent(scene.progress));
  if (job?.state === 'running') return t.status.mapping(percent(job.progress.share));
  if (job?.state !== 'done') return '';
  return state.detects.value
    ? t.objectsFound(job.totals.reduce((sum, { count }) => sum + count, 0))
    : t.status.mapped(area(job.totals.reduce((sum, { area_m2 }) => sum + area_m2, 0)));
}

/** What screen readers are told: turns of events, not every percent. */
export function spokenOf(state: State): string {
  const job = state.job.value;
  const upload = state.upload.value;
  if (state.demoRunning.value) return t.status.demo;
  if (upload) return upload.paused ? t.status.uploadPaused : t.status.uploading;
  if (waitsForRoom(state.scene.value) || waitsForRoom(job)) return t.status.waitsForRoom;
  if (state.scene.value?.state === 'ingesting') return t.status.reading;
  if (job?.state === 'running') return t.status.stage(t.report.stages[job.progress.stage]);
  if (job?.state === 'done') return t.status.done(summaryOf(state));
  return job?.state === 'cancelled' ? t.status.cancelled : '';
}
