/**
 * How much straight lines of a scene's system bend in longitude and latitude, so that edges get as many points as keep
 * their chords near them, and no more.
 */
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import type { PartsOf } from '../../vectorizer/chords.ts';
import { LONGEST } from '../geometry/geodesic.ts';
import type { Queryable } from '../store/database/database.ts';
import { transformPoints } from '../store/tables/georeference.ts';

/** A grid of pixels in a scene's system. */
export interface BentGrid {
  epsg: number;
  geotransform: Geotransform;
  width: number;
  height: number;
}

/** How far chords may be from edges: a quarter of a pixel, and of how far edges may be from the class map. */
export const chordMetres = ({ x, y }: { x: number; y: number }, { tolerance_m }: { tolerance_m: number }): number =>
  Math.min(Math.sqrt(x * y), tolerance_m || Number.POSITIVE_INFINITY) / 4;

/** Nodes along each side at which bending is measured. */
const NODES = 9;
const EARTH_METRES = 6_371_000;
const RADIAN = Math.PI / 180;
/** Between nodes an edge may bend more than at them. */
const MARGIN = 1.25;
/** Geodesics bend without bound at the pole. */
const STEEPEST = Math.tan(89 * RADIAN);
/** Nearer to the pole edges may be of any length. */
const NORTHERNMOST = 85;
/** Between nodes pixels may be a little larger. */
const SPARE = 0.95;

/** Metres that the middle of an edge lies off its chord are `E` and `N`: halves of quadratic forms of its columns and rows. */
interface Bend {
  east: [xx: number, xy: number, yy: number];
  north: [xx: number, xy: number, yy: number];
}

const STILL: Bend = { east: [0, 0, 0], north: [0, 0, 0] };

/**
 * In how many parts edges in the scene's coordinates are to be drawn so that straight lines between their ends, in
 * degrees, are at most `metres` from where they lie, and at most as far from the shortest way on the ground, along which
 * areas are measured; and that none is too long to be measured (`measureShape`).
 */
export async function measureBending(q: Queryable, grid: BentGrid, metres: number): Promise<PartsOf> {
  const { geotransform, width, height } = grid;
  const step = { x: width / (NODES - 1), y: height / (NODES - 1) };
  const nodes = Array.from({ length: NODES * NODES }, (_, i) =>
    apply(geotransform, (i % NODES) * step.x, Math.floor(i / NODES) * step.y),
  );
  const placed = await transformPoints(q, nodes, grid.epsg, 4326);
  const bends = bendsOf(placed, step);
  const lengths = lengthsOf(placed, step);
  const steepest = bends.flat().reduce((most, bend) => Math.max(most, bound(bend)), 0);
  const inverse = invert(geotransform);
  const [, a, b, , c, d] = inverse;
  // Shorter edges (in pixels) bend less than is allowed wherever they lie.
  const shortest = Math.min((8 * metres) / (MARGIN * steepest), 1 / (lengths(1, 0) + lengths(0, 1)) ** 2);
  return (x0, y0, x1, y1) => {
    const columns = a * (x1 - x0) + b * (y1 - y0);
    const rows = c * (x1 - x0) + d * (y1 - y0);
    if (!(columns ** 2 + rows ** 2 > shortest)) return 1;
    const places = [apply(inverse, x0, y0), apply(inverse, (x0 + x1) / 2, (y0 + y1) / 2), apply(inverse, x1, y1)];
    const most = Math.max(
      ...places.flatMap(([x, y]) => {
        const node = nearest(y / step.y) * (NODES - 2) + nearest(x / step.x);
        return bends[node].map((bend) => offChord(bend, columns, rows));
      }),
    );
    return Math.max(1, Math.ceil(Math.sqrt((MARGIN * most) / metres)), Math.ceil(lengths(columns, rows)));
  };
}

