/**
 * An area of interest: GeoJSON in degrees becomes one MultiPolygon, and on a scene rings in the pixels of its model
 * grid.
 */
import type { MultiPolygon, Position } from 'geojson';
import { Problem } from '../../errors/problem.ts';
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import type { Area } from '../../tiler/grid/area-mask.ts';
import { readGeometry } from '../geometry/read-geometry.ts';
import type { Queryable } from '../store/database/database.ts';
import { type PlacedGrid, transformPoints, turnedTo } from '../store/tables/georeference.ts';

/** Most points of an area of interest. */
const MAX_POINTS = 50_000;
/** Straight edges in degrees are curves in the scene's CRS: they are cut into this many pieces a scene's side. */
const PIECES_PER_SIDE = 64;
/** Pieces of an outline as long as this many, and no more, are cut from it. */
const MOST_PIECES = 200_000;

/**
 * Reads a Polygon, MultiPolygon, Feature or FeatureCollection with coordinates in degrees (RFC 7946). Throws
 * `bad_request` for anything else, with what is wrong.
 */
export function parseAoi(given: unknown): MultiPolygon {
  const polygons = polygonsOf(given, 0);
  if (polygons.length === 0) throw wrong('it holds no polygon');
  let before = 0;
  // They may overlap, so each is checked by itself.
  const coordinates = polygons.map((polygon) => {
    const rules = { types: ['Polygon'], mostPositions: MAX_POINTS, before, onEarth: true, wrong } as const;
    const rings = readGeometry(polygon, rules).coordinates;
    for (const ring of rings) before += ring.length;
    return rings;
  });
  return { type: 'MultiPolygon', coordinates };
}

/** Reads every vector format that GDAL knows, in any system. */
export const CONVERT_AOI =
  'Give GeoJSON polygons in degrees; of another file this makes them: ogr2ogr -t_srs EPSG:4326 -nlt PROMOTE_TO_MULTI area.geojson YOUR-FILE';

const wrong = (what: string) =>
  new Problem('bad_request', `The area of interest ("aoi") cannot be used: ${what}. ${CONVERT_AOI}`);

const NESTING = 4;

function polygonsOf(given: unknown, depth: number): unknown[] {
  if (typeof given !== 'object' || given === null || depth > NESTING) throw wrong('it is not GeoJSON');
  const { type, coordinates, geometry, features } = given as Record<string, unknown>;
  if (type === 'FeatureCollection' && Array.isArray(features)) {
    return features.flatMap((feature) => polygonsOf(feature, depth + 1));
  }
  if (type === 'Feature') return polygonsOf(geometry, depth + 1);
  if (type === 'MultiPolygon' && Array.isArray(coordinates)) {
    return coordinates.map((each) => ({ type: 'Polygon', coordinates: each }));
  }
  return [given];
}

/**
 * The area in pixels of a scene's grid. What lies far outside is cut off first, so that the number of points follows the area's
 * outline within the scene. Throws `bad_request` for polygons whose rings cross, and `aoi_outside` where the area and
 * the scene, whose bounding box is [west, south, east, north] in degrees, are apart.
 */
export async function placeAoi(
  q: Queryable,
  place: PlacedGrid,
  bbox: readonly number[],
  aoi: MultiPolygon,
): Promise<Area> {
  const [west, south, east, north] = bbox;
  const spans =
    west <= east
      ? [[west, east]]
      : [
          [west, 180],
          [-180, east],
        ]; // across the antimeridian
  const side = Math.max(north - south, ...spans.map(([from, to]) => to - from));
  const boxes = spans.map(([from, to]) => [from - side, south - side, to + side, north + side]);
  const clipped = await clipAoi(q, aoi, boxes, side / PIECES_PER_SIDE);
  if (clipped.length === 0) throw aoiOutside();
  const placed = await transformPoints(q, clipped.flat() as [number, number][], 4326, place.epsg);
  const inverse = invert(place.geotransform);
  let at = 0;
  return clipped.map((ring) => {
    const points = placed.slice(at, at + ring.length).filter(([x]) => !Number.isNaN(x));
    at += ring.length;
    return Float64Array.from(turnedTo(place, points).flatMap(([x, y]) => apply(inverse, x, y)));
  });
}

/**
 * The rings of what each polygon of the area has in common with boxes, their sides about `longest` (all in degrees):
 * outer ones to the left, holes to the right.
 */
async function clipAoi(q: Queryable, aoi: MultiPolygon, boxes: number[][], longest: number): Promise<Position[][]> {
  const area = JSON.stringify(aoi);
  const [broken] = await q.query<{ reason: string }>(
    `SELECT ST_IsValidReason(geom) AS reason FROM ST_Dump(ST_GeomFromGeoJSON($1::text)) WHERE NOT ST_IsValid(geom) LIMIT 1`,
    [area],
  );
  if (broken) throw wrong(broken.reason);
  const [row] = await q.query<{ clipped: string | null }>(
    `WITH clipped AS (
       SELECT ST_ForcePolygonCCW(ST_CollectionExtract(ST_Intersection(a.geom, b.boxes), 3)) AS geom
         FROM ST_Dump(ST_GeomFromGeoJSON($1::text)) AS a,
              (SELECT ST_Union(ST_MakeEnvelope((v->>0)::float8, (v->>1)::float8, (v->>2)::float8, (v->>3)::float8, 4326))
                        AS boxes
                 FROM jsonb_array_elements($2::jsonb) AS v) AS b)
     SELECT ST_AsGeoJSON(ST_Multi(ST_CollectionExtract(ST_Collect(ST_Segmentize(geom, greatest($3::float8, side))), 3)), 15)
              AS clipped
       FROM clipped, (SELECT sum(ST_Perimeter(geom)) / ${MOST_PIECES} AS side FROM clipped) AS s
      WHERE NOT ST_IsEmpty(geom)`,
    [area, JSON.stringify(boxes), longest],
  );
  return row?.clipped ? (JSON.parse(row.clipped) as MultiPolygon).coordinates.flat() : [];
}

/** Refuses an area that does not meet a scene, before a job is made of it. */
export async function checkAoi(q: Queryable, footprint: object, aoi: MultiPolygon): Promise<void> {
  await clipAoi(q, aoi, [[-180, -90, 180, 90]], 360);
  const [row] = await q.query<{ meets: boolean }>(
    `SELECT bool_or(ST_Intersects(geom, ST_GeomFromGeoJSON($2::text))) AS meets FROM ST_Dump(ST_GeomFromGeoJSON($1::text))`,
    [JSON.stringify(aoi), JSON.stringify(footprint)],
  );
  if (!row!.meets) throw aoiOutside();
}

const aoiOutside = () =>
  new Problem('aoi_outside', "The area of interest does not meet the scene: compare it with the scene's footprint.");
