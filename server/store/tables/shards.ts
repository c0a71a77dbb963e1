/** `planimeter.shards` and the plans of jobs: what is computed apart, and how far that is. */
import type { MapResult } from '../../../models/mapping/map-scene.ts';
import type { Shard } from '../../../models/mapping/shards.ts';
import type { Queryable } from '../database/database.ts';

/** What came of a shard, and how long tracing it took. */
export type ShardResult = MapResult & { traceMs: number };

/** Shards with what the job's planning has found, plain data. */
export interface StoredPlan<P> {
  planned: P;
  shards: Shard[];
}

/** Of a job that has none yet. `chips`: how many each shard has. */
export async function insertPlan<P>(q: Queryable, job: string, plan: StoredPlan<P>, chips: number[]): Promise<void> {
  await q.query('UPDATE planimeter.jobs SET plan = $2::jsonb WHERE id = $1', [job, JSON.stringify(plan)]);
  await q.query(
    `INSERT INTO planimeter.shards (job, shard, chips)
     SELECT $1, ordinality - 1, chips FROM unnest($2::int[]) WITH ORDINALITY AS given (chips, ordinality)`,
    [job, chips],
  );
}

/** Null where the job is done in one piece, or not planned yet. */
export async function getPlan<P>(q: Queryable, job: string): Promise<StoredPlan<P> | null> {
  const [row] = await q.query<{ plan: StoredPlan<P> | null }>('SELECT plan FROM planimeter.jobs WHERE id = $1', [job]);
  return row?.plan ?? null;
}

export async function deletePlan(q: Queryable, job: string): Promise<void> {
  await q.query('UPDATE planimeter.jobs SET plan = NULL WHERE id = $1', [job]);
  await q.query('DELETE FROM planimeter.shards WHERE job = $1', [job]);
}

/** Shards that are not computed yet, from the top. */
export async function openShards(q: Queryable, job: string): Promise<number[]> {
  const sql = 'SELECT shard FROM planimeter.shards WHERE job = $1 AND result IS NULL ORDER BY shard';
  return (await q.query<{ shard: number }>(sql, [job])).map(({ shard }) => shard);
}

/** Of all shards, from the top; null: not computed yet. */
export async function shardResults(q: Queryable, job: string): Promise<(ShardResult | null)[]> {
  const sql = 'SELECT result FROM planimeter.shards WHERE job = $1 ORDER BY shard';
  return (await q.query<{ result: ShardResult | null }>(sql, [job])).map(({ result }) => result);
}

/** Notes how many chips of a shard are done; returns those of the whole job. */
export async function noteChips(
  q: Queryable,
  job: string,
  shard: number,
  done: number,
): Promise<{ done: number; total: number }> {
  await q.query('UPDATE planimeter.shards SET chips_done = least($3, chips) WHERE job = $1 AND shard = $2', [
    job,
    shard,
    done,
  ]);
  const [sums] = await q.query<{ done: number; total: number }>(
    `SELECT coalesce(sum(chips_done), 0)::int AS done, coalesce(sum(chips), 0)::int AS total
       FROM planimeter.shards WHERE job = $1`,
    [job],
  );
  return sums!;
}

/**
 * Keeps a shard's result; in a transaction, in which nobody else ends a shard of the job until it is over. Returns how
 * many are still open; null where the job is no longer wanted, or the shard was computed twice.
 */
export async function finishShard(
  q: Queryable,
  job: string,
  shard: number,
  result: ShardResult,
): Promise<number | null> {
  const [wanted] = await q.query(
    `SELECT 1 FROM planimeter.jobs WHERE id = $1 AND state IN ('queued', 'running') FOR UPDATE`,
    [job],
  );
  if (!wanted) return null;
  const finished = await q.query(
    `UPDATE planimeter.shards SET result = $3::jsonb, chips_done = chips
      WHERE job = $1 AND shard = $2 AND result IS NULL RETURNING 1`,
    [job, shard, JSON.stringify(result)],
  );
  return finished.length === 0 ? null : (await openShards(q, job)).length;
}
