/**
 * OGC API – Processes 1.0: `segment` as a process, so that generic clients can start a job, ask how far it is, fetch
 * its results and dismiss it. A job here is the job of `/jobs` under its own id.
 */
import express, { type Request, Router } from 'express';
import { Problem, problemFromJson } from '../../../errors/problem.ts';
import type { JobState, Link } from '../../api/index.ts';
import { JobRequest } from '../../api/jobs.ts';
import {
  Execute,
  type Output,
  OutputsQuery,
  PlainQuery,
  ProcessesQuery,
  type Results,
  type StatusInfo,
  StatusInfosQuery,
} from '../../api/processes.ts';
import { readQuery } from '../../api/query.ts';
import { check, isId, shorten } from '../../api/schema.ts';
import { exportFormat } from '../../export/export.ts';
import { deleteJob } from '../../pipeline/delete-job.ts';
import { startJob } from '../../pipeline/start-job.ts';
import type { Queryable } from '../../store/database/database.ts';
import { getJob, type Job, pageOfJobs } from '../../store/tables/jobs.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { publicAddress } from '../core/public-address.ts';
import { pathParameter } from '../core/request.ts';
import { BODY_LIMIT } from '../native/jobs.ts';
import { componentSchemas, inlined, type Json } from '../openapi/convert.ts';
import { COG } from '../stac/stac-items.ts';

const SPECIFICATION = 'http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf';
const CONFORMANCE = ['core', 'ogc-process-description', 'json', 'oas30', 'dismiss'].map(
  (name) => `${SPECIFICATION}/${name}`,
);
const EXCEPTION = 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0';
const RELATION = 'http://www.opengis.net/def/rel/ogc/1.0';
const JSON_TYPE = 'application/json';

const STATUSES = {
  queued: 'accepted',
  running: 'running',
  done: 'successful',
  failed: 'failed',
  cancelled: 'dismissed',
} as const satisfies Record<JobState, StatusInfo['status']>;

const PROCESS = {
  id: 'segment',
  title: 'Segment a scene',
  description: 'Runs a network over a scene: a class map, and vector features with geodesic areas and lengths.',
  version: '1.0.0',
  keywords: ['segmentation', 'land use', 'buildings', 'roads'],
  jobControlOptions: ['async-execute', 'dismiss'],
  outputTransmission: ['value', 'reference'],
} as const;

/** Each with the ending of its address under `/jobs/{id}/`, and its media type. */
const OUTPUTS = {
  report: { title: 'What was assumed, found and measured', path: '', type: JSON_TYPE },
  features: {
    title: 'The features of all collections',
    path: '/export.geojson?collection=all',
    type: exportFormat('.geojson')!.mediaType,
  },
  geopackage: { title: 'The same, a layer a collection', path: '/export.gpkg', type: exportFormat('.gpkg')!.mediaType },
  classes: { title: 'The class map', path: '/classes.tif', type: COG },
  scores: { title: 'The probability of the class, in 255ths', path: '/scores.tif', type: COG },
} as const satisfies Record<Output, { title: string; path: string; type: string }>;
const ALL_OUTPUTS = Object.keys(OUTPUTS) as Output[];

