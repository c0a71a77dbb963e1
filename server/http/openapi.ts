/** The HTTP interface in OpenAPI 3.0, kept beside the routes; a test holds that both name the same ones. */
import { EXPORT_FORMATS } from '../export/export.ts';
import {
  binary,
  collectionId,
  content,
  format,
  formatOrPage,
  geojson,
  inHeader,
  inPath,
  inQuery,
  type Json,
  jobId,
  json,
  listOf,
  modelId,
  operation,
  orPage,
  plain,
  sceneId,
  schema,
  uploadId,
  uuid,
} from './openapi-parts.ts';
import { processesPaths } from './openapi-processes.ts';
import { componentSchemas } from './openapi-schemas.ts';
import { stacPaths } from './openapi-stac.ts';

const attributes = inQuery('properties', { type: 'array', items: { type: 'string' } }, 'Only these attributes');
const zoom = inPath('z', { type: 'integer', minimum: 0, maximum: 24 }, 'Zoom');
const column = inPath('x', { type: 'integer', minimum: 0 }, 'Column');
const row = inPath('y', { type: 'integer', minimum: 0 }, 'Row');
const bytes: Json = { type: 'integer', minimum: 0 };
const tusVersion = inHeader('Tus-Resumable', { type: 'string', enum: ['1.0.0'] });

const uploads = {
  '/uploads': {
    options: operation('uploads', 'What the uploads can do (tus 1.0)', { 204: plain('In the headers') }),
    post: operation(
      'uploads',
      'Begins an upload: a GeoTIFF, or a ZIP archive of adjacent ones with their sidecar files',
      { 201: plain('Its address is in Location') },
      [
        tusVersion,
        inHeader('Upload-Length', bytes, false),
        inHeader(
          'Upload-Metadata',
          {
            type: 'string',
            description:
              'filename; srs ("EPSG:CODE" or WKT) where the file names no CRS or a wrong one; license and attribution',
          },
          false,
        ),
      ],
    ),
  },
  '/uploads/{id}': {
    parameters: [uploadId],
    options: operation('uploads', 'What the uploads can do (tus 1.0)', { 204: plain('In the headers') }),
    head: operation('uploads', 'How far an upload came', { 200: plain('In the header Upload-Offset') }, [tusVersion]),
    patch: {
      ...operation(
        'uploads',
        'Sends bytes; the last ones make a scene, whose id is in the header Planimeter-Scene',
        { 204: plain('Received') },
        [tusVersion, inHeader('Upload-Offset', bytes)],
      ),
      requestBody: {
        required: true,
        ...content('application/offset+octet-stream', { type: 'string', format: 'binary' }),
      },
    },
    delete: operation('uploads', 'Ends an unfinished upload', { 204: plain('Gone') }, [tusVersion]),
  },
};

const scenes = {
  '/scenes': {
    get: operation('scenes', 'All scenes, newest first', { 200: json(listOf(schema('Scene'))) }, [
      inQuery('upload', { type: 'string' }, 'Only the scene that came of this upload'),
    ]),
    post: {
      ...operation('scenes', 'Makes a scene of a cloud-optimised GeoTIFF elsewhere, which is read where it lies', {
        202: json(schema('Scene'), 'Its address is in Location'),
      }),
      requestBody: { required: true, ...content('application/json', schema('RemoteSceneRequest')) },
    },
  },
  '/scenes/demo': {
    post: operation('scenes', 'Generates the demo scene', { 202: json(schema('Scene'), 'Being generated') }),
  },
  '/scenes/{id}': {
    parameters: [sceneId],
    get: operation('scenes', 'A scene', { 200: json(schema('Scene')) }),
    patch: {
      ...operation('scenes', "Says what a scene's image may be used for, and who is to be named with it", {
        200: json(schema('Scene')),
      }),
      requestBody: { required: true, ...content('application/json', schema('SceneChanges')) },
    },
    delete: operation('scenes', 'Deletes a scene and all that came of it', { 204: plain('Gone') }),
  },
  '/scenes/{id}/image.tif': {
    parameters: [sceneId],
    get: operation('scenes', 'The image as the service keeps it: a lossless cloud-optimised GeoTIFF', {
      200: binary('All bands, without nodata filled in', 'image/tiff'),
    }),
  },
  '/scenes/{id}/preflight': {
    parameters: [sceneId],
    get: operation('scenes', 'What is understood of a ready scene, and what each network would make of it', {
      200: json(schema('Preflight')),
    }),
  },
  '/scenes/{id}/events': {
    parameters: [sceneId],
    get: operation('scenes', 'The scene now and after every change (server-sent events)', {
      200: { description: 'Events', ...content('text/event-stream', { type: 'string' }) },
      204: plain('The last state was sent before'),
    }),
  },
};

