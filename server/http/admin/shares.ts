/**
 * Links that show one job to whoever has them: `/shared/SECRET/` is the viewer, and below it lies the whole interface,
 * read-only, as if that job were all there is.
 */
import express, { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { ListQuery, readQuery } from '../../api/query.ts';
import { check } from '../../api/schema.ts';
import { ShareRequest } from '../../api/service.ts';
import { recordDone } from '../../operations/caller.ts';
import { checkShares } from '../../operations/quotas.ts';
import { createShare, pageOfShares, revokeShare } from '../../store/tables/shares.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { sendList } from '../core/list-page.ts';
import { requestedJob } from '../core/load-from-path.ts';
import { publicAddress } from '../core/public-address.ts';
import { noQuery, pathId } from '../core/request.ts';

export function sharesRouter(context: Pick<AppContext, 'access' | 'allWorkspaces' | 'limits'>): Router {
  const { access, allWorkspaces, limits } = context;
  const router = Router();

  router.get('/jobs/:id/shares', async (request, response) => {
    const page = readQuery(ListQuery, request.query);
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    const { rows, next } = await pageOfShares(db, job.id, page);
    sendList(request, response.set('Cache-Control', 'no-store'), rows, next);
  });

  router.post('/jobs/:id/shares', express.json({ limit: '1kb' }), async (request, response) => {
    noQuery(request);
    if (!allWorkspaces.confinement) {
      throw new Problem(
        'workspaces_unavailable',
        'This database cannot show one job by itself; see "planimeter doctor".',
      );
    }
    const db = databaseOf(request);
    const { days } = check(ShareRequest, request.body ?? {});
    const job = await requestedJob(db, request);
    if (job.state !== 'done')
      throw new Problem('conflict', `The job is ${job.state}; it can be shared once it is done.`);
    const wanted = { job: job.id, by: callerOf(request).name, days };
    const { secret, ...share } = await db.transaction(async (q) => {
      await checkShares(q, callerOf(request), limits);
      const made = await createShare(q, wanted);
      await recordDone(q, callerOf(request), 'share_made', made.id, { job: job.id, expires_at: made.expires_at });
      return made;
    });
    response
      .status(201)
      .set('Cache-Control', 'no-store')
      .json({ ...share, url: `${publicAddress(request)}/shared/${secret}/` });
  });

  router.delete('/shares/:id', async (request, response) => {
    noQuery(request);
    const named = pathId(request, 'id', 'link');
    await databaseOf(request).transaction(async (q) => {
      const { id, job } = await revokeShare(q, named);
      await recordDone(q, callerOf(request), 'share_revoked', id, { job });
    });
    access.forget();
    response.status(204).end();
  });

  return router;
}
