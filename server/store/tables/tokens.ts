/** Access tokens: random, shown once when they are made, kept as hashes. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Problem } from '../../../errors/problem.ts';
import type { Role, TokenJson } from '../../api/index.ts';
import { check } from '../../api/schema.ts';
import { TokenRequest } from '../../api/service.ts';
import type { Database, Queryable } from '../database/database.ts';
import { checkRowLevelSecurity, DEFAULT_WORKSPACE } from '../database/row-level-security.ts';
import { type Page, type PageQuery, pageOf } from './pages.ts';

/** So that tokens can be told from other secrets when they turn up where they should not. */
const PREFIX = 'planimeter_';
const RANDOM_BYTES = 32;

const COLUMNS = 'id, name, workspace, role, created_at, expires_at';

/**
 * Makes a token and returns it, which nobody can do again. Throws Problem bad_request for an empty name, an unknown role,
 * a time that is none, a workspace that cannot be, and where the first token is not an admin's of the default workspace.
 */
export async function createToken(
  db: Pick<Database, 'query' | 'confinement'>,
  token: unknown,
): Promise<TokenJson & { token: string }> {
  const { name, role, days, ...wanted } = check(TokenRequest, token);
  const workspace = wanted.workspace ?? DEFAULT_WORKSPACE;
  checkRowLevelSecurity(db, workspace);
  if ((role !== 'admin' || workspace !== DEFAULT_WORKSPACE) && !(await anyToken(db))) {
    throw new Problem(
      'bad_request',
      `The first token must be an admin's of the workspace "${DEFAULT_WORKSPACE}": without one nobody could make others.`,
    );
  }
  const secret = PREFIX + randomBytes(RANDOM_BYTES).toString('base64url');
  const [row] = await db.query<TokenJson>(
    `INSERT INTO planimeter.tokens (id, name, workspace, role, sha256, expires_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::double precision * interval '1 day') RETURNING ${COLUMNS}`,
    [randomUUID(), name, workspace, role, hashOf(secret), days],
  );
  return { ...row!, token: secret };
}

/** Those that are not revoked, oldest first; of one workspace, or with null of all. Without `page` all of them. */
export const pageOfTokens = (q: Queryable, workspace: string | null, page?: PageQuery): Promise<Page<TokenJson>> =>
  pageOf(
    q,
    {
      columns: COLUMNS,
      table: 'tokens',
      where: 'revoked_at IS NULL AND ($1::text IS NULL OR workspace = $1)',
      parameters: [workspace],
      newestFirst: false,
    },
    page,
  );

/** How many of a workspace open something. */
export async function countTokens(q: Queryable, workspace: string): Promise<number> {
  const [row] = await q.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM planimeter.tokens
      WHERE workspace = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())`,
    [workspace],
  );
  return row!.count;
}

/** One of a workspace, or with null of any. Throws Problem not_found. */
export async function revokeToken(q: Queryable, id: string, workspace: string | null): Promise<TokenJson> {
  const [revoked] = await q.query<TokenJson>(
    `UPDATE planimeter.tokens SET revoked_at = clock_timestamp()
      WHERE id = $1 AND revoked_at IS NULL AND ($2::text IS NULL OR workspace = $2) RETURNING ${COLUMNS}`,
    [id, workspace],
  );
  if (!revoked) throw new Problem('not_found', `There is no token with the id ${id}.`);
  return revoked;
}

export interface Bearer {
  /** Of the token. */
  id: string;
  name: string;
  role: Role;
  workspace: string;
}

/** Who sends it; null where the token is unknown, expired or revoked. */
export async function bearerOf(q: Queryable, token: string): Promise<Bearer | null> {
  const [row] = await q.query<Bearer>(
    `SELECT id, name, role, workspace FROM planimeter.tokens
      WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())`,
    [hashOf(token)],
  );
  return row ?? null;
}

/** Whether tokens are asked for: also when all have expired. */
export async function anyToken(q: Queryable): Promise<boolean> {
  const [row] = await q.query<{ any: boolean }>(
    'SELECT EXISTS (SELECT FROM planimeter.tokens WHERE revoked_at IS NULL) AS any',
  );
  return row!.any;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
