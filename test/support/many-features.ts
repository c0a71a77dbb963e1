/** A finished job with as many features as a city, made by the database. */
import { randomUUID } from 'node:crypto';
import type { Database } from '../../server/store/database/database.ts';
import { insertJob } from '../../server/store/tables/jobs.ts';
import { MODEL, reportOf } from './http-service.ts';

/** Of the area that the features fill, in degrees. */
export const [WEST, SOUTH, SIDE] = [55, 25, 1];

/**
 * Round areas of 17 corners side by side, of three classes, in the collection landuse of a job that is done.
 * @param count a square number
 * @returns the job's id
 */
export async function addManyFeatures(db: Database, scene: string, count: number): Promise<string> {
  const job = randomUUID();
  await insertJob(db.within({ workspace: 'default' }), { id: job, scene, model: MODEL.id, parameters: {} });
  const columns = Math.round(Math.sqrt(count));
  const step = SIDE / columns;
  await db.query(
    `INSERT INTO planimeter.features (job, collection, id, class, score, area_m2, perimeter_m, geom)
     SELECT (SELECT key FROM planimeter.jobs WHERE id = $1), 'landuse', gen_random_uuid(),
            (ARRAY['water', 'road', 'building'])[1 + n % 3], 0.5, ST_Area(geom::geography), 1, geom
       FROM (SELECT n, ST_Buffer(ST_SetSRID(ST_MakePoint($3 + (n % $2::integer + 0.5) * $5, $4 + (n / $2::integer + 0.5) * $5), 4326),
                                 $5 * 0.45, 4) AS geom
               FROM generate_series(0, $2::integer * $2::integer - 1) AS n) AS made`,
    [job, columns, WEST, SOUTH, step],
  );
  await db.query(
    `INSERT INTO planimeter.job_totals (job, collection, class, count, area_m2, bbox)
     SELECT job, collection, class, count(*), sum(area_m2),
            ARRAY[min(ST_XMin(geom)), min(ST_YMin(geom)), max(ST_XMax(geom)), max(ST_YMax(geom))]
       FROM planimeter.features WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1) GROUP BY job, collection, class`,
    [job],
  );
  await db.query(
    `UPDATE planimeter.jobs SET state = 'done', report = $2::jsonb, finished_at = clock_timestamp() WHERE id = $1`,
    [job, JSON.stringify(reportOf(job, scene))],
  );
  await db.execute('ANALYZE planimeter.features');
  return job;
}
