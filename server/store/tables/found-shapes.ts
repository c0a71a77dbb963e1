/** What a finished job found, read for its summary: numbers of buildings and roads, rings of land use, faces of the roads. */
import { Problem } from '../../../errors/problem.ts';
import type { Queryable } from '../database/database.ts';

/** Of one collection, that one summary takes. */
export const MOST_FEATURES = 100_000;
const PAGE = 2000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

export interface FoundBuilding {
  id: string;
  area_m2: number;
  perimeter_m: number;
  lon: number;
  lat: number;
}

export const foundBuildings = (q: Queryable, job: number): Promise<FoundBuilding[]> =>
  allRows(
    q,
    job,
    'buildings',
    `id, area_m2, perimeter_m, ST_X(ST_Centroid(geom)) AS lon, ST_Y(ST_Centroid(geom)) AS lat`,
  );

export interface FoundRoad {
  id: string;
  length_m: number;
  width_m: number | null;
  from_node: number;
  to_node: number;
  /** Longitude and latitude of both ends; null of a line in several parts. */
  ends: [number, number, number, number] | null;
}

export const foundRoads = (q: Queryable, job: number): Promise<FoundRoad[]> =>
  allRows(
    q,
    job,
    'roads',
    `id, length_m, (properties->>'width_m')::float8 AS width_m, (properties->>'from_node')::float8 AS from_node,
     (properties->>'to_node')::float8 AS to_node,
     CASE WHEN GeometryType(geom) = 'LINESTRING'
          THEN ARRAY[ST_X(ST_StartPoint(geom)), ST_Y(ST_StartPoint(geom)), ST_X(ST_EndPoint(geom)), ST_Y(ST_EndPoint(geom))]
     END AS ends`,
  );

export interface ShapeRow {
  id: string;
  class: string;
  /** Little-endian WKB in EPSG:4326. */
  geometry: Uint8Array;
}

/** Shapes of a collection in the order of their ids, page by page. */
export async function* foundShapes(q: Queryable, job: number, collection: string): AsyncGenerator<ShapeRow[]> {
  yield* pagesOf<ShapeRow>(q, job, collection, `id, class, ST_AsBinary(geom, 'NDR') AS geometry`);
}

/** Throws Problem bad_request for more than MOST_FEATURES. */
async function allRows<Row extends { id: string }>(
  q: Queryable,
  job: number,
  collection: string,
  columns: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of pagesOf<Row>(q, job, collection, columns)) {
    for (const row of page) rows.push(row);
    if (rows.length > MOST_FEATURES) {
      const detail = `The job has more than ${MOST_FEATURES} ${collection}, too many to sum up at once: sum up by zones or cells instead (/collections/${collection}/aggregate), or map a part of the image.`;
      throw new Problem('bad_request', detail);
    }
  }
  return rows;
}

async function* pagesOf<Row extends { id: string }>(
  q: Queryable,
  job: number,
  collection: string,
  columns: string,
): AsyncGenerator<Row[]> {
  for (let after = FIRST_ID; ; ) {
    const page = await q.query<Row>(
      `SELECT ${columns} FROM planimeter.features
        WHERE job = $1 AND collection = $2 AND level = 0 AND id > $3::uuid ORDER BY id LIMIT ${PAGE}`,
      [job, collection, after],
    );
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.id;
  }
}

export interface RoadFace {
  /** Little-endian WKB in EPSG:4326. */
  geometry: Uint8Array;
  /** The same as GeoJSON. */
  polygon: string;
  area_m2: number;
}

/** Faces that the job's centre lines close, of at least so many m², largest first, and how many there are in all. */
export async function roadFaces(
  q: Queryable,
  job: number,
  leastM2: number,
  most: number,
): Promise<{ faces: RoadFace[]; total: number }> {
  const rows = await q.query<RoadFace & { total: number }>(
    `SELECT ST_AsBinary(geom, 'NDR') AS geometry, ST_AsGeoJSON(geom, 9) AS polygon, area_m2,
            count(*) OVER ()::integer AS total
       FROM (SELECT geom, ST_Area(geom::geography) AS area_m2
               FROM (SELECT (ST_Dump(ST_Polygonize(geom))).geom FROM planimeter.features
                      WHERE job = $1 AND collection = 'roads' AND level = 0) AS faces) AS measured
      WHERE area_m2 >= $2 ORDER BY area_m2 DESC, geom LIMIT $3`,
    [job, leastM2, most],
  );
  return { faces: rows.map(({ total: _, ...face }) => face), total: rows[0]?.total ?? 0 };
}

/** The key of a job that is done. Throws Problem not_found. */
export async function keyOfDone(q: Queryable, job: string): Promise<number> {
  const [row] = await q.query<{ key: number }>(`SELECT key FROM planimeter.jobs WHERE id = $1 AND state = 'done'`, [
    job,
  ]);
  if (!row) throw new Problem('not_found', `There is no finished job with the id "${job}".`);
  return row.key;
}
