/** Access tokens: made, listed and revoked by admins. */
import express, { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { ListQuery, readQuery } from '../../api/query.ts';
import { check } from '../../api/schema.ts';
import { TokenRequest } from '../../api/service.ts';
import { checkTokens } from '../../operations/quotas.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';
import { record } from '../../store/tables/audit.ts';
import { createToken, pageOfTokens, revokeToken } from '../../store/tables/tokens.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf } from '../core/caller.ts';
import { sendList } from '../core/list-page.ts';
import { noQuery, pathId } from '../core/request.ts';

export function tokensRouter(context: Pick<AppContext, 'allWorkspaces' | 'access' | 'limits'>): Router {
  const { allWorkspaces, access, limits } = context;
  const router = Router();

  router.get('/tokens', async (request, response) => {
    const page = readQuery(ListQuery, request.query);
    const { rows, next } = await pageOfTokens(allWorkspaces, ownWorkspace(request), page);
    sendList(request, response, rows, next);
  });

  router.post('/tokens', express.json({ limit: '10kb' }), async (request, response) => {
    noQuery(request);
    const wanted = check(TokenRequest, request.body);
    const own = ownWorkspace(request);
    if (own !== null && wanted.workspace !== undefined && wanted.workspace !== own) {
      throw new Problem(
        'not_allowed',
        `Only an admin of the workspace "${DEFAULT_WORKSPACE}" makes tokens for others.`,
      );
    }
    const workspace = wanted.workspace ?? own ?? DEFAULT_WORKSPACE;
    const made = await allWorkspaces.transaction(async (q) => {
      await checkTokens(q, callerOf(request), limits, workspace);
      const token = await createToken({ ...q, confinement: allWorkspaces.confinement }, { ...wanted, workspace });
      const { id, expires_at } = token;
      await record(q, {
        ...{ workspace: token.workspace, actor: callerOf(request).name, action: 'token_made', subject: id },
        details: { name: token.name, role: token.role, expires_at },
      });
      return token;
    });
    access.forget();
    response.status(201).location(`/tokens/${made.id}`).set('Cache-Control', 'no-store').json(made);
  });

  router.delete('/tokens/:id', async (request, response) => {
    noQuery(request);
    const named = pathId(request, 'id', 'token');
    await allWorkspaces.transaction(async (q) => {
      const { id, name, workspace } = await revokeToken(q, named, ownWorkspace(request));
      const actor = callerOf(request).name;
      await record(q, { workspace, actor, action: 'token_revoked', subject: id, details: { name } });
    });
    access.forget();
    response.status(204).end();
  });

  return router;
}

/** The one whose tokens an admin sees and makes; null for those of the default workspace, who look after all. */
function ownWorkspace(request: Request): string | null {
  const { workspace } = callerOf(request);
  return workspace === DEFAULT_WORKSPACE ? null : workspace;
}
