/** The HTTP interface: guards first, then one router a resource, then the viewer, and problem+json for all that fails. */
import express, { type Express } from 'express';
import { guardRoutes } from './access.ts';
import { aggregateRouter } from './aggregate.ts';
import { auditRouter } from './audit.ts';
import { classTilesRouter } from './class-tiles.ts';
import { collectionsRouter } from './collections.ts';
import type { AppDependencies } from './dependencies.ts';
import { answerProblem, notFound } from './errors.ts';
import { eventsRouter } from './events.ts';
import { failedAreasRouter } from './failed-areas.ts';
import { imageryRouter } from './imagery.ts';
import { jobsRouter } from './jobs.ts';
import { createRateLimits } from './limits.ts';
import { modelsRouter } from './models.ts';
import { processesRouter } from './processes.ts';
import { logRequests } from './request-log.ts';
import { reviewsRouter } from './reviews.ts';
import { scenesRouter } from './scenes.ts';
import { guardHost, guardOrigin, securityHeaders } from './security.ts';
import { countRequests, serviceRouter } from './service.ts';
import { sessionRouter } from './session.ts';
import { sharesRouter, unwrapShare } from './shares.ts';
import { stacRouter } from './stac.ts';
import { tilesRouter } from './tiles.ts';
import { tokensRouter } from './tokens.ts';
import { uploadsRouter } from './uploads.ts';
import { viewerRouter } from './viewer.ts';

export type { AppDependencies } from './dependencies.ts';

export function createApp(deps: AppDependencies): Express {
  const app = express();
  const rates = createRateLimits(deps.limits);
  app.disable('x-powered-by');
  // A reverse proxy on this machine may say which scheme and host the client used.
  app.set('trust proxy', 'loopback');
  app.use(unwrapShare, logRequests, countRequests(deps.metrics));
  app.use(securityHeaders(deps.service.basemap), guardHost(deps.allowedHosts ?? []), guardOrigin);
  guardRoutes(app, deps, rates);
  app.use(['/models', '/jobs', '/scenes', '/service', '/stac', '/ogc'], async (_request, _response, next) => {
    await deps.networks.refresh();
    next();
  });
  app.use(uploadsRouter(deps));
  app.use(scenesRouter(deps));
  app.use(jobsRouter(deps));
  app.use(eventsRouter(deps));
  app.use(modelsRouter(deps));
  app.use(collectionsRouter(deps));
  app.use(reviewsRouter(deps));
  app.use(aggregateRouter());
  app.use(processesRouter(deps));
  app.use(stacRouter(deps));
  app.use(tilesRouter());
  app.use(imageryRouter(deps));
  app.use(classTilesRouter(deps));
  app.use(failedAreasRouter());
  app.use(serviceRouter(deps));
  app.use(tokensRouter(deps));
  app.use(sharesRouter(deps));
  app.use(auditRouter(deps));
  app.use(sessionRouter(deps, rates));
  app.use(viewerRouter(deps));
  app.use(notFound);
  app.use(answerProblem);
  return app;
}
