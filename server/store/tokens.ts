/** Access tokens: random, shown once when they are made, kept as hashes. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Problem } from '../../tiler/problem.ts';
import type { Role, TokenJson } from '../http/types.ts';
import type { Queryable } from './database.ts';

/** What each may, and all before it: look; upload, run and delete; add networks and tokens. */
export const ROLES: readonly Role[] = ['viewer', 'editor', 'admin'];

/** Days that a token is good for, unless it is said otherwise. */
export const DEFAULT_DAYS = 365;

/** So that tokens can be told from other secrets when they turn up where they should not. */
const PREFIX = 'planimeter_';
const RANDOM_BYTES = 32;
const MAX_NAME = 100;
const MAX_DAYS = 36_500;

const COLUMNS = 'id, name, role, created_at, expires_at';

/**
 * Makes a token and returns it, which nobody can do again. Throws Problem bad_request for an empty name, an unknown role,
 * a time that is none, and where the first token is not an admin's.
 */
export async function createToken(
  q: Queryable,
  { name, role, days = DEFAULT_DAYS }: { name: unknown; role: unknown; days?: unknown },
): Promise<TokenJson & { token: string }> {
  if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_NAME || name.includes('\0')) {
    throw new Problem('bad_request', `"name" says whose token it is, in at most ${MAX_NAME} characters.`);
  }
  if (!ROLES.includes(role as Role)) throw new Problem('bad_request', `"role" is one of ${ROLES.join(', ')}.`);
  if (typeof days !== 'number' || !(days > 0 && days <= MAX_DAYS)) {
    throw new Problem('bad_request', `"days" is how long the token is good for, up to ${MAX_DAYS}.`);
  }
  if (role !== 'admin' && !(await anyToken(q))) {
    throw new Problem('bad_request', "The first token must be an admin's: without one nobody could make others.");
  }
  const token = PREFIX + randomBytes(RANDOM_BYTES).toString('base64url');
  const [row] = await q.query<TokenJson>(
    `INSERT INTO planimeter.tokens (id, name, role, sha256, expires_at)
     VALUES ($1, $2, $3, $4, clock_timestamp() + $5::double precision * interval '1 day') RETURNING ${COLUMNS}`,
    [randomUUID(), name, role, hashOf(token), days],
  );
  return { ...row!, token };
}

/** Those that are not revoked, oldest first. */
export function listTokens(q: Queryable): Promise<TokenJson[]> {
  return q.query<TokenJson>(
    `SELECT ${COLUMNS} FROM planimeter.tokens WHERE revoked_at IS NULL ORDER BY created_at, id`,
  );
}

/** Throws Problem not_found. */
export async function revokeToken(q: Queryable, id: string): Promise<void> {
  const revoked = await q.query(
    'UPDATE planimeter.tokens SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL RETURNING id',
    [id],
  );
  if (revoked.length === 0) throw new Problem('not_found', `There is no token with the id ${id}.`);
}

/** What the bearer may; null where the token is unknown, expired or revoked. */
export async function roleOf(q: Queryable, token: string): Promise<Role | null> {
  const [row] = await q.query<{ role: Role }>(
    `SELECT role FROM planimeter.tokens
      WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())`,
    [hashOf(token)],
  );
  return row?.role ?? null;
}

/** Whether tokens are asked for: also when all have expired. */
export async function anyToken(q: Queryable): Promise<boolean> {
  const [row] = await q.query<{ any: boolean }>(
    'SELECT EXISTS (SELECT FROM planimeter.tokens WHERE revoked_at IS NULL) AS any',
  );
  return row!.any;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
