/** A finished job as a sheet to print: one HTML page, without scripts and without anything from elsewhere. */
import { Router } from 'express';
import { composeSheet } from '../../sheet/compose.ts';
import { readJob } from '../../sheet/read-job.ts';
import { sheetHtml } from '../../sheet/sheet-html.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { refuseDamaged, requestedJob } from '../core/load-from-path.ts';
import { noQuery } from '../core/request.ts';

/** Its own, in place of the viewer's: the page has its styles within. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

export function sheetRouter(deps: Pick<AppContext, 'files' | 'models' | 'renderTile' | 'allWorkspaces'>): Router {
  const { files, models, renderTile, allWorkspaces: records } = deps;
  const router = Router();
  router.get(
    '/jobs/:id/sheet.html',
    heavy(async (request, response) => {
      noQuery(request);
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      refuseDamaged(job);
      const read = await readJob({ db, records, files, renderTile }, job.id);
      const model = models.find(({ id }) => id === job.model);
      const sheet = composeSheet({
        ...read,
        title: undefined,
        network: model ? { name: model.name, license: null } : null,
      });
      response.set({ 'Content-Security-Policy': POLICY, 'Cache-Control': 'private, no-cache' });
      response.type('text/html').send(sheetHtml(sheet));
    }),
  );
  return router;
}
