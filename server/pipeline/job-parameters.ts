/** What a user may set for a job, with its defaults. */
import type { MultiPolygon } from 'geojson';
import { Problem } from '../../errors/problem.ts';
import { type Device, parseDevice } from '../../models/runtime/device.ts';
import type { ValueRange } from '../../tiler/rendering/rendering.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
import { JobParameters as Schema } from '../api/job-parameters.ts';
import { check, show } from '../api/schema.ts';
import { parseAoi } from './area-of-interest.ts';

type Checked = ReturnType<typeof check<typeof Schema>>;
export interface JobParameters extends Omit<Checked, 'aoi' | 'device'> {
  /** Area of interest in degrees (EPSG:4326): nothing outside is mapped. */
  aoi?: MultiPolygon;
  /** Where the network runs, if not where the service runs its networks. */
  device?: Device;
}

/** Checks what a client sent and completes it. Throws `bad_request`, and `device_unavailable` for no such device. */
export function parseParameters(given: unknown = {}): JobParameters {
  const { aoi, device, ...checked } = check(Schema, given);
  const { precision, features, probabilities, ...others } = checked;
  // In the order in which they stand in a job's identity.
  return {
    ...others,
    ...(features && { features }),
    ...(probabilities && { probabilities }),
    ...(aoi !== undefined && { aoi: parseAoi(aoi) }),
    ...(device !== undefined && { device: parseDevice(device) as Device }),
    ...(precision && { precision }),
  };
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

const stretchRanges = ({ low, high }: Exclude<JobParameters['stretch'], string | undefined>) =>
  low.map((value, i): ValueRange => [value, high[i]]);

function bandNumber(band: number | string, names: readonly (string | null)[]): number {
  const found = typeof band === 'number' ? band : names.findIndex((name) => sameName(name, band)) + 1;
  if (found >= 1 && found <= names.length) return found;
  const known = names.map((name, i) => (name === null ? `${i + 1}` : `${i + 1} (${name})`)).join(', ');
  throw new Problem('bad_request', `The scene has no band ${show(band)}. Its bands are: ${known}.`);
}

const sameName = (name: string | null, wanted: string): boolean => name?.toLowerCase() === wanted.trim().toLowerCase();
