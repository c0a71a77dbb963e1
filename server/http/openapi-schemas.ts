/** The JSON of the HTTP interface (types.ts) as OpenAPI 3.0 schemas. */

import { PROBLEMS } from '../../tiler/problem.ts';
import { DEFAULT_PARAMETERS } from '../parameters.ts';

type Json = Record<string, unknown>;

const text: Json = { type: 'string' };
const time: Json = { type: 'string', format: 'date-time' };
const uuid: Json = { type: 'string', format: 'uuid' };
const number: Json = { type: 'number' };
const count: Json = { type: 'integer', minimum: 0 };
const priority: Json = {
  ...{ type: 'integer', minimum: -9, maximum: 9, default: 0 },
  description: 'Jobs of a higher one are taken up first',
};
const share: Json = { type: 'number', minimum: 0, maximum: 1 };
const orNull = (of: Json): Json => ({ ...of, nullable: true });
const refOrNull = (name: string): Json => ({ nullable: true, allOf: [ref(name)] });
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const list = (items: Json, more: Json = {}): Json => ({ type: 'array', items, ...more });
const oneOf = (...values: string[]): Json => ({ type: 'string', enum: values });

/** An object of which all members are there, but for those named in `optional`. */
function object(properties: Record<string, Json>, optional: readonly string[] = []): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', required, properties };
}

const bbox = list(number, { minItems: 4, maxItems: 4 });
const areaGeometry = object({ type: oneOf('Polygon', 'MultiPolygon'), coordinates: list({}) });
const featureGeometry = object({
  type: oneOf('Polygon', 'MultiPolygon', 'LineString', 'MultiLineString'),
  coordinates: list({}),
});
const links = list(ref('Link'));

const sceneRights = {
  license: orNull({ ...text, maxLength: 300, description: 'SPDX identifier, address or words' }),
  attribution: orNull({ ...text, maxLength: 300, description: 'Who is to be named with the image; plain text' }),
};
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
};
/** All optional: `properties` leaves those that are asked for. */
const featureMembers = { collection: text, job: uuid, scene: uuid, model: text, class: text, score: share };
const featureProperties: Json = { type: 'object', properties: { ...featureMembers, ...featureMeasures } };

