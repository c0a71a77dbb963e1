/** The paths of the STAC API in OpenAPI 3.0. */
import { content, geojson, inPath, inQuery, type Json, json, listOf, operation, schema, uuid } from './parts.ts';

const stacCollection = inPath('collection', { type: 'string', enum: ['scenes', 'class-maps'] }, 'Id of a collection');
const page = [
  inQuery('bbox', { type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 6 }, 'west,south,east,north'),
  inQuery('datetime', { type: 'string' }, 'RFC 3339 time or interval in which the image was taken'),
  inQuery('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 10 }, 'Items a page'),
  inQuery('token', { type: 'string' }, 'Where the page before ended; taken from its next link'),
];
const texts: Json = { type: 'array', items: { type: 'string' } };

export const stacPaths = {
  '/stac': { get: operation('stac', 'The catalogue', { 200: json(schema('StacCatalog')) }) },
  '/stac/conformance': { get: operation('stac', 'Conformance classes', { 200: json(schema('Conformance')) }) },
  '/stac/collections': {
    get: operation('stac', 'Scenes and class maps as collections', {
      200: json({
        type: 'object',
        required: ['collections', 'links'],
        properties: { collections: listOf(schema('StacCollection')), links: listOf(schema('Link')) },
      }),
    }),
  },
  '/stac/collections/{collection}': {
    parameters: [stacCollection],
    get: operation('stac', 'A collection', { 200: json(schema('StacCollection')) }),
  },
  '/stac/collections/{collection}/items': {
    parameters: [stacCollection],
    get: operation('stac', 'A page of items, newest first', { 200: geojson(schema('StacItems')) }, page),
  },
  '/stac/collections/{collection}/items/{id}': {
    parameters: [stacCollection, inPath('id', uuid, 'Id of a scene or a job')],
    get: operation('stac', 'An item', { 200: geojson(schema('StacItem')) }),
  },
  '/stac/search': {
    get: operation('stac', 'Items of all collections, newest first', { 200: geojson(schema('StacItems')) }, [
      inQuery('ids', texts, 'Only these items'),
      inQuery('collections', texts, 'Only items of these collections'),
      inQuery('intersects', { type: 'string' }, 'GeoJSON geometry that the footprint meets'),
      ...page,
    ]),
    post: {
      ...operation('stac', 'The same, asked for in JSON', { 200: geojson(schema('StacItems')) }),
      requestBody: {
        required: true,
        ...content('application/json', {
          type: 'object',
          additionalProperties: false,
          properties: {
            ids: texts,
            collections: texts,
            bbox: { type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 6 },
            intersects: { type: 'object' },
            datetime: { type: 'string' },
            limit: { type: 'integer', minimum: 1 },
            token: { type: 'string' },
          },
        }),
      },
    },
  },
} satisfies Record<string, Json>;
