/** The paths of uploads and scenes in OpenAPI 3.0. */
import { z } from 'zod';
import { Labels, LabelsAdded, NewLabels } from '../../api/labels.ts';
import { Coordinates, CoordinatesQuery, Point, PointQuery } from '../../api/points.ts';
import { Paged } from '../../api/query.ts';
import {
  Preflight,
  Remade,
  RemoteSceneRequest,
  Scene,
  SceneChanges,
  SceneEvent,
  ScenesQuery,
} from '../../api/scenes.ts';
import { id, text } from '../../api/schema.ts';
import {
  Located,
  PatchRequestHeaders,
  TusHeaders,
  UploadAbilities,
  UploadMade,
  UploadRequestHeaders,
  UploadState,
} from '../../api/uploads.ts';
import { binary, body, bytes, events, geojson, inPath, json, jsonBody, operation, plain, sceneId } from './parts.ts';

const abilities = (operationId: string) =>
  operation('uploads', operationId, 'What the uploads can do (tus 1.0)', {
    204: plain('In the headers', UploadAbilities),
  });

export const uploadPaths = {
  '/uploads': {
    options: abilities('readUploadAbilities'),
    post: operation('uploads', 'beginUpload', 'Begins an upload', {
      description: 'Of a GeoTIFF, or of a ZIP archive of adjacent ones with their sidecar files.',
      headers: UploadRequestHeaders,
      201: plain('Begun', UploadMade),
    }),
  },
  '/uploads/{id}': {
    parameters: [inPath('id', text.meta({ example: '4f1c' }), 'Id of an upload')],
    options: abilities('readOneUploadAbilities'),
    head: operation('uploads', 'readUpload', 'How far an upload came', {
      headers: TusHeaders,
      200: plain('In the headers', UploadState),
    }),
    patch: operation('uploads', 'sendBytes', 'Sends bytes; the last ones make a scene', {
      headers: PatchRequestHeaders,
      body: body('application/offset+octet-stream', bytes),
      204: plain('Received', UploadState),
    }),
    delete: operation('uploads', 'deleteUpload', 'Ends an unfinished upload', {
      headers: TusHeaders,
      204: plain('Deleted'),
    }),
  },
};

export const coordinatePaths = {
  '/coordinates': {
    get: operation('service', 'readCoordinates', 'Coordinates of an EPSG system in degrees', {
      query: CoordinatesQuery,
      200: json(Coordinates),
    }),
  },
};

export const scenePaths = {
  '/scenes': {
    get: operation('scenes', 'listScenes', 'All scenes, newest first', {
      query: ScenesQuery,
      200: json(z.array(Scene), 'OK', Paged),
    }),
    post: operation('scenes', 'addRemoteScene', 'Makes a scene of a cloud-optimised GeoTIFF elsewhere', {
      description: 'It is not copied, but read where it lies.',
      body: jsonBody(RemoteSceneRequest),
      202: json(Scene, 'Being looked at', Located),
    }),
  },
  '/scenes/demo': {
    post: operation('scenes', 'makeDemoScene', 'Generates the demo scene', {
      202: json(Scene, 'Being generated', Located),
    }),
  },
  '/scenes/{id}': {
    parameters: [sceneId],
    get: operation('scenes', 'readScene', 'A scene', { 200: json(Scene) }),
    patch: operation('scenes', 'changeScene', 'Says what an image may be used for, and who is to be named with it', {
      body: jsonBody(SceneChanges),
      200: json(Scene),
    }),
    delete: operation('scenes', 'deleteScene', 'Deletes a scene and all that came of it', { 204: plain('Deleted') }),
  },
  '/scenes/{id}/image.tif': {
    parameters: [sceneId],
    get: operation('scenes', 'downloadImage', 'The image as the service keeps it', {
      description: 'A lossless cloud-optimised GeoTIFF; ranges are answered.',
      200: binary('All bands, without nodata filled in', 'image/tiff'),
    }),
  },
  '/scenes/{id}/retry': {
    parameters: [sceneId],
    post: operation('scenes', 'remakeScene', 'Makes the working copy of a ready scene again from its original', {
      description: 'For one that was damaged. Answers when it is made. Where the original is damaged, too: `damaged`.',
      200: json(Remade),
    }),
  },
  '/scenes/{id}/preflight': {
    parameters: [sceneId],
    get: operation(
      'scenes',
      'lookAtScene',
      'What is understood of a ready scene, and what each network would make of it',
      {
        200: json(Preflight),
      },
    ),
  },
  '/scenes/{id}/point': {
    parameters: [sceneId],
    get: operation('scenes', 'readPoint', 'What is known at a position of a ready scene', {
      description: "Its coordinates in the scene's system, the values of its bands, and with a job class and score.",
      query: PointQuery,
      200: json(Point),
    }),
  },
  '/scenes/{id}/labels': {
    parameters: [sceneId],
    get: operation('scenes', 'listLabels', 'What people have drawn on a scene, to teach networks by', {
      200: geojson(Labels),
    }),
    post: operation('scenes', 'addLabels', 'Adds labels: points, strokes and areas of a class', {
      body: body('application/geo+json', NewLabels),
      201: json(LabelsAdded, 'Added'),
    }),
  },
  '/labels/{id}': {
    parameters: [inPath('id', id, 'Id of a label')],
    delete: operation('scenes', 'removeLabel', 'Takes a label back', { 204: plain('Taken back') }),
  },
  '/scenes/{id}/events': {
    parameters: [sceneId],
    get: operation('scenes', 'watchScene', 'The scene now and after every change (server-sent events)', {
      200: events(SceneEvent),
      204: plain('The last state was sent before'),
    }),
  },
};
