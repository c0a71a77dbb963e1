/** Rows of `planimeter.features`: polygons and lines in the scene's frame in, GeoJSON in EPSG:4326 out. */
import { randomUUID } from 'node:crypto';
import { Problem } from '../../tiler/problem.ts';
import type { FeatureJson, FeatureProperties, JobReport } from '../http/types.ts';
import { cql2Condition, QUERYABLES } from './cql2.ts';
import type { Database, Queryable } from './database.ts';
import { asGeoJson, type GeometryCrs } from './geometry-crs.ts';

export interface FeatureRow {
  /** UUID. */
  id: string;
  collection: string;
  /** Of detail: 0 is what was found, n land use for maps whose pixels are 2^n model pixels wide. Default 0. */
  level?: number;
  class: string;
  /** 0..1 */
  score: number;
  /** Polygon or LineString in the scene's CRS. */
  wkb: Uint8Array;
  /** Share of a polygon's perimeter that is a border, not a cut between pieces of one region. Default 1. */
  borderShare?: number;
  /** What else is known of the feature, under the names that clients see. */
  properties?: Record<string, unknown>;
}

/** west, south, east, north in degrees; west > east where the box crosses the antimeridian. */
export type Bbox = [number, number, number, number];

/** Collections that are there even when they are empty. */
const STANDARD_COLLECTIONS = ['buildings', 'roads', 'landuse'];

/** Features in one statement: other callers of the embedded database wait for so many at most. */
const BATCH = 500;

/**
 * Stores a running job's features: transformed to EPSG:4326, cut at the antimeridian and with shells
 * counter-clockwise (RFC 7946), repaired where invalid, with geodesic areas. They stay invisible until the job is published. Throws Problem conflict when the
 * job is not queued or running (any more).
 * @param job id, the EPSG code of the features' coordinates, and the turn that `beginStoring` gave
 */
export async function insertFeatures(
  q: Queryable,
  job: { id: string; epsg: number; turn?: string },
  rows: readonly FeatureRow[],
): Promise<void> {
  for (let start = 0; start < rows.length; start += BATCH) {
    await insertBatch(q, job, rows.slice(start, start + BATCH));
  }
}

