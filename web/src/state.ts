/** Everything the page shows, as one plain value, and who is told when it changes. */
import type { JobJson, ModelJson, PreflightJson, ProblemJson, SceneJson, ServiceJson } from '../../server/api/index.ts';

/** What can be told about something that went wrong; the service's problems fit as they are. */
export type Trouble = Pick<ProblemJson, 'title' | 'detail'> & { code?: string };

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

/** A feature that was clicked, as its map tile knows it. */
export interface SelectedFeature {
  id: string;
  collection: string;
  class: string;
  score: number;
  /** Areas have the one, lines the other. */
  area_m2?: number;
  length_m?: number;
}

export type Stretch = 'none' | 'percentile' | { low: [number, number, number]; high: [number, number, number] };

/** What a person set for the next job; null leaves it to the service. */
export interface JobSettings {
  model: string | null;
  /** Numbers of the bands that are red, green and blue. */
  bands: number[] | null;
  stretch: Stretch | null;
}

export const NO_SETTINGS: JobSettings = { model: null, bands: null, stretch: null };

export interface State {
  started: boolean;
  service: ServiceJson | null;
  models: readonly ModelJson[];
  scenes: readonly SceneJson[];
  sceneId: string | null;
  /** The job shown: the scene's newest. `undefined` while it is being looked up. */
  job: JobJson | null | undefined;
  /** Of the scene that is open; null while it is being made, and where nobody asked for it. */
  preflight: PreflightJson | null;
  settings: JobSettings;
  /** Whether the settings are shown though there is a job. */
  settingsOpen: boolean;
  upload: UploadState | null;
  interrupted: readonly InterruptedUpload[];
  /** Whether the demo scene is being generated, which takes a while before there is a scene. */
  demoUnderWay: boolean;
  trouble: Trouble | null;
  away: boolean;
  hiddenClasses: ReadonlySet<string>;
  classOpacity: number;
  /** Features of a lower score are not shown. */
  leastScore: number;
  imageryVisible: boolean;
  /** Whether the map shows how sure the network was. */
  scoresVisible: boolean;
  selected: SelectedFeature | null;
}

export interface Store {
  get(): State;
  set(patch: Partial<State>): void;
  /** Called once now and after changes, several of one moment taken together. */
  subscribe(listener: (state: State) => void): void;
}

export function createStore(): Store {
  let state: State = {
    started: false,
    service: null,
    models: [],
    scenes: [],
    sceneId: null,
    job: null,
    preflight: null,
    settings: NO_SETTINGS,
    settingsOpen: false,
    upload: null,
    interrupted: [],
    demoUnderWay: false,
    trouble: null,
    away: false,
    // Land of no class of interest would only veil the imagery.
    hiddenClasses: new Set(['other']),
    classOpacity: 0.45,
    leastScore: 0,
    imageryVisible: true,
    scoresVisible: false,
    selected: null,
  };
  const listeners: ((state: State) => void)[] = [];
  let told = true;
  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...patch };
      if (!told) return;
      told = false;
      queueMicrotask(() => {
        told = true;
        for (const listener of listeners) listener(state);
      });
    },
    subscribe(listener) {
      listeners.push(listener);
      listener(state);
    },
  };
}

export const currentScene = (state: State): SceneJson | undefined =>
  state.scenes.find((scene) => scene.id === state.sceneId);

/** The network of the job shown, or the one a new job would take. */
export const currentModel = (state: State): ModelJson | undefined =>
  state.models.find((model) => model.id === state.job?.model) ?? state.models[0];
