/** The paths of OGC API – Processes in OpenAPI 3.0. */
import { content, format, inPath, inQuery, type Json, jobId, json, listOf, operation, schema } from './parts.ts';

const process = inPath('process', { type: 'string', enum: ['segment'] }, 'Id of a process');
const limit = inQuery('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'At most so many');
const chosen = inQuery('outputs', { type: 'array', items: { type: 'string' } }, 'Only these outputs');
const listing = (name: string, of: Json): Json => ({
  type: 'object',
  required: [name, 'links'],
  properties: { [name]: listOf(of), links: listOf(schema('Link')) },
});

export const processesPaths = {
  '/ogc': {
    get: operation('processes', 'Where OGC API – Processes begins', { 200: json(schema('LandingPage')) }, [format]),
  },
  '/ogc/conformance': {
    get: operation('processes', 'Conformance classes', { 200: json(schema('Conformance')) }, [format]),
  },
  '/ogc/processes': {
    get: operation('processes', 'All processes', { 200: json(listing('processes', schema('Process'))) }, [
      limit,
      format,
    ]),
  },
  '/ogc/processes/{process}': {
    parameters: [process],
    get: operation('processes', 'What a process takes and gives', { 200: json(schema('Process')) }, [format]),
  },
  '/ogc/processes/{process}/execution': {
    parameters: [process],
    post: {
      ...operation(
        'processes',
        'Begins a job: the same as POST /jobs',
        {
          201: json(schema('StatusInfo'), 'Its address is in Location'),
        },
        [format],
      ),
      requestBody: {
        required: true,
        ...content('application/json', {
          type: 'object',
          required: ['inputs'],
          properties: {
            inputs: { type: 'object' },
            outputs: { type: 'object' },
            response: { type: 'string', enum: ['document'] },
          },
        }),
      },
    },
  },
  '/ogc/jobs': {
    get: operation('processes', 'All jobs, newest first', { 200: json(listing('jobs', schema('StatusInfo'))) }, [
      limit,
      inQuery('status', { type: 'array', items: { type: 'string' } }, 'Only jobs in one of these states'),
      format,
    ]),
  },
  '/ogc/jobs/{id}': {
    parameters: [jobId],
    get: operation('processes', 'How far a job is', { 200: json(schema('StatusInfo')) }, [chosen, format]),
    delete: operation('processes', 'Ends a job and deletes what it found', { 200: json(schema('StatusInfo')) }, [
      format,
    ]),
  },
  '/ogc/jobs/{id}/results': {
    parameters: [jobId],
    get: operation('processes', 'The report, and where the maps and features are', { 200: json({ type: 'object' }) }, [
      chosen,
      format,
    ]),
  },
} satisfies Record<string, Json>;
