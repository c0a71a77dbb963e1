/** The paths of OGC API – Processes in OpenAPI 3.0. */
import { z } from 'zod';
import { Conformance, LandingPage } from '../../api/common.ts';
import {
  Execute,
  OutputsQuery,
  PlainQuery,
  Process,
  Processes,
  ProcessesQuery,
  Results,
  StatusInfo,
  StatusInfos,
  StatusInfosQuery,
} from '../../api/processes.ts';
import { Located } from '../../api/uploads.ts';
import { inPath, type Json, jobId, json, jsonBody, operation } from './parts.ts';

const process = inPath('process', z.enum(['segment']), 'Id of a process');
const read = (operationId: string, summary: string, schema: z.ZodType, query: z.ZodObject = PlainQuery) =>
  operation('processes', operationId, summary, { query, 200: json(schema) });

export const processesPaths = {
  '/ogc': { get: read('readProcessesLanding', 'Where OGC API – Processes begins', LandingPage) },
  '/ogc/conformance': { get: read('readProcessesConformance', 'Conformance classes', Conformance) },
  '/ogc/processes': { get: read('listProcesses', 'All processes', Processes, ProcessesQuery) },
  '/ogc/processes/{process}': {
    parameters: [process],
    get: read('readProcess', 'What a process takes and gives', Process),
  },
  '/ogc/processes/{process}/execution': {
    parameters: [process],
    post: operation('processes', 'executeProcess', 'Begins a job: the same as POST /jobs', {
      query: PlainQuery,
      body: jsonBody(Execute),
      201: json(StatusInfo, 'Begun', Located),
    }),
  },
  '/ogc/jobs': { get: read('listProcessJobs', 'All jobs, newest first', StatusInfos, StatusInfosQuery) },
  '/ogc/jobs/{id}': {
    parameters: [jobId],
    get: read('readProcessJob', 'How far a job is', StatusInfo, OutputsQuery),
    delete: read('dismissProcessJob', 'Ends a job and deletes what it found', StatusInfo),
  },
  '/ogc/jobs/{id}/results': {
    parameters: [jobId],
    get: read('readProcessResults', 'The report, and where the maps and features are', Results, OutputsQuery),
  },
} satisfies Record<string, Json>;
