/** Jobs of the scene that is open: found, started, followed, set, cancelled. */
import { type App, beginVisit } from '../app.ts';
import { type JobSettings, jobRequest, NO_SETTINGS, settingsOf } from '../job-settings.ts';
import * as api from '../service/api.ts';
import type { JobJson, PreflightJson } from '../service/types.ts';
import { attempt } from './attempt.ts';
import { expectJob, isJobExpected } from './remembered.ts';

export const isOver = ({ state }: JobJson): boolean => state === 'done' || state === 'failed' || state === 'cancelled';

/** Shows the scene's newest job; where it has none yet, what was understood of it, and its first job starts. */
export async function findJob(app: App, sceneId: string, signal: AbortSignal): Promise<void> {
  const jobs = await api.getJobs(sceneId);
  if (signal.aborted) return;
  const [newest] = jobs.sort((a, b) => b.created_at.localeCompare(a.created_at));
  if (newest) showJob(app, newest, signal);
  else {
    const expected = isJobExpected(sceneId);
    if (!expected) app.state.job.value = null;
    const preflight = await loadPreflight(app, sceneId, signal);
    if (expected && preflight && !isDoubtful(preflight)) showJob(app, await api.startJob(sceneId, {}), signal);
    else if (!signal.aborted) app.state.job.value = null;
  }
  expectJob(sceneId, false);
}

/** What somebody should look at first is not mapped unasked. */
const isDoubtful = ({ findings }: PreflightJson): boolean => findings.some(({ severity }) => severity !== 'info');

/** The first job of a scene that is not open; null where none is expected any more, or somebody should look at it first. */
export async function startExpected(sceneId: string): Promise<JobJson | null> {
  if (!isJobExpected(sceneId) || isDoubtful(await api.getPreflight(sceneId))) return null;
  const job = await api.startJob(sceneId, {});
  expectJob(sceneId, false);
  return job;
}

/** Null where another scene was opened meanwhile. */
async function loadPreflight({ state }: App, sceneId: string, signal: AbortSignal): Promise<PreflightJson | null> {
  const preflight = await api.getPreflight(sceneId);
  if (signal.aborted) return null;
  state.preflight.value = preflight;
  return preflight;
}

function showJob(app: App, job: JobJson, signal: AbortSignal): void {
  if (signal.aborted) return;
  const show = (value: JobJson) => {
    app.state.job.value = value;
  };
  show(job);
  if (isOver(job)) return;
  api.follow('job', job.id, { signal, isFinal: isOver, onValue: show });
}

/** Asks something of the job shown, and shows the job that is answered. */
const changeJob = (app: App, ask: (id: string) => Promise<JobJson>) =>
  attempt(app, async () => {
    const { sceneId, job } = app.state;
    const id = sceneId.value;
    if (!job.value) return;
    const changed = await ask(job.value.id);
    if (sceneId.value === id) showJob(app, changed, beginVisit(app));
  });

export const cancelJob = (app: App) => changeJob(app, api.cancelJob);
export const retryJob = (app: App) => changeJob(app, api.retryJob);

/** A job of the scene that is open, with what was set. */
export const startJob = (app: App) => begin(app, app.state.settings.value, null);

/** One with another network, else set as the job shown, whose map stays to be seen until the new one is there. */
export function mapWith(app: App, model: string): Promise<boolean> {
  const shown = app.state.doneJob.value;
  return begin(app, { ...NO_SETTINGS, ...settingsOf(shown?.parameters ?? {}), model }, shown);
}

const begin = (app: App, settings: JobSettings, kept: JobJson | null) =>
  attempt(app, async () => {
    const { sceneId, settingsOpen, selected, keptJob } = app.state;
    const id = sceneId.value;
    if (!id) return;
    const job = await api.startJob(id, jobRequest(settings));
    if (sceneId.value !== id) return; // another was opened meanwhile
    settingsOpen.value = false;
    selected.value = null;
    keptJob.value = kept;
    showJob(app, job, beginVisit(app));
  });

/** Shows the settings, as they were for the job shown. */
export const openSettings = (app: App) =>
  attempt(app, async () => {
    const { sceneId, job, preflight, settings, settingsOpen } = app.state;
    const former = job.value ? { ...settingsOf(job.value.parameters), model: job.value.model } : {};
    settings.value = { ...NO_SETTINGS, ...former };
    settingsOpen.value = true;
    if (sceneId.value && !preflight.value) await loadPreflight(app, sceneId.value, app.visit.signal);
  });
