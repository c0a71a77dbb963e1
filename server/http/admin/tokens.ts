/** Access tokens: made, listed and revoked by admins. */
import express, { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { DEFAULT_WORKSPACE } from '../../store/database/row-level-security.ts';
import { record } from '../../store/tables/audit.ts';
import { createToken, listTokens, revokeToken } from '../../store/tables/tokens.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf } from '../core/caller.ts';
import { onlyQuery, pathId } from '../core/request.ts';

export function tokensRouter({ allWorkspaces, access }: Pick<AppContext, 'allWorkspaces' | 'access'>): Router {
  const router = Router();

  router.get('/tokens', async (request, response) => {
    onlyQuery(request, []);
    response.json(await listTokens(allWorkspaces, ownWorkspace(request)));
  });

  router.post('/tokens', express.json({ limit: '10kb' }), async (request, response) => {
    onlyQuery(request, []);
    const { name, role, days, workspace, ...others } = request.body ?? {};
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) {
      throw new Problem('bad_request', 'A token has "name", "role", "days" and "workspace", nothing else.');
    }
    const own = ownWorkspace(request);
    if (own !== null && workspace !== undefined && workspace !== own) {
      throw new Problem(
        'not_allowed',
        `Only an admin of the workspace "${DEFAULT_WORKSPACE}" makes tokens for others.`,
      );
    }
    const wanted = {
      ...{ name, role, workspace: workspace ?? own ?? DEFAULT_WORKSPACE },
      ...(days !== undefined && { days }),
    };
    const made = await allWorkspaces.transaction(async (q) => {
      const token = await createToken({ ...q, confinement: allWorkspaces.confinement }, wanted);
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
    onlyQuery(request, []);
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
