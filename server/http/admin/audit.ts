/** The audit log, for admins. */
import { Router } from 'express';
import type { Link } from '../../api/index.ts';
import { readQuery } from '../../api/query.ts';
import { AuditQuery } from '../../api/service.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';
import { listAudit } from '../../store/tables/audit.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { publicAddress } from '../core/public-address.ts';

export function auditRouter({ allWorkspaces }: Pick<AppContext, 'allWorkspaces'>): Router {
  const router = Router();

  /** Newest first; admins of the default workspace see what was done in all. */
  router.get('/audit', async (request, response) => {
    const query = readQuery(AuditQuery, request.query);
    const q = callerOf(request).workspace === DEFAULT_WORKSPACE ? allWorkspaces : databaseOf(request);
    const entries = await listAudit(q, query);
    const links: Link[] = [];
    if (entries.length === query.limit) {
      const next = new URLSearchParams({ limit: String(query.limit), before: String(entries.at(-1)!.id) });
      if (query.workspace !== undefined) next.set('workspace', query.workspace);
      links.push({ rel: 'next', href: `${publicAddress(request)}/audit?${next}`, type: 'application/json' });
    }
    response.set('Cache-Control', 'no-store').json({ entries, links });
  });

  return router;
}
