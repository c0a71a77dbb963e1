/** The paths of jobs, their maps and exports in OpenAPI 3.0. */
import { z } from 'zod';
import { ExportQuery, FailedAreas, Job, JobEvent, JobRequest, JobsQuery, Proof, ProofRequest } from '../../api/jobs.ts';
import { Paged } from '../../api/query.ts';
import { SUMMARY_TABLES, Summary } from '../../api/summary.ts';
import { Located } from '../../api/uploads.ts';
import { EXPORT_FORMATS } from '../../export/export.ts';
import { binary, events, geojson, inPath, jobId, json, jsonBody, operation, plain } from './parts.ts';

const formats = z.enum(EXPORT_FORMATS.map(({ ending }) => ending.slice(1))).meta({ example: 'gpkg' });

export const jobPaths = {
  '/jobs': {
    get: operation('jobs', 'listJobs', 'All jobs, newest first', {
      query: JobsQuery,
      200: json(z.array(Job), 'OK', Paged),
    }),
    post: operation('jobs', 'startJob', 'Segments a scene', {
      description: 'The same request again finds the same job.',
      body: jsonBody(JobRequest),
      202: json(Job, 'Queued, or found', Located),
    }),
  },
  '/jobs/{id}': {
    parameters: [jobId],
    get: operation('jobs', 'readJob', 'A job', { 200: json(Job) }),
    delete: operation('jobs', 'deleteJob', 'Ends a job and deletes its features and maps', { 204: plain('Deleted') }),
  },
  '/jobs/{id}/events': {
    parameters: [jobId],
    get: operation('jobs', 'watchJob', 'The job now and after every change (server-sent events)', {
      200: events(JobEvent),
      204: plain('The last state was sent before'),
    }),
  },
  '/jobs/{id}/cancel': {
    parameters: [jobId],
    post: operation('jobs', 'cancelJob', 'Ends a queued or running job', { 200: json(Job) }),
  },
  '/jobs/{id}/retry': {
    parameters: [jobId],
    post: operation('jobs', 'retryJob', 'Takes a failed or cancelled job up again', { 202: json(Job, 'Queued') }),
  },
  '/jobs/{id}/prove': {
    parameters: [jobId],
    post: operation('jobs', 'proveJob', 'Computes random windows of the map once more and counts what differs', {
      description: 'Each window in one pass, so that nothing is stitched.',
      body: jsonBody(ProofRequest, false),
      200: json(Proof),
    }),
  },
  '/jobs/{id}/failed.geojson': {
    parameters: [jobId],
    get: operation('jobs', 'readFailedAreas', 'The parts of the map that could not be computed, each with its reason', {
      200: geojson(FailedAreas),
    }),
  },
  '/jobs/{id}/summary': {
    parameters: [jobId],
    get: operation('jobs', 'summarizeJob', 'What the map of a finished job says of the place', {
      description: 'Computed when it is asked for; every figure is defined in the guide for users.',
      200: json(Summary),
    }),
  },
  '/jobs/{id}/summary/{table}.{format}': {
    parameters: [
      jobId,
      inPath('table', z.enum(SUMMARY_TABLES).meta({ example: 'cells' }), 'Which of its rows'),
      inPath('format', z.enum(['csv', 'geojson']).meta({ example: 'csv' }), 'Format'),
    ],
    get: operation('jobs', 'readSummaryTable', 'The rows behind a summary', {
      200: binary('The rows with their shapes', 'text/csv', 'application/geo+json'),
    }),
  },
  '/jobs/{id}/sheet.html': {
    parameters: [jobId],
    get: operation('jobs', 'readSheet', 'A finished job as a sheet to print', {
      description: 'Map, legend, grid, scale, figures and provenance in one HTML page without scripts.',
      200: binary('The page', 'text/html'),
    }),
  },
  '/jobs/{id}/classes.tif': {
    parameters: [jobId],
    get: operation('jobs', 'downloadClasses', 'The class map as GeoTIFF', {
      200: binary('Class codes, 255 nodata', 'image/tiff'),
    }),
  },
  '/jobs/{id}/scores.tif': {
    parameters: [jobId],
    get: operation('jobs', 'downloadScores', 'The score map as GeoTIFF', {
      200: binary('Probability times 255', 'image/tiff'),
    }),
  },
  '/jobs/{id}/probabilities.tif': {
    parameters: [jobId],
    get: operation('jobs', 'downloadProbabilities', 'The probability of every class as GeoTIFF', {
      description: "Of a job that was asked for them: a band a class, in the network's own order.",
      200: binary('Probabilities times 255; 0 in all bands where there is no answer', 'image/tiff'),
    }),
  },
  '/jobs/{id}/features.tif': {
    parameters: [jobId],
    get: operation('jobs', 'downloadFeatures', "The network's feature layer as GeoTIFF", {
      description: 'Of a job that was asked for it: a band a channel, a pixel a cell of the layer.',
      200: binary('float32; NaN where there is no answer', 'image/tiff'),
    }),
  },
  '/jobs/{id}/export.{format}': {
    parameters: [jobId, inPath('format', formats, 'Format')],
    get: operation('jobs', 'exportJob', 'What the job found as a file', {
      description: 'A layer a collection in GeoPackage, a column `collection` in the others.',
      query: ExportQuery,
      200: binary('The file', ...EXPORT_FORMATS.map(({ mediaType }) => mediaType)),
    }),
  },
  '/jobs/{id}/package.zip': {
    parameters: [jobId],
    get: operation('jobs', 'downloadJob', 'The whole job: features as GeoPackage, maps, report, licence and a README', {
      200: binary('A zip', 'application/zip'),
    }),
  },
};
