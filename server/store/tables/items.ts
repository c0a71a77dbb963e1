/** Published features as they are asked for: collections, pages of items, single ones; GeoJSON out. */
import { Problem } from '../../../errors/problem.ts';
import type { TimeInterval } from '../../api/datetime.ts';
import type { Bbox, FeatureJson, FeatureProperties, ReviewFilter } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';
import { capturedWithin } from './captured-at.ts';
import { cql2Condition, QUERYABLES } from './cql2-to-sql.ts';
import { asGeoJson, type GeometryCrs } from './geometry-crs.ts';
import { REVIEW_FILTERS } from './reviews.ts';

/** Collections that are there even when they are empty. */
const STANDARD_COLLECTIONS = ['buildings', 'roads', 'landuse'];

export interface StoredCollection {
  id: string;
  /** Of published features. */
  count: number;
  /** Null when there are none. */
  bbox: Bbox | null;
  /** When the first and the last of their images were taken, ISO 8601 in UTC; null where no file says so. */
  captured: [first: string, last: string] | null;
}

/** All collections with the number and extent of their published features. */
export async function listCollections(q: Queryable): Promise<StoredCollection[]> {
  const collections = await q.query<StoredCollection>(
    `SELECT id, coalesce(sum(count), 0)::integer AS count,
            CASE WHEN count(captured_at) > 0 THEN ARRAY[min(captured_at), max(captured_at)] END AS captured,
            CASE WHEN count(count) > 0
                 THEN ARRAY[min(bbox[1]), min(bbox[2]), max(bbox[3]), max(bbox[4])] END AS bbox
       FROM (SELECT id, ordinality FROM unnest($1::text[]) WITH ORDINALITY AS standard (id, ordinality)
             UNION SELECT DISTINCT collection, 1000 FROM planimeter.job_totals WHERE collection <> ALL ($1::text[])) c
       LEFT JOIN (SELECT t.*, s.captured_at FROM planimeter.job_totals t
                    JOIN planimeter.jobs j ON j.key = t.job AND j.state = 'done'
                    JOIN planimeter.scenes s ON s.id = j.scene) t ON t.collection = c.id
      GROUP BY id, ordinality ORDER BY ordinality, id`,
    [STANDARD_COLLECTIONS],
    { prepared: true },
  );
  return collections.map((collection) => {
    const [first, last] = collection.captured ?? [];
    const iso = (time: string) => new Date(time).toISOString();
    return { ...collection, captured: first && last ? [iso(first), iso(last)] : null };
  });
}

export interface SortKey {
  property: string;
  descending: boolean;
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
  /** When their images were taken. */
  captured?: TimeInterval | undefined;
  /** Which of them, by what somebody said of them. */
  review?: ReviewFilter | undefined;
  /** CQL2 JSON. */
  filter?: unknown;
  /** Their number on all pages, where it is known from the page before. */
  matched?: number | undefined;
  /** The first counts most. */
  sort?: readonly SortKey[] | undefined;
  /** Features to pass over, instead of `after`. */
  offset?: number | undefined;
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
  score: number | null;
  area_m2: number;
  perimeter_m: number | null;
  length_m: number | null;
  /** Null where the system asked for cannot carry it. */
  geometry: string | null;
  properties: Record<string, unknown>;
  /** Of the properties that the page is sorted by, in their order. */
  sorted_by: (string | number | null)[];
}

const ITEM = `f.id, f.job AS key, f.collection, j.id AS job, j.scene, j.model,
  (SELECT report->>'capturedAt' FROM planimeter.scenes WHERE id = j.scene) AS captured_at, f.class, f.score, f.area_m2, f.perimeter_m,
  f.length_m, f.properties`;

/**
 * One page of a collection's published features, in the order of their ids or of properties and then their ids, which
 * pages keep while features come and go; features without a property come last. `next` is null on the last page.
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

/** What of a collection is asked for. */
export type ItemSelection = Pick<
  ItemsQuery,
  'bbox' | 'box' | 'class' | 'job' | 'scene' | 'captured' | 'review' | 'filter'
>;

/**
 * SQL conditions on `features f JOIN jobs j`; `parameters` gets their values. Throws Problem bad_request for a filter
 * that cannot be used.
 */
export function itemConditions(query: ItemSelection, parameters: unknown[]): string[] {
  const boxes = query.bbox ? splitAtAntimeridian(query.bbox) : [];
  const conditions: string[] = [];
  for (const [column, value] of [
    ['f.class', query.class],
    ['j.id', query.job],
    ['j.scene', query.scene],
  ]) {
    if (value !== undefined) conditions.push(`${column} = $${parameters.push(value)}`);
  }
  if (query.captured !== undefined) conditions.push(capturedWithin(query.captured, parameters));
  if (query.review !== undefined) conditions.push(`f.properties->>'review' ${REVIEW_FILTERS[query.review]}`);
  if (boxes.length > 0) conditions.push(`(${boxes.map((box) => intersects(box, parameters)).join(' OR ')})`);
  if (query.box !== undefined) conditions.push(intersectsBox(query.box, parameters));
  if (query.filter !== undefined) conditions.push(cql2Condition(query.filter, parameters));
  return conditions;
}

