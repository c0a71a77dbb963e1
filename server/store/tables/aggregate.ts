/** Published features summed up by class, over all or within polygons: number, geodesic area and length. */
import type { MultiPolygon, Polygon } from 'geojson';
import type { Queryable } from '../database/database.ts';

export interface Selection {
  collection: string;
  job?: string | undefined;
  scene?: string | undefined;
}

export interface ClassSum {
  class: string;
  count: number;
  area_m2: number;
  length_m: number;
}

export interface ZoneSum extends ClassSum {
  /** Index of the zone. */
  zone: number;
}

const SELECTED = `FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'`;
const MATCHING = `f.collection = $1 AND f.level = 0 AND ($2::text IS NULL OR j.id = $2) AND ($3::text IS NULL OR j.scene = $3)`;

const selected = ({ collection, job, scene }: Selection) => [collection, job ?? null, scene ?? null];

/** Bounds in degrees of what is selected, one for each job. */
export async function selectedBoxes(q: Queryable, selection: Selection): Promise<[number, number, number, number][]> {
  const rows = await q.query<{ box: [number, number, number, number] }>(
    `SELECT ARRAY[min(f.bbox[1]), min(f.bbox[2]), max(f.bbox[3]), max(f.bbox[4])] AS box
       FROM planimeter.job_totals f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
      WHERE f.collection = $1 AND ($2::text IS NULL OR j.id = $2) AND ($3::text IS NULL OR j.scene = $3)
      GROUP BY f.job ORDER BY f.job`,
    selected(selection),
  );
  return rows.map(({ box }) => box);
}

/** Largest first. */
export async function sumByClass(q: Queryable, selection: Selection): Promise<ClassSum[]> {
  return q.query<ClassSum>(
    `SELECT f.class, count(*)::integer AS count, sum(f.area_m2) AS area_m2, coalesce(sum(f.length_m), 0) AS length_m
       ${SELECTED} WHERE ${MATCHING} GROUP BY f.class ORDER BY area_m2 DESC, length_m DESC, f.class`,
    selected(selection),
  );
}

/** Polygons in EPSG:4326 with closed rings, of which invalid ones are repaired; or published features as they are stored. */
export type Zones = readonly (Polygon | MultiPolygon)[] | { collection: string; ids: readonly string[] };

/** SQL of the rows (zone, area), and what its parameter, a list, holds. */
function zonesSql(zones: Zones, parameter: number): { sql: string; list: readonly string[] } {
  const numbered = (type: string) => `unnest($${parameter}::${type}[]) WITH ORDINALITY AS u (each, ordinality)`;
  const area = (geometry: string) => `ST_CollectionExtract(ST_MakeValid(${geometry}), 3) AS area`;
  if ('ids' in zones) {
    const stored = `SELECT z.geom FROM planimeter.features z JOIN planimeter.jobs k ON k.key = z.job AND k.state = 'done'
                     WHERE z.collection = split_part(u.each, '/', 1) AND z.id = split_part(u.each, '/', 2)::uuid
                       AND z.level = 0 ORDER BY z.job DESC LIMIT 1`;
    return {
      sql: `SELECT ordinality::integer - 1 AS zone, ${area('s.geom')} FROM ${numbered('text')}, LATERAL (${stored}) AS s`,
      list: zones.ids.map((id) => `${zones.collection}/${id}`),
    };
  }
  return {
    sql: `SELECT ordinality::integer - 1 AS zone, ${area('ST_SetSRID(ST_GeomFromGeoJSON(each), 4326)')} FROM ${numbered('text')}`,
    list: zones.map(({ type, coordinates }) => JSON.stringify({ type, coordinates })),
  };
}

/**
 * Features are cut at the zones' borders; one that only touches a zone is not in it.
 * @returns the sums of zones that hold something, and the geodesic area of each zone in m²
 */
export async function sumByZone(
  q: Queryable,
  selection: Selection,
  zones: Zones,
): Promise<{ sums: ZoneSum[]; zoneAreasM2: number[] }> {
  const { sql, list } = zonesSql(zones, 1);
  const areas = await q.query<{ zone: number; area_m2: number }>(
    `SELECT zone, ST_Area(area::geography) AS area_m2 FROM (${sql}) z`,
    [list],
  );
  const zoneAreasM2 = new Array<number>(list.length).fill(0);
  for (const { zone, area_m2 } of areas) zoneAreasM2[zone] = area_m2;
  const sums = await q.query<ZoneSum>(
    `WITH zones AS MATERIALIZED (${zonesSql(zones, 4).sql}),
     pieces AS (
       SELECT zone, f.class, ST_CollectionExtract(
                CASE WHEN ST_CoveredBy(f.geom, area) THEN f.geom ELSE ST_Intersection(f.geom, area) END,
                ST_Dimension(f.geom) + 1) AS piece
         ${SELECTED} JOIN zones ON ST_Intersects(f.geom, area) WHERE ${MATCHING})
     SELECT zone, class, count(*)::integer AS count, sum(ST_Area(piece::geography)) AS area_m2,
            sum(CASE WHEN ST_Dimension(piece) = 1 THEN ST_Length(piece::geography) ELSE 0 END) AS length_m
       FROM pieces WHERE NOT ST_IsEmpty(piece)
      GROUP BY zone, class ORDER BY zone, area_m2 DESC, length_m DESC, class`,
    [...selected(selection), list],
  );
  return { sums, zoneAreasM2 };
}