const jobs = {
  '/jobs': {
    get: operation('jobs', 'All jobs, newest first', { 200: json(listOf(schema('Job'))) }, [
      inQuery('scene', uuid, 'Only jobs over this scene'),
    ]),
    post: {
      ...operation('jobs', 'Segments a scene; the same request again finds the same job', {
        202: json(schema('Job'), 'Its address is in Location'),
      }),
      requestBody: { required: true, ...content('application/json', schema('JobRequest')) },
    },
  },
  '/jobs/{id}': {
    parameters: [jobId],
    get: operation('jobs', 'A job', { 200: json(schema('Job')) }),
    delete: operation('jobs', 'Ends a job and deletes its features and maps', { 204: plain('Gone') }),
  },
  '/jobs/{id}/events': {
    parameters: [jobId],
    get: operation('jobs', 'The job now and after every change (server-sent events)', {
      200: { description: 'Events', ...content('text/event-stream', { type: 'string' }) },
      204: plain('The last state was sent before'),
    }),
  },
  '/jobs/{id}/cancel': {
    parameters: [jobId],
    post: operation('jobs', 'Ends a queued or running job', { 200: json(schema('Job')) }),
  },
  '/jobs/{id}/retry': {
    parameters: [jobId],
    post: operation('jobs', 'Takes a failed or cancelled job up again', { 202: json(schema('Job'), 'Queued') }),
  },
  '/jobs/{id}/prove': {
    parameters: [jobId],
    post: {
      ...operation('jobs', 'Computes random windows of the map once more, each in one pass, and counts what differs', {
        200: json(schema('Proof')),
      }),
      requestBody: { ...content('application/json', schema('ProofRequest')) },
    },
  },
  '/jobs/{id}/failed.geojson': {
    parameters: [jobId],
    get: operation('jobs', 'The parts of the map that could not be computed, each with its reason', {
      200: geojson({ type: 'object' }),
    }),
  },
  '/jobs/{id}/classes.tif': {
    parameters: [jobId],
    get: operation('jobs', 'The class map as GeoTIFF', { 200: binary('Class codes, 255 nodata', 'image/tiff') }),
  },
  '/jobs/{id}/scores.tif': {
    parameters: [jobId],
    get: operation('jobs', 'The score map as GeoTIFF', { 200: binary('Probability times 255', 'image/tiff') }),
  },
};

const exports = {
  '/jobs/{id}/export.{format}': {
    parameters: [
      jobId,
      inPath('format', { type: 'string', enum: EXPORT_FORMATS.map(({ ending }) => ending.slice(1)) }, 'Format'),
    ],
    get: operation(
      'jobs',
      'What the job found as a file: a layer a collection in GeoPackage, a column `collection` in the others',
      { 200: binary('The file', ...EXPORT_FORMATS.map(({ mediaType }) => mediaType)) },
      [inQuery('collection', { type: 'string' }, 'Only this collection')],
    ),
  },
};

const packages = {
  '/jobs/{id}/package.zip': {
    parameters: [jobId],
    get: operation('jobs', 'The whole job: features as GeoPackage, maps, report, licence and a README', {
      200: binary('A zip', 'application/zip'),
    }),
  },
};

const features = {
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
  },
};

const imageRow = inPath('y', { type: 'string', pattern: '^\\d+(@2x)?$' }, 'Row, with @2x for 512 pixels a side');
const imageFormat = inPath('format', { type: 'string', enum: ['webp', 'png', 'jpg'] }, 'Format');
const rasterTile = {
  200: binary('An image', 'image/webp', 'image/png', 'image/jpeg'),
  204: plain('Nothing here'),
  304: plain('As it was'),
};
const sceneView = [
  inQuery('bands', { type: 'string' }, 'Band numbers for red, green and blue, as 4,3,2; or one for gray'),
  inQuery('stretch', { type: 'string' }, 'none, percentile, or the values shown as black and white, as 0,3000'),
];

