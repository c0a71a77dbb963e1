/** The embedded database: PGlite with PostGIS in a worker thread, spoken to by messages. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdir } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { ConfinedDatabase, Database, Scope, Session } from './database.ts';
import { beginLayout, filesOf, findDatabase, markWhole } from './database-folder.ts';
import { lockFolder } from './lock.ts';
import { migrate } from './migrate.ts';
import { findTemplate, removeTemplate, writeTemplate } from './pglite-template.ts';
import type { Reply, Request, WorkerSettings } from './pglite-worker.ts';
import { prepareRowLevelSecurity } from './row-level-security.ts';
import { asProblem } from './sql-errors.ts';
import { inTransaction } from './transaction.ts';

/**
 * @param folder data folder, made where missing, or null: in memory
 * @param templateFolder see DatabaseOptions
 */
export async function openPglite(folder: string | null, templateFolder: string | undefined): Promise<Database> {
  const unlock = folder === null ? () => {} : lockFolder(folder);
  try {
    if (folder === null) return await openFresh(null, templateFolder, unlock);
    const there = await findDatabase(folder);
    const database = there
      ? await open({ folder: filesOf(folder), template: null }, unlock)
      : await openFresh(folder, templateFolder, unlock);
    await markWhole(folder);
    return database;
  } catch (error) {
    unlock();
    throw error;
  }
}

/** From the template where there is a sound one; else from nothing, leaving a template for the next time. */
async function openFresh(
  folder: string | null,
  templateFolder: string | undefined,
  unlock: () => void,
): Promise<Database> {
  const files = folder === null ? null : filesOf(folder);
  if (folder !== null) await beginLayout(folder);
  const template = findTemplate(templateFolder);
  if (template.exists) {
    try {
      return await open({ folder: files, template: template.path }, unlock);
    } catch {
      await removeTemplate(template.path);
      if (folder !== null) await beginLayout(folder);
    }
  }
  const database = await open({ folder: files, template: null }, unlock);
  await writeTemplate(template.path, await database.dump());
  return database;
}

type EmbeddedDatabase = Database & { dump(): Promise<Uint8Array> };

async function open(settings: WorkerSettings, unlock: () => void): Promise<EmbeddedDatabase> {
  if (settings.folder) await mkdir(settings.folder, { recursive: true });
  const connection = await startWorker(settings);
  const database = exclusive(connection, unlock);
  try {
    await migrate(database);
    database.confinement = await prepareRowLevelSecurity(database);
    return database;
  } catch (error) {
    await connection.terminate();
    throw error;
  }
}

type Call = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

interface Connection {
  call(request: Call): Promise<unknown>;
  terminate(): Promise<void>;
}

/** The worker when its database is ready; rejects when it cannot be opened. */
async function startWorker(settings: WorkerSettings): Promise<Connection> {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), {
    workerData: settings,
    execArgv: [], // flags of the process, such as those that say what its own input is, are not for the worker
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let stopped: Error | null = null;
  let nextId = 0;
  const stop = (reason: Error) => {
    stopped ??= reason;
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
    terminate: async () => {
      await worker.terminate();
    },
  };
}

/** Makes one connection serve many callers: a transaction holds all others back until it ends. */
function exclusive(connection: Connection, unlock: () => void): EmbeddedDatabase {
  const current = new AsyncLocalStorage<{ open: boolean }>();
  let free: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | null = null;

  const whenFree = <T>(run: () => Promise<T>): Promise<T> => {
    if (current.getStore()?.open) {
      return Promise.reject(new Error('inside a transaction use the queryable that it was given'));
    }
    const result = free.then(run);
    free = result.catch(() => {});
    return result;
  };
  const within = (scope: Scope | null): ConfinedDatabase => {
    const session: Session = {
      query: async <R>(sql: string, params: readonly unknown[] = []) =>
        (await connection.call({ kind: 'query', sql, params, scope })) as R[],
      execute: async (script) =>
        (await connection.call({ kind: 'execute', script, alone: false, scope })) as Record<string, unknown>[],
    };
    return {
      kind: 'pglite',
      query: (sql, params) => whenFree(() => session.query(sql, params)),
      execute: (script) =>
        whenFree(
          () => connection.call({ kind: 'execute', script, alone: true, scope }) as ReturnType<Session['execute']>,
        ),
      transaction: (run) =>
        whenFree(() => {
          const state = { open: true };
          return current.run(state, () =>
            inTransaction(session, run).finally(() => {
              state.open = false;
            }),
          );
        }),
    };
  };

  return {
    ...within(null),
    within,
    confinement: false,
    dump: () => whenFree(() => connection.call({ kind: 'dump' })) as Promise<Uint8Array>,
    close: () => {
      closing ??= whenFree(async () => {
        await connection.call({ kind: 'close' });
        await connection.terminate();
        unlock();
      });
      return closing;
    },
  };
}
