/** Places a scene on the Earth: its geotransform and EPSG code become a footprint, a pixel size and tile grids. */
import type { Polygon } from 'geojson';
import { apply, type Geotransform, invert } from '../../tiler/geotransform.ts';
import type { ControlGrid } from '../../tiler/map-tile.ts';
import { Problem } from '../../tiler/problem.ts';
import type { Queryable } from './database.ts';

/** Half the side of the Web Mercator square: π times the radius of WGS 84's equator, in metres. */
const MERCATOR_HALF = Math.PI * 6378137;

/** Points along each side of a footprint: a straight side of a projection is a curve in degrees. */
const POINTS_PER_SIDE = 8;

/**
 * @returns footprint ring in EPSG:4326, its bounding box, and the geodesic size in metres of one pixel at the
 * scene's centre along its x and its y. Throws Problem unknown_crs for a code the database does not know, or where
 * the scene lies outside of what its CRS can describe.
 */
export async function georeference(
  q: Queryable,
  scene: { epsg: number; geotransform: Geotransform; width: number; height: number },
): Promise<{
  footprint: Polygon;
  bbox: [number, number, number, number];
  gsdMetres: { x: number; y: number };
}> {
  const { epsg, geotransform, width, height } = scene;
  const known = await q.query('SELECT 1 FROM spatial_ref_sys WHERE srid = $1', [epsg]);
  if (known.length === 0) {
    throw new Problem(
      'unknown_crs',
      `EPSG:${epsg} is not known here: reproject the image to a common system, for example the UTM zone it lies in.`,
    );
  }
  const pixels: [number, number][] = [];
  const corners: [number, number][] = [
    [0, 0],
    [0, height],
    [width, height],
    [width, 0],
  ];
  for (const [side, [fromX, fromY]] of corners.entries()) {
    const [toX, toY] = corners[(side + 1) % 4]!;
    for (let i = 0; i < POINTS_PER_SIDE; i++) {
      const t = i / POINTS_PER_SIDE;
      pixels.push([fromX + t * (toX - fromX), fromY + t * (toY - fromY)]);
    }
  }
  const [centreX, centreY] = [width / 2, height / 2];
  pixels.push([centreX - 0.5, centreY], [centreX + 0.5, centreY], [centreX, centreY - 0.5], [centreX, centreY + 0.5]);

  const points = await transformPoints(
    q,
    pixels.map(([x, y]) => apply(geotransform, x, y)),
    epsg,
    4326,
  );
  if (points.some(([lon, lat]) => !(Math.abs(lon) <= 180 && Math.abs(lat) <= 90))) {
    throw new Problem(
      'unknown_crs',
      `The image says EPSG:${epsg}, but its corners do not lie where that system holds: check its CRS and geotransform.`,
    );
  }
  const ring = points.slice(0, 4 * POINTS_PER_SIDE);
  const lons = ring.map(([lon]) => lon);
  const lats = ring.map(([, lat]) => lat);
  // Corners went round the image anticlockwise as seen with y down; an image may be mirrored or rotated on the ground.
  if (signedArea(ring) < 0) ring.reverse();
  const [left, right, top, bottom] = points.slice(4 * POINTS_PER_SIDE) as [Point, Point, Point, Point];
  const [size] = await q.query<{ x: number; y: number }>(
    `SELECT ST_Distance(ST_MakePoint($1, $2)::geography, ST_MakePoint($3, $4)::geography) AS x,
            ST_Distance(ST_MakePoint($5, $6)::geography, ST_MakePoint($7, $8)::geography) AS y`,
    [...left, ...right, ...top, ...bottom],
  );
  return {
    footprint: { type: 'Polygon', coordinates: [[...ring, ring[0]!]] },
    bbox: [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)],
    gsdMetres: size!,
  };
}

/**
 * Scene pixel coordinates (level 0, pixel corners) of the (cells + 1)² nodes of a Web Mercator tile, row by row from
 * the north-west; NaN where the scene's CRS cannot describe a node.
 */
export async function tileControlGrid(
  q: Queryable,
  scene: { epsg: number; geotransform: Geotransform },
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
  const inverse = invert(scene.geotransform);
  const pixels = (await transformPoints(q, nodes, 3857, scene.epsg)).map(([px, py]) => apply(inverse, px, py));
  return { cells, x: Float64Array.from(pixels, ([px]) => px), y: Float64Array.from(pixels, ([, py]) => py) };
}

type Point = [number, number];

/** Points of one EPSG code in another; both coordinates NaN where a point has none there. */
async function transformPoints(
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

/** Positive for a counter-clockwise ring that is not closed. */
function signedArea(ring: readonly Point[]): number {
  let twice = 0;
  for (const [i, [x0, y0]] of ring.entries()) {
    const [x1, y1] = ring[(i + 1) % ring.length]!;
    twice += x0 * y1 - x1 * y0;
  }
  return twice / 2;
}
