/** Samples of jobs' maps: their points, what people saw there, and which point somebody is to look at next. */
import { randomUUID } from 'node:crypto';
import type { SampleDesign, SampleProgress } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';
import { type Page, type PageQuery, pageOf } from './pages.ts';

export interface Sample {
  id: string;
  job: string;
  design: SampleDesign;
  created_by: string;
  created_at: string;
}

export interface SamplePoint {
  number: number;
  /** Index of the design's. */
  stratum: number;
  second: boolean;
  /** Pixel of the model grid; degrees of its centre. */
  x: number;
  y: number;
  lon: number;
  lat: number;
}

export interface SampleAnswer {
  point: number;
  reviewer: string;
  /** Null: cannot tell. */
  class: string | null;
  seconds: number | null;
  at: string;
}

const COLUMNS = 'id, job, design, created_by, created_at';
const POINT = 'number, stratum, second, x, y, lon, lat';

/** In a transaction: the sample with all its points. */
export async function insertSample(
  q: Queryable,
  { job, design, by }: { job: string; design: SampleDesign; by: string },
  points: readonly SamplePoint[],
): Promise<Sample> {
  const [sample] = await q.query<Sample>(
    `INSERT INTO planimeter.samples (id, job, design, created_by) VALUES ($1, $2, $3::jsonb, $4) RETURNING ${COLUMNS}`,
    [randomUUID(), job, JSON.stringify(design), by],
  );
  await q.query(
    `INSERT INTO planimeter.sample_points (sample, ${POINT})
     SELECT $1::uuid, p.* FROM unnest($2::integer[], $3::integer[], $4::boolean[], $5::integer[], $6::integer[],
                                      $7::float8[], $8::float8[]) AS p`,
    [
      sample!.id,
      ...(['number', 'stratum', 'second', 'x', 'y', 'lon', 'lat'] as const).map((name) =>
        points.map((point) => point[name]),
      ),
    ],
  );
  return sample!;
}

/** Null where the job has none of this id. */
export async function getSample(q: Queryable, job: string, id: string): Promise<Sample | null> {
  const [sample] = await q.query<Sample>(`SELECT ${COLUMNS} FROM planimeter.samples WHERE job = $1 AND id = $2::uuid`, [
    job,
    id,
  ]);
  return sample ?? null;
}

/** Newest first. */
export const pageOfSamples = (q: Queryable, job: string, page?: PageQuery): Promise<Page<Sample>> =>
  pageOf(q, { columns: COLUMNS, table: 'samples', where: 'job = $1', parameters: [job], newestFirst: true }, page);

/** With all points and answers; false where there is none. */
export async function deleteSample(q: Queryable, job: string, id: string): Promise<boolean> {
  const sql = 'DELETE FROM planimeter.samples WHERE job = $1 AND id = $2::uuid RETURNING id';
  return (await q.query(sql, [job, id])).length > 0;
}

/** In their order. */
export const pointsOf = (q: Queryable, sample: string): Promise<SamplePoint[]> =>
  q.query<SamplePoint>(`SELECT ${POINT} FROM planimeter.sample_points WHERE sample = $1::uuid ORDER BY number`, [
    sample,
  ]);

/** In the order in which they were given first. */
export const answersOf = (q: Queryable, sample: string): Promise<SampleAnswer[]> =>
  q.query<SampleAnswer>(
    `SELECT point, reviewer, class, seconds, at FROM planimeter.sample_answers WHERE sample = $1::uuid ORDER BY given`,
    [sample],
  );

/** How many people are to look at a point: two where that was drawn, and one more where two say different things. */
const LOOKS = `
  SELECT p.number, p.second, count(a.reviewer)::int AS answers, count(a.class)::int AS told,
         CASE WHEN count(DISTINCT a.class) > 1 THEN 3 WHEN p.second THEN 2 ELSE 1 END AS wanted
    FROM planimeter.sample_points p
    LEFT JOIN planimeter.sample_answers a ON a.sample = p.sample AND a.point = p.number
   WHERE p.sample = $1::uuid
   GROUP BY p.sample, p.number`;

