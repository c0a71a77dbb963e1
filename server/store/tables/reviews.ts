/**
 * What people say of single features: that they are right, or wrong. It lies with a feature's properties, so features are
 * filtered by it, and it is in every export.
 */
import type { Review, ReviewFilter } from '../../api/index.ts';
import type { Database, Queryable } from '../database/database.ts';

/** Which features are wanted. */
export const REVIEW_FILTERS: Record<ReviewFilter, string> = {
  accepted: `= 'accepted'`,
  rejected: `= 'rejected'`,
  'not-rejected': `IS DISTINCT FROM 'rejected'`,
};

/**
 * Says it of a published feature; null takes it back.
 * @returns the feature's job; null where there is no such feature
 */
export function reviewFeature(
  db: Pick<Database, 'transaction'>,
  { collection, id }: { collection: string; id: string },
  review: Review | null,
  also: (q: Queryable) => Promise<void>,
): Promise<string | null> {
  return db.transaction(async (q) => {
    const [found] = await q.query<{ job: string }>(
      `UPDATE planimeter.features f
          SET properties = CASE WHEN $3::text IS NULL THEN f.properties - 'review'
                                ELSE f.properties || jsonb_build_object('review', $3::text) END
         FROM planimeter.jobs j
        WHERE j.key = f.job AND j.state = 'done' AND f.collection = $1 AND f.id = $2::uuid AND f.level = 0
        RETURNING j.id AS job`,
      [collection, id, review],
    );
    if (!found) return null;
    await q.query('UPDATE planimeter.jobs SET reviews = reviews + 1 WHERE id = $1', [found.job]);
    await also(q);
    return found.job;
  });
}

/** How often features of a job were reviewed. */
export async function countReviews(q: Queryable, job: string): Promise<number> {
  const [row] = await q.query<{ reviews: number }>('SELECT reviews FROM planimeter.jobs WHERE id = $1', [job]);
  return row?.reviews ?? 0;
}

/** What people said of features, last, is said of those that a job has stored again: the same have the same ids. */
export async function restoreReviews(q: Queryable, key: number): Promise<void> {
  await q.query(
    `UPDATE planimeter.features f
        SET properties = f.properties || jsonb_build_object('review', said.review)
       FROM (SELECT DISTINCT ON (a.subject, a.details->>'collection')
                    a.subject::uuid AS id, a.details->>'collection' AS collection, a.details->>'review' AS review
               FROM planimeter.jobs j
               JOIN planimeter.audit a ON a.workspace = j.workspace AND a.action = 'feature_reviewed'
              WHERE j.key = $1 AND j.reviews > 0
              ORDER BY a.subject, a.details->>'collection', a.id DESC) said
      WHERE f.job = $1 AND f.level = 0 AND f.collection = said.collection AND f.id = said.id AND said.review IS NOT NULL`,
    [key],
  );
}
