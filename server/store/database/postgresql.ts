/** A PostgreSQL server through a pool of connections. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { Problem } from '../../../errors/problem.ts';
import type { ConfinedDatabase, Database, QueryOptions, Scope, Session } from './database.ts';
import { confining, scopeKey } from './row-level-security.ts';
import { asProblem } from './sql-errors.ts';
import { inTransaction } from './transaction.ts';

const { builtins } = pg.types;

/** The types that `database.ts` promises where they differ from the driver's own. */
const PARSERS: Record<number, (text: string) => unknown> = {
  [builtins.INT8]: Number,
  [builtins.TIMESTAMPTZ]: (text) => new Date(text).toISOString(),
};

const names = new Map<string, string>();

/** By which connections know a prepared statement: the same for the same text, and at most 63 characters. */
function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = createHash('sha256').update(sql).digest('hex').slice(0, 32);
    names.set(sql, name);
  }
  return name;
}

/** What is asked of the pool or of one of its connections. */
function session(client: Pick<pg.ClientBase, 'query'>): Session {
  return {
    query: async (sql, params = [], { prepared = false } = {}) => {
      try {
        const statement = { text: sql, values: params as unknown[] };
        return (await client.query(prepared ? { ...statement, name: nameOf(sql) } : statement)).rows;
      } catch (error) {
        throw asProblem(error);
      }
    },
    execute: async (script) => {
      const results = (await client.query(script).catch((error) => {
        throw asProblem(error);
      })) as pg.QueryResult | pg.QueryResult[];
      return Array.isArray(results) ? results.flatMap((result) => result.rows) : results.rows;
    },
  };
}

function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    application_name: 'planimeter',
    connectionTimeoutMillis: 10_000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        (format !== 'binary' && PARSERS[oid]) || pg.types.getTypeParser(oid, format as 'text'),
    } as pg.CustomTypesConfig,
  });
  // A connection that the server ends fails the query that is under way, and is replaced when the next one is wanted;
  // without listeners it would also end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/**
 * Connections are opened when first wanted; `close` waits for those in use. What is confined to a workspace has
 * connections of its own, so that a plain query never runs on one that is bound.
 */
export function openPostgresql(url: string): Database {
  const pool = openPool(url);
  const confinedPool = openPool(url);
  const withClient = async <T>(use: (q: Session) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    try {
      return await use(session(client));
    } finally {
      client.release();
    }
  };
  const database: Database = {
    kind: 'postgresql',
    ...session(pool as Pick<pg.ClientBase, 'query'>),
    transaction: (run) => withClient((q) => inTransaction(q, run)),
    within: (scope, { statementSeconds } = { statementSeconds: 0 }) => {
      if (database.confinement) return confinedDatabase(confinedPool, scope, statementSeconds);
      if (scope?.job !== undefined)
        throw new Problem('workspaces_unavailable', 'A single job cannot be shown by itself.');
      return confinedDatabase(confinedPool, null, statementSeconds);
    },
    confinement: false,
    close: async () => {
      await Promise.all([pool.end(), confinedPool.end()]);
    },
  };
  return database;
}

/** What each connection is bound to; it stays that until another workspace wants it. */
const bound = new WeakMap<pg.PoolClient, string>();

function confinedDatabase(pool: pg.Pool, scope: Scope | null, statementSeconds: number): ConfinedDatabase {
  const withClient = async <T>(seconds: number, use: (q: Session) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let sound = false;
    try {
      await bind(client, scope, seconds);
      sound = true;
      return await use(session(client));
    } finally {
      client.release(!sound);
    }
  };
  return {
    kind: 'postgresql',
    query: async <R>(sql: string, params?: readonly unknown[], how?: QueryOptions) => {
      const seconds = how?.unlimited ? 0 : statementSeconds;
      try {
        return await withClient(seconds, (q) => q.query<R>(sql, params, how));
      } catch (error) {
        throw seconds > 0 && (error as { code?: string }).code === QUERY_CANCELED ? tooSlow(error, seconds) : error;
      }
    },
    execute: (script) => withClient(0, (q) => q.execute(script)),
    transaction: (run) => withClient(0, (q) => inTransaction(q, run)),
  };
}

const QUERY_CANCELED = '57014';

const tooSlow = (cause: unknown, seconds: number) =>
  new Problem(
    'query_too_slow',
    `The database did not find the answer within ${seconds} seconds. Ask for less: a smaller box, a simpler filter, fewer zones.`,
    { cause },
  );

async function bind(client: pg.PoolClient, scope: Scope | null, statementSeconds: number): Promise<void> {
  const key = `${statementSeconds} ${scopeKey(scope)}`;
  if (bound.get(client) === key) return;
  bound.delete(client);
  const { sql, params } = confining(scope, statementSeconds);
  await client.query(sql, params);
  bound.set(client, key);
}
