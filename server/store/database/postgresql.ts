/** A PostgreSQL server through a pool of connections. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { Problem } from '../../../errors/problem.ts';
import type { ConfinedDatabase, Database, QueryOptions, RequestLimits, Scope, Session } from './database.ts';
import { createLane, type Lane } from './postgresql-lane.ts';
import { confining, scopeKey } from './row-level-security.ts';
import { asProblem } from './sql-errors.ts';
import { tooSlow } from './statement-time.ts';
import { inTransaction } from './transaction.ts';
import { REQUEST_WAIT_SECONDS } from './turns.ts';

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

function openPool(url: string, most: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: most,
    application_name: 'planimeter',
    connectionTimeoutMillis: REQUEST_WAIT_SECONDS * 1000,
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

/** Connections of one process: of jobs and the service itself, … */
const OWN_CONNECTIONS = 10;
/** … of requests that are answered at once, … */
const LIGHT_CONNECTIONS = 10;
/** … and of those whose work may take long. */
const HEAVY_CONNECTIONS = 8;

/**
 * Connections are opened when first wanted; `close` waits for those in use. What requests ask has connections of its
 * own, so that a plain query never runs on one that is bound to a workspace, and that heavy ones take none from others.
 */
export function openPostgresql(url: string): Database {
  const pool = openPool(url, OWN_CONNECTIONS);
  const [light, heavy] = [LIGHT_CONNECTIONS, HEAVY_CONNECTIONS].map((most) =>
    createLane(openPool(url, most), most, pool),
  ) as [Lane, Lane];
  const database: Database = {
    kind: 'postgresql',
    ...session(pool as Pick<pg.ClientBase, 'query'>),
    transaction: async (run) => {
      const client = await pool.connect();
      try {
        return await inTransaction(session(client), run);
      } finally {
        client.release();
      }
    },
    within: (scope, request) => {
      if (scope?.job !== undefined && !database.confinement)
        throw new Problem('workspaces_unavailable', 'A single job cannot be shown by itself.');
      return confinedDatabase(request?.heavy ? heavy : light, database.confinement ? scope : null, request);
    },
    confinement: false,
    endRequests: () => {
      light.deadlines.endAll();
      heavy.deadlines.endAll();
    },
    close: async () => {
      await Promise.all([pool.end(), light.end(), heavy.end()]);
    },
  };
  return database;
}

/** What each connection is bound to; it stays that until another workspace wants it. */
const bound = new WeakMap<pg.PoolClient, string>();

function confinedDatabase(lane: Lane, scope: Scope | null, request: RequestLimits | undefined): ConfinedDatabase {
  const bindTo = (seconds: number) => (client: pg.PoolClient) => bind(client, scope, seconds);
  const within = <T>(use: (q: Session) => Promise<T>) => lane.use(bindTo(0), (client) => use(session(client)));
  return {
    kind: 'postgresql',
    query: async <R>(sql: string, params?: readonly unknown[], how?: QueryOptions) => {
      const ask = (q: Session) => q.query<R>(sql, params, how);
      if (!request || how?.unlimited) return within(ask);
      const seconds = request.statementSeconds;
      try {
        return await lane.use(bindTo(seconds), (client) => ask(session(client)), seconds);
      } catch (error) {
        throw (error as { code?: string }).code === QUERY_CANCELED ? tooSlow(seconds, error) : error;
      }
    },
    execute: (script) => within((q) => q.execute(script)),
    transaction: (run) => within((q) => inTransaction(q, run)),
  };
}

const QUERY_CANCELED = '57014';

async function bind(client: pg.PoolClient, scope: Scope | null, statementSeconds: number): Promise<void> {
  const key = `${statementSeconds} ${scopeKey(scope)}`;
  if (bound.get(client) === key) return;
  bound.delete(client);
  const { sql, params } = confining(scope, statementSeconds);
  await client.query(sql, params);
  bound.set(client, key);
}