/** In how many parts an edge, in pixels, can be measured wherever in the grid it lies. */
function lengthsOf(placed: readonly [number, number][], step: { x: number; y: number }) {
  const northernmost = placed.reduce((most, [, latitude]) => Math.max(most, Math.abs(latitude)), 0);
  const most = northernmost > NORTHERNMOST ? Number.POSITIVE_INFINITY : (LONGEST / RADIAN) * SPARE;
  const cosine = Math.cos(northernmost * RADIAN);
  /** Degrees of longitude and of latitude that a pixel is wide, and high, at most. */
  const [wide, high] = [
    [0, 0],
    [0, 0],
  ];
  const note = (rates: number[], [lon0, lat0]: readonly [number, number], node: number, pixels: number) => {
    const [lon, lat] = placed[node]!;
    const [east, north] = [Math.abs(((lon - lon0 + 540) % 360) - 180), Math.abs(lat - lat0)];
    if (!Number.isFinite(east + north)) return;
    rates[0] = Math.max(rates[0]!, east / pixels);
    rates[1] = Math.max(rates[1]!, north / cosine / pixels);
  };
  for (const [node, place] of placed.entries()) {
    if ((node + 1) % NODES > 0) note(wide, place, node + 1, step.x);
    if (node + NODES < placed.length) note(high, place, node + NODES, step.y);
  }
  return (columns: number, rows: number) =>
    Math.max(...[0, 1].map((axis) => Math.abs(columns) * wide[axis]! + Math.abs(rows) * high[axis]!)) / most;
}

const nearest = (node: number): number => Math.max(0, Math.min(NODES - 3, Math.round(node) - 1));

function offChord({ east, north }: Bend, columns: number, rows: number): number {
  const form = ([xx, xy, yy]: readonly number[]) => (xx * columns + 2 * xy * rows) * columns + yy * rows * rows;
  return Math.hypot(form(east), form(north)) / 8;
}

/** More than any edge of one pixel's length has of the form. */
const bound = ({ east, north }: Bend): number =>
  Math.hypot(...[east, north].map(([xx, xy, yy]) => Math.abs(xx) + 2 * Math.abs(xy) + Math.abs(yy)));

/** Of each node that is not on the rim: how the scene's straight lines bend in degrees, and how degrees' on the ground. */
function bendsOf(placed: readonly [number, number][], step: { x: number; y: number }): [Bend, Bend][] {
  const bends: [Bend, Bend][] = [];
  for (let row = 1; row < NODES - 1; row++) {
    for (let column = 1; column < NODES - 1; column++) {
      const [centreLon, centreLat] = placed[row * NODES + column];
      const parallel = Math.cos(centreLat * RADIAN);
      const at = (right: number, down: number): [number, number] => {
        const [lon, lat] = placed[(row + down) * NODES + column + right];
        const east = ((((lon - centreLon + 540) % 360) + 360) % 360) - 180;
        return [east * parallel * RADIAN * EARTH_METRES, (lat - centreLat) * RADIAN * EARTH_METRES];
      };
      const second = (axis: 0 | 1): Bend['east'] => [
        (at(1, 0)[axis] + at(-1, 0)[axis]) / step.x ** 2,
        (at(1, 1)[axis] - at(1, -1)[axis] - at(-1, 1)[axis] + at(-1, -1)[axis]) / (4 * step.x * step.y),
        (at(0, 1)[axis] + at(0, -1)[axis]) / step.y ** 2,
      ];
      const first = (axis: 0 | 1) => [
        (at(1, 0)[axis] - at(-1, 0)[axis]) / (2 * step.x),
        (at(0, 1)[axis] - at(0, -1)[axis]) / (2 * step.y),
      ];
      const [[ex, ey], [nx, ny]] = [first(0), first(1)];
      const slope = Math.max(-STEEPEST, Math.min(STEEPEST, Math.tan(centreLat * RADIAN))) / EARTH_METRES;
      // Equation of geodesics on the sphere, for a straight line in degrees.
      const ground: Bend = {
        east: [-2 * slope * ex * nx, -slope * (ex * ny + ey * nx), -2 * slope * ey * ny],
        north: [slope * ex * ex, slope * ex * ey, slope * ey * ey],
      };
      const scene: Bend = { east: second(0), north: second(1) };
      const known = [...scene.east, ...scene.north, ...ground.east, ...ground.north].every(Number.isFinite);
      bends.push(known ? [scene, ground] : [STILL, STILL]);
    }
  }
  return bends;
}
