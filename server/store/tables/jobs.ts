/** Rows of `planimeter.jobs`: runs of one network over one scene with fixed parameters. */
import type { ClassTotal, JobJson, JobReport, JobState } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';
import { assignments, type Columns } from '../database/rows.ts';
import { PARTITIONS } from './feature-tables.ts';
import { type Page, type PageQuery, pageOf } from './pages.ts';

export type Job = Omit<JobJson, keyof JobTotals>;

/** The report with what may be done with the scene's image, which may have been said since. */
const REPORT = `report || coalesce(
    (SELECT jsonb_strip_nulls(jsonb_build_object('scene_license', license, 'scene_attribution', attribution))
       FROM planimeter.scenes WHERE id = jobs.scene), '{}') AS report`;
const COLUMNS = `id, workspace, scene, model, parameters, state, progress, problem, ${REPORT}, priority, created_at, started_at, finished_at`;

const CHANGEABLE: Columns = {
  state: '$',
  progress: '$::jsonb',
  problem: '$::jsonb',
  report: '$::jsonb',
  started_at: '$',
  finished_at: '$',
};

/** A job in state `queued`. Throws (SQLSTATE 23503) where there is no such scene. */
export async function insertJob(
  q: Queryable,
  { id, scene, model, parameters, priority = 0 }: Pick<Job, 'id' | 'scene' | 'model' | 'parameters'> & Partial<Job>,
): Promise<void> {
  await q.query(
    'INSERT INTO planimeter.jobs (id, scene, model, parameters, priority) VALUES ($1, $2, $3, $4::jsonb, $5)',
    [id, scene, model, JSON.stringify(parameters), priority],
  );
}

export async function getJob(q: Queryable, id: string): Promise<Job | null> {
  const rows = await q.query<Job>(`SELECT ${COLUMNS} FROM planimeter.jobs WHERE id = $1`, [id], { prepared: true });
  return rows[0] ?? null;
}

/** Those that there are, in no order. */
export async function findJobs(q: Queryable, ids: readonly string[]): Promise<Job[]> {
  return q.query<Job>(`SELECT ${COLUMNS} FROM planimeter.jobs WHERE id = ANY ($1::text[])`, [ids]);
}

interface JobFilter {
  scene?: string | undefined;
  states?: readonly JobState[] | undefined;
}

/** Newest first. */
export const pageOfJobs = (q: Queryable, { scene, states }: JobFilter, page?: PageQuery): Promise<Page<Job>> =>
  pageOf(
    q,
    {
      columns: COLUMNS,
      table: 'jobs',
      where: '($1::text IS NULL OR scene = $1) AND ($2::text[] IS NULL OR state = ANY ($2))',
      parameters: [scene ?? null, states ?? null],
      newestFirst: true,
    },
    page,
  );

/** All of them, newest first. */
export const listJobs = async (q: Queryable, filter: JobFilter = {}): Promise<Job[]> =>
  (await pageOfJobs(q, filter)).rows;

/**
 * Changes the given fields of a job, where it is in one of these states (or in any).
 * @returns false where there is no such job in such a state
 */
export async function updateJob(
  q: Queryable,
  id: string,
  changes: Partial<Omit<Job, 'id' | 'workspace' | 'scene' | 'model' | 'parameters' | 'created_at'>>,
  when?: readonly JobState[],
): Promise<boolean> {
  const { sql, values } = assignments(CHANGEABLE, changes, 3);
  const rows = await q.query(
    `UPDATE planimeter.jobs SET ${sql} WHERE id = $1 AND ($2::text[] IS NULL OR state = ANY ($2)) RETURNING id`,
    [id, when ?? null, ...values],
  );
  return rows.length > 0;
}

/** Deletes the job with its features; false where there is no such job. */
export async function deleteJob(q: Queryable, id: string): Promise<boolean> {
  const rows = await q.query('DELETE FROM planimeter.jobs WHERE id = $1 RETURNING id', [id]);
  return rows.length > 0;
}

/** What a published job found. */
export type JobTotals = Pick<JobJson, 'totals' | 'collections'>;

export const NO_TOTALS: JobTotals = { totals: [], collections: [] };

/** Nothing where the job is not done. */
export async function totalsOf(q: Queryable, jobId: string): Promise<JobTotals> {
  return (await totalsOfJobs(q, [jobId])).get(jobId) ?? NO_TOTALS;
}

/** The same of several jobs, by the ids of those that found something. */
export async function totalsOfJobs(q: Queryable, jobIds: readonly string[]): Promise<Map<string, JobTotals>> {
  const rows = await q.query<Omit<ClassTotal, 'share'> & { job: string; collection: string }>(
    `SELECT j.id AS job, t.collection, t.class, t.count, t.area_m2
       FROM planimeter.job_totals t JOIN planimeter.jobs j ON j.key = t.job
      WHERE j.id = ANY ($1::text[]) AND j.state = 'done'
      ORDER BY t.area_m2 DESC, t.class`,
    [jobIds],
  );
  const byJob = Map.groupBy(rows, ({ job }) => job);
  return new Map([...byJob].map(([job, found]) => [job, jobTotals(found)]));
}

function jobTotals(found: readonly (Omit<ClassTotal, 'share'> & { collection: string })[]): JobTotals {
  const classes = found.filter(({ collection }) => PARTITIONS.includes(collection));
  const whole = sumOf(classes).area_m2;
  const totals = classes.map(({ class: name, count, area_m2 }) => {
    return { class: name, count, area_m2, share: whole > 0 ? area_m2 / whole : 0 };
  });
  const collections = [...Map.groupBy(found, ({ collection }) => collection)].map(([id, parts]) => {
    return { id, ...sumOf(parts) };
  });
  return { totals, collections: collections.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

const sumOf = (parts: readonly { count: number; area_m2: number }[]) => ({
  count: parts.reduce((sum, { count }) => sum + count, 0),
  area_m2: parts.reduce((sum, { area_m2 }) => sum + area_m2, 0),
});

/** Whether running a finished job again may make more of it; what it is made of may then change. */
export const hasFailedChips = (report: JobReport | null): boolean => (report?.ledger?.failed ?? 0) > 0;
