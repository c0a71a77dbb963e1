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
  // All of them are one value (see readRecords): as thousands of rows they would take the drivers longer than the
  // database takes to find them. Each OFFSET 0 keeps the planner from writing an expression out wherever its name stands;
  // the 0 that is added keeps it from reading the keys of all features of the job beside the index of their places.
  const [row] = await q.query<{ records: Uint8Array | null }>(
    `SELECT string_agg(float8send(area_m2) || float8send(coalesce(length_m, 'NaN')) || float8send(coalesce(score, 'NaN')) ||
                       int4send(buildings) || int4send(length(wkb)) || int2send(length(names)::smallint) || uuid_send(id) ||
                       names || wkb, '' ORDER BY area_m2 DESC, length_m DESC, id) AS records
       FROM (SELECT area_m2, length_m, score::text::float8 AS score, id, ST_AsBinary(clipped, 'NDR') AS wkb,
                    CASE WHEN level = 0 THEN $11 ELSE coalesce((properties->>'buildings')::integer, $12) END AS buildings,
                    textsend(collection || E'\\n' || class) AS names
               FROM (SELECT *, CASE WHEN drawn @ tile THEN drawn ELSE ST_ClipByBox2D(drawn, tile) END AS clipped
                       FROM (SELECT f.*, tile,
                                    CASE WHEN collection = 'roads' AND $10::float8 > 0 THEN ST_Simplify(geom, $10::float8)
                                         ELSE geom END AS drawn
                               FROM planimeter.jobs j
                               JOIN planimeter.features f ON f.job + 0 = j.key,
                                    ST_MakeEnvelope($2::float8, $3::float8, $4::float8, $5::float8, 4326) AS tile
                              WHERE j.id = $1 AND j.state = 'done' AND geom && tile
                                AND CASE WHEN collection = 'landuse' THEN level = $6 AND (level > 0 OR area_m2 >= $7)
                                         WHEN collection = 'buildings' AND level = 0 THEN area_m2 >= $8
                                         WHEN collection = 'buildings' THEN level = $6
                                         WHEN collection = 'objects' THEN true
                                         ELSE level = 0 AND (area_m2 >= $7 OR length_m >= sqrt($7))
                                              AND ($9::float8 = 0 OR (properties->>'street_m')::float8 >= $9::float8) END
                              OFFSET 0) AS found
                      OFFSET 0) AS cut
              WHERE ST_Dimension(clipped) = ST_Dimension(geom) AND NOT ST_IsEmpty(clipped)
              OFFSET 0) AS kept`,
    [jobId, ...bbox, level, minAreaM2, loneBuildingM2, minStreetMetres, roadToleranceDegrees, FOUND, MADE],
    { prepared: true },
  );
  return row?.records ? readRecords(row.records) : [];
}

/** In place of a number of buildings: of features that were found, and of those of coarser levels that are no blocks. */
const FOUND = -1;
const MADE = -2;

/** Bytes of a record before its names. */
const HEAD_BYTES = 50;

/** Area, length, score (NaN: none), buildings, lengths of WKB and names, id; then the names and the WKB. Big-endian. */
function readRecords(records: Uint8Array): TileFeature[] {
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength);
  const numberOrNull = (value: number) => (Number.isNaN(value) ? null : value);
  const features: TileFeature[] = [];
  for (let at = 0; at < bytes.length; ) {
    const buildings = bytes.readInt32BE(at + 24);
    const namesAt = at + HEAD_BYTES;
    const wkbAt = namesAt + bytes.readInt16BE(at + 32);
    const end = wkbAt + bytes.readInt32BE(at + 28);
    const names = bytes.toString('utf8', namesAt, wkbAt);
    const collectionEnd = names.indexOf('\n');
    features.push({
      id: buildings === FOUND ? uuidOf(bytes, at + 34) : null,
      collection: names.slice(0, collectionEnd),
      class: names.slice(collectionEnd + 1),
      score: numberOrNull(bytes.readDoubleBE(at + 16)),
      area_m2: bytes.readDoubleBE(at),
      length_m: numberOrNull(bytes.readDoubleBE(at + 8)),
      buildings: buildings < 0 ? null : buildings,
      wkb: bytes.subarray(wkbAt, end),
    });
    at = end;
  }
  return features;
}

function uuidOf(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
