/** Rows of `planimeter.features`: polygons and lines in the scene's frame are stored in EPSG:4326, and published with their job. */
import { randomUUID } from 'node:crypto';
import { Problem } from '../../../errors/problem.ts';
import type { JobReport } from '../../api/index.ts';
import type { Database, Queryable } from '../database/database.ts';
import { noteContents } from './contents.ts';
import { restoreReviews } from './reviews.ts';

export interface FeatureRow {
  /** UUID. */
  id: string;
  collection: string;
  /** Of detail: 0 is what was found, n land use for maps whose pixels are 2^n model pixels wide. Default 0. */
  level?: number;
  class: string;
  /** 0..1; null where the network does not say how sure it is. */
  score: number | null;
  /** Polygon or LineString. */
  wkb: Uint8Array;
  /** CRS of its coordinates. Default: the job's. */
  epsg?: number;
  /** Where they are known, the shape is stored as it is: valid, in EPSG:4326, with its shell counter-clockwise. */
  measures?: FeatureMeasures;
  /** Share of a polygon's perimeter that is a border, not a cut between pieces of one region. Default 1. */
  borderShare?: number;
  /** What else is known of the feature, under the names that clients see. */
  properties?: Record<string, unknown>;
}

/** Geodesic; lines have a length, polygons a perimeter. */
export interface FeatureMeasures {
  areaM2: number;
  outlineM: number;
}

/** Features in one statement: other callers of the embedded database wait for so many at most. */
const [KNOWN_BATCH, BATCH] = [1000, 500];

/**
 * Stores a running job's features: transformed to EPSG:4326, cut at the antimeridian and with shells
 * counter-clockwise (RFC 7946), repaired where invalid, with geodesic areas. They stay invisible until the job is published. Throws Problem conflict when the
 * job is not queued or running (any more). Those that an interrupted attempt of the same turn has stored are not stored again.
 * @param job id, the EPSG code of the features' coordinates, and the turn that `beginStoring` gave
 */
export async function insertFeatures(
  q: Queryable,
  job: { id: string; epsg: number; turn?: string },
  rows: readonly FeatureRow[],
): Promise<void> {
  const { known = [], others = [] } = Object.groupBy(rows, ({ measures }) => (measures ? 'known' : 'others'));
  for (let start = 0; start < known.length; start += KNOWN_BATCH) {
    await insertBatch(q, job, known.slice(start, start + KNOWN_BATCH), KNOWN);
  }
  for (let start = 0; start < others.length; start += BATCH) {
    await insertBatch(q, job, others.slice(start, start + BATCH), OTHERS);
  }
}

/** Geometry, area and outline of features whose shape needs no more looking at. */
const KNOWN = `
  SELECT *, ST_GeomFromWKB(substring($3::bytea FROM start FOR length), 4326) AS geom, known_area AS area,
         known_outline * border_share AS outline FROM given`;

// In PostGIS 3.3 ST_ForcePolygonCCW turns lines about, which run from their first node to their second.
// OFFSET 0 keeps the planner from writing each expression out wherever its name stands, to be computed again.
const OTHERS = `
  SELECT *, ST_Area(geom::geography) AS area,
         CASE WHEN ST_Dimension(geom) = 1 THEN ST_Length(geom::geography)
              ELSE ST_Perimeter(geom::geography) * border_share END AS outline
    FROM (SELECT *, CASE WHEN ST_Dimension(v) = 2 THEN ST_ForcePolygonCCW(v) ELSE v END AS geom
            FROM (SELECT *, CASE WHEN ST_XMax(g) > 180 THEN ST_WrapX(ST_MakeValid(g), 180, -360)
                                 WHEN epsg <> 4326 AND ST_XMax(g) - ST_XMin(g) > 180
                                   THEN ST_WrapX(ST_MakeValid(ST_ShiftLongitude(g)), 180, -360)
                                 WHEN ST_IsValid(g) THEN g
                                 ELSE ST_CollectionExtract(ST_MakeValid(g), 3) END AS v
                    FROM (SELECT *, CASE WHEN ST_XMin(t) >= -180 AND ST_XMin(t) < 180 THEN t
                                         ELSE ST_Translate(t, -360 * floor((ST_XMin(t) + 180) / 360), 0) END AS g
                            FROM (SELECT *, ST_Transform(ST_GeomFromWKB(substring($3::bytea FROM start FOR length), epsg), 4326) AS t
                                    FROM given OFFSET 0) AS transformed OFFSET 0) AS turned
                  OFFSET 0) AS valid
          OFFSET 0) AS directed`;

