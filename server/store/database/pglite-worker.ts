/** The worker thread in which the embedded database lives: answers one request after the other. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { PGlite, types } from '@electric-sql/pglite';
import { postgis } from '@electric-sql/pglite-postgis';
import { noRoomOf } from '../../../errors/no-room.ts';
import type { Scope } from './database.ts';
import { confining, scopeKey } from './row-level-security.ts';

export interface WorkerSettings {
  /** Folder of the database's files, or null: in memory. */
  folder: string | null;
  /** A template to begin with, or null: begin with nothing, or with what the folder holds. */
  template: string | null;
}

export type Request = { id: number } /** `scope`: of whose rows; null for all. */ & (
  | { kind: 'query'; sql: string; params: readonly unknown[]; scope: Scope | null }
  /** `alone`: not within a transaction of ours. */
  | { kind: 'execute'; script: string; alone: boolean; scope: Scope | null }
  | { kind: 'dump' }
  | { kind: 'close' }
);

export type Reply = { id: number } & ({ result: unknown } | { error: { message: string; code?: string } });

/** The types of Node leave it out. */
const { RuntimeError } = WebAssembly as unknown as { RuntimeError: ErrorConstructor };

const settings = workerData as WorkerSettings;
const port = parentPort!;

const database = await PGlite.create({
  ...(settings.folder ? { dataDir: settings.folder } : {}),
  ...(settings.template ? { loadDataDir: await readTemplate(settings.template) } : {}),
  extensions: { postgis },
  parsers: {
    [types.INT8]: Number,
    [types.TIMESTAMPTZ]: (text) => new Date(text).toISOString(),
    [types.BYTEA]: (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex')),
  },
  // Bytes go over in binary; the default writes them out as hexadecimal digits, one by one.
  serializers: { [types.BYTEA]: (bytes) => bytes },
}).catch((error) => {
  throw noRoomOf(error) ? withoutRoom(error) : error;
});
port.postMessage('ready');

let last: Promise<unknown> = Promise.resolve();
port.on('message', (request: Request) => {
  last = last.then(async () => {
    try {
      port.postMessage({ id: request.id, result: await answer(request) } satisfies Reply);
    } catch (error) {
      // The engine itself has broken off, out of memory for one: it can be asked nothing more, and ends with its worker.
      if (error instanceof RuntimeError) throw error;
      port.postMessage({ id: request.id, error: describeError(error as Error & { code?: string }) } satisfies Reply);
      // Where its log cannot be written the engine gives up all of its memory, and would never answer again.
      if ((error as { severity?: string }).severity === 'PANIC') process.exit(1);
    }
  });
});

/** What the one connection is bound to; null while that is not known. */
let bound: string | null = scopeKey(null);

async function bind(scope: Scope | null): Promise<void> {
  const key = scopeKey(scope);
  if (bound === key) return;
  bound = null;
  const { sql, params } = confining(scope);
  await database.query(sql, params);
  bound = key;
}

async function answer(request: Request): Promise<unknown> {
  await bind('scope' in request ? request.scope : null);
  switch (request.kind) {
    case 'query':
      return (await database.query(request.sql, [...request.params])).rows;
    case 'execute':
      try {
        return (await database.exec(request.script)).flatMap((result) => result.rows);
      } catch (error) {
        // A script may have begun a transaction of its own; left open it would swallow all that follows.
        if (request.alone) await database.exec('ROLLBACK');
        throw error;
      }
    case 'dump': {
      await database.exec('CHECKPOINT');
      const tar = await (await database.dumpDataDir('none')).arrayBuffer();
      return promisify(zstdCompress)(tar, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    }
    case 'close':
      await database.close();
  }
}

async function readTemplate(path: string): Promise<Blob> {
  return new Blob([await promisify(zstdDecompress)(await readFile(path))]);
}

/** What the engine throws of its file system is no Error, and would arrive as text without words. */
function withoutRoom(cause: unknown): Error {
  const { message, errno } = cause as { message?: string; errno?: number };
  const what = `no room to open the embedded database: ${message ?? `error ${errno} of its file system`}`;
  return Object.assign(new Error(what), { code: 'ENOSPC' });
}

/** Of an error, what may be known outside: not the parameters that led to it. */
function describeError({ message, code }: Error & { code?: string }): Extract<Reply, { error: unknown }>['error'] {
  return { message, ...(code === undefined ? {} : { code }) };
}
