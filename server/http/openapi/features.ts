/** The paths of OGC API – Features in OpenAPI 3.0. */
import {
  collectionId,
  content,
  format,
  formatOrPage,
  geojson,
  inPath,
  inQuery,
  json,
  operation,
  orPage,
  schema,
  uuid,
} from './parts.ts';

const attributes = inQuery('properties', { type: 'array', items: { type: 'string' } }, 'Only these attributes');

export const featurePaths = {
  '/conformance': {
    get: operation('features', 'Conformance classes', { 200: orPage(json(schema('Conformance'))) }, [formatOrPage]),
  },
  '/collections': {
    get: operation('features', 'All collections', { 200: orPage(json(schema('Collections'))) }, [formatOrPage]),
  },
  '/collections/{collection}': {
    parameters: [collectionId],
    get: operation('features', 'A collection', { 200: orPage(json(schema('Collection'))) }, [formatOrPage]),
  },
  '/collections/{collection}/items': {
    parameters: [collectionId],
    get: operation('features', 'A page of features', { 200: orPage(geojson(schema('Items'))) }, [
      inQuery('bbox', { type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 6 }, 'west,south,east,north'),
      inQuery('limit', { type: 'integer', minimum: 1, maximum: 10000, default: 100 }, 'Features a page'),
      inQuery('class', { type: 'string' }, 'Only features of this class'),
      inQuery('job', uuid, 'Only features of this job'),
      inQuery('scene', uuid, 'Only features of this scene'),
      inQuery('after', { type: 'string' }, 'Where the page before ended; taken from its next link'),
      inQuery('filter', { type: 'string' }, "CQL2, such as area_m2 > 100 AND class = 'building'"),
      inQuery('filter-lang', { type: 'string', enum: ['cql2-text', 'cql2-json'] }, 'Language of the filter'),
      inQuery('filter-crs', { type: 'string' }, 'CRS of geometries in the filter: CRS84'),
      inQuery('sortby', { type: 'string' }, 'A property; -area_m2 begins with the largest'),
      inQuery('crs', { type: 'string', format: 'uri' }, 'CRS of the geometries: one that the collection names'),
      inQuery('bbox-crs', { type: 'string', format: 'uri' }, 'CRS of bbox: one that the collection names'),
      inQuery('datetime', { type: 'string' }, 'Features carry no time and are part of every interval'),
      attributes,
      formatOrPage,
    ]),
  },
  '/collections/{collection}/aggregate': {
    parameters: [collectionId],
    get: operation(
      'features',
      'Number, area and length by class; with `hex` or `zones` within each of these',
      {
        200: json({ anyOf: [schema('ClassSums'), schema('ZoneSums')] }),
      },
      [
        inQuery('hex', { type: 'integer', minimum: 0, maximum: 15 }, 'Resolution of the H3 grid: by its cells'),
        inQuery('zones', { type: 'string' }, 'Another collection: by its polygons, at most 1,000'),
        inQuery('zones-filter', { type: 'string' }, 'CQL2 text: by those of them that match'),
        inQuery('job', uuid, 'Only features of this job'),
        inQuery('scene', uuid, 'Only features of this scene'),
        format,
      ],
    ),
    post: {
      ...operation(
        'features',
        'The same within each polygon of a layer (at most 1,000), features cut at its border',
        { 200: json(schema('ZoneSums')) },
        [
          inQuery('job', uuid, 'Only features of this job'),
          inQuery('scene', uuid, 'Only features of this scene'),
          format,
        ],
      ),
      requestBody: { required: true, ...content('application/geo+json', { type: 'object' }) },
    },
  },
  '/collections/{collection}/queryables': {
    parameters: [collectionId],
    get: operation(
      'features',
      'What a collection can be filtered by',
      {
        200: { description: 'JSON Schema', ...content('application/schema+json', { type: 'object' }) },
      },
      [format],
    ),
  },
  '/collections/{collection}/items/{id}': {
    parameters: [collectionId, inPath('id', uuid, 'Id of a feature')],
    get: operation('features', 'A feature', { 200: orPage(geojson(schema('Feature'))) }, [
      inQuery('crs', { type: 'string', format: 'uri' }, 'CRS of the geometry: one that the collection names'),
      attributes,
      formatOrPage,
    ]),
    patch: {
      ...operation('features', 'Says that a feature is right, or wrong; null takes it back', {
        200: geojson(schema('Feature')),
      }),
      requestBody: { required: true, ...content('application/merge-patch+json', schema('ReviewRequest')) },
    },
  },
};
