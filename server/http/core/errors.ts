/** Errors of every kind in, problem+json (RFC 9457) out, without internals. */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { noRoomOf } from '../../../errors/no-room.ts';
import { Problem } from '../../../errors/problem.ts';
import { shorten } from '../../api/schema.ts';
import { log } from '../../log.ts';
import { logFault } from '../../store/files/outage-log.ts';
import { isUnreachable } from '../../store/files/unreachable.ts';

const RETRY_AFTER_S = 5;

export const notFound: RequestHandler = (request) => {
  const where = `${request.method} ${shorten(request.path)}`;
  throw new Problem('not_found', `There is nothing at ${where}; /openapi.json lists what there is.`);
};

export const answerProblem: ErrorRequestHandler = (error, request, response, _next) => {
  const problem = asProblem(error);
  if (problem.code === 'internal') log.error(`${request.method} ${shorten(request.path)} failed`, { error });
  if (problem.code === 'damaged' && problem.cause instanceof Error) logOnce(problem, problem.cause);
  if (problem.code === 'not_ready' && problem.cause) logFault(problem.message, problem.cause);
  if (problem.code === 'no_room') log.warn(problem.message, { error: problem.cause });
  // Half an answer cannot be taken back: the broken connection is what tells the client.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // Whatever is left of a refused upload is not read: the connection ends instead.
  if (problem.code === 'unauthorized') response.set('WWW-Authenticate', 'Bearer realm="planimeter"');
  if (problem.retryAfterSeconds !== null) response.set('Retry-After', String(problem.retryAfterSeconds));
  if (!request.complete) response.set('Connection', 'close');
  sendProblem(response, problem);
};

const logged = new Set<string>();

/** Whoever looks at what is damaged meets it again and again. */
function logOnce(problem: Problem, cause: Error): void {
  if (logged.has(cause.message)) return;
  logged.add(cause.message);
  log.error(problem.message, { error: cause });
}

export function sendProblem(response: Response, problem: Problem): void {
  const json = problem.toJSON();
  response.removeHeader('ETag');
  response
    .status(json.status)
    .set({ 'Cache-Control': 'no-store', 'Content-Type': 'application/problem+json; charset=utf-8' })
    .send(Buffer.from(JSON.stringify(json)));
}

/** Errors of Express and its body parser carry a status and are meant for the client; all others are ours to hide. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const noRoom = noRoomOf(error);
  if (noRoom) return noRoom;
  if (isUnreachable(error)) {
    const detail = 'The database or the file store does not answer at the moment: ask again in a few seconds.';
    return new Problem('not_ready', detail, { cause: error, retryAfterSeconds: RETRY_AFTER_S });
  }
  const { status, type, limit } = (error ?? {}) as { status?: unknown; type?: unknown; limit?: unknown };
  if (error instanceof URIError) return new Problem('bad_request', 'The address is not valid percent-encoding.');
  if (type === 'entity.too.large') {
    return new Problem('too_large', `The body of the request has more than ${limit} bytes: send it in parts.`);
  }
  if (type === 'entity.parse.failed') return new Problem('bad_request', 'The body of the request is not valid JSON.');
  if (status === 404) return new Problem('not_found', 'There is no such file.');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new Problem('bad_request', 'The request is malformed; /openapi.json says what is expected.');
  }
  return new Problem('internal', 'The request failed. The log of the service says why.', { cause: error });
}
