/** The paths of vector, image and map tiles in OpenAPI 3.0. */
import { binary, inPath, inQuery, jobId, json, operation, plain, schema, uuid } from './parts.ts';

const zoom = inPath('z', { type: 'integer', minimum: 0, maximum: 24 }, 'Zoom');
const column = inPath('x', { type: 'integer', minimum: 0 }, 'Column');
const row = inPath('y', { type: 'integer', minimum: 0 }, 'Row');
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

export const tilePaths = {
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
