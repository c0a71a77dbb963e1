/** Gives each request an id, which its answer and all log lines about it carry, and logs how it was answered. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { log, withLogFields } from '../../log.ts';
import type { Caller } from '../../operations/caller.ts';

export const REQUEST_ID = 'X-Request-Id';

/** A client or a proxy may bring an id of its own. */
const GIVEN_ID = /^[\w.-]{1,64}$/;

/** To be mounted first. What changes something or is refused to who asks is logged as `info`, what only reads as `debug`; the query never. */
export const logRequests: RequestHandler = (request, response, next) => {
  const given = request.get(REQUEST_ID) ?? '';
  const id = GIVEN_ID.test(given) ? given : randomUUID();
  const started = performance.now();
  const { method, path } = request;
  response.set(REQUEST_ID, id);
  response.on('close', () => {
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    const refused = response.statusCode === 401 || response.statusCode === 403;
    const route = typeof request.route?.path === 'string' ? request.route.path : 'other';
    const milliseconds = Math.round(performance.now() - started);
    const fields = { request: id, method, path: path.slice(0, 200), route, status: response.statusCode };
    const caller: Caller | undefined = response.locals.caller;
    const asked = { client: request.ip, ...(caller && { caller: caller.name, workspace: caller.workspace }) };
    log[reads && !refused ? 'debug' : 'info'](`${method} ${fields.path} ${fields.status}`, {
      ...fields,
      ...asked,
      ms: milliseconds,
    });
  });
  withLogFields({ request: id }, next);
};