const tiles = {
  '/tiles/{job}.json': {
    parameters: [inPath('job', uuid, 'Id of a job')],
    get: operation('tiles', 'TileJSON of the vector tiles of a job', { 200: json(schema('TileJson')) }),
  },
  '/tiles/{job}/{z}/{x}/{y}.mvt': {
    parameters: [inPath('job', uuid, 'Id of a job'), zoom, column, row],
    get: operation('tiles', 'A vector tile with the layers landuse, roads, buildings and objects', {
      200: binary('A Mapbox Vector Tile', 'application/vnd.mapbox-vector-tile'),
      204: plain('Nothing here'),
      304: plain('As it was'),
    }),
  },
  '/imagery/{scene}.json': {
    parameters: [inPath('scene', uuid, 'Id of a scene')],
    get: operation('tiles', 'TileJSON of the imagery of a scene', { 200: json(schema('TileJson')) }, sceneView),
  },
  '/imagery/{scene}/{z}/{x}/{y}.{format}': {
    parameters: [inPath('scene', uuid, 'Id of a scene'), zoom, column, imageRow, imageFormat],
    get: operation('tiles', 'An imagery tile in Web Mercator', rasterTile, sceneView),
  },
  ...Object.fromEntries(
    [
      ['classes', 'class map in the colours of its classes'],
      ['scores', 'score map, dark where uncertain'],
    ].flatMap(([map, what]) => [
      [
        `/jobs/{id}/${map}.json`,
        {
          parameters: [jobId],
          get: operation('tiles', `TileJSON of the ${what}`, { 200: json(schema('TileJson')) }),
        },
      ],
      [
        `/jobs/{id}/${map}/{z}/{x}/{y}.{format}`,
        {
          parameters: [jobId, zoom, column, imageRow, imageFormat],
          get: operation('tiles', `A tile of the ${what}; of a running job what is done`, rasterTile),
        },
      ],
    ]),
  ),
};

