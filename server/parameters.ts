/** What a user may set for a job, with its defaults. */
import { Problem } from '../tiler/problem.ts';

export interface JobParameters {
  /** Regions smaller than this go to the neighbour with the longest shared border. */
  min_area_m2: number;
  /** Largest distance between a simplified border and the pixels' border. */
  tolerance_m: number;
}

export const DEFAULT_PARAMETERS: JobParameters = { min_area_m2: 20, tolerance_m: 1 };

/** Checks what a client sent and completes it. Throws `bad_request` for unknown names and unusable values. */
export function parseParameters(given: unknown = {}): JobParameters {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new Problem('bad_request', 'Job parameters are a JSON object, such as {"min_area_m2": 20}.');
  }
  const known = Object.keys(DEFAULT_PARAMETERS);
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) {
      throw new Problem('bad_request', `There is no parameter "${name}". Known are: ${known.join(', ')}.`);
    }
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
      throw new Problem(
        'bad_request',
        `The parameter "${name}" is a number of at least 0; ${JSON.stringify(value)} is not.`,
      );
    }
  }
  return { ...DEFAULT_PARAMETERS, ...given };
}

/** The network that is taken when none is named. */
export const DEFAULT_NETWORK = 'landuse-unet';
