/** Places a scene on the Earth: its geotransform and EPSG code become a footprint, a pixel size and tile grids. */
import type { MultiPolygon, Polygon } from 'geojson';
import { Problem } from '../../../errors/problem.ts';
import { apply, type Geotransform } from '../../../tiler/crs/geotransform.ts';
import { knownSystem, transformKnown } from '../../../tiler/crs/known-systems.ts';
import { turnTowards, wrapLongitude } from '../../../tiler/crs/longitude.ts';
import type { Finding } from '../../../tiler/ingest/findings.ts';
import type { ControlGrid } from '../../../tiler/rendering/warp.ts';
import { measureShape } from '../../geometry/geodesic.ts';
import type { Queryable } from '../database/database.ts';
import { checkAreaOfUse, checkKind } from './area-of-use.ts';
import { definitionOf, type SceneCrs, sridOf, srsText } from './spatial-ref-sys.ts';

/** Half the side of the Web Mercator square: π times the radius of WGS 84's equator, in metres. */
const MERCATOR_HALF = Math.PI * 6378137;

/** Grids of longitudes go past the antimeridian, or from 0 to 360, and may begin anywhere. */
const FARTHEST_LONGITUDE = 541;

/** Points along each side of a footprint: a straight side of a projection is a curve in degrees. */
const POINTS_PER_SIDE = 8;

/**
 * Where a scene lies.
 * @returns footprint in EPSG:4326, cut at the antimeridian where it crosses it; its bounding box (west > east then);
 * and the geodesic size in metres of one pixel at the scene's centre, along its x and its y.
 * Throws Problem unknown_crs for a code that the database does not know or that cannot describe the scene's place,
 * and unsupported_raster for a scene around a pole.
 */
export async function georeference(
  q: Queryable,
  scene: SceneCrs & { geotransform: Geotransform; width: number; height: number },
): Promise<{
  /** By which PostGIS knows the CRS. */
  srid: number;
  srs: string;
  footprint: Polygon | MultiPolygon;
  bbox: [number, number, number, number];
  gsdMetres: { x: number; y: number };
  /** What makes the place doubtful. */
  findings: Finding[];
}> {
  const { geotransform, width, height } = scene;
  const [centreX, centreY] = [width / 2, height / 2];
  const known = scene.epsg === null ? null : knownSystem(scene.epsg);
  const srid = known ? scene.epsg! : await sridOf(q, scene, ...apply(geotransform, centreX, centreY));
  const definition = known?.wkt ?? (await definitionOf(q, srid));
  const rim = outline(width, height);
  checkKind(definition, srsText(scene));
  const pixels: Point[] = [
    ...rim,
    [centreX - 0.5, centreY],
    [centreX + 0.5, centreY],
    [centreX, centreY - 0.5],
    [centreX, centreY + 0.5],
  ];
  const placed = pixels.map(([x, y]) => apply(geotransform, x, y));
  const points = (await transformPoints(q, placed, srid, 4326)).map(
    ([lon, lat]): Point => [Math.abs(lon) <= FARTHEST_LONGITUDE ? wrapLongitude(lon) : lon, lat],
  );
  if (points.some(([lon, lat]) => !(Math.abs(lon) <= 180 && Math.abs(lat) <= 90))) {
    throw new Problem(
      'unknown_crs',
      `The image says ${scene.epsg === null ? 'a system of its own' : srsText(scene)}, but its corners do not lie where that system holds: check its CRS and geotransform.`,
    );
  }
  const gsdMetres = await pixelSize(q, points.slice(-4));
  const degrees = points.slice(0, -4);
  const back = await transformPoints(q, degrees, 4326, srid);
  const ring = unrolled(degrees);
  const [first, last] = [ring[0]!, ring.at(-1)!];
  if (Math.abs(first[0] - last[0]) > 180) {
    throw new Problem(
      'unsupported_raster',
      'The image lies around a pole: cut it into pieces that do not hold the pole.',
    );
  }
  const srs = srsText(scene);
  const findings = checkAreaOfUse({ definition, srs, geotransform, gsdMetres, pixels: rim, degrees, back });
  const lons = ring.map(([lon]) => lon);
  const whole = Math.max(...lons) - Math.min(...lons) >= 360;
  const lats = ring.map(([, lat]) => lat);
  return {
    srid,
    srs,
    footprint: await footprintOf(q, [...ring, first]),
    bbox: [
      whole ? -180 : wrapLongitude(Math.min(...lons)),
      Math.min(...lats),
      whole ? 180 : wrapLongitude(Math.max(...lons)),
      Math.max(...lats),
    ],
    gsdMetres,
    findings,
  };
}

/** Steps in which PostGIS gives distances. */
const DISTANCES_A_METRE = 1e8;

/** Of two pairs of points: how far they lie apart, along a pixel's x and its y. */
async function pixelSize(q: Queryable, points: readonly Point[]): Promise<{ x: number; y: number }> {
  const [x, y] = [points.slice(0, 2), points.slice(2)].map((ends) =>
    measureShape({ kind: 'line', xy: Float64Array.from(ends.flat()), ends: [2] }),
  );
  const rounded = (metres: number) => Math.round(metres * DISTANCES_A_METRE) / DISTANCES_A_METRE;
  if (x && y) return { x: rounded(x.lengthM), y: rounded(y.lengthM) };
  const [size] = await q.query<{ x: number; y: number }>(
    `SELECT ST_Distance(ST_MakePoint($1, $2)::geography, ST_MakePoint($3, $4)::geography) AS x,
            ST_Distance(ST_MakePoint($5, $6)::geography, ST_MakePoint($7, $8)::geography) AS y`,
    points.flat(),
  );
  return size!;
}

