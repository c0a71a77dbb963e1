/** Published features summed up by class, over all or within polygons: number, geodesic area and length. */
import type { MultiPolygon, Polygon } from 'geojson';
import type { Queryable } from './database.ts';

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

/** Largest first. */
export async function sumByClass(q: Queryable, selection: Selection): Promise<ClassSum[]> {
  return q.query<ClassSum>(
    `SELECT f.class, count(*)::integer AS count, sum(f.area_m2) AS area_m2, coalesce(sum(f.length_m), 0) AS length_m
       ${SELECTED} WHERE ${MATCHING} GROUP BY f.class ORDER BY area_m2 DESC, length_m DESC, f.class`,
    selected(selection),
  );
}

/**
 * Features are cut at the zones' borders; one that only touches a zone is not in it.
 * @param zones in EPSG:4326, with closed rings; invalid ones are repaired
 * @returns the sums of zones that hold something, and the geodesic area of each zone in m²
 */
export async function sumByZone(
  q: Queryable,
  selection: Selection,
  zones: readonly (Polygon | MultiPolygon)[],
): Promise<{ sums: ZoneSum[]; zoneAreasM2: number[] }> {
  const made = `SELECT ordinality::integer - 1 AS zone,
                       ST_CollectionExtract(ST_MakeValid(ST_SetSRID(ST_GeomFromGeoJSON(text), 4326)), 3) AS area`;
  const texts = zones.map((zone) => JSON.stringify({ type: zone.type, coordinates: zone.coordinates }));
  const areas = await q.query<{ area_m2: number }>(
    `SELECT ST_Area(area::geography) AS area_m2
       FROM (${made} FROM unnest($1::text[]) WITH ORDINALITY AS u (text, ordinality)) z ORDER BY zone`,
    [texts],
  );
  const sums = await q.query<ZoneSum>(
    `WITH zones AS MATERIALIZED (${made} FROM unnest($4::text[]) WITH ORDINALITY AS u (text, ordinality)),
     pieces AS (
       SELECT zone, f.class, ST_CollectionExtract(
                CASE WHEN ST_CoveredBy(f.geom, area) THEN f.geom ELSE ST_Intersection(f.geom, area) END,
                ST_Dimension(f.geom) + 1) AS piece
         ${SELECTED} JOIN zones ON ST_Intersects(f.geom, area) WHERE ${MATCHING})
     SELECT zone, class, count(*)::integer AS count, sum(ST_Area(piece::geography)) AS area_m2,
            sum(CASE WHEN ST_Dimension(piece) = 1 THEN ST_Length(piece::geography) ELSE 0 END) AS length_m
       FROM pieces WHERE NOT ST_IsEmpty(piece)
      GROUP BY zone, class ORDER BY zone, area_m2 DESC, length_m DESC, class`,
    [...selected(selection), texts],
  );
  return { sums, zoneAreasM2: areas.map(({ area_m2 }) => area_m2) };
}