/** As `queryItems`, with geometries that nobody has read: to be passed on. */
export async function queryStoredItems(
  q: Queryable,
  collection: string,
  query: ItemsQuery,
): Promise<{ items: StoredItem[]; matched: number; next: string | null }> {
  const parameters: unknown[] = [collection];
  const conditions = itemConditions(query, parameters);
  const matching = (table: string) => `
    FROM planimeter.${table} f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
   WHERE ${['f.collection = $1', ...conditions].join(' AND ')}`;
  const sort = orderOf(query.sort ?? []);
  // What clients make up has too many texts, and too different plans, for any to be kept.
  const plain =
    query.filter === undefined &&
    query.box === undefined &&
    (query.crs?.srid ?? 4326) === 4326 &&
    sort.length === 0 &&
    !query.offset;

  const known = [query.bbox, query.filter, query.review].every((each) => each === undefined);
  const count = async () => {
    const sql = known
      ? `SELECT coalesce(sum(count), 0)::integer AS matched ${matching('job_totals')}`
      : `SELECT count(*)::integer AS matched ${matching('features')} AND f.level = 0`;
    const answer = q.query<{ matched: number }>(sql, parameters, { prepared: plain });
    return (await explainingFilter(query, answer))[0]!.matched;
  };
  const matched = query.matched ?? (await count());
  const beyond = query.after === undefined ? '' : `AND ${afterCondition(parsePage(query.after), sort, parameters)}`;
  // The inner limit, a number, is what the plan is made for; the outer one stops it where the page ends.
  const most = PLANNED_LIMITS.find((each) => each > query.limit) ?? query.limit + 1;
  const offset = query.offset ? `OFFSET $${parameters.push(query.offset)}::integer` : '';
  const order = sort.map(({ sql, descending }) => `${sql} ${descending ? 'DESC' : 'ASC'} NULLS LAST, `).join('');
  parameters.push(query.limit + 1);
  const rows = await q.query<ItemRow>(
    `SELECT * FROM (
       SELECT ${ITEM}, ${asGeoJson('f.geom', query.crs)} AS geometry, jsonb_build_array(${sort.map(({ sql }) => sql).join(', ')}) AS sorted_by ${matching('features')} AND f.level = 0 ${beyond}
        ORDER BY ${order}f.id, f.job LIMIT ${most} ${offset}) page
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
    next: rows.length > page.length && last ? pageAfter(last) : null,
  };
}

const PLANNED_LIMITS = [101, 1001];
const FEW = 1000;

/** What only the database can find wrong with a filter, such as a number too large to multiply, is the client's. */
export async function explainingFilter<T>(query: ItemSelection, answer: Promise<T>): Promise<T> {
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
    `SELECT ${ITEM}, ${asGeoJson('f.geom', crs)} AS geometry, '[]'::jsonb AS sorted_by FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
      WHERE f.collection = $1 AND f.id = $2::uuid AND f.level = 0 ORDER BY f.job DESC LIMIT 1`,
    [collection, id],
    { prepared: true },
  );
  return row ? storedItem(row) : null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The names of the properties that items can be sorted by. */
export const SORTABLES = Object.keys(QUERYABLES).filter((name) =>
  ['number', 'text', 'time'].includes(QUERYABLES[name]!.type),
);
/** Properties that a page is sorted by, at most: no more are told apart by people. */
export const MOST_SORT_KEYS = 8;

interface Order {
  sql: string;
  type: 'number' | 'text';
  descending: boolean;
}

/** Of a property that is named twice, what is said of it first holds. */
function orderOf(keys: readonly SortKey[]): Order[] {
  const known = new Map<string, Order>();
  for (const { property, descending } of keys) {
    if (!SORTABLES.includes(property)) {
      throw new Problem(
        'bad_request',
        `Items can be sorted by ${SORTABLES.join(', ')}, not by "${property.slice(0, 60)}".`,
      );
    }
    const { sql, type } = QUERYABLES[property]!;
    if (known.has(property)) continue;
    if (type === 'text') known.set(property, { sql, type, descending });
    else {
      const number = type === 'time' ? `extract(epoch FROM ${sql})::double precision` : sql;
      known.set(property, { sql: number, type: 'number', descending });
    }
  }
  if (known.size <= MOST_SORT_KEYS) return [...known.values()];
  throw new Problem('bad_request', `Items are sorted by at most ${MOST_SORT_KEYS} properties, not by ${known.size}.`);
}

interface Page {
  id: string;
  key: number;
  /** Of the properties that the page was sorted by. */
  values: unknown[];
}

function pageAfter({ id, key, sorted_by }: ItemRow): string {
  const values = sorted_by.length > 0 ? `~${Buffer.from(JSON.stringify(sorted_by)).toString('base64url')}` : '';
  return `${id}~${key}${values}`;
}

function parsePage(after: string): Page {
  const [id, key, encoded] = after.split('~');
  try {
    const values: unknown = encoded === undefined ? [] : JSON.parse(Buffer.from(encoded, 'base64url').toString());
    if (UUID.test(id!) && /^\d{1,9}$/.test(key ?? '') && Array.isArray(values))
      return { id: id!, key: Number(key), values };
  } catch {
    // Said below.
  }
  throw unknownPage();
}

const unknownPage = () =>
  new Problem('bad_request', 'The page is not known: follow the links of the pages instead of making them up.');

/** What comes after a page's last feature in the order that `queryItems` keeps. */
function afterCondition({ id, key, values }: Page, sort: readonly Order[], parameters: unknown[]): string {
  if (sort.length !== values.length) throw unknownPage();
  parameters.push(id, key);
  const next = `(f.id, f.job) > ($${parameters.length - 1}::uuid, $${parameters.length}::integer)`;
  return sort.reduceRight((rest, { sql, type, descending }, i) => {
    const value = values[i];
    if (value === null) return `(${sql} IS NULL AND ${rest})`;
    if (typeof value !== (type === 'number' ? 'number' : 'string') || String(value).includes('\0')) throw unknownPage();
    const last = `$${parameters.push(value)}::${type === 'number' ? 'double precision' : 'text'}`;
    return `(${sql} ${descending ? '<' : '>'} ${last} OR ${sql} IS NULL OR (${sql} = ${last} AND ${rest}))`;
  }, next);
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
