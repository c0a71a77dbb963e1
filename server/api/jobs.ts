/** The JSON of jobs and their reports. */
import type { FeatureCollection, Polygon } from 'geojson';
import type { Assumption, Finding, ProblemJson } from './index.ts';

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
