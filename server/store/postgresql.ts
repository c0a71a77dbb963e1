/** A PostgreSQL server through a pool of connections. */
import pg from 'pg';
import type { Database, Session } from './database.ts';
import { asProblem } from './sql-errors.ts';
import { inTransaction } from './transaction.ts';

const { builtins } = pg.types;

/** The types that `database.ts` promises where they differ from the driver's own. */
const PARSERS: Record<number, (text: string) => unknown> = {
  [builtins.INT8]: Number,
  [builtins.TIMESTAMPTZ]: (text) => new Date(text).toISOString(),
};

/** What is asked of the pool or of one of its connections. */
function session(client: Pick<pg.ClientBase, 'query'>): Session {
  return {
    query: async (sql, params = []) => {
      try {
        return (await client.query(sql, params as unknown[])).rows;
      } catch (error) {
        throw asProblem(error);
      }
    },
    execute: async (script) => {
      const results = (await client.query(script)) as pg.QueryResult | pg.QueryResult[];
      return Array.isArray(results) ? results.flatMap((result) => result.rows) : results.rows;
    },
  };
}

/** Connections are opened when first wanted; `close` waits for those in use. */
export function openPostgresql(url: string): Database {
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

  return {
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
    close: () => pool.end(),
  };
}