const FOOTPRINT_DECIMALS = 9;

/** @param ring closed, with longitudes that do not jump */
async function footprintOf(q: Queryable, ring: readonly Point[]): Promise<Polygon | MultiPolygon> {
  if (ring.every(([lon]) => Math.abs(lon) <= 180)) {
    const rounded = ring.map((point) => point.map((value) => Number(value.toFixed(FOOTPRINT_DECIMALS))));
    return { type: 'Polygon', coordinates: [isCounterClockwise(ring) ? rounded : rounded.reverse()] };
  }
  const [row] = await q.query<{ footprint: string }>(
    `SELECT ST_AsGeoJSON(ST_ForcePolygonCCW(CASE WHEN ST_XMax(g) > 180 THEN ST_WrapX(g, 180, -360)
                                                 ELSE ST_WrapX(g, -180, 360) END), ${FOOTPRINT_DECIMALS}) AS footprint
       FROM ST_SetSRID(ST_GeomFromGeoJSON($1::text), 4326) AS g`,
    [JSON.stringify({ type: 'Polygon', coordinates: [ring] })],
  );
  return JSON.parse(row!.footprint);
}

function isCounterClockwise(ring: readonly Point[]): boolean {
  const [x0, y0] = ring[0]!;
  let area = 0;
  for (let i = 1; i < ring.length; i++) {
    area += (ring[i - 1]![0] - x0) * (ring[i]![1] - y0) - (ring[i]![0] - x0) * (ring[i - 1]![1] - y0);
  }
  return area > 0;
}

/** Points along the four sides of an image, in pixels, from the origin round it. */
function outline(width: number, height: number): Point[] {
  const corners: Point[] = [
    [0, 0],
    [0, height],
    [width, height],
    [width, 0],
  ];
  return corners.flatMap(([fromX, fromY], side) => {
    const [toX, toY] = corners[(side + 1) % 4]!;
    return Array.from({ length: POINTS_PER_SIDE }, (_, i): Point => {
      const t = i / POINTS_PER_SIDE;
      return [fromX + t * (toX - fromX), fromY + t * (toY - fromY)];
    });
  });
}

/** The same points with longitudes that do not jump by 360° from one to the next. */
function unrolled(points: readonly Point[]): Point[] {
  let turns = 0;
  return points.map(([lon, lat], i) => {
    const step = i === 0 ? 0 : lon - points[i - 1]![0];
    if (Math.abs(step) > 180) turns -= Math.sign(step);
    return [lon + 360 * turns, lat];
  });
}

/**
 * Coordinates in a scene's CRS of the (cells + 1)² nodes of a Web Mercator tile, row by row from the north-west; NaN
 * where it cannot describe a node.
 */
export async function tileControlGrid(
  q: Queryable,
  scene: PlacedGrid,
  z: number,
  x: number,
  y: number,
  cells: number,
): Promise<ControlGrid> {
  const tileSide = (2 * MERCATOR_HALF) / 2 ** z;
  const nodes: Point[] = [];
  for (let row = 0; row <= cells; row++) {
    for (let column = 0; column <= cells; column++) {
      nodes.push([(x + column / cells) * tileSide - MERCATOR_HALF, MERCATOR_HALF - (y + row / cells) * tileSide]);
    }
  }
  const placed = turnedTo(scene, await transformPoints(q, nodes, 3857, scene.epsg));
  return { cells, x: Float64Array.from(placed, ([px]) => px), y: Float64Array.from(placed, ([, py]) => py) };
}

type Point = [number, number];

/** A scene that is to be found again in its own coordinates. */
export interface PlacedGrid {
  /** By which PostGIS knows the CRS. */
  epsg: number;
  geotransform: Geotransform;
  width: number;
  height: number;
  /** Whether coordinates are degrees. */
  geographic: boolean;
}

/** Points that lie together, in a scene's CRS: of longitudes that are the same, those that the scene counts in. */
export function turnedTo({ geographic, geotransform, width, height }: PlacedGrid, points: readonly Point[]): Point[] {
  const turn = geographic ? turnTowards(points, apply(geotransform, width / 2, height / 2)[0]) : 0;
  return points.map(([x, y]) => [x + turn, y]);
}

/** Points of one EPSG code in another; both coordinates NaN where a point has none there. */
export async function transformPoints(
  q: Queryable,
  points: readonly Point[],
  source: number,
  target: number,
): Promise<Point[]> {
  return transformKnown(points, source, target) ?? (await askTransform(q, points, source, target));
}

/** The same by PostGIS, whatever the systems. */
export async function askTransform(
  q: Queryable,
  points: readonly Point[],
  source: number,
  target: number,
): Promise<Point[]> {
  const [row] = await q.query<{ out_x: number[]; out_y: number[] }>(
    'SELECT out_x, out_y FROM planimeter.transform_points($1::float8[], $2::float8[], $3::integer, $4::integer)',
    [points.map(([x]) => x), points.map(([, y]) => y), source, target],
  );
  return row!.out_x.map((x, i) => {
    const y = row!.out_y[i]!;
    return Number.isFinite(x) && Number.isFinite(y) ? [x, y] : [Number.NaN, Number.NaN];
  });
}
