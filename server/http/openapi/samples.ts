/** The paths of samples of a job's map, and of how good it is, in OpenAPI 3.0. */
import { z } from 'zod';
import {
  AccuracyQuery,
  AnswerRequest,
  Imported,
  ImportQuery,
  JobAccuracy,
  NextPointRequest,
  NextPoints,
  Progress,
  Sample,
  SampleRequest,
} from '../../api/accuracy.ts';
import { ListQuery, Paged } from '../../api/query.ts';
import { id } from '../../api/schema.ts';
import { Located } from '../../api/uploads.ts';
import { binary, bytes, inPath, jobId, json, jsonBody, operation, orPage, plain } from './parts.ts';

const sampleId = inPath('sample', id, 'Id of a sample');
const file = z.enum(['plots', 'answers', 'labels']).meta({ example: 'plots' });
const format = z.enum(['csv', 'geojson']).meta({ example: 'csv' });

export const samplePaths = {
  '/jobs/{id}/samples': {
    parameters: [jobId],
    get: operation('accuracy', 'listSamples', 'The samples of a map, newest first', {
      query: ListQuery,
      200: json(z.array(Sample), 'OK', Paged),
    }),
    post: operation('accuracy', 'drawSample', 'Draws a stratified random sample of a finished map', {
      description: 'Strata are the classes of the map. The same seed draws the same points.',
      body: jsonBody(SampleRequest),
      201: json(Sample, 'Drawn', Located),
    }),
  },
  '/jobs/{id}/samples/{sample}': {
    parameters: [jobId, sampleId],
    get: operation('accuracy', 'readSample', 'A sample, and how far its points are answered', { 200: json(Sample) }),
    delete: operation('accuracy', 'deleteSample', 'Deletes a sample with its answers', { 204: plain('Deleted') }),
  },
  '/jobs/{id}/samples/{sample}/next': {
    parameters: [jobId, sampleId],
    post: operation('accuracy', 'takeNextPoint', 'The next point that somebody is to look at', {
      description: 'It is theirs for ten minutes. Nothing is told of what the map says.',
      body: jsonBody(NextPointRequest, false),
      200: json(NextPoints),
    }),
  },
  '/jobs/{id}/samples/{sample}/answers': {
    parameters: [jobId, sampleId],
    post: operation('accuracy', 'answerPoint', 'What somebody saw at a point; an answer of theirs before is replaced', {
      body: jsonBody(AnswerRequest),
      200: json(Progress),
    }),
  },
  '/jobs/{id}/samples/{sample}/import': {
    parameters: [jobId, sampleId],
    post: operation('accuracy', 'importAnswers', 'Answers of a file, such as one of Collect Earth Online', {
      description:
        'CSV or GeoJSON with plotid, the class, and where they are known lon, lat, email and collection_time.',
      query: ImportQuery,
      body: { required: true, content: { 'text/csv': { schema: bytes } } },
      200: json(Imported),
    }),
  },
  '/jobs/{id}/samples/{sample}/{file}.{format}': {
    parameters: [
      ...[jobId, sampleId],
      inPath(
        'file',
        file,
        'Where to look, and nothing else; what was seen, with strata and classes of the map; or what was settled, as labels to teach by (GeoJSON)',
      ),
      inPath('format', format, 'Format'),
    ],
    get: operation('accuracy', 'downloadSample', 'The points of a sample, in the columns of Collect Earth Online', {
      200: binary('The rows', 'text/csv', 'application/geo+json'),
    }),
  },
  '/jobs/{id}/accuracy': {
    parameters: [jobId],
    get: operation('accuracy', 'readAccuracy', 'How good a map is and what areas there are, with 95 % intervals', {
      description: 'Stratified estimators of Olofsson et al. (2014) and Stehman (2014).',
      query: AccuracyQuery,
      200: orPage(json(JobAccuracy)),
    }),
  },
};