async function insertBatch(
  q: Queryable,
  job: Parameters<typeof insertFeatures>[1],
  rows: readonly FeatureRow[],
  placed: string,
) {
  const { geometries, offsets } = joined(rows);
  const [result] = await q.query<{ key: number | null }>(
    `WITH target AS (
       SELECT key FROM planimeter.jobs
        WHERE id = $1 AND state IN ('queued', 'running') AND ($2::text IS NULL OR storing = $2) FOR SHARE
     ), given AS (
       SELECT * FROM target,
              unnest($4::uuid[], $5::text[], $6::text[], $7::real[], $8::integer[], $9::integer[], $10::text[], $11::smallint[],
                     $12::float8[], $13::integer[], $14::float8[], $15::float8[])
                AS f (id, collection, class, score, start, length, properties, level, border_share, epsg, known_area, known_outline)
     ), inserted AS (
       INSERT INTO planimeter.features (job, level, collection, id, class, score, area_m2, perimeter_m, length_m, geom, properties)
       SELECT key, level, collection, id, class, score, area, CASE WHEN ST_Dimension(geom) = 2 THEN outline END,
              CASE WHEN ST_Dimension(geom) = 1 THEN outline END, geom, properties::jsonb
         FROM (${placed} OFFSET 0) AS placed
       ON CONFLICT DO NOTHING
     )
     SELECT max(key) AS key FROM target`,
    [
      job.id,
      job.turn ?? null,
      geometries,
      rows.map((row) => row.id),
      rows.map((row) => row.collection),
      rows.map((row) => row.class),
      rows.map((row) => row.score),
      offsets,
      rows.map((row) => row.wkb.length),
      rows.map((row) => JSON.stringify(row.properties ?? {})),
      rows.map((row) => row.level ?? 0),
      rows.map((row) => row.borderShare ?? 1),
      rows.map((row) => row.epsg ?? job.epsg),
      rows.map((row) => row.measures?.areaM2 ?? null),
      rows.map((row) => row.measures?.outlineM ?? null),
    ],
  );
  if (result!.key === null) throw new Problem('conflict', `Job ${job.id} is not running any more.`);
}

/** All geometries go over as one value: drivers send an array of bytea as hexadecimal digits, one value in binary. */
function joined(rows: readonly FeatureRow[]): { geometries: Uint8Array; offsets: number[] } {
  const offsets = new Array<number>(rows.length); // from 1 as SQL counts
  let size = 0;
  for (const [i, row] of rows.entries()) {
    offsets[i] = size + 1;
    size += row.wkb.length;
  }
  const geometries = new Uint8Array(size);
  for (const [i, row] of rows.entries()) geometries.set(row.wkb, offsets[i]! - 1);
  return { geometries, offsets };
}

/**
 * Shapes whose measures are not known as `insertFeatures` would store them, in the order of the rows: WKB in EPSG:4326,
 * with its area and outline.
 * @param epsg of the coordinates of rows that name no other
 */
export async function placeInDoubt(
  q: Queryable,
  epsg: number,
  rows: readonly FeatureRow[],
): Promise<(FeatureMeasures & { wkb: Uint8Array })[]> {
  const placed: (FeatureMeasures & { wkb: Uint8Array })[] = [];
  for (let start = 0; start < rows.length; start += BATCH) {
    const batch = rows.slice(start, start + BATCH);
    const { geometries, offsets } = joined(batch);
    placed.push(
      ...(await q.query<FeatureMeasures & { wkb: Uint8Array }>(
        `WITH given AS (SELECT *, 1 AS border_share FROM unnest($1::integer[], $2::integer[], $4::integer[]) AS f (start, length, epsg))
         SELECT ST_AsBinary(geom, 'NDR') AS wkb, area AS "areaM2", outline AS "outlineM" FROM (${OTHERS}) AS placed ORDER BY start`,
        [offsets, batch.map((row) => row.wkb.length), geometries, batch.map((row) => row.epsg ?? epsg)],
      )),
    );
  }
  return placed;
}

/**
 * Clears away what was stored of a running job and begins a turn of storing: whoever had an earlier one can store and
 * publish no more. Throws Problem conflict when the job is not queued or running (any more).
 */
