/** Maps that a job writes beside its classes and scores because it was asked for them. */
import { Problem } from '../../errors/problem.ts';
import { givesFeatures, isDetector, type Network, tellsProbabilities, tellsScores } from '../../models/registry.ts';
import type { ModelJson } from '../api/index.ts';
import type { JobParameters } from './job-parameters.ts';

export type ExtraMap = 'probabilities' | 'features';
export const EXTRA_MAPS = ['probabilities', 'features'] as const satisfies ExtraMap[];

/** The extra maps of a job with these parameters, by the names of their files. */
export const extraMaps = (parameters: Partial<Pick<JobParameters, ExtraMap>>): ExtraMap[] =>
  EXTRA_MAPS.filter((map) => parameters[map] === true);

/** Throws `unsupported_model` for maps that the network cannot give. */
export function requireExtraMaps(network: Network, parameters: JobParameters): void {
  if (parameters.probabilities && !tellsProbabilities(network)) {
    const codes = tellsScores(network) ? 'it tells that of the likeliest class alone' : 'it gives class codes alone';
    const why = isDetector(network) ? 'it draws boxes' : codes;
    throw new Problem('unsupported_model', `"${network.id}" gives no probabilities of every class: ${why}.`);
  }
  if (parameters.features && !givesFeatures(network)) {
    const why = network.features ? 'its chips cannot be stitched exactly' : 'its manifest declares no feature layer';
    throw new Problem('unsupported_model', `"${network.id}" gives no features: ${why}.`);
  }
}

/** What they take on disk for each pixel of the model grid, bytes, compressed; features hardly shrink. */
export function extraBytesPerPixel(
  { classes, features }: Pick<ModelJson, 'classes' | 'features'>,
  asked: JobParameters,
): number {
  const probabilities = asked.probabilities ? classes.length * BYTES_PER_PROBABILITY : 0;
  const cells = asked.features && features ? (features.channels * 4) / features.stride ** 2 : 0;
  return probabilities + cells;
}

const BYTES_PER_PROBABILITY = 0.5;
