/** The service about itself: whether it is well, what it can do, its figures, and its interface in OpenAPI. */
import { access, constants } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { type RequestHandler, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { CallerJson } from '../../api/index.ts';
import type { Metrics } from '../../operations/metrics.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf } from '../core/caller.ts';
import { publicAddress } from '../core/public-address.ts';
import { noQuery } from '../core/request.ts';
import { openapiDocument } from '../openapi/document.ts';

/** Counts each request when its answer has ended. */
export function countRequests(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.on('close', () => {
      const route = typeof request.route?.path === 'string' ? request.route.path : 'other';
      const { method } = request;
      metrics.countRequest({ method, route, status: response.statusCode }, (performance.now() - started) / 1000);
    });
    next();
  };
}

/** What answers later is not ready. */
const READY_SECONDS = 2;

async function answersSoon(asked: Promise<unknown>, who: string): Promise<void> {
  const late = new AbortController();
  const tooLate = setTimeout(READY_SECONDS * 1000, undefined, late).then(() => {
    throw notReady(`${who} did not answer within ${READY_SECONDS} seconds`);
  });
  try {
    await Promise.race([asked, tooLate]);
  } finally {
    late.abort();
  }
}

const notReady = (what: string, cause?: unknown) => new Problem('not_ready', `Not now: ${what}.`, { cause });

export function serviceRouter({
  allWorkspaces,
  files,
  service,
  device,
  metrics,
  limits,
  uploadFolder,
  room,
}: Pick<
  AppContext,
  'allWorkspaces' | 'files' | 'service' | 'device' | 'metrics' | 'limits' | 'uploadFolder' | 'room'
>): Router {
  const router = Router();

  /** Whether the process answers, whatever else does not. */
  router.get('/health', (request, response) => {
    noQuery(request);
    response.set('Cache-Control', 'no-store').json({ status: 'ok', device: device() });
  });

  /** Whether requests can be answered now: the database has a connection and answers, and there is room to write. */
  router.get('/ready', async (request, response) => {
    noQuery(request);
    await Promise.all([
      answersSoon(
        allWorkspaces.within(null, limits).query('SELECT 1'),
        'the database, all of whose connections may be in use,',
      ).catch((error) => {
        throw error instanceof Problem ? error : notReady('the database does not answer', error);
      }),
      // There is no such folder; a bucket has to be asked for that.
      answersSoon(files.list('ready'), 'the file store').catch((error) => {
        throw error instanceof Problem ? error : notReady('the file store does not answer', error);
      }),
      access(uploadFolder, constants.W_OK).catch((error) => {
        throw notReady('the folder of uploads cannot be written', error);
      }),
      room.check().catch((error) => {
        throw notReady('there is too little room left to work', error);
      }),
    ]);
    response.set('Cache-Control', 'no-store').json({ status: 'ready' });
  });

  router.get('/metrics', async (request, response) => {
    noQuery(request);
    const text = await metrics.text();
    response.set('Cache-Control', 'no-store').type(metrics.contentType).send(text);
  });

  router.get('/service', (request, response) => {
    noQuery(request);
    const { name, workspace, role, signedIn, job = null } = callerOf(request);
    const caller: CallerJson = { name, workspace, role, signed_in: signedIn, job };
    response.set('Cache-Control', 'no-store').json({ ...service, caller });
  });

  router.get('/openapi.json', (request, response) => {
    noQuery(request);
    response.type('application/vnd.oai.openapi+json;version=3.0');
    response.send(JSON.stringify(openapiDocument(service.version, publicAddress(request))));
  });

  return router;
}