const service = {
  '/': {
    get: operation(
      'service',
      'The viewer, or for those who ask for JSON the landing page',
      {
        200: orPage(json(schema('LandingPage'))),
      },
      [formatOrPage],
    ),
  },
  '/models': {
    get: operation('models', 'The networks', { 200: json(listOf(schema('Model'))) }),
    post: {
      ...operation(
        'models',
        'Adds a network, an ONNX file, which is tried out first; a problem says why it cannot be used',
        { 201: json(schema('ModelReport'), 'Its address is in Location') },
        [
          { ...inQuery('id', { type: 'string' }, 'Its id'), required: true },
          inQuery('name', { type: 'string' }, 'Its name'),
          inQuery('metadata', { type: 'string' }, 'JSON that describes it: STAC MLM, Esri EMD, geoai, Deepness'),
          inQuery('gsd_m', { type: 'number' }, 'Metres per pixel that it was trained at'),
          inQuery('classes', { type: 'array', items: { type: 'string' } }, 'Names of the classes'),
          inQuery('task', { type: 'string', enum: ['segmentation', 'detection'] }, 'What it does'),
          inQuery('divide_by', { type: 'number' }, 'It takes pixels (0 to 255) divided by this'),
          inQuery('mean', { type: 'array', items: { type: 'number' } }, 'Taken off then, by band'),
          inQuery('std', { type: 'array', items: { type: 'number' } }, 'Divided by then, by band'),
          inQuery(
            'bands',
            { type: 'string' },
            'The bands that it takes: rgb, bgr, or names such as red,green,blue,nir',
          ),
          inQuery(
            'activation',
            { type: 'string', enum: ['sigmoid', 'softmax', 'none'] },
            'What its numbers still want',
          ),
          inQuery('threshold', { type: 'number' }, 'Least probability of an object class'),
          inQuery('confidence', { type: 'number' }, 'Least score of a detection'),
          inQuery('overlap', { type: 'number' }, 'Overlap (IoU) from which two detections are one'),
        ],
      ),
      requestBody: { required: true, ...content('application/octet-stream', { type: 'string', format: 'binary' }) },
    },
  },
  '/models/{model}': {
    parameters: [modelId],
    get: operation('models', 'What is understood of a network', { 200: json(schema('ModelReport')) }),
    delete: operation('models', 'Removes a network that was added', { 204: plain('Gone') }),
  },
  '/models/{model}/mlm.json': {
    parameters: [modelId],
    get: operation('models', 'The network as a STAC item (MLM)', { 200: geojson({ type: 'object' }) }),
  },
  '/models/{model}/{precision}.onnx': {
    parameters: [modelId, inPath('precision', { type: 'string', enum: ['fp32', 'int8'] }, 'Of the weights')],
    get: operation('models', 'The network itself', { 200: binary('An ONNX file', 'application/octet-stream') }),
  },
  '/tokens': {
    get: operation('access', 'The access tokens that are not revoked', { 200: json(listOf(schema('Token'))) }),
    post: {
      ...operation('access', 'Makes a token, which is shown this once', {
        201: json({ allOf: [schema('Token'), { type: 'object', properties: { token: { type: 'string' } } }] }, 'Made'),
      }),
      requestBody: {
        required: true,
        ...content('application/json', {
          type: 'object',
          required: ['name', 'role'],
          properties: {
            name: { type: 'string' },
            role: { type: 'string', enum: ['viewer', 'editor', 'admin'] },
            days: { type: 'number', minimum: 0, description: 'How long it is good for' },
            workspace: { type: 'string', description: "Whose data it opens; the maker's own without" },
          },
        }),
      },
    },
  },
  '/tokens/{id}': {
    parameters: [inPath('id', uuid, 'Id of a token')],
    delete: operation('access', 'Revokes a token', { 204: plain('Revoked') }),
  },
  '/jobs/{id}/shares': {
    parameters: [jobId],
    get: operation('access', 'The links that show this job, without what is secret in them', {
      200: json(listOf(schema('Share'))),
    }),
    post: {
      ...operation('access', 'Makes a link that shows this job to whoever has it; the address is told this once', {
        201: json({ allOf: [schema('Share'), { type: 'object', properties: { url: { type: 'string' } } }] }, 'Made'),
      }),
      requestBody: {
        required: false,
        ...content('application/json', {
          type: 'object',
          properties: { days: { type: 'number', minimum: 0, description: 'How long it is good for' } },
        }),
      },
    },
  },
  '/shares/{id}': {
    parameters: [inPath('id', uuid, 'Id of a link')],
    delete: operation('access', 'Revokes a link', { 204: plain('Revoked') }),
  },
  '/audit': {
    get: {
      ...operation('access', 'What was done by whom, newest first', {
        200: json({
          type: 'object',
          required: ['entries', 'links'],
          properties: { entries: listOf(schema('AuditEntry')), links: listOf(schema('Link')) },
        }),
      }),
      parameters: [
        inQuery('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Most entries'),
        inQuery('before', { type: 'integer' }, 'Id of an entry; older ones are given'),
        inQuery('workspace', { type: 'string' }, 'Of one workspace'),
      ],
    },
  },
  '/session': {
    get: operation('access', 'The page where browsers sign in', {
      200: { description: 'As asked', ...content('text/html', { type: 'string' }) },
    }),
    post: {
      ...operation('access', 'Signs a browser in: the token goes into a cookie that scripts cannot read', {
        303: plain('To the viewer'),
        401: { description: 'The page again', ...content('text/html', { type: 'string' }) },
      }),
      requestBody: {
        required: true,
        ...content('application/x-www-form-urlencoded', {
          type: 'object',
          required: ['token'],
          properties: { token: { type: 'string' } },
        }),
      },
    },
    delete: operation('access', 'Signs a browser out', { 204: plain('Signed out') }),
  },
  '/health': { get: operation('service', 'Whether the service is well', { 200: json(schema('Health')) }) },
  '/ready': {
    get: operation('service', 'Whether the service can answer now; 503 where it cannot', {
      200: json({ type: 'object', properties: { status: { type: 'string', enum: ['ready'] } } }),
    }),
  },
  '/metrics': {
    get: operation('service', 'Figures for Prometheus', {
      200: { description: 'As asked', ...content('text/plain;version=0.0.4', { type: 'string' }) },
    }),
  },
  '/service': { get: operation('service', 'Version, limits, device', { 200: json(schema('Service')) }) },
  '/openapi.json': {
    get: operation('service', 'This document', {
      200: { description: 'As asked', ...content('application/vnd.oai.openapi+json;version=3.0', { type: 'object' }) },
    }),
  },
};

export function openapiDocument(version: string, address: string) {
  return {
    openapi: '3.0.3',
    info: {
      title: 'Planimeter',
      version,
      description: 'Vector maps of aerial and satellite imagery. Every refusal is problem+json (RFC 9457) with a code.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: address }],
    paths: {
      ...service,
      ...uploads,
      ...scenes,
      ...jobs,
      ...exports,
      ...packages,
      ...features,
      ...processesPaths,
      ...stacPaths,
      ...tiles,
    } as Record<string, Json>,
    security: [{}, { bearer: [] }],
    components: { schemas: componentSchemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}
