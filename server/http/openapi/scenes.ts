/** The paths of uploads and scenes in OpenAPI 3.0. */
import {
  binary,
  content,
  inHeader,
  inQuery,
  type Json,
  json,
  listOf,
  operation,
  plain,
  sceneId,
  schema,
  uploadId,
} from './parts.ts';

const bytes: Json = { type: 'integer', minimum: 0 };
const tusVersion = inHeader('Tus-Resumable', { type: 'string', enum: ['1.0.0'] });

export const uploadPaths = {
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

export const scenePaths = {
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
