/**
 * One interface over two engines that run the same SQL: a PostgreSQL server, or PGlite embedded in a worker thread,
 * on disk or in memory. Both give the same JavaScript types: bytea is Uint8Array, jsonb an object, timestamptz an
 * ISO 8601 string, int8 and float8 numbers. JSON parameters are passed as strings and cast in the SQL.
 */

export interface Queryable {
  /** One parameterised statement ($1, $2, …); its rows. Errors carry the SQLSTATE as `code`. */
  query<R = Record<string, unknown>>(sql: string, params?: readonly unknown[], how?: QueryOptions): Promise<R[]>;
}

export interface QueryOptions {
  /**
   * Whether each connection to PostgreSQL keeps the statement's plan, which behind row-level security takes several times
   * as long to make as the statement of one row takes to run. For statements of a few texts, whose best plan does not
   * hang on their parameters. PGlite plans each time.
   */
  prepared?: boolean;
  /** Whether the limit on the time of requests' statements is not for this one. */
  unlimited?: boolean;
}

/** What holds for a request's statements. */
export interface RequestLimits {
  /**
   * After which a statement is ended, if it is none of a transaction, which is how changes are made: Problem
   * query_too_slow. The database in memory ends none.
   */
  statementSeconds: number;
  /**
   * Whether they may take long: then they have a few connections to PostgreSQL of their own, and on the embedded
   * database, which has one, others go first.
   */
  heavy?: boolean;
}

export interface Session extends Queryable {
  /** Several statements without parameters; the rows of all of them, in order. */
  execute(script: string): Promise<Record<string, unknown>[]>;
}

export interface Database extends Session {
  readonly kind: 'pglite' | 'postgresql';
  /**
   * Commits what `run` did through its argument, or rolls back when it throws or a statement fails. Statements of
   * others do not come between. Inside, only the argument may be used: on the embedded database, which has one connection, a query
   * through the database itself would wait for the transaction's own end, so it throws.
   */
  transaction<T>(run: (q: Session) => Promise<T>): Promise<T>;
  /**
   * The same database for what requests ask: showing one workspace only, whatever is asked (see row-level-security.ts),
   * or all with null.
   */
  within(scope: Scope | null, request?: RequestLimits): ConfinedDatabase;
  /** Whether it can: without, there is the default workspace alone, and `within` shows everything. */
  confinement: boolean;
  /** Ends what requests ask, and asks nothing more for them, transactions aside: nobody waits for the answers any more. */
  endRequests(): void;
  close(): Promise<void>;
}

/** What is asked, and changed all together or not at all. */
export type Transactional = Pick<Database, 'query' | 'transaction'>;

/** Whose rows are seen. */
export interface Scope {
  workspace: string;
  /** The only job that is seen, with its scene and its features; all of the workspace without. */
  job?: string | undefined;
}

/** A database that shows one workspace; `close` belongs to who opened it. */
export type ConfinedDatabase = Omit<Database, 'close' | 'within' | 'confinement' | 'endRequests'>;
