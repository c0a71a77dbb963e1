/** Access tokens: made, listed and revoked by admins. */
import express, { type Request, Router } from 'express';
import { Problem } from '../../tiler/problem.ts';
import { record } from '../store/audit.ts';
import { DEFAULT_WORKSPACE } from '../store/confinement.ts';
import { createToken, listTokens, revokeToken } from '../store/tokens.ts';
import { callerOf } from './caller.ts';
import type { AppDependencies } from './dependencies.ts';
import { onlyQuery, pathId } from './request.ts';

export function tokensRouter({ allWorkspaces, access }: Pick<AppDependencies, 'allWorkspaces' | 'access'>): Router {
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
    const made = await createToken(allWorkspaces, {
      ...{ name, role, workspace: workspace ?? own ?? DEFAULT_WORKSPACE },
      ...(days !== undefined && { days }),
    });
    access.forget();
    const { id, expires_at } = made;
    await record(allWorkspaces, {
      ...{ workspace: made.workspace, actor: callerOf(request).name, action: 'token_made', subject: id },
      details: { name: made.name, role: made.role, expires_at },
    });
    response.status(201).location(`/tokens/${made.id}`).set('Cache-Control', 'no-store').json(made);
  });

  router.delete('/tokens/:id', async (request, response) => {
    onlyQuery(request, []);
    const revoked = await revokeToken(allWorkspaces, pathId(request, 'id', 'token'), ownWorkspace(request));
    access.forget();
    await record(allWorkspaces, {
      ...{ workspace: revoked.workspace, actor: callerOf(request).name, action: 'token_revoked', subject: revoked.id },
      details: { name: revoked.name },
    });
    response.status(204).end();
  });

  return router;
}

/** The one whose tokens an admin sees and makes; null for those of the default workspace, who look after all. */
function ownWorkspace(request: Request): string | null {
  const { workspace } = callerOf(request);
  return workspace === DEFAULT_WORKSPACE ? null : workspace;
}