async function insertBatch(q: Queryable, job: Parameters<typeof insertFeatures>[1], rows: readonly FeatureRow[]) {
  const offsets = new Array<number>(rows.length); // of the geometries in `geometries`, from 1 as SQL counts
  let size = 0;
  for (const [i, row] of rows.entries()) {
    offsets[i] = size + 1;
    size += row.wkb.length;
  }
  // All geometries go over as one value: drivers send an array of bytea as hexadecimal digits, one value in binary.
  const geometries = new Uint8Array(size);
  for (const [i, row] of rows.entries()) geometries.set(row.wkb, offsets[i]! - 1);

  // OFFSET 0 keeps the planner from writing each expression out wherever its name stands, to be computed again.
  const [result] = await q.query<{ key: number | null }>(
    `WITH target AS (
       SELECT key FROM planimeter.jobs
        WHERE id = $1 AND state IN ('queued', 'running') AND ($13::text IS NULL OR storing = $13) FOR SHARE
     ), inserted AS (
       INSERT INTO planimeter.features (job, level, collection, id, class, score, area_m2, perimeter_m, length_m, geom, properties)
       SELECT key, level, collection, id, class, score, ST_Area(geom::geography),
              CASE WHEN ST_Dimension(geom) = 2 THEN ST_Perimeter(geom::geography) * border_share END,
              CASE WHEN ST_Dimension(geom) = 1 THEN ST_Length(geom::geography) END, geom, properties::jsonb
         FROM (SELECT *, ST_ForcePolygonCCW(
                           CASE WHEN ST_XMax(g) - ST_XMin(g) > 180
                                  THEN ST_WrapX(ST_MakeValid(ST_ShiftLongitude(g)), 180, -360)
                                WHEN ST_IsValid(g) THEN g
                                ELSE ST_CollectionExtract(ST_MakeValid(g), 3) END) AS geom
                 FROM (SELECT *, ST_Transform(
                                   ST_GeomFromWKB(substring($3::bytea FROM start FOR length), $2::integer), 4326) AS g
                         FROM target,
                              unnest($4::uuid[], $5::text[], $6::text[], $7::real[], $8::integer[], $9::integer[], $10::text[],
                                     $11::smallint[], $12::float8[])
                                AS f (id, collection, class, score, start, length, properties, level, border_share)
                        OFFSET 0) AS transformed
               OFFSET 0) AS valid
     )
     SELECT max(key) AS key FROM target`,
    [
      job.id,
      job.epsg,
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
      job.turn ?? null,
    ],
  );
  if (result!.key === null) throw new Problem('conflict', `Job ${job.id} is not running any more.`);
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
              progress = jsonb_set(progress, '{share}', '1')
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

/** All collections with their published features' number and bounding box (null when there are none). */
export async function listCollections(q: Queryable): Promise<{ id: string; count: number; bbox: Bbox | null }[]> {
  return q.query(
    `SELECT id, coalesce(sum(count), 0)::integer AS count,
            CASE WHEN count(count) > 0
                 THEN ARRAY[min(bbox[1]), min(bbox[2]), max(bbox[3]), max(bbox[4])] END AS bbox
       FROM (SELECT id, ordinality FROM unnest($1::text[]) WITH ORDINALITY AS standard (id, ordinality)
             UNION SELECT DISTINCT collection, 1000 FROM planimeter.job_totals WHERE collection <> ALL ($1::text[])) c
       LEFT JOIN (SELECT t.* FROM planimeter.job_totals t
                    JOIN planimeter.jobs j ON j.key = t.job AND j.state = 'done') t ON t.collection = c.id
      GROUP BY id, ordinality ORDER BY ordinality, id`,
    [STANDARD_COLLECTIONS],
    { prepared: true },
  );
}

export interface ItemsQuery {
  bbox?: Bbox | undefined;
  /** A box of another system, beside `bbox` around it in degrees. */
  box?: { corners: readonly [number, number, number, number]; srid: number } | undefined;
  /** Of the geometries that are given back; EPSG:4326 without. */
  crs?: GeometryCrs | undefined;
  /** Most features of the page, at least 1. */
  limit: number;
  /** `next` of the page before. */
  after?: string | undefined;
  class?: string | undefined;
  job?: string | undefined;
  scene?: string | undefined;
  /** CQL2 JSON. */
  filter?: unknown;
  /** Their number on all pages, where it is known from the page before. */
  matched?: number | undefined;
  sort?: { property: string; descending: boolean } | undefined;
}

interface ItemRow {
  id: string;
  key: number;
  collection: string;
  job: string;
  scene: string;
  model: string;
  captured_at: string | null;
  class: string;
  score: number;
  area_m2: number;
  perimeter_m: number | null;
  length_m: number | null;
  /** Null where the system asked for cannot carry it. */
  geometry: string | null;
  properties: Record<string, unknown>;
  sorted_by: string | number | boolean | null;
}

const ITEM = `f.id, f.job AS key, f.collection, j.id AS job, j.scene, j.model,
  (SELECT report->>'capturedAt' FROM planimeter.scenes WHERE id = j.scene) AS captured_at, f.class, f.score, f.area_m2, f.perimeter_m,
  f.length_m, f.properties`;

/**
 * One page of a collection's published features, in the order of their ids or of a property and then their ids, which
 * pages keep while features come and go; features without the property come last. `next` is null on the last page.
 * Throws Problem bad_request for an `after` that no page gave and for a filter that cannot be used.
 * @returns `matched`: the number on all pages
 */
export async function queryItems(
  q: Queryable,
  collection: string,
  query: ItemsQuery,
): Promise<{ features: FeatureJson[]; matched: number; next: string | null }> {
  const { items, ...page } = await queryStoredItems(q, collection, query);
  return { features: items.map(featureJson), ...page };
}

/** A feature whose geometry is still the text that PostGIS wrote. */
export interface StoredItem {
  id: string;
  /** GeoJSON; null where the system asked for cannot carry it. */
  geometry: string | null;
  properties: FeatureProperties;
}

/** As `queryItems`, with geometries that nobody has read: to be passed on. */
export async function queryStoredItems(
  q: Queryable,
  collection: string,
  query: ItemsQuery,
): Promise<{ items: StoredItem[]; matched: number; next: string | null }> {
  const boxes = query.bbox ? splitAtAntimeridian(query.bbox) : [];
  const parameters: unknown[] = [collection];
  const conditions: string[] = [];
  for (const [column, value] of [
    ['f.class', query.class],
    ['j.id', query.job],
    ['j.scene', query.scene],
  ]) {
    if (value !== undefined) conditions.push(`${column} = $${parameters.push(value)}`);
  }
  if (boxes.length > 0) conditions.push(`(${boxes.map((box) => intersects(box, parameters)).join(' OR ')})`);
  if (query.box !== undefined) conditions.push(intersectsBox(query.box, parameters));
  if (query.filter !== undefined) conditions.push(cql2Condition(query.filter, parameters));
  const matching = (table: string) => `
    FROM planimeter.${table} f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
   WHERE ${['f.collection = $1', ...conditions].join(' AND ')}`;
  const sort = query.sort ? sortable(query.sort.property) : null;
  const direction = query.sort?.descending ? 'DESC' : 'ASC';
  // What clients make up has too many texts, and too different plans, for any to be kept.
  const plain = query.filter === undefined && query.box === undefined && (query.crs?.srid ?? 4326) === 4326 && !sort;

  const known = boxes.length === 0 && query.filter === undefined;
  const count = async () => {
    const sql = known
      ? `SELECT coalesce(sum(count), 0)::integer AS matched ${matching('job_totals')}`
      : `SELECT count(*)::integer AS matched ${matching('features')} AND f.level = 0`;
    const answer = q.query<{ matched: number }>(sql, parameters, { prepared: plain });
    return (await explainingFilter(query, answer))[0]!.matched;
  };
  const matched = query.matched ?? (await count());
  const beyond = query.after === undefined ? '' : `AND ${afterCondition(parsePage(query.after), query, parameters)}`;
  // The inner limit, a number, is what the plan is made for; the outer one stops it where the page ends.
  const most = PLANNED_LIMITS.find((each) => each > query.limit) ?? query.limit + 1;
  parameters.push(query.limit + 1);
  const rows = await q.query<ItemRow>(
    `SELECT * FROM (
       SELECT ${ITEM}, ${asGeoJson('f.geom', query.crs)} AS geometry, ${sort?.sql ?? 'NULL'} AS sorted_by ${matching('features')} AND f.level = 0 ${beyond}
        ORDER BY ${sort ? `${sort.sql} ${direction} NULLS LAST, ` : ''}f.id, f.job LIMIT ${most}) page
      LIMIT $${parameters.length}::integer`,
    parameters,
    // A few in a box are found by place and sorted, a multitude is walked through in its order: that the planner sees.
    { prepared: plain && (known || matched <= FEW) },
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    items: page.map(storedItem),
    matched,
    next: rows.length > page.length && last ? pageAfter(last, sort !== null) : null,
  };
}

const PLANNED_LIMITS = [101, 1001];
const FEW = 1000;

/** What only the database can find wrong with a filter, such as a number too large to multiply, is the client's. */
async function explainingFilter<T>(query: ItemsQuery, answer: Promise<T>): Promise<T> {
  return answer.catch((error: { code?: unknown }) => {
    const ofData = typeof error.code === 'string' && error.code.startsWith('22');
    if (query.filter === undefined || !ofData) throw error;
    throw new Problem('bad_request', 'The filter cannot be used: its numbers are too large.');
  });
}

/** A published feature; of several jobs' features with this id the newest job's. Null where there is none. */
export async function getItem(q: Queryable, collection: string, id: string): Promise<FeatureJson | null> {
  const item = await getStoredItem(q, collection, id);
  return item && featureJson(item);
}

/** As `getItem`, with a geometry that nobody has read. */
export async function getStoredItem(
  q: Queryable,
  collection: string,
  id: string,
  crs?: GeometryCrs,
): Promise<StoredItem | null> {
  if (!UUID.test(id)) return null;
  const [row] = await q.query<ItemRow>(
    `SELECT ${ITEM}, ${asGeoJson('f.geom', crs)} AS geometry, NULL AS sorted_by FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
      WHERE f.collection = $1 AND f.id = $2::uuid AND f.level = 0 ORDER BY f.job DESC LIMIT 1`,
    [collection, id],
    { prepared: true },
  );
  return row ? storedItem(row) : null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The names of the properties that items can be sorted by. */
export const SORTABLES = Object.keys(QUERYABLES).filter((name) => ['number', 'text'].includes(QUERYABLES[name]!.type));

function sortable(name: string) {
  if (SORTABLES.includes(name)) return QUERYABLES[name]!;
  throw new Problem('bad_request', `Items can be sorted by ${SORTABLES.join(', ')}, not by "${name.slice(0, 60)}".`);
}

interface Page {
  id: string;
  key: number;
  /** Of the property that the page was sorted by. */
  value: unknown;
}

function pageAfter({ id, key, sorted_by }: ItemRow, sorted: boolean): string {
  return `${id}~${key}${sorted ? `~${Buffer.from(JSON.stringify(sorted_by)).toString('base64url')}` : ''}`;
}

function parsePage(after: string): Page {
  const [id, key, value] = after.split('~');
  try {
    if (!UUID.test(id!) || !/^\d{1,9}$/.test(key ?? '')) throw new Error('not a page');
    const decoded = value === undefined ? undefined : JSON.parse(Buffer.from(value, 'base64url').toString());
    return { id: id!, key: Number(key), value: decoded };
  } catch {
    throw unknownPage();
  }
}

const unknownPage = () =>
  new Problem('bad_request', 'The page is not known: follow the links of the pages instead of making them up.');

/** What comes after a page's last feature in the order that `queryItems` keeps. */
function afterCondition({ id, key, value }: Page, { sort }: ItemsQuery, parameters: unknown[]): string {
  if ((sort !== undefined) !== (value !== undefined)) throw unknownPage();
  parameters.push(id, key);
  const next = `(f.id, f.job) > ($${parameters.length - 1}::uuid, $${parameters.length}::integer)`;
  if (!sort) return next;
  const { sql, type } = sortable(sort.property);
  if (value === null) return `${sql} IS NULL AND ${next}`;
  if (typeof value !== (type === 'number' ? 'number' : 'string')) throw unknownPage();
  parameters.push(value);
  const last = `$${parameters.length}::${type === 'number' ? 'double precision' : 'text'}`;
  const beyond = sort.descending ? '<' : '>';
  return `(${sql} ${beyond} ${last} OR ${sql} IS NULL OR (${sql} = ${last} AND ${next}))`;
}

function splitAtAntimeridian([west, south, east, north]: Bbox): Bbox[] {
  if (west <= east) return [[west, south, east, north]];
  return [
    [west, south, 180, north],
    [-180, south, east, north],
  ];
}

function intersects(box: Bbox, parameters: unknown[]): string {
  const corners = box.map((corner) => `$${parameters.push(corner)}::float8`).join(', ');
  return `ST_Intersects(f.geom, ST_MakeEnvelope(${corners}, 4326))`;
}

function intersectsBox({ corners, srid }: NonNullable<ItemsQuery['box']>, parameters: unknown[]): string {
  const first = parameters.push(...corners, srid) - 4;
  const values = [0, 1, 2, 3].map((i) => `$${first + i}::float8`).join(', ');
  const system = `$${first + 4}::integer`;
  return `coalesce(ST_Intersects(planimeter.geometry_in(f.geom, ${system}), ST_MakeEnvelope(${values}, ${system})), false)`;
}

function storedItem({ id, key: _, sorted_by: _sorted, geometry, properties: more, ...row }: ItemRow): StoredItem {
  const { area_m2, perimeter_m, length_m, captured_at, ...common } = row;
  const measures = perimeter_m === null ? { length_m: length_m ?? 0 } : { area_m2, perimeter_m };
  const taken = captured_at === null ? {} : { captured_at };
  const properties: FeatureProperties = { ...common, ...taken, ...measures, ...more };
  return { id, geometry, properties };
}

const featureJson = ({ id, geometry, properties }: StoredItem): FeatureJson => ({
  type: 'Feature',
  id,
  geometry: geometry && JSON.parse(geometry),
  properties,
});