export function beginStoring(db: Database, jobId: string): Promise<string> {
  const turn = randomUUID();
  return db.transaction(async (q) => {
    const [job] = await q.query(
      `UPDATE planimeter.jobs SET storing = $2 WHERE id = $1 AND state IN ('queued', 'running') RETURNING key`,
      [jobId, turn],
    );
    if (!job) throw new Problem('conflict', `Job ${jobId} is not running any more.`);
    await deleteFeatures(q, jobId);
    return turn;
  });
}

/** Of all levels, whether published or not. */
export async function countFeatures(q: Queryable, jobId: string): Promise<number> {
  const [row] = await q.query<{ count: number }>(
    'SELECT count(*) AS count FROM planimeter.features WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1)',
    [jobId],
  );
  return row!.count;
}

export async function deleteFeatures(q: Queryable, jobId: string): Promise<void> {
  await q.query('DELETE FROM planimeter.features WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1)', [jobId]);
}

/** Gives pieces of regions of land use other ids of their regions than they were stored with. */
export async function renameRegions(
  q: Queryable,
  jobId: string,
  regions: readonly { level: number; stored: string; final: string }[],
): Promise<void> {
  if (regions.length === 0) return;
  await q.query(
    `UPDATE planimeter.features AS f SET properties = jsonb_set(properties, '{region}', to_jsonb(final))
       FROM unnest($2::smallint[], $3::text[], $4::text[]) AS given (level, stored, final)
      WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1) AND collection = 'landuse'
        AND f.level = given.level AND properties ->> 'region' = stored`,
    [jobId, ...(['level', 'stored', 'final'] as const).map((key) => regions.map((each) => each[key]))],
  );
}

/**
 * Ends a job well, in one transaction: its features become visible all together, with their totals. Returns the report
 * as it is stored, with the land use's `areas_m2`. Throws Problem conflict when the job is not queued or running (any
 * more), or another process has begun to store it.
 */
export async function publishJob(
  db: Database,
  jobId: string,
  report: Omit<JobReport, 'areas_m2'>,
  turn?: string,
): Promise<JobReport> {
  const published = await db.transaction(async (q) => {
    const [job] = await q.query<{ key: number }>(
      `UPDATE planimeter.jobs
          SET state = 'done', problem = NULL, report = $2::jsonb, finished_at = clock_timestamp(),
              progress = progress || jsonb_build_object('done', progress -> 'total', 'share', 1)
        WHERE id = $1 AND state IN ('queued', 'running') AND ($3::text IS NULL OR storing = $3) RETURNING key`,
      [jobId, JSON.stringify(report), turn ?? null],
    );
    if (!job) throw new Problem('conflict', `Job ${jobId} is not running any more.`);
    await q.query('DELETE FROM planimeter.job_totals WHERE job = $1', [job.key]);
    await q.query(
      `INSERT INTO planimeter.job_totals (job, collection, class, count, area_m2, bbox)
       SELECT job, collection, class, count(*), sum(area_m2),
              ARRAY[min(ST_XMin(geom)), min(ST_YMin(geom)), max(ST_XMax(geom)), max(ST_YMax(geom))]
         FROM planimeter.features WHERE job = $1 AND level = 0 GROUP BY job, collection, class`,
      [job.key],
    );
    const [stored] = await q.query<{ report: JobReport }>(
      `UPDATE planimeter.jobs
          SET report = jsonb_set(report, '{areas_m2}', coalesce(
                (SELECT jsonb_object_agg(class, area_m2)
                   FROM planimeter.job_totals WHERE job = $1 AND collection = 'landuse'), '{}'))
        WHERE key = $1 RETURNING report`,
      [job.key],
    );
    await noteContents(q, job.key);
    await restoreReviews(q, job.key);
    return stored!.report;
  });
  await noticeGrowth(db, jobId).catch(() => {}); // the job is published all the same
  return published;
}

/**
 * Plans that connections keep (see QueryOptions) are made for the table as it was, and made anew once it is analysed:
 * PostgreSQL does so within a minute or so, and here at once where a job has made it more than a tenth larger.
 */
async function noticeGrowth(db: Database, jobId: string): Promise<void> {
  if (db.kind !== 'postgresql') return;
  const [{ grown }] = (await db.query(
    `SELECT coalesce(sum(count), 0) > 0.1 * greatest(0, (SELECT reltuples FROM pg_class WHERE oid = 'planimeter.features'::regclass)) AS grown
       FROM planimeter.job_totals WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1)`,
    [jobId],
  )) as [{ grown: boolean }];
  if (grown) await db.execute('ANALYZE planimeter.features');
}
