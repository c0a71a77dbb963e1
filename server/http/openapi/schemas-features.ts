/** The JSON of features, collections, sums and tiles as OpenAPI 3.0 schemas. */
import { REVIEWS } from '../../store/tables/reviews.ts';
import {
  areaGeometry,
  bbox,
  count,
  type Json,
  links,
  list,
  number,
  object,
  oneOf,
  orNull,
  ref,
  share,
  text,
  time,
  uuid,
} from './shapes.ts';

const featureGeometry = object({
  type: oneOf('Polygon', 'MultiPolygon', 'LineString', 'MultiLineString'),
  coordinates: list({}),
});
const flag: Json = { type: 'boolean' };
const featureMeasures = {
  area_m2: number,
  perimeter_m: number,
  length_m: number,
  width_m: number,
  from_node: count,
  to_node: count,
  regularized: flag,
  orientation_deg: number,
  review: oneOf(...REVIEWS),
};
/** All optional: `properties` leaves those that are asked for. */
const featureMembers = { collection: text, job: uuid, scene: uuid, model: text, class: text, score: share };
const featureProperties: Json = { type: 'object', properties: { ...featureMembers, ...featureMeasures } };

export const featureSchemas: Record<string, Json> = {
  ReviewRequest: object({ review: orNull(oneOf(...REVIEWS)) }),
  ClassSum: object({ class: text, count, area_m2: number, length_m: number, share: number }),
  ClassSums: object({ classes: list(ref('ClassSum')) }),
  ZoneSums: object({
    zones: list(
      object(
        {
          ...{ zone: count, area_m2: number, classes: list(ref('ClassSum')) },
          ...{ cell: text, feature: uuid, of_class: text, geometry: areaGeometry },
        },
        ['cell', 'feature', 'of_class', 'geometry'],
      ),
    ),
  }),
  Collection: object(
    {
      id: text,
      title: text,
      description: text,
      attribution: text,
      extent: object({ spatial: object({ bbox: list(bbox), crs: text }) }),
      itemType: oneOf('feature'),
      crs: list(text),
      storageCrs: text,
      links,
    },
    ['extent', 'attribution'],
  ),
  Collections: object({ links, collections: list(ref('Collection')) }),
  Feature: object(
    {
      type: oneOf('Feature'),
      id: uuid,
      geometry: featureGeometry,
      properties: featureProperties,
      links,
    },
    ['links'],
  ),
  Items: object({
    type: oneOf('FeatureCollection'),
    features: list(ref('Feature')),
    numberMatched: count,
    numberReturned: count,
    timeStamp: time,
    links,
  }),
  TileJson: object(
    {
      tilejson: oneOf('3.0.0'),
      name: text,
      tiles: list(text),
      minzoom: count,
      maxzoom: count,
      bounds: bbox,
      attribution: text,
      vector_layers: list(object({ id: text, description: text, fields: { type: 'object' } })),
      generalization: list(
        object({
          ...{ zoom: count, level: count, lone_m2: number, lone: count },
          ...{ blocks: count, merged: count, left_out: count },
        }),
      ),
    },
    ['vector_layers', 'generalization'],
  ),
};
