/** `PATCH /collections/ID/items/ID`: somebody says of a feature that it is right, or wrong. */
import express, { Router } from 'express';
import { ReviewRequest } from '../../api/features.ts';
import { check } from '../../api/schema.ts';
import { recordDone } from '../../operations/caller.ts';
import { getStoredItem } from '../../store/tables/items.ts';
import { reviewFeature } from '../../store/tables/reviews.ts';
import { removeExports } from '../../store/tables/usage.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { noQuery, pathId, pathParameter } from '../core/request.ts';
import { GEOJSON } from './collection-descriptions.ts';
import { absentItem, featureText } from './collections.ts';

const REVIEW_BODY = { limit: '1kb', type: ['application/json', 'application/merge-patch+json'] };

export function reviewsRouter({ files }: Pick<AppContext, 'files'>): Router {
  const router = Router();
  router.patch('/collections/:collection/items/:id', express.json(REVIEW_BODY), async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const collection = pathParameter(request, 'collection');
    const id = pathId(request, 'id', 'feature');
    if (!(await getStoredItem(db, collection, id))) throw await absentItem(db, collection, id);
    const { review } = check(ReviewRequest, request.body ?? {});
    const job = await reviewFeature(db, { collection, id }, review, (q) =>
      recordDone(q, callerOf(request), 'feature_reviewed', id, { collection, review }),
    );
    if (job === null) throw await absentItem(db, collection, id);
    await removeExports(db, files, job);
    response.type(GEOJSON).send(featureText((await getStoredItem(db, collection, id))!, (properties) => properties));
  });
  return router;
}
