/** What the user can do, and what follows by itself: upload → scene is read → job → map. */
import type { JobJson, PreflightJson, SceneJson } from '../../server/api/index.ts';
import * as api from './api.ts';
import { jobRequest, settingsOf } from './preflight.ts';
import { currentScene, type InterruptedUpload, NO_SETTINGS, type Store } from './state.ts';
import { findInterrupted, forgetInterrupted, type RunningUpload, refuseEarly, startUpload } from './upload.ts';

/** Scenes this browser brought in and whose job has not been asked for: their job starts by itself. */
const EXPECTED_KEY = 'planimeter.expected';
const AWAY_POLL_MS = 3000;

/** Of a scene that nobody has looked at yet. */
const UNSEEN = { preflight: null, settings: NO_SETTINGS, settingsOpen: false } as const;

export interface Actions {
  start(): Promise<void>;
  upload(file: File): Promise<void>;
  pauseUpload(): void;
  resumeUpload(): void;
  cancelUpload(): void;
  forgetUpload(upload: InterruptedUpload): Promise<void>;
  /** False where it was refused. */
  addByAddress(address: string): Promise<boolean>;
  tryDemo(): Promise<void>;
  openScene(id: string): void;
  deleteScene(scene: SceneJson): Promise<void>;
  startJob(): Promise<void>;
  openSettings(): Promise<void>;
  cancelJob(): Promise<void>;
  retryJob(): Promise<void>;
  dismissTrouble(): void;
}

const isReadOut = (scene: SceneJson): boolean => scene.state === 'ready' || scene.state === 'refused';
const isOver = (job: JobJson): boolean => job.state === 'done' || job.state === 'failed' || job.state === 'cancelled';

