/** What a published job found as tables, one a collection: their columns, and their rows page by page. */

import type { Bbox, ReviewFilter, SceneRights } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';
import { cql2Condition } from './cql2-to-sql.ts';
import { REVIEW_FILTERS } from './reviews.ts';

export interface FeatureTable extends TableSource {
  collection: string;
  count: number;
  /** Null where there are no features. */
  bbox: Bbox | null;
  kind: 'line' | 'area';
  /** Whether one feature at least has several parts. */
  multi: boolean;
  /** The same for every job, whatever its features hold. */
  columns: readonly Column[];
  /** In the order of their ids, page by page. */
  rows(): AsyncGenerator<TableRow[]>;
}

/** What a job's features come from. */
export interface TableSource {
  /** Id of the job, of its scene and of its network. */
  job: string;
  scene: string;
  model: string;
  /** When the scene's image was taken, where its file says it. */
  capturedAt: string | null;
  /** Of the scene's image. */
  rights: SceneRights;
  /** Whether a detector ran, which draws objects. */
  detected: boolean;
}

export interface Column {
  name: string;
  type: 'text' | 'real' | 'integer' | 'boolean';
}

/** A feature; `values` in the order of the table's columns, null where it has none. */
export interface TableRow {
  id: string;
  values: (string | number | boolean | null)[];
  /** Little-endian WKB in EPSG:4326. */
  geometry: Uint8Array;
}

/** From the bottom up, as maps draw them; there even when they are empty. */
export const STANDARD = ['landuse', 'roads', 'buildings'];
/** What detectors draw. */
export const OBJECTS = 'objects';
/** The collections whose features lie beside one another: a job has one of them. Others describe the same ground again. */
export const PARTITIONS = ['landuse', OBJECTS];
/** Measured on ways instead of faces. */
const LINE_COLLECTIONS = ['roads'];
const FEATURES_PER_PAGE = 500;

const text = (name: string): Column => ({ name, type: 'text' });
const real = (name: string): Column => ({ name, type: 'real' });

const COMMON = [text('id'), text('collection'), text('class'), real('score')];
const MEASURES = { area: [real('area_m2'), real('perimeter_m')], line: [real('length_m')] };
const LAST = [text('region'), text('captured_at'), text('job'), text('scene'), text('model'), text('review')];
const OWN: Readonly<Record<string, Column[]>> = {
  roads: [
    real('width_m'),
    real('street_m'),
    real('bridged_m'),
    { name: 'from_node', type: 'integer' },
    { name: 'to_node', type: 'integer' },
  ],
  buildings: [{ name: 'regularized', type: 'boolean' }, real('orientation_deg')],
};

/** What the features of a collection are exported with. */
export const columnsOf = (collection: string, kind: FeatureTable['kind']): readonly Column[] => [
  ...COMMON,
  ...MEASURES[kind],
  ...(OWN[collection] ?? []),
  ...LAST,
];

/** Of the features of a collection. */
export interface TableSummary {
  collection: string;
  count: number;
  bbox: Bbox;
  lines: boolean;
  multi: boolean;
}

/**
 * Of a job's collections that whose areas count nothing twice, and which a file of one layer holds: land use, which covers
 * the ground once; of a job that found none, what it did find.
 */
export async function coveringCollection(q: Queryable, job: string): Promise<string> {
  const [row] = await q.query<{ collection: string }>(
    `SELECT coalesce((SELECT c.id FROM unnest($2::text[]) WITH ORDINALITY AS c (id, ordinality)
                       WHERE EXISTS (SELECT FROM planimeter.features f WHERE f.job = j.key AND f.collection = c.id AND f.level = 0)
                       ORDER BY ordinality LIMIT 1),
                     CASE WHEN report->'counts' ? $3 THEN $3 ELSE $4 END) AS collection
       FROM planimeter.jobs j WHERE j.id = $1`,
    [job, [...PARTITIONS, 'buildings', 'roads'], OBJECTS, 'landuse'],
  );
  return row?.collection ?? 'landuse';
}

/** The same of tables that are all that was found. */
export const coveringTable = (tables: readonly FeatureTable[]): string =>
  [...PARTITIONS, 'buildings', 'roads'].find((name) =>
    tables.some((each) => each.collection === name && each.count > 0),
  ) ?? (tables.some(({ collection }) => collection === OBJECTS) ? OBJECTS : 'landuse');

/** SQL conditions on `features f JOIN jobs j`; `parameters` gets their values. Throws Problem bad_request. */
function conditionsOf({ review, filter }: Selected, parameters: unknown[]): string {
  const reviewed = review === undefined ? '' : `AND f.properties->>'review' ${REVIEW_FILTERS[review]}`;
  return filter === undefined ? reviewed : `${reviewed} AND ${cql2Condition(filter, parameters)}`;
}

/** Which of a job's features are wanted. */
export interface Selected {
  review?: ReviewFilter | undefined;
  /** CQL2 JSON. */
  filter?: unknown;
  /** Not one of them, as where the image is of another time. */
  none?: boolean | undefined;
}

