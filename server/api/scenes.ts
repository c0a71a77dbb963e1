/** The JSON of scenes and of what is understood of them. */
import type { MultiPolygon, Polygon } from 'geojson';
import type { Finding, ProblemJson } from './index.ts';

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
