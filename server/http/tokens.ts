/** Access tokens: made, listed and revoked by admins. */
import express, { Router } from 'express';
import { Problem } from '../../tiler/problem.ts';
import { createToken, listTokens, revokeToken } from '../store/tokens.ts';
import type { AppDependencies } from './dependencies.ts';
import { onlyQuery, pathId } from './request.ts';

export function tokensRouter({ db, access }: Pick<AppDependencies, 'db' | 'access'>): Router {
  const router = Router();

  router.get('/tokens', async (request, response) => {
    onlyQuery(request, []);
    response.json(await listTokens(db));
  });

  router.post('/tokens', express.json({ limit: '10kb' }), async (request, response) => {
    onlyQuery(request, []);
    const { name, role, days, ...others } = request.body ?? {};
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) throw new Problem('bad_request', 'A token has "name", "role" and "days", nothing else.');
    const made = await createToken(db, { name, role, ...(days !== undefined && { days }) });
    access.forget();
    response.status(201).location(`/tokens/${made.id}`).set('Cache-Control', 'no-store').json(made);
  });

  router.delete('/tokens/:id', async (request, response) => {
    onlyQuery(request, []);
    await revokeToken(db, pathId(request, 'id', 'token'));
    access.forget();
    response.status(204).end();
  });

  return router;
}
