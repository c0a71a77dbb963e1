/** `properties`: which attributes of features are wanted. */
import { Problem } from '../../../errors/problem.ts';
import { FeatureProperties } from '../../api/features.ts';
import { shorten } from '../../api/schema.ts';

/** In the order in which pages show them. */
export const FEATURE_PROPERTIES = Object.keys(FeatureProperties.shape) as (keyof FeatureProperties)[];

/** Leaves of a feature's attributes those that the query parameter names, all without one. */
export type PickProperties = (properties: FeatureProperties) => Partial<FeatureProperties>;

/** Throws Problem bad_request for a name that is not known. */
export function pickProperties(wanted: readonly string[] | undefined): PickProperties {
  if (wanted === undefined) return (properties) => properties;
  const stray = wanted.find((name) => !FEATURE_PROPERTIES.includes(name as keyof FeatureProperties));
  if (stray !== undefined) {
    const known = FEATURE_PROPERTIES.join(', ');
    throw new Problem('bad_request', `Features have no attribute "${shorten(stray)}". There are: ${known}.`);
  }
  return (properties) => Object.fromEntries(Object.entries(properties).filter(([name]) => wanted.includes(name)));
}
