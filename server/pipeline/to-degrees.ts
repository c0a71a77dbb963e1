/**
 * From a scene's coordinates to longitude and latitude without asking the database for every point: PostGIS places some
 * points, polynomials are laid through them, and taken where they agree with PostGIS elsewhere in the scene.
 */
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import type { Queryable } from '../store/database/database.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import type { BentGrid } from './bending.ts';

/** Longitudes and latitudes of points x0, y0, x1, y1, …; null where some lie outside of what is known. */
export type ToDegrees = (xy: Float64Array) => Float64Array | null;

const LONGITUDE_LATITUDE = 4326;
/** Chebyshev nodes along each side. */
const NODES = 10;
/** Points along each side, between the nodes, at which PostGIS is asked again. */
const CHECKS = 12;
/** How far polynomials may be from PostGIS: a tenth of a millimetre. What they hold that is smaller by far is left out. */
const AGREEMENT_DEGREES = 1e-9;
const NEGLIGIBLE_DEGREES = 1e-12;
/** Of the grid's sides, by which shapes may reach beyond it. */
const MARGIN = 0.05;
const MARGIN_PIXELS = 16;

/** Null where PostGIS is to be asked for every point: at the antimeridian, at poles, where a system is no smooth one. */
export async function fitDegrees(q: Queryable, grid: BentGrid): Promise<ToDegrees | null> {
  if (grid.epsg === LONGITUDE_LATITUDE) return isOnGlobe;
  const inverse = invert(grid.geotransform);
  const halves = [grid.width, grid.height].map((side) => side * (0.5 + MARGIN) + MARGIN_PIXELS);
  const middles = [grid.width / 2, grid.height / 2];
  const [nodes, checks] = [NODES, CHECKS].map((count) =>
    Array.from({ length: count }, (_, i) => Math.cos((Math.PI * (i + 0.5)) / count)),
  );
  const placesOf = (at: readonly number[]) =>
    at.flatMap((v) => at.map((u) => apply(grid.geotransform, middles[0] + u * halves[0], middles[1] + v * halves[1])));
  const places = [...placesOf(nodes), ...placesOf(checks)];
  const placed = await transformPoints(q, places, grid.epsg, LONGITUDE_LATITUDE);
  if (!placed.every(([lon, lat]) => Math.abs(lon) < 179.9 && Math.abs(lat) < 89.9)) return null;

  const [longitude, latitude] = ([0, 1] as const).map((axis) =>
    chebyshevSeries(placed.slice(0, NODES ** 2).map((point) => point[axis])),
  );
  const toDegrees: ToDegrees = (xy) => {
    const placed = new Float64Array(xy.length);
    for (let i = 0; i < xy.length; i += 2) {
      const x = xy[i]!;
      const y = xy[i + 1]!;
      const u = (inverse[0] + x * inverse[1] + y * inverse[2] - middles[0]) / halves[0];
      const v = (inverse[3] + x * inverse[4] + y * inverse[5] - middles[1]) / halves[1];
      if (!(Math.abs(u) <= 1 && Math.abs(v) <= 1)) return null;
      placed[i] = valueAt(longitude, u, v);
      placed[i + 1] = valueAt(latitude, u, v);
    }
    return placed;
  };
  const tried = toDegrees(Float64Array.from(places.flat()));
  const agrees = tried && placed.flat().every((value, i) => Math.abs(tried[i]! - value) <= AGREEMENT_DEGREES);
  return agrees ? toDegrees : null;
}

/** Shapes that PostGIS would store as they are. */
const isOnGlobe: ToDegrees = (xy) => {
  for (let i = 0; i < xy.length; i += 2) {
    if (!(xy[i]! >= -180 && xy[i]! < 180 && Math.abs(xy[i + 1]!) <= 90)) return null;
  }
  return xy;
};

/** Sum of coefficients [j][i] · Tᵢ(u) · Tⱼ(v). */
type Series = readonly Float64Array[];

/** Of values at all pairs of nodes, u running fastest. */
function chebyshevSeries(values: readonly number[]): Series {
  const cosine = (k: number, node: number) => Math.cos((Math.PI * k * (node + 0.5)) / NODES);
  // About the middle: coefficients keep their digits.
  const offset = values[0]!;
  const rows = Array.from({ length: NODES }, (_, j) => {
    const row = Float64Array.from({ length: NODES }, (_, i) => {
      let sum = 0;
      for (let n = 0; n < NODES ** 2; n++) {
        sum += (values[n]! - offset) * cosine(i, n % NODES) * cosine(j, Math.floor(n / NODES));
      }
      return ((i > 0 ? 2 : 1) * (j > 0 ? 2 : 1) * sum) / NODES ** 2;
    });
    if (j === 0) row[0]! += offset;
    return row.subarray(0, row.findLastIndex((value) => Math.abs(value) > NEGLIGIBLE_DEGREES) + 1);
  });
  return rows.slice(0, rows.findLastIndex(({ length }) => length > 0) + 1);
}

/** By Clenshaw's recurrence, along u and then along v. */
function valueAt(series: Series, u: number, v: number): number {
  let next = 0;
  let afterNext = 0;
  for (let j = series.length - 1; j >= 0; j--) {
    const row = series[j]!;
    let b1 = 0;
    let b2 = 0;
    for (let i = row.length - 1; i > 0; i--) {
      const b = 2 * u * b1 - b2 + row[i]!;
      b2 = b1;
      b1 = b;
    }
    const sum = (row.length > 0 ? row[0]! : 0) + u * b1 - b2;
    if (j === 0) return sum + v * next - afterNext;
    const b = 2 * v * next - afterNext + sum;
    afterNext = next;
    next = b;
  }
  return 0;
}