/** For so long others get another point than one that was handed to somebody, while there are others. */
const HANDED_MINUTES = 10;

/**
 * The first point that somebody is to look at, which is theirs for some minutes; null where nothing is left for them.
 * Several ask at once, and none gets what another has, but for the last ones, which somebody may have left.
 */
export async function takeNextPoint(q: Queryable, sample: string, reviewer: string): Promise<SamplePoint | null> {
  const free = `(p.handed_to IS NULL OR p.handed_to = $2
                 OR p.handed_at < clock_timestamp() - interval '${HANDED_MINUTES} minutes')`;
  for (const which of [free, 'true']) {
    // The condition is on the locked row, so that it holds of what others have written meanwhile.
    const [taken] = await q.query<SamplePoint>(
      `UPDATE planimeter.sample_points SET handed_to = $2, handed_at = clock_timestamp()
        WHERE sample = $1::uuid AND number = (
          SELECT p.number FROM (${LOOKS}) l
            JOIN planimeter.sample_points p ON p.sample = $1::uuid AND p.number = l.number
           WHERE l.answers < l.wanted AND ${which}
             AND NOT EXISTS (SELECT FROM planimeter.sample_answers o
                              WHERE o.sample = $1::uuid AND o.point = l.number AND o.reviewer = $2)
           ORDER BY p.number LIMIT 1 FOR UPDATE OF p SKIP LOCKED)
        RETURNING ${POINT}`,
      [sample, reviewer],
    );
    if (taken) return taken;
  }
  return null;
}

/** One person's answers; one that they gave before is replaced. Points that are not there are refused (SQLSTATE 23503). */
export async function putAnswers(
  q: Queryable,
  sample: string,
  answers: readonly (Omit<SampleAnswer, 'at'> & { at: string | null })[],
): Promise<void> {
  const column = (name: keyof SampleAnswer) => answers.map((answer) => answer[name]);
  await q.query(
    `INSERT INTO planimeter.sample_answers (sample, point, reviewer, class, seconds, at)
     SELECT $1::uuid, a.point, a.reviewer, a.class, a.seconds, coalesce(a.at, clock_timestamp())
       FROM unnest($2::integer[], $3::text[], $4::text[], $5::real[], $6::timestamptz[])
         AS a (point, reviewer, class, seconds, at)
     ON CONFLICT (sample, point, reviewer)
     DO UPDATE SET class = EXCLUDED.class, seconds = EXCLUDED.seconds, at = EXCLUDED.at`,
    [sample, ...(['point', 'reviewer', 'class', 'seconds', 'at'] as const).map(column)],
  );
  await q.query(
    `UPDATE planimeter.sample_points SET handed_to = NULL, handed_at = NULL
      WHERE sample = $1::uuid AND number = ANY ($2::integer[])`,
    [sample, column('point')],
  );
}

export async function progressOf(q: Queryable, samples: readonly string[]): Promise<Map<string, SampleProgress>> {
  const found = await Promise.all(
    samples.map(async (id) => {
      const [row] = await q.query<Omit<SampleProgress, 'reviewers'>>(
        `SELECT count(*)::int AS points, (count(*) FILTER (WHERE answers > 0))::int AS answered,
                (count(*) FILTER (WHERE answers > 0 AND told = 0))::int AS cannot_tell,
                (count(*) FILTER (WHERE second))::int AS second_wanted,
                (count(*) FILTER (WHERE second AND answers > 1))::int AS second_done,
                (count(*) FILTER (WHERE answers < wanted AND wanted = 3))::int AS disagreeing
           FROM (${LOOKS}) l`,
        [id],
      );
      const reviewers = await q.query<SampleProgress['reviewers'][number]>(
        `SELECT reviewer, count(*)::int AS answers FROM planimeter.sample_answers
          WHERE sample = $1::uuid GROUP BY reviewer ORDER BY 2 DESC, 1`,
        [id],
      );
      return [id, { ...row!, reviewers }] as const;
    }),
  );
  return new Map(found);
}