export function processesRouter(deps: AppContext): Router {
  const router = Router();

  router.get('/ogc', (request, response) => {
    readQuery(PlainQuery, request.query);
    const link = (rel: string, path: string, type: string): Link => ({
      rel,
      href: publicAddress(request) + path,
      type,
    });
    response.json({
      title: 'Planimeter: processes',
      description: 'Jobs for generic clients (OGC API – Processes)',
      links: [
        link('self', '/ogc', JSON_TYPE),
        link('service-desc', '/openapi.json', 'application/vnd.oai.openapi+json;version=3.0'),
        link(`${RELATION}/conformance`, '/ogc/conformance', JSON_TYPE),
        link(`${RELATION}/processes`, '/ogc/processes', JSON_TYPE),
        link(`${RELATION}/job-list`, '/ogc/jobs', JSON_TYPE),
      ],
    });
  });

  router.get('/ogc/conformance', (request, response) => {
    readQuery(PlainQuery, request.query);
    response.json({ conformsTo: CONFORMANCE });
  });

  router.get('/ogc/processes', (request, response) => {
    readQuery(ProcessesQuery, request.query);
    const address = publicAddress(request);
    const self = { rel: 'self', href: `${address}/ogc/processes`, type: JSON_TYPE };
    response.json({ processes: [{ ...PROCESS, links: processLinks(address) }], links: [self] });
  });

  router.get('/ogc/processes/:process', (request, response) => {
    readQuery(PlainQuery, request.query);
    checkProcess(request);
    const links = processLinks(publicAddress(request));
    response.json({ ...PROCESS, links, inputs: inputs(), outputs: outputs() });
  });

  /** Always begins a job, whatever is preferred: it takes longer than clients wait. */
  router.post('/ogc/processes/:process/execution', express.json({ limit: BODY_LIMIT }), async (request, response) => {
    readQuery(PlainQuery, request.query);
    checkProcess(request);
    const { job: wanted, outputs: chosen } = parseExecution(request.body);
    const job = await startJob(deps, databaseOf(request), callerOf(request), check(JobRequest, wanted));
    const query = chosen.length < ALL_OUTPUTS.length ? `?outputs=${chosen.join(',')}` : '';
    if (/\brespond-async\b/.test(request.get('Prefer') ?? '')) response.set('Preference-Applied', 'respond-async');
    response
      .status(201)
      .location(`${publicAddress(request)}/ogc/jobs/${job.id}${query}`)
      .json(statusInfo(job, publicAddress(request), chosen));
  });

  router.get('/ogc/jobs', async (request, response) => {
    const db = databaseOf(request);
    const { limit, after, status: statuses } = readQuery(StatusInfosQuery, request.query);
    const address = publicAddress(request);
    const states = (Object.keys(STATUSES) as JobState[]).filter(
      (state) => statuses?.includes(STATUSES[state]) !== false,
    );
    const { rows, next } = await pageOfJobs(db, { states }, { limit, after });
    const links: Link[] = [{ rel: 'self', href: `${address}/ogc/jobs`, type: JSON_TYPE }];
    if (next !== null) {
      const query = new URLSearchParams(request.query as Record<string, string>);
      query.set('after', next);
      links.push({ rel: 'next', href: `${address}/ogc/jobs?${query}`, type: JSON_TYPE });
    }
    response.json({ jobs: rows.map((job) => statusInfo(job, address)), links });
  });

  router.get('/ogc/jobs/:id', async (request, response) => {
    const db = databaseOf(request);
    const chosen = askedOutputs(request);
    const job = await requestedJob(db, request);
    response.set('Cache-Control', 'no-cache').json(statusInfo(job, publicAddress(request), chosen));
  });

  router.get('/ogc/jobs/:id/results', async (request, response) => {
    const db = databaseOf(request);
    const chosen = askedOutputs(request);
    const job = await requestedJob(db, request);
    if (job.problem && job.state === 'failed')
      throw problemFromJson(job.problem as Parameters<typeof problemFromJson>[0]);
    if (job.state !== 'done') {
      const detail = `The job is ${STATUSES[job.state]}; its results are there once it is successful.`;
      throw new Problem('not_found', detail, { type: `${EXCEPTION}/result-not-ready` });
    }
    response.json(results(job, publicAddress(request), chosen));
  });

  /** Ends what runs, and deletes what there is of a job that has ended. */
  router.delete('/ogc/jobs/:id', async (request, response) => {
    const db = databaseOf(request);
    readQuery(PlainQuery, request.query);
    const job = await requestedJob(db, request);
    await deleteJob(deps, db, callerOf(request), job);
    const { links: _, ...status } = statusInfo({ ...job, state: 'cancelled' }, publicAddress(request));
    response.json({ ...status, message: 'Dismissed; nothing of it is left.', links: [] });
  });

  return router;
}

function checkProcess(request: Request): void {
  const id = pathParameter(request, 'process');
  if (id === PROCESS.id) return;
  const detail = `There is no process "${shorten(id)}"; there is ${PROCESS.id}.`;
  throw new Problem('not_found', detail, { type: `${EXCEPTION}/no-such-process` });
}

async function requestedJob(q: Queryable, request: Request): Promise<Job> {
  const id = pathParameter(request, 'id').toLowerCase();
  const job = isId(id) ? await getJob(q, id) : null;
  if (job) return job;
  const detail = `There is no job with the id "${shorten(id)}".`;
  throw new Problem('not_found', detail, { type: `${EXCEPTION}/no-such-job` });
}