export function createActions(store: Store): Actions {
  let running: RunningUpload | null = null;
  /** The file that is being sent, or was: no interrupted one. */
  let sending: File | null = null;
  /** Aborted when another scene is opened: what the former one still hears is no longer for the page. */
  let visit = new AbortController();

  /** Runs an action; what goes wrong is told on the page. */
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      if (error instanceof api.ServiceError && error.trouble.code === 'away') noteAway();
      store.set({ trouble: api.troubleOf(error) });
    }
  };

  const noteAway = async (): Promise<void> => {
    if (store.get().away || (await api.isHere()) || store.get().away) return;
    store.set({ away: true });
    const poll = setInterval(async () => {
      if (!(await api.isHere())) return;
      clearInterval(poll);
      const { trouble, started, sceneId } = store.get();
      store.set({ away: false, ...(trouble?.code === 'away' ? { trouble: null } : {}) });
      if (!started) await start();
      else if (sceneId && !visit.signal.aborted) openScene(sceneId);
    }, AWAY_POLL_MS);
  };

  const putScene = (scene: SceneJson): void => {
    const { scenes } = store.get();
    const known = scenes.some(({ id }) => id === scene.id);
    store.set({ scenes: known ? scenes.map((s) => (s.id === scene.id ? scene : s)) : [scene, ...scenes] });
  };

  const start = (): Promise<void> =>
    attempt(async () => {
      const [service, models, scenes] = await Promise.all([api.getService(), api.getModels(), api.getScenes()]);
      store.set({ service, models, scenes: newestFirst(scenes), started: true });
      noteInterrupted();
      const wanted = new URLSearchParams(location.hash.slice(1)).get('scene');
      const first = wanted ?? newestFirst(scenes)[0]?.id;
      if (first) openScene(first);
    });

  const noteInterrupted = async (): Promise<void> => {
    const found = await findInterrupted();
    const interrupted = found.filter(({ name, totalBytes }) => name !== sending?.name || totalBytes !== sending.size);
    store.set({ interrupted });
  };

  const openScene = (id: string): void => {
    visit.abort();
    visit = new AbortController();
    const { signal } = visit;
    const change = store.get().sceneId !== id;
    store.set({ sceneId: id, selected: null, ...(change ? { ...UNSEEN, job: undefined, trouble: null } : {}) });
    writeSceneToHash(id);
    const scene = currentScene(store.get());
    if (!scene) attempt(() => fetchScene(id, signal));
    else if (!isReadOut(scene)) {
      api.follow<SceneJson>('scene', id, {
        signal,
        isFinal: isReadOut,
        onAway: noteAway,
        onValue(value) {
          putScene(value);
          if (value.state === 'ready') attempt(() => findJob(id, signal));
          if (value.state === 'refused') expectJob(id, false);
        },
      });
    } else if (scene.state === 'ready') attempt(() => findJob(id, signal));
    else store.set({ job: null });
  };

  /** A scene that came by a link, or that another client brought in since the page was loaded. */
  const fetchScene = async (id: string, signal: AbortSignal): Promise<void> => {
    const scene = await api.getScene(id).catch((error: unknown) => {
      if (!(error instanceof api.ServiceError) || error.trouble.code === 'away') throw error;
      const detail =
        'The link leads to an image that is not, or no longer, here. Choose one of the list, or add it again.';
      throw new api.ServiceError({ code: 'not_found', title: 'This image is not here', detail });
    });
    if (signal.aborted) return;
    putScene(scene);
    openScene(id);
  };

  const findJob = async (sceneId: string, signal: AbortSignal): Promise<void> => {
    const jobs = await api.getJobs(sceneId);
    if (signal.aborted) return;
    const [job] = jobs.sort((a, b) => b.created_at.localeCompare(a.created_at));
    if (job) showJob(job, signal);
    else {
      const expected = isJobExpected(sceneId);
      if (!expected) store.set({ job: null });
      const preflight = await lookAtScene(sceneId, signal);
      // What somebody should look at first is not mapped unasked.
      const doubtful = preflight?.findings.some(({ severity }) => severity !== 'info') ?? false;
      if (expected && !doubtful && !signal.aborted) showJob(await api.startJob(sceneId, {}), signal);
      else if (!signal.aborted) store.set({ job: null });
    }
    expectJob(sceneId, false);
  };

  /** Null where another scene was opened meanwhile. */
  const lookAtScene = async (sceneId: string, signal: AbortSignal): Promise<PreflightJson | null> => {
    const preflight = await api.getPreflight(sceneId);
    if (signal.aborted) return null;
    store.set({ preflight });
    return preflight;
  };

  const showJob = (job: JobJson, signal: AbortSignal): void => {
    if (signal.aborted) return;
    store.set({ job });
    if (isOver(job)) return;
    const onValue = (value: JobJson) => store.set({ job: value });
    api.follow<JobJson>('job', job.id, { signal, isFinal: isOver, onValue, onAway: noteAway });
  };

  /** Asks something of the job shown, and shows the job that is answered. */
  const changeJob = (ask: (job: JobJson) => Promise<JobJson>): Promise<void> =>
    attempt(async () => {
      const { job } = store.get();
      if (!job) return;
      const answer = await ask(job);
      openSceneAgain(answer);
    });

  const openSceneAgain = (job: JobJson): void => {
    visit.abort();
    visit = new AbortController();
    showJob(job, visit.signal);
  };

  const receiveScene = (id: string): void => {
    expectJob(id, true);
    attempt(async () => {
      putScene(await api.getScene(id));
      openScene(id);
    });
  };

  return {
    start,
    openScene,
    upload: (file) =>
      attempt(async () => {
        if (running) {
          const detail = 'Wait until it is done, or cancel it, and then add the next image.';
          throw new api.ServiceError({ title: 'An upload is under way', detail });
        }
        store.set({ trouble: null });
        const limitBytes = store.get().service?.limits.upload_bytes ?? Number.POSITIVE_INFINITY;
        const trouble = await refuseEarly(file, limitBytes);
        if (trouble) throw new api.ServiceError(trouble);
        const interrupted = store.get().interrupted.filter(({ name, totalBytes }) => {
          return name !== file.name || totalBytes !== file.size;
        });
        store.set({ interrupted });
        sending = file;
        running = await startUpload(file, {
          onProgress: (upload) => store.set({ upload }),
          onScene(id) {
            running = null;
            store.set({ upload: null });
            receiveScene(id);
          },
          onTrouble(trouble) {
            running = null;
            store.set({ upload: null, trouble });
            sending = null;
            noteInterrupted();
          },
        });
      }),
    pauseUpload: () => running?.pause(),
    resumeUpload: () => running?.resume(),
    cancelUpload() {
      running?.cancel();
      running = null;
      store.set({ upload: null });
    },
    async forgetUpload(upload) {
      store.set({ interrupted: store.get().interrupted.filter(({ key }) => key !== upload.key) });
      await forgetInterrupted(upload);
    },
    async addByAddress(address) {
      let added = false;
      await attempt(async () => {
        store.set({ trouble: null });
        const scene = await api.addByAddress(address);
        putScene(scene);
        receiveScene(scene.id);
        added = true;
      });
      return added;
    },
    tryDemo: () =>
      attempt(async () => {
        store.set({ trouble: null, demoUnderWay: true });
        const scene = await api.makeDemoScene().finally(() => store.set({ demoUnderWay: false }));
        putScene(scene);
        expectJob(scene.id, true);
        openScene(scene.id);
      }),
    deleteScene: (scene) =>
      attempt(async () => {
        await api.deleteScene(scene.id);
        const scenes = store.get().scenes.filter(({ id }) => id !== scene.id);
        const wasOpen = store.get().sceneId === scene.id;
        store.set({ scenes });
        if (!wasOpen) return;
        visit.abort();
        store.set({ sceneId: null, job: null, selected: null });
        writeSceneToHash(null);
        if (scenes[0]) openScene(scenes[0].id);
      }),
    startJob: () =>
      attempt(async () => {
        const { sceneId, settings } = store.get();
        if (!sceneId) return;
        const job = await api.startJob(sceneId, jobRequest(settings));
        store.set({ settingsOpen: false, selected: null });
        openSceneAgain(job);
      }),
    openSettings: () =>
      attempt(async () => {
        const { sceneId, job, preflight } = store.get();
        const former = job ? { ...settingsOf(job.parameters), model: job.model } : {};
        store.set({ settingsOpen: true, settings: { ...NO_SETTINGS, ...former } });
        if (sceneId && !preflight) await lookAtScene(sceneId, visit.signal);
      }),
    cancelJob: () => changeJob(({ id }) => api.cancelJob(id)),
    retryJob: () => changeJob(({ id }) => api.retryJob(id)),
    dismissTrouble: () => store.set({ trouble: null }),
  };
}

const newestFirst = (scenes: readonly SceneJson[]): SceneJson[] =>
  [...scenes].sort((a, b) => b.created_at.localeCompare(a.created_at));

function writeSceneToHash(id: string | null): void {
  const parameters = new URLSearchParams(location.hash.slice(1));
  if (parameters.get('scene') === id) return;
  if (id) parameters.set('scene', id);
  else parameters.delete('scene');
  // Slashes stay readable: MapLibre writes the map's place into the same fragment.
  history.replaceState(history.state, '', `#${decodeURIComponent(parameters.toString())}`);
}

function expectedScenes(): Set<string> {
  try {
    return new Set(JSON.parse(localStorage.getItem(EXPECTED_KEY) ?? '[]'));
  } catch {
    return new Set();
  }
}

const isJobExpected = (sceneId: string): boolean => expectedScenes().has(sceneId);

function expectJob(sceneId: string, expected: boolean): void {
  const scenes = expectedScenes();
  if (expected) scenes.add(sceneId);
  else scenes.delete(sceneId);
  try {
    localStorage.setItem(EXPECTED_KEY, JSON.stringify([...scenes]));
  } catch {
    // Storage is closed to this page: after a reload the job is started by its button.
  }
}
