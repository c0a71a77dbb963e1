/** Whether what was published of jobs is still in the database. */
import type { JobState } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';

/** Of a job's features, of all levels. */
interface Contents {
  count: number;
  area_m2: number;
}

/** Sums of the same numbers in another order differ by so much at most. */
const TOLERANCE = 1e-6;

/** Features of a job that are read in one statement, more or less: others wait for so many on the embedded database. */
const PORTION = 50_000;

/** Notes what there is of a job that is being published, `key` being its number. */
export async function noteContents(q: Queryable, key: number): Promise<void> {
  await q.query(
    `UPDATE planimeter.jobs SET contents = (
       SELECT jsonb_build_object('count', count(*), 'area_m2', coalesce(sum(area_m2), 0))
         FROM planimeter.features WHERE job = $1) WHERE key = $1`,
    [key],
  );
}

/** Ids of published jobs, newest first. */
export async function publishedJobs(q: Queryable): Promise<string[]> {
  const sql = `SELECT id FROM planimeter.jobs WHERE state = 'done' ORDER BY finished_at DESC NULLS LAST, id`;
  return (await q.query<{ id: string }>(sql)).map(({ id }) => id);
}

interface Sums extends Contents {
  collection: string;
  class: string;
  fine: boolean;
}

/**
 * Reads every feature of a published job, and compares numbers and areas with what was noted when it was published, and
 * with the sums by class. Of a job of an older version, of which nothing was noted, notes it. Returns what is amiss in
 * words; null: nothing, or not published any more.
 */
export async function findLosses(q: Queryable, id: string): Promise<string | null> {
  const [job] = await q.query<{ key: number; finished_at: string; contents: Contents | null }>(
    `SELECT key, finished_at, contents FROM planimeter.jobs WHERE id = $1 AND state = 'done'`,
    [id],
  );
  if (!job) return null;
  const totals = await q.query<Omit<Sums, 'fine'>>(
    'SELECT collection, class, count, area_m2 FROM planimeter.job_totals WHERE job = $1',
    [job.key],
  );
  const expected = job.contents?.count ?? totals.reduce((sum, { count }) => sum + count, 0);
  const sums = await sumUp(q, job.key, Math.ceil(expected / PORTION) || 1);
  const [now] = await q.query<{ finished_at: string }>(
    `SELECT finished_at FROM planimeter.jobs WHERE id = $1 AND state = 'done'`,
    [id],
  );
  if (now?.finished_at !== job.finished_at) return null; // started again meanwhile
  const all = sums.reduce(add, { count: 0, area_m2: 0 });
  const loss = (job.contents && difference(all, job.contents)) ?? compareTotals(sums, totals);
  if (loss === null && job.contents === null) await noteContents(q, job.key);
  return loss;
}

/** In portions of ids, which are spread evenly. */
async function sumUp(q: Queryable, key: number, portions: number): Promise<Sums[]> {
  const sums = new Map<string, Sums>();
  for (let i = 0; i < portions; i++) {
    const rows = await q.query<Sums>(
      `SELECT collection, class, level = 0 AS fine, count(*)::integer AS count, sum(area_m2) AS area_m2
         FROM planimeter.features WHERE job = $1 AND id >= $2::uuid AND ($3::uuid IS NULL OR id < $3::uuid)
        GROUP BY 1, 2, 3`,
      [key, idAt(i / portions), i + 1 < portions ? idAt((i + 1) / portions) : null],
    );
    for (const row of rows) {
      const name = JSON.stringify([row.collection, row.class, row.fine]);
      sums.set(name, { ...row, ...add(sums.get(name) ?? { count: 0, area_m2: 0 }, row) });
    }
  }
  return [...sums.values()];
}

/** The UUID below which lies this share of all of them. */
const idAt = (share: number): string =>
  `${Math.floor(share * 2 ** 32)
    .toString(16)
    .padStart(8, '0')}-0000-0000-0000-000000000000`;

const add = (a: Contents, b: Contents): Contents => ({ count: a.count + b.count, area_m2: a.area_m2 + b.area_m2 });

function compareTotals(sums: readonly Sums[], totals: readonly Omit<Sums, 'fine'>[]): string | null {
  const fine = sums.filter((each) => each.fine);
  for (const total of totals) {
    const found = fine.find((each) => each.collection === total.collection && each.class === total.class);
    const loss = difference(found ?? { count: 0, area_m2: 0 }, total);
    if (loss !== null) return loss;
  }
  return fine.length === totals.length ? null : 'sums by class are not in the database any more';
}

function difference(found: Contents, noted: Contents): string | null {
  if (found.count < noted.count) {
    return `${noted.count - found.count} of ${noted.count} features are not in the database any more`;
  }
  if (found.count > noted.count) return `${found.count} features are in the database, and ${noted.count} were stored`;
  if (Math.abs(found.area_m2 - noted.area_m2) <= TOLERANCE * Math.max(1, noted.area_m2)) return null;
  return `its features have ${found.area_m2} m², and ${noted.area_m2} m² were stored`;
}

/**
 * Scenes and jobs that were made and never deleted, by the audit log, and are not in the database any more: what nothing
 * here can make again. As `scenes/ID` and `jobs/ID`.
 */
export async function lostOwners(q: Queryable): Promise<string[]> {
  const rows = await q.query<{ owner: string }>(
    `SELECT kind || 's/' || subject AS owner
       FROM (SELECT split_part(action, '_', 1) AS kind, subject, bool_or(action IN ('scene_deleted', 'job_deleted')) AS deleted
               FROM planimeter.audit
              WHERE action IN ('scene_added', 'scene_deleted', 'job_started', 'job_deleted')
              GROUP BY 1, 2) AS made
      WHERE NOT deleted
        AND NOT EXISTS (SELECT FROM planimeter.scenes s WHERE kind = 'scene' AND s.id = subject)
        AND NOT EXISTS (SELECT FROM planimeter.jobs j WHERE kind = 'job' AND j.id = subject)
      ORDER BY 1`,
  );
  return rows.map(({ owner }) => owner);
}

/** What a job that has lost features becomes; false where it is not published any more. */
export async function withdrawJob(q: Queryable, id: string, problem: object): Promise<boolean> {
  const failed: JobState = 'failed';
  const rows = await q.query(
    `UPDATE planimeter.jobs SET state = $2, problem = $3::jsonb WHERE id = $1 AND state = 'done' RETURNING id`,
    [id, failed, JSON.stringify(problem)],
  );
  return rows.length > 0;
}
