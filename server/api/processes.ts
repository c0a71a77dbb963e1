/** The JSON of OGC API – Processes 1.0. */
import { z } from 'zod';
import { Link, links } from './common.ts';
import { JobParameters } from './job-parameters.ts';
import { JobReport } from './job-report.ts';
import { JobRequest } from './jobs.ts';
import { queryFormat, queryLimit, queryList, queryText } from './query.ts';
import { count, id, inFull, text, time } from './schema.ts';

const described = { title: text, description: text };
const media = { type: text, format: text, contentMediaType: text };
/** A schema stands by itself in a process description. */
const schema = z.looseObject({ type: text.exactOptional() });

export const Process = z
  .object({
    id: text.meta({ example: 'segment' }),
    ...described,
    version: text.meta({ example: '1.0.0' }),
    keywords: z.array(text),
    jobControlOptions: z.array(text),
    outputTransmission: z.array(text),
    links,
    inputs: z.record(text, z.object({ ...described, schema, minOccurs: count, maxOccurs: count })).exactOptional(),
    outputs: z.record(text, z.object({ title: text, schema: z.object(media).partial() })).exactOptional(),
  })
  .meta({ id: 'Process' });
export const Processes = z.object({ processes: z.array(Process), links }).meta({ id: 'Processes' });

const STATUSES = ['accepted', 'running', 'successful', 'failed', 'dismissed'] as const;
export const StatusInfo = z
  .object({
    processID: text.meta({ example: 'segment' }),
    type: z.literal('process'),
    jobID: id,
    status: z.enum(STATUSES),
    message: text,
    progress: count.max(100),
    created: time,
    started: time.exactOptional(),
    finished: time.exactOptional(),
    updated: time,
    links,
  })
  .meta({ id: 'StatusInfo' });
export type StatusInfo = z.input<typeof StatusInfo>;
export const StatusInfos = z.object({ jobs: z.array(StatusInfo), links }).meta({ id: 'StatusInfos' });

const file = Link.pick({ href: true, type: true, title: true });
/** The report by value, files by reference. */
export const Results = z
  .object({ report: JobReport.nullable(), features: file, geopackage: file, classes: file, scores: file })
  .partial()
  .meta({ id: 'Results', description: 'The report by value, files by reference; detectors draw no maps' });
export type Results = z.input<typeof Results>;
export type Output = keyof Results;

const object = (what: string) =>
  z.record(text, z.unknown(), { error: `${what} is a JSON object, such as {"inputs": {"scene": "<id>"}}.` });
const wanted = z.looseObject({ transmissionMode: text.exactOptional() });
const ExecuteInputs = z.object({ ...JobRequest.omit({ parameters: true }).shape, ...JobParameters.shape }).meta({
  id: 'ExecuteInputs',
  description: 'As they are, or each as {"value": …}',
  example: { scene: id.meta()!.example, min_area_m2: 30 },
});
const ExecuteOutputs = z
  .object({ report: wanted, features: wanted, geopackage: wanted, classes: wanted, scores: wanted })
  .partial()
  .meta({ id: 'ExecuteOutputs' });
export const Execute = z
  .object(
    {
      inputs: object('"inputs"').meta(inFull(ExecuteInputs)),
      outputs: object('"outputs"').meta(inFull(ExecuteOutputs)).prefault({}),
      response: z
        .literal('document', { error: '"response" is document: there is more than one output.' })
        .exactOptional(),
    },
    { error: 'An execute request is a JSON object, such as {"inputs": {"scene": "<id>"}}.' },
  )
  .meta({ id: 'Execute' });

const MOST_LISTED = 1000;
const format = queryFormat(['json'], 'json');
const outputs = queryList('Only these outputs', ['report']);
export const PlainQuery = z.object({ f: format });
export const ProcessesQuery = z.object({ limit: queryLimit(100, MOST_LISTED, 'Processes, at most'), f: format });
export const StatusInfosQuery = z.object({
  limit: queryLimit(100, MOST_LISTED, 'Jobs a page'),
  after: queryText('Where the page before ended; taken from its next link'),
  status: queryList('Only jobs in one of these states', ['running']),
  f: format,
});
export const OutputsQuery = z.object({ outputs, f: format });
