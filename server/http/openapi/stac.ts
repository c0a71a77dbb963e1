/** The paths of the STAC API in OpenAPI 3.0. */
import { z } from 'zod';
import { Conformance } from '../../api/common.ts';
import { id } from '../../api/schema.ts';
import {
  StacCatalog,
  StacCollection,
  StacCollections,
  StacItem,
  StacItems,
  StacItemsQuery,
  StacSearch,
  StacSearchQuery,
} from '../../api/stac.ts';
import { geojson, inPath, type Json, json, jsonBody, operation } from './parts.ts';

const collection = inPath('collection', z.enum(['scenes', 'class-maps']), 'Id of a collection');

export const stacPaths = {
  '/stac': { get: operation('stac', 'readCatalog', 'The catalogue', { 200: json(StacCatalog) }) },
  '/stac/conformance': {
    get: operation('stac', 'readStacConformance', 'Conformance classes', { 200: json(Conformance) }),
  },
  '/stac/collections': {
    get: operation('stac', 'listStacCollections', 'Scenes and class maps as collections', {
      200: json(StacCollections),
    }),
  },
  '/stac/collections/{collection}': {
    parameters: [collection],
    get: operation('stac', 'readStacCollection', 'A collection', { 200: json(StacCollection) }),
  },
  '/stac/collections/{collection}/items': {
    parameters: [collection],
    get: operation('stac', 'listStacItems', 'A page of items, newest first', {
      query: StacItemsQuery,
      200: geojson(StacItems),
    }),
  },
  '/stac/collections/{collection}/items/{id}': {
    parameters: [collection, inPath('id', id, 'Id of a scene or a job')],
    get: operation('stac', 'readStacItem', 'An item', { 200: geojson(StacItem) }),
  },
  '/stac/search': {
    get: operation('stac', 'searchStac', 'Items of all collections, newest first', {
      query: StacSearchQuery,
      200: geojson(StacItems),
    }),
    post: operation('stac', 'searchStacByJson', 'The same, asked for in JSON', {
      body: jsonBody(StacSearch),
      200: geojson(StacItems),
    }),
  },
} satisfies Record<string, Json>;
