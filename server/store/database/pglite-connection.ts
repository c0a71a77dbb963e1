/** The worker thread of the embedded database, which is replaced when it had to be ended. */
import { Worker } from 'node:worker_threads';
import { log } from '../../log.ts';
import type { Reply, Request, WorkerSettings } from './pglite-worker.ts';
import { asProblem } from './sql-errors.ts';

type Call = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

export interface EmbeddedWorker {
  /** Rejects with SQLSTATE 57P02 where the worker ends before it has answered. */
  call(request: Call): Promise<unknown>;
  hasStopped(): boolean;
  terminate(): Promise<unknown>;
}

export interface Connection {
  /** The worker at work; a new one on the same folder where the last one has ended. Rejects with SQLSTATE 57P03. */
  worker(): Promise<EmbeddedWorker>;
  /**
   * Ends the worker in the middle of what it does, as the death of the process would: what was committed stays. On
   * return the next one is being started.
   */
  interrupt(): Promise<void>;
  terminate(): Promise<void>;
}

/** Resolves when the database can be asked. */
export async function connect(settings: WorkerSettings): Promise<Connection> {
  let current = startWorker(settings);
  await current;
  let closed = false;
  const reopen = () => {
    current = startWorker({ ...settings, template: null }).catch((error) => {
      throw Object.assign(new Error('the embedded database cannot be opened', { cause: error }), { code: '57P03' });
    });
    current.catch(() => {}); // who asks next hears of it, and has it tried again
  };
  return {
    async worker() {
      const seen = current;
      const last = await seen.catch(() => null);
      // What was in memory alone is lost with its worker.
      const canReopen = settings.folder !== null && !closed;
      if (last?.hasStopped() !== false && canReopen && current === seen) reopen();
      return current;
    },
    async interrupt() {
      await (await current).terminate();
      log.warn('a statement of a request took too long: the embedded database is opened anew');
      reopen();
    },
    async terminate() {
      closed = true;
      await (await current).terminate();
    },
  };
}

/** Rejects when the database cannot be opened. */
async function startWorker(settings: WorkerSettings): Promise<EmbeddedWorker> {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
    workerData: settings,
    execArgv: [], // flags of the process, such as those that say what its own input is, are not for the worker
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let stopped: Error | null = null;
  let nextId = 0;
  const stop = (reason: Error) => {
    stopped ??= Object.assign(reason, { code: '57P02' });
    for (const { reject } of waiting.values()) reject(stopped);
    waiting.clear();
  };
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the embedded database stopped while it was opened')));
    worker.once('message', () => resolve());
  });
  worker.on('error', (error) => stop(new Error('the embedded database stopped', { cause: error })));
  worker.on('exit', () => stop(new Error('the embedded database is closed')));
  worker.on('message', (reply: Reply) => {
    const { resolve, reject } = waiting.get(reply.id)!;
    waiting.delete(reply.id);
    if ('error' in reply) reject(asProblem(Object.assign(new Error(reply.error.message), reply.error)) as Error);
    else resolve(reply.result);
  });
  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(stopped);
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ ...request, id });
      }),
    hasStopped: () => stopped !== null,
    terminate: () => worker.terminate(),
  };
}
