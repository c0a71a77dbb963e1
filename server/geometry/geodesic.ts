/**
 * Areas and lengths on WGS 84 of shapes whose edges are geodesics, as PostGIS measures geography: for short edges, from
 * the middle of each. The area is the integral of the ellipsoid's area below the edge (down to a parallel, in closed form)
 * over its longitudes: taken at the edge's middle, with what the second derivatives add, and what lies between the line
 * straight in degrees and the geodesic, by the geodesic equation of surfaces of revolution. What is left out is smaller
 * by the square of the edge in radians.
 */
import type { Shape } from '../../vectorizer/shape.ts';

export interface Measures {
  /** Of each ring, positive where it runs counter-clockwise. Empty for lines. */
  ringAreasM2: number[];
  lengthM: number;
}

const RADIAN = Math.PI / 180;
const A = 6_378_137;
const FLATTENING = 1 / 298.257223563;
const E2 = FLATTENING * (2 - FLATTENING);
const E = Math.sqrt(E2);
/** Half of the square of the polar radius. */
const HALF_B2 = (A * A * (1 - E2)) / 2;

/** Longer edges, in radians (of latitude: times the parallel's radius), are left to others. */
export const LONGEST = 2e-3;
/** So are lines that reach further north and south of their first point. */
const TALLEST = 0.05;

/** Of a shape in degrees of longitude and latitude; null where an edge is longer than some kilometres. */
export function measureShape({ kind, xy, ends }: Shape): Measures | null {
  const measures: Measures = { ringAreasM2: [], lengthM: 0 };
  let start = 0;
  for (const end of ends) {
    const line = measureLine(xy, start, end);
    if (line === null) return null;
    measures.lengthM += line.lengthM;
    if (kind === 'polygon') measures.ringAreasM2.push(line.areaM2);
    start = end;
  }
  return measures;
}

/** The points from `start` to `end`; the area is that of a ring. */
function measureLine(xy: Float64Array, start: number, end: number): { areaM2: number; lengthM: number } | null {
  const latitude0 = xy[2 * start + 1]!;
  const [sin0, cos0] = [Math.sin(latitude0 * RADIAN), Math.cos(latitude0 * RADIAN)];
  const w0 = 1 - E2 * sin0 * sin0;
  let [below, lengthM] = [0, 0];
  for (let i = 2 * start; i < 2 * end - 2; i += 2) {
    const west = (xy[i + 2]! - xy[i]!) * RADIAN;
    const north = (xy[i + 3]! - xy[i + 1]!) * RADIAN;
    const up = ((xy[i + 1]! - latitude0 + (xy[i + 3]! - latitude0)) / 2) * RADIAN;
    if (!(Math.abs(west) <= LONGEST && Math.abs(north) <= LONGEST * cos0 && Math.abs(up) <= TALLEST)) return null;
    // Sine and cosine of the middle's latitude, whose difference to the first is kept to all its digits.
    const up2 = up * up;
    const sinUp = up * (1 - (up2 / 6) * (1 - (up2 / 20) * (1 - up2 / 42)));
    const oneLessCosUp = (up2 / 2) * (1 - (up2 / 12) * (1 - up2 / 30));
    const rise = cos0 * sinUp - sin0 * oneLessCosUp;
    const sin = sin0 + rise;
    const cos = cos0 - cos0 * oneLessCosUp - sin0 * sinUp;
    const w = 1 - E2 * sin * sin;
    const normal = A / Math.sqrt(w);
    const meridian = (normal * (1 - E2)) / w;
    const parallel = normal * cos;

    const strip =
      HALF_B2 * ((rise * (1 + E2 * sin * sin0)) / (w * w0) + Math.atanh((E * rise) / (1 - E2 * sin * sin0)) / E);
    const meridianGrowth = (3 * meridian * E2 * sin * cos) / w;
    const bend =
      ((meridianGrowth * parallel + meridian * meridian * sin) * north * north) / 8 +
      (parallel * parallel * sin * west * west) / 12;
    below += (strip + bend) * west;

    // The mid-latitude formula, with the next terms of the sphere (haversine).
    const [north2, west2] = [north * north, west * west];
    const [dy, dx] = [meridian * north, parallel * west];
    const squared = dy * dy * (1 - north2 / 12) + dx * dx * (1 - west2 / 12) - (normal * normal * north2 * west2) / 4;
    lengthM += Math.sqrt(squared * (1 + (north2 + cos * cos * west2) / 12));
  }
  return { areaM2: -below, lengthM };
}
