/** A published job's features in a map tile: what can be seen at its scale, clipped to it, as well-known binary. */

import type { Bbox } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';

export interface TileFeature {
  /** Of features that are found under it; null for land use and blocks made for maps of smaller scale. */
  id: string | null;
  collection: string;
  class: string;
  /** Null where the network does not say how sure it is. */
  score: number | null;
  area_m2: number;
  /** Null for areas. */
  length_m: number | null;
  /** Of blocks: how many are inside. */
  buildings: number | null;
  /** ISO WKB in degrees. */
  wkb: Uint8Array;
}

/** What a tile shows. */
export interface TileDetail {
  /** Of land use, and of the blocks of buildings; 0 the finest. */
  level: number;
  /** Smaller areas and lines shorter than the side of such a square are left out, where there are no blocks of them. */
  minAreaM2: number;
  /** Buildings of less area are in blocks, or too far from others for one. */
  loneBuildingM2: number;
  /** Streets shorter than this are left out, from crossing to crossing. */
  minStreetMetres: number;
  /** How far drawn roads may lie from the stored ones, in degrees. */
  roadToleranceDegrees: number;
}

/**
 * Largest first. Land use is a coverage at every level, so none of it is left out at coarser ones; roads keep whole
 * streets, so that no gaps appear; objects are few and small, and all of them are shown.
 * @param bbox the tile with its buffer, in degrees; geometries are clipped to it
 */
export async function featuresInTile(
  q: Queryable,
  jobId: string,
  bbox: Bbox,
  { level, minAreaM2, loneBuildingM2, minStreetMetres, roadToleranceDegrees }: TileDetail,
): Promise<TileFeature[]> {
  return q.query<TileFeature>(
    `SELECT CASE WHEN level = 0 THEN f.id END AS id, collection, class, score, area_m2, length_m,
            CASE WHEN level > 0 THEN (properties->>'buildings')::integer END AS buildings, ST_AsBinary(clipped) AS wkb
       FROM planimeter.jobs j
       JOIN planimeter.features f ON f.job = j.key,
            ST_MakeEnvelope($2::float8, $3::float8, $4::float8, $5::float8, 4326) AS tile,
            LATERAL (SELECT CASE WHEN collection = 'roads' AND $10::float8 > 0 THEN ST_Simplify(geom, $10::float8)
                                 ELSE geom END) AS d (drawn),
            LATERAL (SELECT CASE WHEN drawn @ tile THEN drawn ELSE ST_ClipByBox2D(drawn, tile) END) AS c (clipped)
      WHERE j.id = $1 AND j.state = 'done' AND geom && tile
        AND CASE WHEN collection = 'landuse' THEN level = $6 AND (level > 0 OR area_m2 >= $7)
                 WHEN collection = 'buildings' AND level = 0 THEN area_m2 >= $8
                 WHEN collection = 'buildings' THEN level = $6
                 WHEN collection = 'objects' THEN true
                 ELSE level = 0 AND (area_m2 >= $7 OR length_m >= sqrt($7))
                      AND ($9::float8 = 0 OR (properties->>'street_m')::float8 >= $9::float8) END
        AND ST_Dimension(clipped) = ST_Dimension(geom) AND NOT ST_IsEmpty(clipped)
      ORDER BY f.area_m2 DESC, f.length_m DESC, f.id`,
    [jobId, ...bbox, level, minAreaM2, loneBuildingM2, minStreetMetres, roadToleranceDegrees],
  );
}
