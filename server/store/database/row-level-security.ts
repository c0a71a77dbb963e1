/**
 * Keeps workspaces apart in the database itself: what requests ask is asked by a role that row-level security binds (the
 * policies are in migration 0006), in a session that names the workspace. A query that forgets to say whose rows it
 * wants gets those of its workspace alone.
 */
import { Problem } from '../../../errors/problem.ts';
import type { Database, Scope, Session } from './database.ts';

/** Where everything lies that names no other workspace. */
export const DEFAULT_WORKSPACE = 'default';

export const CONFINED_ROLE = 'planimeter_confined';

/** What requests may do with which tables; with all others nothing. */
const GRANTS: Readonly<Record<string, string>> = {
  scenes: 'SELECT, INSERT, UPDATE, DELETE',
  jobs: 'SELECT, INSERT, UPDATE, DELETE',
  features: 'SELECT, UPDATE (properties)',
  job_totals: 'SELECT',
  shares: 'SELECT, INSERT, UPDATE',
  labels: 'SELECT, INSERT, UPDATE',
  audit: 'SELECT, INSERT',
  samples: 'SELECT, INSERT, DELETE',
  sample_points: 'SELECT, INSERT, UPDATE',
  sample_answers: 'SELECT, INSERT, UPDATE',
};

/**
 * By which features are found with the index of their geometries. Where row-level security holds, PostgreSQL uses an
 * index only for functions that are marked to say nothing of what they see; these say it only in errors, which never
 * leave the service.
 */
export const SPATIAL_FUNCTIONS = [
  'geometry_overlaps',
  'st_intersects',
  'st_within',
  'st_contains',
  'st_overlaps',
  'st_touches',
  'st_crosses',
  'st_equals',
  'st_coveredby',
  'st_covers',
];

/**
 * The statement that binds a session to a scope; to none, and to nothing of the policies, with null. Where the login's
 * search path begins with a schema of its own name, the role still finds PostGIS there.
 * @param statementSeconds after which PostgreSQL ends a statement; 0: never
 */
export function confining(scope: Scope | null, statementSeconds = 0): { sql: string; params: string[] } {
  return {
    sql: `SELECT set_config('search_path', (SELECT string_agg(quote_ident(s), ', ') FROM unnest(current_schemas(false)) AS s), false),
                 set_config('role', $1, false), set_config('planimeter.workspace', $2, false),
                 set_config('planimeter.job', $3, false), set_config('statement_timeout', $4, false)`,
    params: [
      scope ? CONFINED_ROLE : 'none',
      scope?.workspace ?? '',
      scope?.job ?? '',
      String(Math.ceil(statementSeconds * 1000)),
    ],
  };
}

/** The same text for the same scope. */
export const scopeKey = (scope: Scope | null): string => (scope ? `${scope.workspace} ${scope.job ?? ''}` : '');

/** What to do for a login with too few rights. */
export const TO_PREPARE = 'let who administers the server run, once, what "planimeter doctor --sql" prints';

/** SQLSTATEs: insufficient_privilege, invalid_grant_operation. */
const REFUSED = ['42501', '0LP01'];

/** Any number, the same for every Planimeter, and another than that of the migrations. */
const ADVISORY_LOCK = 7_463_525;

/**
 * Makes what confinement needs where it is missing: after a fresh start, a restore, or an update of PostGIS.
 * @returns false where the login of the database may not; then there can be no workspace but the default one
 */
export async function prepareRowLevelSecurity(db: Pick<Database, 'query' | 'transaction'>): Promise<boolean> {
  await allowed(db, unmarkedFunctions); // without, requests by place are slower
  return allowed(db, missing, async (q) => {
    // The last word: whether the role can be taken, and is bound by policies.
    await q.query(`SELECT set_config('role', $1, true)`, [CONFINED_ROLE]);
    await q.query('SELECT 1 FROM planimeter.scenes LIMIT 1');
  });
}

