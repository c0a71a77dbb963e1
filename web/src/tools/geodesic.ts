/** Distances, bearings and areas on the WGS 84 ellipsoid (Karney 2013, by GeographicLib): metres, m², degrees from north. */
import geodesic from 'geographiclib-geodesic';
import type { Position } from '../state.ts';

const { WGS84 } = geodesic.Geodesic;
/** Longer legs are drawn with vertices between. */
const STEP_METRES = 10_000;
const MOST_STEPS = 200;

export interface Leg {
  metres: number;
  /** Clockwise from north, at its beginning, 0 to 360. */
  bearing: number;
}

export function legBetween([fromLon, fromLat]: Position, [toLon, toLat]: Position): Leg {
  const { s12 = 0, azi1 = 0 } = WGS84.Inverse(fromLat, fromLon, toLat, toLon);
  return { metres: s12, bearing: (azi1 + 360) % 360 };
}

export const lengthOf = (corners: readonly Position[]): number =>
  corners.slice(1).reduce((sum, corner, i) => sum + legBetween(corners[i]!, corner).metres, 0);

/** Of the polygon with these corners, whichever way round; its perimeter closes it. */
export function areaOf(corners: readonly Position[]): { m2: number; perimeterMetres: number } {
  const polygon = WGS84.Polygon(false);
  for (const [lon, lat] of corners) polygon.AddPoint(lat, lon);
  const { area = 0, perimeter } = polygon.Compute(false, true);
  return { m2: Math.abs(area), perimeterMetres: perimeter };
}

/** The shortest way as it is drawn: with vertices on it, and longitudes that run on beyond 180°. */
export function drawnLine(corners: readonly Position[]): Position[] {
  const drawn: Position[] = corners.slice(0, 1).map(([lon, lat]) => [lon, lat]);
  for (const [i, to] of corners.slice(1).entries()) {
    const [fromLon, fromLat] = corners[i]!;
    const line = WGS84.InverseLine(fromLat, fromLon, to[1], to[0]);
    const steps = Math.max(1, Math.min(MOST_STEPS, Math.ceil(line.s13 / STEP_METRES)));
    for (let step = 1; step <= steps; step++) {
      const { lon2 = to[0], lat2 = to[1] } = line.Position((line.s13 * step) / steps);
      const last = drawn.at(-1)![0];
      drawn.push([lon2 + 360 * Math.round((last - lon2) / 360), lat2]);
    }
  }
  return drawn;
}
