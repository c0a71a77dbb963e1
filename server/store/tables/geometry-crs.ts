/** Geometry that is stored in EPSG:4326, written and searched in other coordinate reference systems. */
import type { Queryable } from '../database/database.ts';

export interface GeometryCrs {
  srid: number;
  /** Whether the first axis is the latitude. */
  latitudeFirst: boolean;
}

/** A millimetre, about, in degrees and in metres. */
const DECIMALS_OF_DEGREES = 8;
const DECIMALS_OF_METRES = 3;

/** SQL that writes the geometry `sql` as GeoJSON in a system, null where that cannot carry it; in that of storage without one. */
export function asGeoJson(sql: string, crs: GeometryCrs | undefined): string {
  if (!crs || (crs.srid === 4326 && !crs.latitudeFirst)) return `ST_AsGeoJSON(${sql}, ${DECIMALS_OF_DEGREES})`;
  // Without options: that they are not in EPSG:4326 says the header, not a member that RFC 7946 does not know.
  if (crs.latitudeFirst) return `ST_AsGeoJSON(ST_FlipCoordinates(${sql}), ${DECIMALS_OF_DEGREES}, 0)`;
  return `ST_AsGeoJSON(planimeter.geometry_in(${sql}, ${crs.srid}), ${DECIMALS_OF_METRES}, 0)`;
}

/** Points along each side of a box, by which its bounds in degrees are found. */
const SIDE_POINTS = 33;

/**
 * Bounds in degrees of a box (x and y of two corners) of another system, somewhat larger than the box; null where the
 * system's projection carries no point of it.
 */
export async function boundsInDegrees(
  q: Queryable,
  [west, south, east, north]: readonly [number, number, number, number],
  srid: number,
): Promise<[number, number, number, number] | null> {
  const [xs, ys]: [number[], number[]] = [[], []];
  for (let i = 0; i < SIDE_POINTS; i++) {
    const share = i / (SIDE_POINTS - 1);
    const [x, y] = [west + share * (east - west), south + share * (north - south)];
    xs.push(x, x, west, east);
    ys.push(south, north, y, y);
  }
  const [row] = await q.query<{ xs: number[]; ys: number[] }>(
    'SELECT out_x AS xs, out_y AS ys FROM planimeter.transform_points($1::float8[], $2::float8[], $3::integer, 4326)',
    [xs, ys, srid],
  );
  const points = row!.xs.map((x, i) => [x, row!.ys[i]!] as const).filter((point) => point.every(Number.isFinite));
  if (points.length === 0) return null;
  const [lons, lats] = [points.map(([lon]) => lon), points.map(([, lat]) => lat)];
  const [left, right, low, high] = [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
  const margin = [(right - left) / SIDE_POINTS, (high - low) / SIDE_POINTS] as const;
  return [left - margin[0], low - margin[1], right + margin[0], high + margin[1]];
}
