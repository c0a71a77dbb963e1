/** Links by which anybody sees one finished job, until they expire or are revoked; of their secret only a hash is kept. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Problem } from '../../../errors/problem.ts';
import type { ShareJson } from '../../api/index.ts';
import type { Queryable, Scope } from '../database/database.ts';
import { type Page, type PageQuery, pageOf } from './pages.ts';

const RANDOM_BYTES = 32;

const COLUMNS = 'id, job, created_by, created_at, expires_at';

/** `q`: confined to the job's workspace. Returns the secret too, which nobody can do again. */
export async function createShare(
  q: Queryable,
  { job, by, days }: { job: string; by: string; days: number },
): Promise<ShareJson & { secret: string }> {
  const secret = randomBytes(RANDOM_BYTES).toString('base64url');
  const [row] = await q.query<ShareJson>(
    `INSERT INTO planimeter.shares (id, job, sha256, created_by, expires_at)
     VALUES ($1, $2, $3, $4, clock_timestamp() + $5::double precision * interval '1 day') RETURNING ${COLUMNS}`,
    [randomUUID(), job, hashOf(secret), by, days],
  );
  return { ...row!, secret };
}

/** Those of a job that are not revoked, oldest first. */
export const pageOfShares = (q: Queryable, job: string, page: PageQuery): Promise<Page<ShareJson>> =>
  pageOf(
    q,
    {
      columns: COLUMNS,
      table: 'shares',
      where: 'job = $1 AND revoked_at IS NULL',
      parameters: [job],
      newestFirst: false,
    },
    page,
  );

/** Throws Problem not_found. */
export async function revokeShare(q: Queryable, id: string): Promise<ShareJson> {
  const [revoked] = await q.query<ShareJson>(
    `UPDATE planimeter.shares SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL RETURNING ${COLUMNS}`,
    [id],
  );
  if (!revoked) throw new Problem('not_found', `There is no link with the id ${id}.`);
  return revoked;
}

export type Share = Required<Scope> & { id: string };

/** What the bearer of a link sees; null where it is unknown, expired or revoked. `q`: of all workspaces. */
export async function shareOf(q: Queryable, secret: string): Promise<Share | null> {
  const [row] = await q.query<Share>(
    `SELECT id, workspace, job FROM planimeter.shares
      WHERE sha256 = $1 AND revoked_at IS NULL AND expires_at > clock_timestamp()`,
    [hashOf(secret)],
  );
  return row ?? null;
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
