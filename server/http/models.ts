/** The networks that jobs can run. */
import { Router } from 'express';
import type { AppDependencies } from './dependencies.ts';
import { onlyQuery } from './request.ts';

export function modelsRouter({ models }: Pick<AppDependencies, 'models'>): Router {
  const router = Router();
  router.get('/models', (request, response) => {
    onlyQuery(request, []);
    response.json(models);
  });
  return router;
}
