/** The HTTP interface: guards first, then one router a resource, then the viewer, and problem+json for all that fails. */
import express, { type Express } from 'express';
import { auditRouter } from './admin/audit.ts';
import { countRequests, serviceRouter } from './admin/service.ts';
import { sessionRouter } from './admin/session.ts';
import { sharesRouter } from './admin/shares.ts';
import { tokensRouter } from './admin/tokens.ts';
import { viewerRouter } from './admin/viewer.ts';
import { guardRoutes } from './core/access.ts';
import type { AppContext } from './core/app-context.ts';
import { answerProblem, notFound } from './core/errors.ts';
import { unmount } from './core/public-address.ts';
import { createRateLimits } from './core/rate-limits.ts';
import { logRequests } from './core/request-log.ts';
import { guardHost, guardOrigin, securityHeaders } from './core/security.ts';
import { unwrapShare } from './core/share-links.ts';
import { classTilesRouter } from './native/class-tiles.ts';
import { eventsRouter } from './native/events.ts';
import { failedAreasRouter } from './native/failed-areas.ts';
import { imageryRouter } from './native/imagery.ts';
import { jobsRouter } from './native/jobs.ts';
import { modelsRouter } from './native/models.ts';
import { scenesRouter } from './native/scenes.ts';
import { tilesRouter } from './native/tiles.ts';
import { uploadsRouter } from './native/uploads.ts';
import { aggregateRouter } from './ogc-features/aggregate.ts';
import { collectionsRouter } from './ogc-features/collections.ts';
import { reviewsRouter } from './ogc-features/reviews.ts';
import { processesRouter } from './ogc-processes/processes.ts';
import { stacRouter } from './stac/stac.ts';

export type { AppContext } from './core/app-context.ts';

export function createApp(deps: AppContext): Express {
  const app = express();
  const rates = createRateLimits(deps.limits);
  app.disable('x-powered-by');
  app.set('trust proxy', deps.publicAddress.trustedProxies);
  app.use(unmount(deps.publicAddress), unwrapShare, logRequests, countRequests(deps.metrics));
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
  app.use(tilesRouter(deps));
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
