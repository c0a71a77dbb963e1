/** The paths of jobs, their maps and exports in OpenAPI 3.0. */
import { EXPORT_FORMATS } from '../../export/export.ts';
import { REVIEW_FILTERS } from '../../store/tables/reviews.ts';
import {
  binary,
  content,
  geojson,
  inPath,
  inQuery,
  jobId,
  json,
  listOf,
  operation,
  plain,
  schema,
  uuid,
} from './parts.ts';

export const jobPaths = {
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
  '/jobs/{id}/export.{format}': {
    parameters: [
      jobId,
      inPath('format', { type: 'string', enum: EXPORT_FORMATS.map(({ ending }) => ending.slice(1)) }, 'Format'),
    ],
    get: operation(
      'jobs',
      'What the job found as a file: a layer a collection in GeoPackage, a column `collection` in the others',
      { 200: binary('The file', ...EXPORT_FORMATS.map(({ mediaType }) => mediaType)) },
      [
        inQuery('collection', { type: 'string' }, 'Only this collection'),
        inQuery(
          'review',
          { type: 'string', enum: Object.keys(REVIEW_FILTERS) },
          'Only features of which this was said',
        ),
      ],
    ),
  },
  '/jobs/{id}/package.zip': {
    parameters: [jobId],
    get: operation('jobs', 'The whole job: features as GeoPackage, maps, report, licence and a README', {
      200: binary('A zip', 'application/zip'),
    }),
  },
};