export const componentSchemas: Record<string, Json> = {
  Problem: object({
    type: text,
    title: text,
    status: { type: 'integer' },
    code: oneOf(...Object.keys(PROBLEMS)),
    detail: text,
  }),
  Link: object({ href: text, rel: text, type: text, title: text }, ['type', 'title']),
  LandingPage: object({ title: text, description: text, links }),
  Conformance: object({ conformsTo: list(text) }),
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
  Health: object({
    status: oneOf('ok'),
    device: object({
      chosen: { ...text, description: 'What was asked for' },
      name: { ...text, nullable: true, description: 'Where networks run; null until `auto` has found it out' },
      fallback_nodes: { ...count, nullable: true, description: 'Nodes of the last network that ran elsewhere' },
    }),
  }),
  Service: object({
    name: oneOf('planimeter'),
    version: text,
    database: oneOf('pglite', 'postgresql'),
    device: text,
    limits: object({ upload_bytes: count }),
    basemap: orNull(text),
    remote_imagery: { type: 'boolean' },
    caller: object({
      name: text,
      workspace: text,
      role: oneOf('viewer', 'editor', 'admin'),
      signed_in: { type: 'boolean' },
      job: orNull(uuid),
    }),
  }),
  Share: object({ id: uuid, job: uuid, created_by: text, created_at: time, expires_at: time }),
  AuditEntry: object({
    id: count,
    at: time,
    workspace: text,
    actor: text,
    action: text,
    subject: text,
    details: { type: 'object' },
  }),
  Token: object({
    id: uuid,
    name: text,
    workspace: text,
    role: oneOf('viewer', 'editor', 'admin'),
    created_at: time,
    expires_at: orNull(time),
  }),
  Model: object(
    {
      id: text,
      name: text,
      description: text,
      kind: oneOf('shipped', 'added'),
      task: oneOf('segmentation', 'detection'),
      gsd_m: orNull(number),
      gsd_range_m: list(number),
      sha256: text,
      identity: text,
      bands: orNull(list(text)),
      stored: { type: 'boolean' },
      classes: list(object({ name: text, value: count, color: text })),
    },
    ['gsd_range_m'],
  ),
  ModelReport: object({
    id: orNull(text),
    kind: oneOf('shipped', 'added', 'file'),
    task: oneOf('segmentation', 'detection'),
    name: text,
    sha256: text,
    gsd_m: orNull(number),
    inputs: list({}),
    outputs: list({}),
    classes: list(object({ name: text, value: count, color: text })),
    certificate: {},
    findings: list({}),
    halos: orNull(
      object({
        size: count,
        core: count,
        steps: list(object({ halo: count, differing: share, max_delta: number })),
      }),
    ),
  }),
  Scene: object({
    id: uuid,
    workspace: text,
    name: text,
    state: oneOf('uploaded', 'ingesting', 'ready', 'refused'),
    upload: orNull(text),
    sha256: text,
    bytes: count,
    created_at: time,
    progress: share,
    problem: refOrNull('Problem'),
    srs: orNull(text),
    footprint: { nullable: true, allOf: [areaGeometry] },
    bbox: orNull(bbox),
    gsd_m: orNull(number),
    width: orNull(count),
    height: orNull(count),
    bands: orNull(count),
    valid_share: orNull(share),
    captured_at: orNull({ type: 'string' }),
    url: orNull(text),
    ...sceneRights,
    findings: list(ref('Finding')),
  }),
  Finding: object(
    {
      code: text,
      severity: oneOf('info', 'warning', 'error'),
      message: text,
      fix: text,
      params: { type: 'object' },
      job: { type: 'object', description: 'Members of a job request that are the fix' },
    },
    ['fix', 'params', 'job'],
  ),
  Preflight: object({
    file: text,
    size: count,
    width: count,
    height: count,
    bands: count,
    dtype: text,
    srs: text,
    gsd_m: number,
    nodata: orNull(number),
    footprint: areaGeometry,
    valid_share: share,
    band_values: list(
      object({
        number: count,
        name: orNull(text),
        used_for: list(oneOf('red', 'green', 'blue')),
        min: orNull(number),
        max: orNull(number),
        mean: orNull(number),
        percentiles: orNull(list(number)),
        histogram: list(count),
      }),
    ),
    rendering: object({ bands: list(count), ranges: orNull(list(list(number))) }),
    content: object({
      kind: oneOf('imagery', 'few_colours', 'paper'),
      colours: count,
      flat_share: share,
      commonest_share: share,
      contrast: count,
    }),
    findings: list(ref('Finding')),
    models: list(
      object({
        id: text,
        suitable: { type: 'boolean' },
        reason: text,
        chips: count,
        minutes: number,
        minutes_measured: { type: 'boolean' },
        memory_bytes: count,
        disk_bytes: count,
      }),
    ),
    model: orNull(object({ id: text, reason: text })),
  }),
  RemoteSceneRequest: {
    ...object({ url: text, srs: text, name: text, ...sceneRights }, ['srs', 'name', 'license', 'attribution']),
    additionalProperties: false,
  },
  SceneChanges: { ...object(sceneRights, ['license', 'attribution']), additionalProperties: false },
  JobRequest: {
    ...object({ scene: uuid, model: text, parameters: ref('JobParameters'), priority }, [
      'model',
      'parameters',
      'priority',
    ]),
    additionalProperties: false,
  },
  ProofRequest: object({ seed: count, windows: { ...count, maximum: 64, default: 8 } }, ['seed', 'windows']),
  Proof: object({ seed: count, windows: count, pixels: count, differing: count, max_score_delta: number }),
  JobParameters: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(
        Object.entries(DEFAULT_PARAMETERS).map(([name, value]) => [
          name,
          { type: 'number', minimum: 0, default: value },
        ]),
      ),
      bands: {
        ...list({ anyOf: [count, text] }),
        description: 'Bands that are red, green and blue, or as many as the network takes: numbers or names',
      },
      stretch: {
        description: 'Values of each band that become 0 and 255',
        anyOf: [oneOf('none', 'percentile'), object({ low: list(number), high: list(number) })],
      },
      aoi: {
        type: 'object',
        description: 'GeoJSON in degrees: a Polygon, a MultiPolygon, or a Feature or FeatureCollection of them',
      },
      device: { ...text, description: 'cpu, webgpu, cuda or cuda:N' },
      precision: {
        enum: ['fp32', 'int8'],
        description: 'Of the weights; the faster on this machine by default',
      },
    },
  },
  Job: object({
    id: uuid,
    workspace: text,
    scene: uuid,
    model: text,
    parameters: { type: 'object' },
    state: oneOf('queued', 'running', 'done', 'failed', 'cancelled'),
    progress: object({
      stage: oneOf('ingest', 'plan', 'infer', 'stitch', 'vectorize', 'store'),
      done: count,
      total: count,
      share,
    }),
    problem: refOrNull('Problem'),
    report: orNull({ type: 'object' }),
    totals: list(object({ class: text, count, area_m2: number, share })),
    priority,
    created_at: time,
    started_at: orNull(time),
    finished_at: orNull(time),
  }),
  Collection: object(
    {
      id: text,
      title: text,
      description: text,
      extent: object({ spatial: object({ bbox: list(bbox), crs: text }) }),
      itemType: oneOf('feature'),
      crs: list(text),
      storageCrs: text,
      links,
    },
    ['extent'],
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
