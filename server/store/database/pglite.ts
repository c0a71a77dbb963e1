/** The embedded database: PGlite with PostGIS in a worker thread, spoken to by messages. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdir } from 'node:fs/promises';
import { noRoom, noRoomOf } from '../../../errors/no-room.ts';
import { log } from '../../log.ts';
import type { ConfinedDatabase, Database, QueryOptions, RequestLimits, Scope, Session } from './database.ts';
import { beginLayout, filesOf, findDatabase, markWhole, noteEmptyFiles } from './database-folder.ts';
import { lockFolder } from './lock.ts';
import { migrate } from './migrate.ts';
import { type Connection, connect, type EmbeddedWorker } from './pglite-connection.ts';
import { findTemplate, removeTemplate, writeTemplate } from './pglite-template.ts';
import type { WorkerSettings } from './pglite-worker.ts';
import { prepareRowLevelSecurity } from './row-level-security.ts';
import { createDeadlines } from './statement-time.ts';
import { inTransaction } from './transaction.ts';
import { createTurns, REQUEST_WAIT_SECONDS } from './turns.ts';

/**
 * @param folder data folder, made where missing, or null: in memory
 * @param templateFolder see DatabaseOptions
 */
export async function openPglite(folder: string | null, templateFolder: string | undefined): Promise<Database> {
  const unlock = folder === null ? () => {} : lockFolder(folder);
  try {
    if (folder === null) return await openFresh(null, templateFolder, unlock);
    const closed = async () => {
      await noteEmptyFiles(folder).catch((error) => log.warn('which tables are empty was not noted', { error }));
      unlock();
    };
    if (await findDatabase(folder)) {
      await markWhole(folder);
      return await open({ folder: filesOf(folder), template: null }, closed);
    }
    const database = await openFresh(folder, templateFolder, closed);
    await markWhole(folder);
    return database;
  } catch (error) {
    unlock();
    throw noRoomOf(error) ? noRoomAt(folder, error) : error;
  }
}

/** Called when nothing uses the folder any more. */
type Closed = () => Promise<void> | void;

const noRoomAt = (folder: string | null, error: unknown) =>
  noRoom(
    `There is no room for the database${folder === null ? '' : ` in ${folder}`}: ${(error as Error).message}. Make room ` +
      'on its disk, or name another folder with --data, and start again.',
    error,
  );

/** From the template where there is a sound one; else from nothing, leaving a template for the next time. */
async function openFresh(folder: string | null, templateFolder: string | undefined, closed: Closed): Promise<Database> {
  const files = folder === null ? null : filesOf(folder);
  if (folder !== null) await beginLayout(folder);
  const template = findTemplate(templateFolder);
  if (template.exists) {
    try {
      return await open({ folder: files, template: template.path }, closed);
    } catch (error) {
      if (noRoomOf(error)) throw error;
      await removeTemplate(template.path);
      if (folder !== null) await beginLayout(folder);
    }
  }
  const database = await open({ folder: files, template: null }, closed);
  await writeTemplate(template.path, await database.dump());
  return database;
}

type EmbeddedDatabase = Database & { dump(): Promise<Uint8Array> };

async function open(settings: WorkerSettings, closed: Closed): Promise<EmbeddedDatabase> {
  if (settings.folder) await mkdir(settings.folder, { recursive: true });
  const connection = await connect(settings);
  const database = exclusive(connection, settings.folder !== null, closed);
  try {
    await migrate(database);
    database.confinement = await prepareRowLevelSecurity(database);
    return database;
  } catch (error) {
    await connection.terminate();
    throw error;
  }
}

/**
 * Makes one connection serve many callers: a transaction holds all others back until it ends.
 * @param interruptible whether statements of requests may be ended, which costs the worker
 */
function exclusive(connection: Connection, interruptible: boolean, closed: Closed): EmbeddedDatabase {
  const current = new AsyncLocalStorage<{ open: boolean }>();
  const turns = createTurns();
  const deadlines = createDeadlines();
  let closing: Promise<void> | null = null;

  const whenFree = async <T>(
    run: (worker: EmbeddedWorker) => Promise<T>,
    { heavy = false, waitSeconds = 0 } = {},
  ): Promise<T> => {
    if (current.getStore()?.open) throw new Error('inside a transaction use the queryable that it was given');
    const end = await turns.take({ heavy, waitSeconds });
    try {
      return await run(await connection.worker());
    } finally {
      end();
    }
  };
  const within = (scope: Scope | null, request?: RequestLimits): ConfinedDatabase => {
    const heavy = request?.heavy ?? false;
    const turn = { heavy, waitSeconds: request ? REQUEST_WAIT_SECONDS : 0 };
    const sessionOf = (worker: EmbeddedWorker): Session => ({
      query: async <R>(sql: string, params: readonly unknown[] = []) =>
        (await worker.call({ kind: 'query', sql, params, scope })) as R[],
      execute: async (script) =>
        (await worker.call({ kind: 'execute', script, alone: false, scope })) as Record<string, unknown>[],
    });
    return {
      kind: 'pglite',
      query: <R>(sql: string, params?: readonly unknown[], how?: QueryOptions) => {
        if (!request || how?.unlimited) return whenFree((worker) => sessionOf(worker).query<R>(sql, params), { heavy });
        return whenFree((worker) => {
          const ask = () => sessionOf(worker).query<R>(sql, params);
          return interruptible ? deadlines.hold(ask, request.statementSeconds, connection.interrupt) : ask();
        }, turn);
      },
      execute: (script) =>
        whenFree(
          (worker) => worker.call({ kind: 'execute', script, alone: true, scope }) as ReturnType<Session['execute']>,
          turn,
        ),
      transaction: (run) =>
        whenFree((worker) => {
          const state = { open: true };
          return current.run(state, () =>
            inTransaction(sessionOf(worker), run).finally(() => {
              state.open = false;
            }),
          );
        }, turn),
    };
  };

  return {
    ...within(null),
    within,
    confinement: false,
    endRequests: deadlines.endAll,
    dump: () => whenFree((worker) => worker.call({ kind: 'dump' })) as Promise<Uint8Array>,
    close: () => {
      closing ??= whenFree(
        async (worker) => {
          await worker.call({ kind: 'close' });
          await connection.terminate();
          await closed();
        },
        { heavy: true }, // after all that waits
      );
      return closing;
    },
  };
}
