/** The audit log: who did what with whose data, and when. Rows are added; the database refuses to change them. */
import type { AuditAction, AuditJson } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';

export interface AuditEntry {
  workspace: string;
  /** Name of the token, or how else it came about. */
  actor: string;
  action: AuditAction;
  /** Id of what it was done to. */
  subject: string;
  /** Never secrets. */
  details?: AuditJson['details'];
}

export async function record(q: Queryable, entry: AuditEntry): Promise<void> {
  await q.query(
    'INSERT INTO planimeter.audit (workspace, actor, action, subject, details) VALUES ($1, $2, $3, $4, $5::jsonb)',
    [entry.workspace, entry.actor, entry.action, entry.subject, JSON.stringify(entry.details ?? {})],
  );
}

/** Newest first; `before` is the id of an entry, of which what is older is given. */
export function listAudit(
  q: Queryable,
  { limit, before, workspace }: { limit: number; before?: number | undefined; workspace?: string | undefined },
): Promise<AuditJson[]> {
  return q.query<AuditJson>(
    `SELECT id, at, workspace, actor, action, subject, details FROM planimeter.audit
      WHERE ($2::bigint IS NULL OR id < $2) AND ($3::text IS NULL OR workspace = $3) ORDER BY id DESC LIMIT $1::integer`,
    [limit, before ?? null, workspace ?? null],
  );
}
