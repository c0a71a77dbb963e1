/** The service about itself: whether it is well, what it can do, and its interface in OpenAPI. */
import { Router } from 'express';
import type { AppDependencies } from './dependencies.ts';
import { openapiDocument } from './openapi.ts';
import { onlyQuery, publicAddress } from './request.ts';

export function serviceRouter({ db, service }: Pick<AppDependencies, 'db' | 'service'>): Router {
  const router = Router();

  router.get('/health', async (request, response) => {
    onlyQuery(request, []);
    await db.query('SELECT 1');
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });

  router.get('/service', (request, response) => {
    onlyQuery(request, []);
    response.json(service);
  });

  router.get('/openapi.json', (request, response) => {
    onlyQuery(request, []);
    response.type('application/vnd.oai.openapi+json;version=3.0');
    response.send(JSON.stringify(openapiDocument(service.version, publicAddress(request))));
  });

  return router;
}
