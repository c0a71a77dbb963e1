/** The JSON of the STAC catalogue and of OGC API – Processes as OpenAPI 3.0 schemas. */
import {
  areaGeometry,
  bbox,
  count,
  type Json,
  links,
  list,
  object,
  oneOf,
  orNull,
  ref,
  text,
  time,
  uuid,
} from './shapes.ts';

export const catalogueSchemas: Record<string, Json> = {
  StacCatalog: object({
    ...{ type: oneOf('Catalog'), stac_version: text, id: text, title: text, description: text },
    ...{ conformsTo: list(text), links },
  }),
  StacCollection: object({
    ...{ type: oneOf('Collection'), stac_version: text, id: text, title: text, description: text },
    ...{ keywords: list(text), license: text, extent: { type: 'object' }, item_assets: { type: 'object' }, links },
  }),
  StacItem: object({
    ...{ type: oneOf('Feature'), stac_version: text, stac_extensions: list(text), id: uuid, collection: text },
    ...{ geometry: { ...areaGeometry, nullable: true }, bbox: orNull(bbox), properties: { type: 'object' } },
    ...{ links, assets: { type: 'object' } },
  }),
  StacItems: object({
    type: oneOf('FeatureCollection'),
    features: list(ref('StacItem')),
    numberMatched: count,
    numberReturned: count,
    links,
  }),
  Process: object(
    {
      ...{ id: text, title: text, description: text, version: text, keywords: list(text) },
      ...{ jobControlOptions: list(text), outputTransmission: list(text), links },
      ...{ inputs: { type: 'object' }, outputs: { type: 'object' } },
    },
    ['inputs', 'outputs'],
  ),
  StatusInfo: object(
    {
      ...{ processID: text, type: oneOf('process'), jobID: uuid, message: text, progress: { ...count, maximum: 100 } },
      status: oneOf('accepted', 'running', 'successful', 'failed', 'dismissed'),
      ...{ created: time, started: time, finished: time, updated: time, links },
    },
    ['started', 'finished'],
  ),
};
