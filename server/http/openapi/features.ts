/** The paths of OGC API – Features in OpenAPI 3.0. */
import { z } from 'zod';
import { Conformance } from '../../api/common.ts';
import {
  AggregateQuery,
  ClassSums,
  Collection,
  Collections,
  Feature,
  FeatureQuery,
  FeaturesQuery,
  FormatQuery,
  Histogram,
  HistogramQuery,
  Items,
  PageQuery,
  Queryables,
  ReviewRequest,
  SumsQuery,
  ZoneSums,
} from '../../api/features.ts';
import { AreaFeatures } from '../../api/geojson.ts';
import { id } from '../../api/schema.ts';
import { body, collectionId, geojson, inPath, json, operation, orPage, special } from './parts.ts';

export const featurePaths = {
  '/conformance': {
    get: operation('features', 'readConformance', 'Conformance classes', {
      query: PageQuery,
      200: orPage(json(Conformance)),
    }),
  },
  '/collections': {
    get: operation('features', 'listCollections', 'All collections', {
      query: PageQuery,
      200: orPage(json(Collections)),
    }),
  },
  '/collections/{collection}': {
    parameters: [collectionId],
    get: operation('features', 'readCollection', 'A collection', { query: PageQuery, 200: orPage(json(Collection)) }),
  },
  '/collections/{collection}/items': {
    parameters: [collectionId],
    get: operation('features', 'listFeatures', 'A page of features', {
      query: FeaturesQuery,
      200: orPage(geojson(Items)),
    }),
  },
  '/collections/{collection}/histogram': {
    parameters: [collectionId],
    get: operation('features', 'readHistogram', 'How many features have which score, size, width or orientation', {
      query: HistogramQuery,
      200: json(Histogram),
    }),
  },
  '/collections/{collection}/aggregate': {
    parameters: [collectionId],
    get: operation('features', 'sumFeatures', 'Number, area and length by class', {
      description: 'With `hex` or `zones` within each of these.',
      query: AggregateQuery,
      200: json(z.union([ClassSums, ZoneSums])),
    }),
    post: operation('features', 'sumFeaturesWithin', 'The same within each polygon of a layer', {
      description: 'At most 1,000 polygons; features are cut at their borders.',
      query: SumsQuery,
      body: body('application/geo+json', AreaFeatures),
      200: json(ZoneSums),
    }),
  },
  '/collections/{collection}/queryables': {
    parameters: [collectionId],
    get: operation('features', 'readQueryables', 'What a collection can be filtered by', {
      query: FormatQuery,
      200: special('application/schema+json', Queryables),
    }),
  },
  '/collections/{collection}/items/{id}': {
    parameters: [collectionId, inPath('id', id, 'Id of a feature')],
    get: operation('features', 'readFeature', 'A feature', { query: FeatureQuery, 200: orPage(geojson(Feature)) }),
    patch: operation('features', 'reviewFeature', 'Says that a feature is right, or wrong; null takes it back', {
      body: body('application/merge-patch+json', ReviewRequest),
      200: geojson(Feature),
    }),
  },
};
