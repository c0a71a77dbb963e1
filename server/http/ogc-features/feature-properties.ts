/** `properties`: which attributes of features are wanted. */
import type { Request } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { FeatureProperties } from '../../api/index.ts';
import { shorten } from '../core/request.ts';

/** In the order in which pages show them. */
export const FEATURE_PROPERTIES = Object.keys({
  class: 1,
  score: 1,
  area_m2: 1,
  perimeter_m: 1,
  length_m: 1,
  width_m: 1,
  from_node: 1,
  to_node: 1,
  regularized: 1,
  orientation_deg: 1,
  review: 1,
  captured_at: 1,
  model: 1,
  scene: 1,
  job: 1,
  collection: 1,
} satisfies Record<keyof FeatureProperties, 1>) as (keyof FeatureProperties)[];

/** Leaves of a feature's attributes those that the query parameter names, all without one. */
export type PickProperties = (properties: FeatureProperties) => Partial<FeatureProperties>;

/** Throws Problem bad_request for a name that is not known. */
export function queryProperties(request: Request): PickProperties {
  const given: unknown = request.query.properties;
  if (given === undefined) return (properties) => properties;
  // Some clients repeat the parameter for each name.
  const texts = (Array.isArray(given) ? given : [given]).map(String);
  const wanted = texts.flatMap((text) => text.split(',')).filter((name) => name !== '');
  const stray = wanted.find((name) => !FEATURE_PROPERTIES.includes(name as keyof FeatureProperties));
  if (stray !== undefined) {
    const known = FEATURE_PROPERTIES.join(', ');
    throw new Problem('bad_request', `Features have no attribute "${shorten(stray)}". There are: ${known}.`);
  }
  return (properties) => Object.fromEntries(Object.entries(properties).filter(([name]) => wanted.includes(name)));
}
