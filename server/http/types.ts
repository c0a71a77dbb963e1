/** The JSON that the HTTP interface speaks; the viewer imports these types and nothing else of ours. */
import type { Feature, FeatureCollection, LineString, MultiLineString, MultiPolygon, Polygon } from 'geojson';

export interface ProblemJson {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
}

export interface Finding {
  code: string;
  severity: 'info' | 'warning' | 'error';
  message: string;
  fix?: string;
  /** The figures of the message. */
  params?: Record<string, unknown>;
  /** Members of a job request that are the fix. */
  job?: { model?: string; parameters?: Record<string, unknown> };
}

/** Whether a network suits a scene, and what it would cost. */
export interface Suitability {
  id: string;
  suitable: boolean;
  reason: string;
  /** How many times the network would run. */
  chips: number;
  minutes: number;
  /** Whether the minutes follow from an earlier job on this machine; else from a machine of two cores. */
  minutes_measured: boolean;
  memory_bytes: number;
  disk_bytes: number;
}

export interface BandValues {
  /** The first band is 1. */
  number: number;
  /** What the file calls it. */
  name: string | null;
  used_for: ('red' | 'green' | 'blue')[];
  /** Of the pixels that were looked at; null where none is valid. */
  min: number | null;
  max: number | null;
  mean: number | null;
  /** 2nd, 25th, 50th, 75th and 98th. */
  percentiles: number[] | null;
  /** Counts of even steps from `min` to `max`. */
  histogram: number[];
}

export interface PreflightJson {
  /** Name of the file. */
  file: string;
  /** Bytes. */
  size: number;
  width: number;
  height: number;
  bands: number;
  dtype: string;
  srs: string;
  gsd_m: number;
  nodata: number | null;
  /** EPSG:4326. */
  footprint: Polygon | MultiPolygon;
  /** 0..1 */
  valid_share: number;
  band_values: BandValues[];
  /** What a network is given: bands that are red, green and blue, and the values that become 0 and 255 of each. */
  rendering: { bands: number[]; ranges: number[][] | null };
  /** What the picture looks like; `few_colours` and `paper` are hardly imagery. */
  content: {
    kind: 'imagery' | 'few_colours' | 'paper';
    colours: number;
    flat_share: number;
    commonest_share: number;
    contrast: number;
  };
  findings: Finding[];
  models: Suitability[];
  /** The network that a job takes when none is named, and why; null where there is none. */
  model: { id: string; reason: string } | null;
}

export interface Assumption {
  code: string;
  value: unknown;
  reason: string;
}

export type SceneState = 'uploaded' | 'ingesting' | 'ready' | 'refused';

