/**
 * Server-sent events: the state of a scene or a job now and after every change, until it is final. What is sent is
 * read from the database at that moment, so that many changes between two sendings become one event.
 */
import { type Response, Router } from 'express';
import type { JobJson, SceneJson } from '../../api/index.ts';
import { logFault } from '../../store/files/outage-log.ts';
import { getJob } from '../../store/tables/jobs.ts';
import { getScene, sceneJson } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { admittedStill, databaseOf } from '../core/caller.ts';
import { describeJob, requestedJob, requestedScene } from '../core/load-from-path.ts';
import { noQuery } from '../core/request.ts';

/** Proxies end connections that stay silent for longer. */
const HEARTBEAT_MS = 15_000;
/** Between looks whether the token or the link still opens something: how long events go on after it does not, at most. */
export const ADMISSION_MS = 5000;
/** Between looks at what other processes have changed; the embedded database has no others. */
const LOOK_MS = 1000;
/** Id of the last event; a browser that connects again by itself after it is told to stop. */
const FINAL = 'final';

const FINAL_STATES: readonly string[] = ['ready', 'refused', 'done', 'failed', 'cancelled'];

export function eventsRouter({ allWorkspaces, queue }: Pick<AppContext, 'allWorkspaces' | 'queue'>): Router {
  const router = Router();
  const listen = (id: string, listener: () => void) => {
    const unsubscribe = queue.subscribe(id, listener);
    const looks = allWorkspaces.kind === 'postgresql' ? setInterval(listener, LOOK_MS) : undefined;
    return () => {
      clearInterval(looks);
      unsubscribe();
    };
  };

  router.get('/scenes/:id/events', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const { id } = await requestedScene(db, request);
    const read = async () => {
      const scene = await getScene(db, id);
      return scene && sceneJson(scene);
    };
    stream(response, 'scene', read, (listener) => listen(id, listener));
  });

  router.get('/jobs/:id/events', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const { id } = await requestedJob(db, request);
    const read = async () => {
      const job = await getJob(db, id);
      return job && describeJob(db, job);
    };
    stream(response, 'job', read, (listener) => listen(id, listener));
  });

  return router;
}

type WorkItem = SceneJson | JobJson;

function stream(
  response: Response,
  event: 'scene' | 'job',
  read: () => Promise<WorkItem | null>,
  subscribe: (listener: () => void) => () => void,
): void {
  if (response.req.headers['last-event-id'] === FINAL) {
    // The one answer after which an EventSource does not connect again.
    response.status(204).end();
    return;
  }
  response.set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();

  let reading = false;
  let changed = false;
  let last = '';
  const send = async () => {
    changed = true;
    if (reading) return;
    reading = true;
    try {
      while (changed && !response.closed) {
        changed = false;
        const subject = await read();
        if (response.writableEnded) break;
        const final = subject === null || FINAL_STATES.includes(subject.state);
        const data = JSON.stringify(subject);
        if (subject && data !== last)
          response.write(`event: ${event}\n${final ? `id: ${FINAL}\n` : ''}data: ${data}\n\n`);
        last = data;
        if (final) response.end();
      }
    } catch (error) {
      // The client connects again and gets the state then.
      logFault(`the ${event} events failed`, error);
      response.destroy();
    } finally {
      reading = false;
    }
  };

  const unsubscribe = subscribe(send);
  const heartbeat = setInterval(() => response.writableEnded || response.write(': still here\n\n'), HEARTBEAT_MS);
  const admission = setInterval(async () => {
    try {
      if (!(await admittedStill(response.req))) response.end();
    } catch (error) {
      logFault('looking whether events may go on failed', error); // nothing is read of that database either
    }
  }, ADMISSION_MS);
  response.on('close', () => {
    clearInterval(heartbeat);
    clearInterval(admission);
    unsubscribe();
  });
  void send();
}