/** The tables of a job that is done, in drawing order. Null where there is no such job. */
export async function featureTables(
  q: Queryable,
  job: string,
  selected: Selected = {},
): Promise<FeatureTable[] | null> {
  const [found] = await q.query<Omit<TableSource, 'job' | 'rights'> & SceneRights & { key: number }>(
    `SELECT j.key, j.scene, j.model, s.license, s.attribution, s.report->>'capturedAt' AS "capturedAt",
            coalesce(j.report->'counts' ? '${OBJECTS}', false) AS detected
       FROM planimeter.jobs j JOIN planimeter.scenes s ON s.id = j.scene WHERE j.id = $1 AND j.state = 'done'`,
    [job],
  );
  if (!found) return null;
  const parameters: unknown[] = [found.key, selected.none ?? false];
  const conditions = conditionsOf(selected, parameters);
  const summaries = await q.query<TableSummary>(
    `SELECT f.collection, count(*)::integer AS count, bool_or(ST_Dimension(f.geom) = 1) AS lines,
            bool_or(ST_NumGeometries(f.geom) > 1 OR GeometryType(f.geom) LIKE 'MULTI%') AS multi,
            ARRAY[min(ST_XMin(f.geom)), min(ST_YMin(f.geom)), max(ST_XMax(f.geom)), max(ST_YMax(f.geom))] AS bbox
       FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job
      WHERE f.job = $1 AND f.level = 0 AND NOT $2::boolean ${conditions}
      GROUP BY f.collection ORDER BY f.collection`,
    parameters,
  );
  const { key, license, attribution, ...source } = found;
  return tablesOf({ ...source, job, rights: { license, attribution } }, summaries, (collection) =>
    storedRows(q, key, collection, selected),
  );
}

/** The tables of what was found, those of the usual collections also where they are empty. */
export function tablesOf(
  source: TableSource,
  summaries: readonly TableSummary[],
  rowsOf: (collection: string) => AsyncIterable<StoredRow[]>,
): FeatureTable[] {
  const standard = source.detected ? [...STANDARD, OBJECTS] : STANDARD;
  const others = summaries.map(({ collection }) => collection).filter((name) => !standard.includes(name));
  return [...standard, ...others].map((collection): FeatureTable => {
    const summary = summaries.find((each) => each.collection === collection);
    const kind = (summary?.lines ?? LINE_COLLECTIONS.includes(collection)) ? 'line' : 'area';
    const columns = columnsOf(collection, kind);
    const { job, scene, model, capturedAt: captured_at } = source;
    const values = ({ properties, ...row }: StoredRow) => {
      const all: Record<string, unknown> = { ...properties, ...row, collection, job, scene, model, captured_at };
      return columns.map((column) => cell(column, all));
    };
    return {
      ...source,
      collection,
      count: summary?.count ?? 0,
      bbox: summary?.bbox ?? null,
      kind,
      multi: summary?.multi ?? false,
      columns,
      async *rows() {
        if (!summary) return;
        for await (const rows of rowsOf(collection)) {
          yield rows.map((row) => ({ id: row.id, geometry: row.geometry, values: values(row) }));
        }
      },
    };
  });
}

/** A feature as it is stored; its geometry as little-endian WKB in EPSG:4326. */
export interface StoredRow {
  id: string;
  class: string;
  score: number | null;
  area_m2: number;
  perimeter_m: number | null;
  length_m: number | null;
  properties: Record<string, unknown>;
  geometry: Uint8Array;
}

/** The rows of a collection in the order of their ids, page by page. */
async function* storedRows(
  q: Queryable,
  jobKey: number,
  collection: string,
  selected: Selected,
): AsyncGenerator<StoredRow[]> {
  const parameters: unknown[] = [];
  // The filter's values come first, those of the page after them.
  const conditions = conditionsOf(selected, parameters);
  const [job, name, last] = [1, 2, 3].map((at) => `$${parameters.length + at}`);
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await q.query<StoredRow>(
      `SELECT f.id, f.class, f.score, f.area_m2, f.perimeter_m, f.length_m, f.properties,
              ST_AsBinary(f.geom, 'NDR') AS geometry
         FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job
        WHERE f.job = ${job}::integer AND f.collection = ${name} AND f.level = 0 AND f.id > ${last}::uuid ${conditions}
        ORDER BY f.id LIMIT ${FEATURES_PER_PAGE}`,
      [...parameters, jobKey, collection, after],
      { prepared: selected.filter === undefined },
    );
    if (rows.length > 0) yield rows;
    if (rows.length < FEATURES_PER_PAGE) return;
    after = rows[rows.length - 1].id;
  }
}

function cell({ name, type }: Column, row: Record<string, unknown>): string | number | boolean | null {
  const value = row[name] ?? null;
  if (value === null) return null;
  if (type === 'text') return typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (type === 'boolean') return Boolean(value);
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