export interface SceneJson {
  id: string;
  workspace: string;
  name: string;
  state: SceneState;
  upload: string | null;
  sha256: string;
  bytes: number;
  created_at: string;
  /** 0..1 while ingesting. */
  progress: number;
  problem: ProblemJson | null;
  /** The rest is null until the scene is ready. */
  srs: string | null;
  /** EPSG:4326. */
  footprint: Polygon | MultiPolygon | null;
  /** west, south, east, north in degrees. */
  bbox: [number, number, number, number] | null;
  gsd_m: number | null;
  width: number | null;
  height: number | null;
  bands: number | null;
  /** Share of pixels that hold imagery, 0..1. */
  valid_share: number | null;
  /** When the image was taken, ISO 8601 without a zone, where the file says it. */
  captured_at: string | null;
  /** Where the image is read from, where it was not copied. */
  url: string | null;
  /** What it may be used for: an SPDX identifier, an address or words; null where nobody said. */
  license: string | null;
  /** Who is to be named with it; plain text. */
  attribution: string | null;
  findings: Finding[];
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export type Stage = 'ingest' | 'plan' | 'infer' | 'stitch' | 'vectorize' | 'store';

export interface JobProgress {
  stage: Stage;
  /** Units of the stage (chips, rows, features). */
  done: number;
  total: number;
  /** 0..1 over the whole job. */
  share: number;
}

export interface ClassTotal {
  class: string;
  count: number;
  area_m2: number;
  /** Share of the mapped area, 0..1. */
  share: number;
}

export interface Ledger {
  done: number;
  nodata: number;
  outside: number;
  failed: number;
  pending: number;
}

/** Column and row to the scene's CRS, as GDAL writes it. */
type Geotransform = [number, number, number, number, number, number];

/** A part of the map that could not be computed, in model-grid pixels. */
export interface FailedChip {
  x: number;
  y: number;
  width: number;
  height: number;
  reason: string;
}

/** Where they lie, in EPSG:4326. */
export type FailedJson = FeatureCollection<Polygon, { reason: string }>;

/** Random windows of a map that were computed once more, in one pass each. */
export interface ProofJson {
  /** The same seed takes the same windows. */
  seed: number;
  windows: number;
  /** Pixels that were compared. */
  pixels: number;
  /** Of them, those whose class or score is another in one pass. */
  differing: number;
  /** Largest difference of a score, 0..255. */
  max_score_delta: number;
}

export interface JobReport {
  job: string;
  /** Of the program that computed it. */
  version?: string;
  scene: string;
  /** Of its image, where somebody said so. */
  scene_license?: string;
  scene_attribution?: string;
  model: string;
  parameters: Record<string, unknown>;
  assumptions: Assumption[];
  counts: Record<string, number>;
  areas_m2: Record<string, number>;
  /** Model-grid pixels. */
  ledger: Ledger;
  seam: { certified: boolean; halo: number; disagreement: number; max_delta?: number };
  findings?: Finding[];
  /** Where the network ran, and how many of its nodes ran elsewhere. */
  device?: { name: string; fallback_nodes: number };
  timings_ms: Record<Stage, number>;
  peak_rss_bytes: number;
  model_grid?: { width: number; height: number; gsd_m: number; geotransform?: Geotransform };
  /** How many there are, by what became of them; of the failed ones which, and why. */
  chips?: {
    count: number;
    core: number;
    halo: number;
    stride: number;
    done?: number;
    nodata?: number;
    outside?: number;
    failed?: FailedChip[];
  };
  /** `levels` of detail of land use, 0 the finest; what became of the borders. */
  geometry?: { levels: number[]; blocks?: BlockCounts[]; [more: string]: unknown };
  [more: string]: unknown;
}

/** Buildings on maps of smaller scale, whose pixels are 2^level pixels of the class map wide. */
export interface BlockCounts {
  level: number;
  /** Least area of a building that is drawn by itself, and the number of such. */
  lone_m2: number;
  lone: number;
  /** Outlines that stand for the others, how many of these are inside, and how many too far from others for a block. */
  blocks: number;
  merged: number;
  left_out: number;
}

export interface JobJson {
  id: string;
  workspace: string;
  scene: string;
  model: string;
  parameters: Record<string, unknown>;
  state: JobState;
  progress: JobProgress;
  problem: ProblemJson | null;
  report: JobReport | null;
  /** By class, largest first; empty until done. */
  totals: ClassTotal[];
  /** Jobs of a higher one are taken up first. */
  priority: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface ModelClass {
  name: string;
  /** Code in the class map. */
  value: number;
  /** `#rrggbb` */
  color: string;
}

export interface ModelJson {
  id: string;
  name: string;
  description: string;
  /** The program's own, or brought by a user. */
  kind: 'shipped' | 'added';
  /** A map of classes, or boxes around objects. */
  task: 'segmentation' | 'detection';
  /** Null: images are taken as they are. */
  gsd_m: number | null;
  /** Finest and coarsest pixels that it was trained to take, where that is known. */
  gsd_range_m?: [number, number];
  classes: ModelClass[];
  /** Of the network's bytes. */
  sha256: string;
  /** What it takes, by name or number, in its order; null: red, green and blue. */
  bands: string[] | null;
  /** Whether it takes the values that a scene stores, not those that are shown. */
  stored: boolean;
  /** Part of a job's identity: the bytes, and of networks that were added how they are run. */
  identity: string;
}

export interface FeatureProperties {
  collection: string;
  job: string;
  scene: string;
  class: string;
  /** Mean probability of the class, 0..1. */
  score: number;
  /** Id of the network. */
  model: string;
  /** When the image was taken, ISO 8601 without a zone, where its file says it. */
  captured_at?: string;
  /** All measures are geodesic; areas have these two. */
  area_m2?: number;
  perimeter_m?: number;
  /** Lines have this one. */
  length_m?: number;
  /** Of roads: the mean width of the surface. */
  width_m?: number;
  /** Of roads: the nodes of the network that the line joins. */
  from_node?: number;
  to_node?: number;
  /** Of buildings: whether right angles were made, and the dominant direction, clockwise from north, 0..90. */
  regularized?: boolean;
  orientation_deg?: number;
}

export type FeatureGeometry = Polygon | MultiPolygon | LineString | MultiLineString;
export type FeatureJson = Feature<FeatureGeometry, FeatureProperties> & { id: string };

export interface Link {
  href: string;
  rel: string;
  type?: string;
  title?: string;
}

export interface ItemsJson extends FeatureCollection<FeatureGeometry, FeatureProperties> {
  features: FeatureJson[];
  numberMatched: number;
  numberReturned: number;
  timeStamp: string;
  links: Link[];
}

export interface CollectionJson {
  id: string;
  title: string;
  description: string;
  extent: { spatial: { bbox: [number, number, number, number][]; crs: string } } | undefined;
  itemType: 'feature';
  crs: string[];
  storageCrs: string;
  links: Link[];
}

export interface TileJson {
  tilejson: '3.0.0';
  name: string;
  tiles: string[];
  minzoom: number;
  maxzoom: number;
  bounds: [number, number, number, number];
  attribution: string;
  vector_layers?: { id: string; description: string; fields: Record<string, string> }[];
  /** What stands for the buildings at the zooms at which not all of them are drawn by themselves. */
  generalization?: ({ zoom: number } & BlockCounts)[];
}

/** Where networks run. */
export interface DeviceJson {
  /** What was asked for. */
  chosen: string;
  /** What is in use; null until `auto` has found it out with the first job. */
  name: string | null;
  /** Nodes of the last job's network that ran elsewhere, because the device lacks them; null before the first job. */
  fallback_nodes: number | null;
}

/** Who asks. */
export interface CallerJson {
  name: string;
  workspace: string;
  role: Role;
  /** By the cookie of a browser, so that he can sign out. */
  signed_in: boolean;
  /** The only job that he sees, who came by a link. */
  job: string | null;
}

export interface ServiceJson {
  name: 'planimeter';
  version: string;
  database: 'pglite' | 'postgresql';
  device: string;
  limits: { upload_bytes: number };
  /** A MapLibre style URL, when one is configured. */
  basemap: string | null;
  /** Whether images elsewhere can be scenes: POST /scenes with their address. */
  remote_imagery: boolean;
  caller: CallerJson;
}

/** What a token allows; each may what the ones before it may. */
export type Role = 'viewer' | 'editor' | 'admin';

/** A link by which anybody sees one job. */
export interface ShareJson {
  id: string;
  job: string;
  created_by: string;
  created_at: string;
  expires_at: string;
}

/** Something that was done. */
export interface AuditJson {
  id: number;
  at: string;
  workspace: string;
  actor: string;
  action: string;
  subject: string;
  details: Record<string, unknown>;
}

export interface TokenJson {
  id: string;
  name: string;
  workspace: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
}
