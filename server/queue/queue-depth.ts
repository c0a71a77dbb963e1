/** How much waits in the queue, from pg-boss's table. */
import type { Queryable } from '../store/database/database.ts';
import { QUEUES, type QueueName } from './pg-boss.ts';

export interface QueueDepth {
  kind: QueueName;
  waiting: number;
  active: number;
  /** Failed in all attempts, in the last hour. */
  given_up: number;
  /** Since the oldest of those waiting could have been begun. */
  oldest_seconds: number;
}

/** One row a queue, also for empty ones; none before the queue was first started. */
export async function queueDepths(q: Queryable): Promise<QueueDepth[]> {
  const [{ there }] = (await q.query(`SELECT to_regclass('planimeter_queue.job') IS NOT NULL AS there`)) as [
    { there: boolean },
  ];
  if (!there) return [];
  return q.query<QueueDepth>(
    `SELECT kind,
            count(*) FILTER (WHERE state IN ('created', 'retry'))::int AS waiting,
            count(*) FILTER (WHERE state = 'active')::int AS active,
            count(*) FILTER (WHERE state = 'failed')::int AS given_up,
            coalesce(extract(epoch FROM clock_timestamp()
              - min(start_after) FILTER (WHERE state IN ('created', 'retry'))), 0)::float8 AS oldest_seconds
       FROM unnest($1::text[]) AS kind LEFT JOIN planimeter_queue.job ON name = kind
      GROUP BY kind ORDER BY kind`,
    [QUEUES],
  );
}
