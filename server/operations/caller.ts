/** Who asks something of the service, as far as what is done for them depends on it. */
import type { AuditAction, AuditJson, Role } from '../api/index.ts';
import type { Queryable, Scope } from '../store/database/database.ts';
import { record } from '../store/tables/audit.ts';

export interface Caller extends Scope {
  /** Of the token or the link. */
  id: string;
  /** Name of the token, as it stands in the audit log. */
  name: string;
  role: Role;
  /** Whether quotas and rates hold for them. */
  limited: boolean;
  /** By a browser's cookie. */
  signedIn: boolean;
}

/** In whose name something is done. */
export type Actor = Pick<Caller, 'workspace' | 'name'>;

/** Adds to the audit log. `q`: the transaction in which it is done, with which the entry stands or falls. */
export async function recordDone(
  q: Queryable,
  { workspace, name }: Actor,
  action: AuditAction,
  subject: string,
  details: AuditJson['details'] = {},
): Promise<void> {
  await record(q, { workspace, actor: name, action, subject, details });
}
