/** Everything the page shows: signals that actions write, what follows from them, and nothing that draws. */
import { computed, signal } from '@preact/signals';
import { isWithin, type Range, type Ranged, type Ranges, withRange } from './filter.ts';
import { NO_SETTINGS, settingsOf } from './job-settings.ts';
import type { ErrorMessage } from './service/api.ts';
import { offline } from './service/connection.ts';
import type { ImageFiles } from './service/image-files.ts';
import type { FeatureJson, JobJson, ModelJson, PreflightJson, SceneJson, ServiceJson } from './service/types.ts';
import type { InterruptedUpload, UploadState } from './service/upload.ts';

export interface KnownImage {
  scene: SceneJson;
  sentAs: string;
}

/** A feature that was clicked, as its map tile knows it. */
export interface SelectedFeature {
  id: string;
  collection: string;
  class: string;
  /** Null where the network does not say how sure it is. */
  score: number | null;
  /** Areas have the one, lines the other. */
  area_m2?: number;
  length_m?: number;
}

/** What clicks on the map are for, when they do not select a feature. */
export type Tool = 'find' | 'measure' | 'point';
/** Degrees. */
export type Position = readonly [lon: number, lat: number];

export function createState() {
  const state = {
    started: signal(false),
    service: signal<ServiceJson | null>(null),
    models: signal<readonly ModelJson[]>([]),
    scenes: signal<readonly SceneJson[]>([]),
    sceneId: signal<string | null>(null),
    /** The job shown: the scene's newest. `undefined` while it is being looked up. */
    job: signal<JobJson | null | undefined>(null),
    /** A job whose map stays to be seen until the next one of its scene is done. */
    keptJob: signal<JobJson | null>(null),
    /** Of the scene that is open; null while it is being made, and where nobody asked for it. */
    preflight: signal<PreflightJson | null>(null),
    settings: signal(NO_SETTINGS),
    /** Whether the settings are shown though there is a job. */
    settingsOpen: signal(false),
    upload: signal<UploadState | null>(null),
    /** Images that are sent after the one that is being sent. */
    waiting: signal<readonly ImageFiles[]>([]),
    /** What was not taken of the files that came last. */
    refusals: signal<readonly ErrorMessage[]>([]),
    /** The image that was sent though it was here already, and the name that it had this time. */
    known: signal<KnownImage | null>(null),
    /** Jobs of scenes that are mapped while another is open, by scene. */
    backgroundJobs: signal<ReadonlyMap<string, JobJson>>(new Map()),
    interrupted: signal<readonly InterruptedUpload[]>([]),
    /** Whether the demo scene is being generated, which takes a while before there is a scene. */
    demoRunning: signal(false),
    error: signal<ErrorMessage | null>(null),
    offline,
    /** Land of no class of interest would only veil the imagery. */
    hiddenClasses: signal<ReadonlySet<string>>(new Set(['other'])),
    classOpacity: signal(0.45),
    /** Features beyond these are not shown, listed, counted or downloaded. */
    ranges: signal<Ranges>({}),
    /** The collection whose table is open. */
    table: signal<string | null>(null),
    /** As the service takes it. */
    tableOrder: signal<string>('-area_m2'),
    imageryVisible: signal(true),
    /** Whether the map shows how sure the network was. */
    scoresVisible: signal(false),
    selected: signal<SelectedFeature | null>(null),
    tool: signal<Tool | null>(null),
    /** Corners of what is measured. */
    measured: signal<readonly Position[]>([]),
    /** Where somebody looks closer. */
    point: signal<Position | null>(null),
    /** On phones the panel is a sheet that can be lowered. */
    sheetLowered: signal(false),
  };
  const { models, scenes, sceneId, job, settings, settingsOpen } = state;
  const scene = computed(() => scenes.value.find(({ id }) => id === sceneId.value));
  const preflightShown = computed(() => scene.value?.state === 'ready' && (job.value === null || settingsOpen.value));
  /** The network of the job shown, or the one a new job would take. */
  const model = computed(() => {
    const [first] = models.value;
    const found = models.value.find(({ id }) => id === job.value?.model);
    const report = job.value?.report;
    if (!report?.classes || !first) return found ?? first;
    // As it was when the job ran; it may have been removed since, or be another.
    const task = 'objects' in report.counts ? ('detection' as const) : ('segmentation' as const);
    return { ...(found ?? first), id: report.model, classes: report.classes, task };
  });
  return {
    ...state,
    scene,
    model,
    /** Whether the job shown looks for objects and draws boxes, not a map of classes. */
    detects: computed(() => model.value?.task === 'detection'),
    doneJob: computed(() => (job.value?.state === 'done' ? job.value : null)),
    preflightShown,
    /** Those being set, or those of the job shown. */
    settingsShown: computed(() =>
      preflightShown.value ? settings.value : { ...NO_SETTINGS, ...settingsOf(job.value?.parameters ?? {}) },
    ),
  };
}

export type State = ReturnType<typeof createState>;

/** A feature as the service knows it, as the map's tile would. */
export function selectedFromItem({ id, properties }: FeatureJson): SelectedFeature {
  const { collection, class: name, score, area_m2, length_m } = properties;
  return {
    ...{ id, collection, class: name, score },
    ...(length_m === undefined ? { area_m2: area_m2 ?? 0 } : { length_m }),
  };
}

/** What is selected stays so only within the filter. */
export function setRange({ ranges, selected }: State, property: Ranged, range: Range): void {
  ranges.value = withRange(ranges.value, property, range);
  if (selected.value && !isWithin(ranges.value, selected.value)) selected.value = null;
}
