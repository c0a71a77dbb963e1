/** Zones, cut into pieces of few corners: what is computed with one of them is never much. */
import type { MultiPolygon, Polygon } from 'geojson';
import type { Queryable } from '../database/database.ts';

/** Polygons in EPSG:4326 with closed rings, of which invalid ones are repaired; or published features as they are stored. */
export type Zones = readonly (Polygon | MultiPolygon)[] | { collection: string; ids: readonly string[] };

export interface ZonePiece {
  /** Index of the zone. */
  zone: number;
  /** Geodesic area of the whole zone in m². */
  area_m2: number;
  /** Hexadecimal EWKB. */
  area: string;
  /** Bounds in degrees. */
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Of a piece. */
const MOST_CORNERS = 256;
/** That one statement takes. */
const [MOST_STORED, MOST_BYTES] = [20, 30_000];

/** In the order of the zones; those without an extent have none. */
export async function zonePieces(q: Queryable, zones: Zones): Promise<ZonePiece[]> {
  const stored = 'ids' in zones;
  const texts = stored
    ? zones.ids.map((id) => `${zones.collection}/${id}`)
    : zones.map(({ type, coordinates }) => JSON.stringify({ type, coordinates }));
  const pieces: ZonePiece[] = [];
  for (let start = 0; start < texts.length; ) {
    let end = start;
    let bytes = 0;
    while (end < texts.length && (end === start || (bytes < MOST_BYTES && (!stored || end - start < MOST_STORED)))) {
      bytes += texts[end++]!.length;
    }
    const cut = await q.query<ZonePiece>(
      `WITH zones AS MATERIALIZED (
         SELECT zone, ST_CollectionExtract(ST_MakeValid(geom), 3) AS area FROM (${stored ? STORED : SENT}) AS z),
       -- Once a zone, not once a piece: a comb has as many pieces as teeth.
       measured AS MATERIALIZED (SELECT zone, area, ST_Area(area::geography) AS area_m2 FROM zones)
       SELECT zone + $2::integer AS zone, area_m2, ST_AsHEXEWKB(piece) AS area,
              ST_XMin(piece) AS west, ST_YMin(piece) AS south, ST_XMax(piece) AS east, ST_YMax(piece) AS north
         FROM measured, ST_Subdivide(area, ${MOST_CORNERS}) AS piece WHERE NOT ST_IsEmpty(piece) ORDER BY zone`,
      [texts.slice(start, end), start],
    );
    for (const piece of cut) pieces.push(piece);
    start = end;
  }
  return pieces;
}

const SENT = `SELECT ordinality::integer - 1 AS zone, ST_SetSRID(ST_GeomFromGeoJSON(each), 4326) AS geom
  FROM unnest($1::text[]) WITH ORDINALITY AS u (each, ordinality)`;
const STORED = `SELECT ordinality::integer - 1 AS zone, s.geom
  FROM unnest($1::text[]) WITH ORDINALITY AS u (each, ordinality),
       LATERAL (SELECT z.geom FROM planimeter.features z JOIN planimeter.jobs k ON k.key = z.job AND k.state = 'done'
                 WHERE z.collection = split_part(u.each, '/', 1) AND z.id = split_part(u.each, '/', 2)::uuid AND z.level = 0
                 ORDER BY z.job DESC LIMIT 1) AS s`;
