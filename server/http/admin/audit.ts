/** The audit log, for admins. */
import { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { Link } from '../../api/index.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';
import { listAudit } from '../../store/tables/audit.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { onlyQuery, publicAddress, queryLimit, queryText } from '../core/request.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

export function auditRouter({ allWorkspaces }: Pick<AppContext, 'allWorkspaces'>): Router {
  const router = Router();

  /** Newest first; admins of the default workspace see what was done in all. */
  router.get('/audit', async (request, response) => {
    onlyQuery(request, ['limit', 'before', 'workspace']);
    const limit = queryLimit(request, DEFAULT_LIMIT, MAX_LIMIT);
    const before = queryText(request, 'before');
    if (before !== undefined && !/^\d{1,15}$/.test(before)) {
      throw new Problem('bad_request', '"before" is the id of an entry.');
    }
    const q = callerOf(request).workspace === DEFAULT_WORKSPACE ? allWorkspaces : databaseOf(request);
    const query = { limit, before: before && Number(before), workspace: queryText(request, 'workspace') };
    const entries = await listAudit(q, { ...query, before: query.before === '' ? undefined : query.before });
    const links: Link[] = [];
    if (entries.length === limit) {
      const next = new URLSearchParams({ limit: String(limit), before: String(entries.at(-1)!.id) });
      if (query.workspace !== undefined) next.set('workspace', query.workspace);
      links.push({ rel: 'next', href: `${publicAddress(request)}/audit?${next}`, type: 'application/json' });
    }
    response.set('Cache-Control', 'no-store').json({ entries, links });
  });

  return router;
}