function askedOutputs(request: Request): Output[] {
  const { outputs = [] } = readQuery(OutputsQuery, request.query);
  return outputs.length > 0 ? outputs.map(checkOutput) : ALL_OUTPUTS;
}

function checkOutput(name: string): Output {
  if (Object.hasOwn(OUTPUTS, name)) return name as Output;
  throw new Problem('bad_request', `There is no output "${shorten(name)}". There are: ${ALL_OUTPUTS.join(', ')}.`);
}

/** The execute request's inputs as the body of `POST /jobs`. */
function parseExecution(body: unknown): { job: Record<string, unknown>; outputs: Output[] } {
  const { inputs: given, outputs: chosen } = check(Execute, body);
  const names = Object.keys(chosen).map(checkOutput);
  const values = Object.entries(given).map(([name, value]) => [name, inline(name, value)] as const);
  const { scene, model, priority, ...parameters } = Object.fromEntries(values);
  const job = { scene, ...(model !== undefined && { model }), ...(priority !== undefined && { priority }), parameters };
  return { job, outputs: names.length > 0 ? names : ALL_OUTPUTS };
}

/** Clients may wrap a value: {"value": …}. */
function inline(name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('href' in value) {
    throw new Problem(
      'bad_request',
      `The input "${shorten(name)}" is given by value; nothing is fetched from elsewhere.`,
    );
  }
  return 'value' in value ? value.value : value;
}

function statusInfo(job: Job, address: string, chosen: readonly Output[] = ALL_OUTPUTS): StatusInfo {
  const path = `${address}/ogc/jobs/${job.id}`;
  const query = chosen.length < ALL_OUTPUTS.length ? `?outputs=${chosen.join(',')}` : '';
  const link = (rel: string, href: string, title: string): Link => ({ rel, href, type: JSON_TYPE, title });
  const { started_at: started, finished_at: finished } = job;
  return {
    processID: PROCESS.id,
    type: 'process',
    jobID: job.id,
    status: STATUSES[job.state],
    message: job.problem?.detail ?? `${STATUSES[job.state]}, ${job.progress.stage}`,
    progress: Math.round(job.progress.share * 100),
    created: job.created_at,
    ...(started && { started }),
    ...(finished && { finished }),
    updated: finished ?? started ?? job.created_at,
    links: [
      link('self', `${path}${query}`, 'This status'),
      ...(job.state === 'done' ? [link(`${RELATION}/results`, `${path}/results${query}`, 'Results')] : []),
      link('via', `${address}/jobs/${job.id}`, 'The job in full'),
    ],
  };
}

/** The report by value, files by reference. Detectors draw no maps. */
function results(job: Job, address: string, chosen: readonly Output[]): Results {
  const maps = !('objects' in (job.report?.counts ?? {}));
  const there = chosen.filter((name) => maps || (name !== 'classes' && name !== 'scores'));
  return Object.fromEntries(
    there.map((name) => {
      const { path, type, title } = OUTPUTS[name];
      return [name, name === 'report' ? job.report : { href: `${address}/jobs/${job.id}${path}`, type, title }];
    }),
  );
}

function processLinks(address: string): Link[] {
  const path = `${address}/ogc/processes/${PROCESS.id}`;
  return [
    { rel: 'self', href: path, type: JSON_TYPE, title: 'What it takes and gives' },
    { rel: `${RELATION}/execute`, href: `${path}/execution`, type: JSON_TYPE, title: 'Execution' },
  ];
}

/** The members of a job request and of its parameters; their schemas stand by themselves. */
function inputs() {
  const components = componentSchemas();
  const { properties, required } = components.ExecuteInputs!;
  return Object.fromEntries(
    Object.entries<Json>(properties).map(([name, input]) => {
      const { description, ...schema } = inlined(input, components);
      const minOccurs = required.includes(name) ? 1 : 0;
      return [name, { title: name, description, schema, minOccurs, maxOccurs: 1 }];
    }),
  );
}

function outputs() {
  return Object.fromEntries(
    Object.entries(OUTPUTS).map(([name, { title, type }]) => {
      const file = { type: 'string', format: 'binary', contentMediaType: type };
      return [name, { title, schema: name === 'report' ? { type: 'object', contentMediaType: type } : file }];
    }),
  );
}
