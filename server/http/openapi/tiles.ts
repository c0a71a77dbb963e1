/** The paths of vector, image and map tiles in OpenAPI 3.0. */
import { z } from 'zod';
import { SceneViewQuery, TileJson, TileQuery } from '../../api/features.ts';
import { count, id, text } from '../../api/schema.ts';
import { binary, inPath, jobId, json, operation, plain } from './parts.ts';

const job = inPath('job', id, 'Id of a job');
const scene = inPath('scene', id, 'Id of a scene');
const zoom = inPath('z', count.max(24).meta({ example: 14 }), 'Zoom');
const column = inPath('x', count.meta({ example: 10_706 }), 'Column');
const row = inPath('y', count.meta({ example: 6990 }), 'Row');
const imageRow = inPath(
  'y',
  text.regex(/^\d+(@2x)?$/).meta({ example: '6990@2x' }),
  'Row, with @2x for 512 pixels a side',
);
const format = inPath('format', z.enum(['webp', 'png', 'jpg']), 'Format');
const none = { 204: plain('Nothing here'), 304: plain('As it was') };
const rasterTile = { 200: binary('An image', 'image/webp', 'image/png', 'image/jpeg'), ...none };

export const tilePaths = {
  '/tiles/{job}.json': {
    parameters: [job],
    get: operation('tiles', 'readTileJson', 'TileJSON of the vector tiles of a job', {
      query: TileQuery,
      200: json(TileJson),
    }),
  },
  '/tiles/{job}/{z}/{x}/{y}.mvt': {
    parameters: [job, zoom, column, row],
    get: operation('tiles', 'readTile', 'A vector tile with the layers landuse, roads, buildings and objects', {
      query: TileQuery,
      200: binary('A Mapbox Vector Tile', 'application/vnd.mapbox-vector-tile'),
      ...none,
    }),
  },
  '/imagery/{scene}.json': {
    parameters: [scene],
    get: operation('tiles', 'readImageryTileJson', 'TileJSON of the imagery of a scene', {
      query: SceneViewQuery,
      200: json(TileJson),
    }),
  },
  '/imagery/{scene}/{z}/{x}/{y}.{format}': {
    parameters: [scene, zoom, column, imageRow, format],
    get: operation('tiles', 'readImageryTile', 'An imagery tile in Web Mercator', {
      query: SceneViewQuery,
      ...rasterTile,
    }),
  },
  ...Object.fromEntries(
    [
      ['classes', 'Classes', 'class map in the colours of its classes'],
      ['scores', 'Scores', 'score map, dark where uncertain'],
    ].flatMap(([map, Name, what]) => [
      [
        `/jobs/{id}/${map}.json`,
        {
          parameters: [jobId],
          get: operation('tiles', `read${Name}TileJson`, `TileJSON of the ${what}`, { 200: json(TileJson) }),
        },
      ],
      [
        `/jobs/{id}/${map}/{z}/{x}/{y}.{format}`,
        {
          parameters: [jobId, zoom, column, imageRow, format],
          get: operation('tiles', `read${Name}Tile`, `A tile of the ${what}; of a running job what is done`, {
            ...rasterTile,
          }),
        },
      ],
    ]),
  ),
};
