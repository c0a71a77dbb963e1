/**
 * `planimeter.shards`, `planimeter.strips` and the plans of jobs: what is computed and drawn apart, and how far that is.
 */
import type { MapResult } from '../../../models/mapping/map-scene.ts';
import type { Shard } from '../../../models/mapping/shards.ts';
import type { Queryable } from '../database/database.ts';

/** Shards with what the job's planning has found, plain data. */
export interface StoredPlan<P> {
  /** Version of the program that planned it. */
  program: string;
  planned: P;
  shards: Shard[];
  /** From the top: the shards, from the first to the last, whose maps each strip is drawn from. */
  strips: { firstShard: number; lastShard: number }[];
  /** With which the job's features are stored and published. */
  turn: string;
  /** How long it took to join the maps of all shards; they are not joined yet where it is missing. */
  joinMs?: number;
}

/** A job as it was planned: its parts are of that plan. */
export interface PlannedRun {
  id: string;
  turn: string;
}

/** Of a job that has none yet. `chips`: how many each shard has. */
export async function insertPlan<P>(q: Queryable, job: string, plan: StoredPlan<P>, chips: number[]): Promise<void> {
  await q.query('UPDATE planimeter.jobs SET plan = $2::jsonb WHERE id = $1', [job, JSON.stringify(plan)]);
  await q.query(
    `INSERT INTO planimeter.shards (job, shard, chips)
     SELECT $1, ordinality - 1, chips FROM unnest($2::int[]) WITH ORDINALITY AS given (chips, ordinality)`,
    [job, chips],
  );
  await q.query(
    `INSERT INTO planimeter.strips (job, strip, first_shard, last_shard)
     SELECT $1, ordinality - 1, first, last
       FROM unnest($2::int[], $3::int[]) WITH ORDINALITY AS given (first, last, ordinality)`,
    [job, plan.strips.map(({ firstShard }) => firstShard), plan.strips.map(({ lastShard }) => lastShard)],
  );
}

/** Null where the job is done in one piece, not planned yet, or planned by another version, whose parts are not ours. */
export async function getPlan<P>(q: Queryable, job: string, program: string): Promise<StoredPlan<P> | null> {
  const [row] = await q.query<{ plan: StoredPlan<P> | null }>(
    `SELECT plan FROM planimeter.jobs WHERE id = $1 AND plan->>'program' = $2`,
    [job, program],
  );
  return row?.plan ?? null;
}

export async function deletePlan(q: Queryable, job: string): Promise<void> {
  await q.query('UPDATE planimeter.jobs SET plan = NULL WHERE id = $1', [job]);
  await q.query('DELETE FROM planimeter.shards WHERE job = $1', [job]);
  await q.query('DELETE FROM planimeter.strips WHERE job = $1', [job]);
}

/** Shards that are not computed yet, from the top. */
export async function openShards(q: Queryable, job: string): Promise<number[]> {
  const sql = 'SELECT shard FROM planimeter.shards WHERE job = $1 AND result IS NULL ORDER BY shard';
  return (await q.query<{ shard: number }>(sql, [job])).map(({ shard }) => shard);
}

/** Of all shards, from the top; null: not computed yet. */
export async function shardResults(q: Queryable, job: string): Promise<(MapResult | null)[]> {
  const sql = 'SELECT result FROM planimeter.shards WHERE job = $1 ORDER BY shard';
  return (await q.query<{ result: MapResult | null }>(sql, [job])).map(({ result }) => result);
}

/** Strips that are not drawn yet and whose shards are all computed, from the top. `shard`: those alone that look at it. */
export async function readyStrips(q: Queryable, job: string, shard?: number): Promise<number[]> {
  const rows = await q.query<{ strip: number }>(
    `SELECT strip FROM planimeter.strips AS t
      WHERE job = $1 AND result IS NULL AND ($2::int IS NULL OR $2 BETWEEN first_shard AND last_shard)
        AND NOT EXISTS (SELECT 1 FROM planimeter.shards AS s
                         WHERE s.job = t.job AND s.shard BETWEEN first_shard AND last_shard AND s.result IS NULL)
      ORDER BY strip`,
    [job, shard ?? null],
  );
  return rows.map(({ strip }) => strip);
}

/** How many strips are not drawn yet. */
export async function openStrips(q: Queryable, job: string): Promise<number> {
  const sql = 'SELECT count(*)::int AS count FROM planimeter.strips WHERE job = $1 AND result IS NULL';
  return (await q.query<{ count: number }>(sql, [job]))[0].count;
}

/** Of all strips, from the top; null: not drawn yet. */
export async function stripResults<R>(q: Queryable, job: string): Promise<(R | null)[]> {
  const sql = 'SELECT result FROM planimeter.strips WHERE job = $1 ORDER BY strip';
  return (await q.query<{ result: R | null }>(sql, [job])).map(({ result }) => result);
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
 * Keeps a shard's result; in a transaction, in which nobody else ends a part of the job until it is over. Returns whether
 * it is the first: false too where the job is no longer wanted, or has been planned anew.
 */
export async function finishShard(q: Queryable, run: PlannedRun, shard: number, result: MapResult): Promise<boolean> {
  if (!(await holdJob(q, run))) return false;
  const finished = await q.query(
    `UPDATE planimeter.shards SET result = $3::jsonb, chips_done = chips
      WHERE job = $1 AND shard = $2 AND result IS NULL RETURNING 1`,
    [run.id, shard, JSON.stringify(result)],
  );
  return finished.length > 0;
}

/** The same of a strip. */
export async function finishStrip(q: Queryable, run: PlannedRun, strip: number, result: unknown): Promise<boolean> {
  if (!(await holdJob(q, run))) return false;
  const finished = await q.query(
    'UPDATE planimeter.strips SET result = $3::jsonb WHERE job = $1 AND strip = $2 AND result IS NULL RETURNING 1',
    [run.id, strip, JSON.stringify(result)],
  );
  return finished.length > 0;
}

/** The same of the joining of maps. */
export async function finishMaps(q: Queryable, run: PlannedRun, joinMs: number): Promise<boolean> {
  if (!(await holdJob(q, run))) return false;
  const finished = await q.query(
    `UPDATE planimeter.jobs SET plan = jsonb_set(plan, '{joinMs}', to_jsonb($2::float8))
      WHERE id = $1 AND plan->'joinMs' IS NULL RETURNING 1`,
    [run.id, joinMs],
  );
  return finished.length > 0;
}

/** Whether the maps of all shards are joined. */
export async function mapsAreJoined(q: Queryable, job: string): Promise<boolean> {
  const sql = `SELECT plan->'joinMs' IS NOT NULL AS joined FROM planimeter.jobs WHERE id = $1`;
  return (await q.query<{ joined: boolean }>(sql, [job]))[0]?.joined ?? false;
}

/** Until the transaction is over. False where the job is no longer wanted, or not as it was planned. */
async function holdJob(q: Queryable, { id, turn }: PlannedRun): Promise<boolean> {
  const [wanted] = await q.query(
    `SELECT 1 FROM planimeter.jobs
      WHERE id = $1 AND plan->>'turn' = $2 AND state IN ('queued', 'running') FOR UPDATE`,
    [id, turn],
  );
  return wanted !== undefined;
}
