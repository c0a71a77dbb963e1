/** The embedded database: PGlite with PostGIS in a worker thread, spoken to by messages. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdir } from 'node:fs/promises';
import { noRoom, noRoomOf } from '../../../errors/no-room.ts';
import type { ConfinedDatabase, Database, QueryOptions, RequestLimits, Scope, Session } from './database.ts';
import { beginLayout, filesOf, findDatabase, markWhole } from './database-folder.ts';
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
    const there = await findDatabase(folder);
    const database = there
      ? await open({ folder: filesOf(folder), template: null }, unlock)
      : await openFresh(folder, templateFolder, unlock);
    await markWhole(folder);
    return database;
  } catch (error) {
    unlock();
    throw noRoomOf(error) ? noRoomAt(folder, error) : error;
  }
}

const noRoomAt = (folder: string | null, error: unknown) =>
  noRoom(
    `There is no room for the database${folder === null ? '' : ` in ${folder}`}: ${(error as Error).message}. Make room ` +
      'on its disk, or name another folder with --data, and start again.',
    error,
  );

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
    } catch (error) {
      if (noRoomOf(error)) throw error;
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
  const connection = await connect(settings);
  const database = exclusive(connection, settings.folder !== null, unlock);
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
function exclusive(connection: Connection, interruptible: boolean, unlock: () => void): EmbeddedDatabase {
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
          const statement = sessionOf(worker).query<R>(sql, params);
          if (!interruptible) return statement;
          return deadlines.hold(statement, request.statementSeconds, connection.interrupt);
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
          unlock();
        },
        { heavy: true }, // after all that waits
      );
      return closing;
    },
  };
}
