/** What a user may set for a job, with its defaults. */
import type { MultiPolygon } from 'geojson';
import { Problem } from '../../errors/problem.ts';
import type { Precision } from '../../models/registry.ts';
import { type Device, parseDevice } from '../../models/runtime/device.ts';
import type { ValueRange } from '../../tiler/rendering/rendering.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
import { parseAoi } from './area-of-interest.ts';

export interface JobParameters {
  /** Regions smaller than this go to the neighbour with the longest shared border. */
  min_area_m2: number;
  /** Largest distance between a simplified border and the pixels' border. */
  tolerance_m: number;
  /** Bands of the scene that are red, green and blue, or what the network takes: numbers from 1, or names in the file. */
  bands?: (number | string)[];
  /** Values that become 0 and 255. `none`: all that the data type can hold; `percentile`: 2nd to 98th of the scene. */
  stretch?: 'none' | 'percentile' | Stretch;
  /** Area of interest in degrees (EPSG:4326): nothing outside is mapped. */
  aoi?: MultiPolygon;
  /** Where the network runs, if not where the service runs its networks. */
  device?: Device;
  /** Of the network's weights, where it has them in 8 bits too; the faster on this machine by default. */
  precision?: Precision;
}

/** For each band. */
export interface Stretch {
  low: number[];
  high: number[];
}

/** More than networks take. */
const MOST_BANDS = 32;

export const DEFAULT_PARAMETERS = { min_area_m2: 20, tolerance_m: 1 } satisfies JobParameters;

const show = (value: unknown): string => JSON.stringify(value)?.slice(0, 100) ?? String(value);

/** One for each parameter, in the order in which they stand in a job's identity. Each throws `bad_request`. */
const PARSERS: { [Name in keyof JobParameters]-?: (value: unknown) => NonNullable<JobParameters[Name]> } = {
  min_area_m2: (value) => notNegative('min_area_m2', value),
  tolerance_m: (value) => notNegative('tolerance_m', value),
  bands: parseBands,
  stretch: parseStretch,
  aoi: parseAoi,
  device: parseNamedDevice,
  precision: parsePrecision,
};

/** Checks what a client sent and completes it. Throws `bad_request` for unknown names and unusable values. */
export function parseParameters(given: unknown = {}): JobParameters {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new Problem('bad_request', 'Job parameters are a JSON object, such as {"min_area_m2": 20}.');
  }
  const known = Object.keys(PARSERS);
  const stray = Object.keys(given).find((name) => !known.includes(name));
  if (stray !== undefined) {
    throw new Problem('bad_request', `There is no parameter "${stray}". Known are: ${known.join(', ')}.`);
  }
  const all: Record<string, unknown> = { ...DEFAULT_PARAMETERS, ...given };
  const parsed = Object.entries(PARSERS).flatMap(([name, parse]) =>
    all[name] === undefined ? [] : [[name, parse(all[name])] as const],
  );
  return { ...DEFAULT_PARAMETERS, ...Object.fromEntries(parsed) };
}

function notNegative(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new Problem('bad_request', `The parameter "${name}" is a number of at least 0; ${show(value)} is not.`);
}

function parseNamedDevice(value: unknown): Device {
  const device = typeof value === 'string' ? parseDevice(value) : 'auto';
  if (device !== 'auto') return device;
  throw new Problem('bad_request', 'The parameter "device" is cpu, webgpu, cuda or cuda:N; leave it out for any.');
}

function parsePrecision(value: unknown): Precision {
  if (value === 'fp32' || value === 'int8') return value;
  throw new Problem('bad_request', `The parameter "precision" is fp32 or int8; ${show(value)} is not.`);
}

function parseBands(value: unknown): NonNullable<JobParameters['bands']> {
  const parts = Array.isArray(value) && value.length === 1 ? [value[0], value[0], value[0]] : value;
  const isBand = (part: unknown) =>
    typeof part === 'string' ? part.length > 0 && part.length <= 100 : Number.isInteger(part) && (part as number) >= 1;
  if (Array.isArray(parts) && parts.length >= 1 && parts.length <= MOST_BANDS && parts.every(isBand)) {
    return parts as NonNullable<JobParameters['bands']>;
  }
  const forms =
    'bands for red, green and blue (or as many as the network takes), by number from 1 or by name, such as [4, 3, 2]';
  throw new Problem('bad_request', `The parameter "bands" is ${forms}; ${show(value)} is not.`);
}

function parseStretch(value: unknown): NonNullable<JobParameters['stretch']> {
  if (value === 'none' || value === 'percentile') return value;
  if (typeof value === 'object' && value !== null) {
    const { low, high, ...more } = value as Record<string, unknown>;
    const [lows, highs] = [low, high].map(numbersOf);
    const fit = lows && highs && lows.length === highs.length && lows.every((each, i) => each !== highs[i]);
    if (fit && Object.keys(more).length === 0) {
      return { low: lows, high: highs };
    }
  }
  const forms =
    '"none", "percentile", or the values that become 0 and 255, such as {"low": [0, 0, 0], "high": [2047, 2047, 2047]}';
  throw new Problem('bad_request', `The parameter "stretch" is ${forms}; ${show(value)} is not.`);
}

/** One number stands for all bands: of red, green and blue, three. */
function numbersOf(value: unknown): number[] | null {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((each) => typeof each === 'number' && Number.isFinite(each))) return null;
  if (list.length === 1) return [list[0], list[0], list[0]];
  return list.length >= 2 && list.length <= MOST_BANDS ? list : null;
}

/**
 * Bands and stretch as the tiler takes them, null where the job sets neither. Throws `bad_request` for a band that the
 * scene lacks.
 */
export function sceneView({ bands, stretch }: JobParameters, names: readonly (string | null)[]): SceneView | null {
  if (bands === undefined && stretch === undefined) return null;
  return {
    ...(bands && { bands: bands.map((band) => bandNumber(band, names)) }),
    ...(stretch && { stretch: typeof stretch === 'string' ? stretch : stretchRanges(stretch) }),
  };
}

const stretchRanges = ({ low, high }: Stretch) => low.map((value, i): ValueRange => [value, high[i]]);

function bandNumber(band: number | string, names: readonly (string | null)[]): number {
  const found = typeof band === 'number' ? band : names.findIndex((name) => sameName(name, band)) + 1;
  if (found >= 1 && found <= names.length) return found;
  const known = names.map((name, i) => (name === null ? `${i + 1}` : `${i + 1} (${name})`)).join(', ');
  throw new Problem('bad_request', `The scene has no band ${show(band)}. Its bands are: ${known}.`);
}

const sameName = (name: string | null, wanted: string): boolean => name?.toLowerCase() === wanted.trim().toLowerCase();