/** Runs what is needed, all or nothing; false where the login may not. */
async function allowed(
  db: Pick<Database, 'query' | 'transaction'>,
  needed: (q: Pick<Session, 'query'>) => Promise<string[]>,
  check?: (q: Session) => Promise<void>,
): Promise<boolean> {
  if ((await needed(db)).length === 0) return true;
  try {
    await db.transaction(async (q) => {
      await q.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
      for (const statement of await needed(q)) await q.execute(statement);
      await check?.(q);
    });
    return true;
  } catch (error) {
    if (REFUSED.includes((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}

/** Statements that make what is missing. */
async function missing(q: Pick<Session, 'query'>): Promise<string[]> {
  const [role] = await q.query<{ exists: boolean; bound: boolean; granted: boolean }>(
    `SELECT count(*) = 1 AS exists, coalesce(bool_and(NOT rolsuper AND NOT rolbypassrls), false) AS bound,
            coalesce(bool_and(pg_has_role(current_user, oid, 'MEMBER')), false) AS granted
       FROM pg_roles WHERE rolname = $1`,
    [CONFINED_ROLE],
  );
  const statements: string[] = [];
  // Roles are the server's, not the database's: another database may make it at the same moment.
  const create = `DO $$ BEGIN CREATE ROLE ${CONFINED_ROLE} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`;
  if (!role!.exists) statements.push(create);
  if (!role!.granted) statements.push(`GRANT ${CONFINED_ROLE} TO CURRENT_USER`);
  if (role!.exists && !role!.bound) statements.push(`ALTER ROLE ${CONFINED_ROLE} NOSUPERUSER NOBYPASSRLS`);

  const granted = await q.query<{ name: string; rights: string }>(
    `SELECT table_name AS name, string_agg(privilege_type, ', ') AS rights FROM information_schema.table_privileges
      WHERE table_schema = 'planimeter' AND grantee = $1 GROUP BY table_name`,
    [CONFINED_ROLE],
  );
  const rightsOf = (table: string) => granted.find(({ name }) => name === table)?.rights.split(', ') ?? [];
  const lacking = Object.entries(GRANTS).filter(([table, rights]) =>
    rights.split(', ').some((right) => !rightsOf(table).includes(right)),
  );
  const schemas = await q.query<{ name: string }>(
    `SELECT quote_ident(nspname) AS name FROM pg_namespace n
      WHERE (nspname = 'planimeter' OR oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'postgis'))
        AND NOT EXISTS (SELECT FROM aclexplode(nspacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
                         WHERE a.privilege_type = 'USAGE' AND (a.grantee = 0 OR r.rolname = $1))`,
    [CONFINED_ROLE],
  );
  for (const { name } of schemas) statements.push(`GRANT USAGE ON SCHEMA ${name} TO ${CONFINED_ROLE}`);
  for (const [table, rights] of lacking) statements.push(`GRANT ${rights} ON planimeter.${table} TO ${CONFINED_ROLE}`);
  return statements;
}

/** Statements that mark the functions by which features are found with an index. */
export async function unmarkedFunctions(q: Pick<Session, 'query'>): Promise<string[]> {
  const leaky = await q.query<{ signature: string }>(
    `SELECT p.oid::regprocedure::text AS signature
       FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
       JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'postgis'
      WHERE p.proname = ANY ($1) AND NOT p.proleakproof AND p.pronargs = 2
        AND p.proargtypes[0] = to_regtype('geometry') AND p.proargtypes[1] = to_regtype('geometry')`,
    [SPATIAL_FUNCTIONS],
  );
  return leaky.map(({ signature }) => `ALTER FUNCTION ${signature} LEAKPROOF`);
}

/** Throws Problem workspaces_unavailable where the database cannot keep this workspace apart from others. */
export function checkRowLevelSecurity(db: Pick<Database, 'confinement'>, workspace: string): void {
  if (db.confinement || workspace === DEFAULT_WORKSPACE) return;
  throw new Problem(
    'workspaces_unavailable',
    `This database has the workspace "${DEFAULT_WORKSPACE}" alone: its login may not make what keeps others apart; ` +
      `${TO_PREPARE}.`,
  );
}

/** Throws Problem workspaces_unavailable where there are workspaces that nothing would keep apart. */
export async function requireRowLevelSecurity(db: Pick<Database, 'query' | 'confinement'>): Promise<void> {
  if (db.confinement) return;
  const [other] = await db.query<{ workspace: string }>(
    `SELECT workspace FROM planimeter.scenes WHERE workspace <> $1
      UNION ALL SELECT workspace FROM planimeter.tokens WHERE workspace <> $1 AND revoked_at IS NULL LIMIT 1`,
    [DEFAULT_WORKSPACE],
  );
  if (other) checkRowLevelSecurity(db, other.workspace);
}
