/** Shapes in a scene's coordinates as they are stored: in longitude and latitude, with points on edges that bend, and measured. */
import { type PartsOf, withPoints } from '../../vectorizer/chords.ts';
import { readShape, type Shape, writeShape } from '../../vectorizer/shape.ts';
import { measureShape } from '../geometry/geodesic.ts';
import { isSurelyValid } from '../geometry/surely-valid.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FeatureMeasures, FeatureRow } from '../store/tables/features.ts';
import { type BentGrid, measureBending } from './bending.ts';
import { fitDegrees, type ToDegrees } from './to-degrees.ts';

export interface Placing {
  /** In how many parts edges are drawn, which are straight in the scene's coordinates. */
  partsOf: PartsOf;
  /** Null: PostGIS places every point. */
  toDegrees: ToDegrees | null;
}

/** @param chordMetres how far edges may be from where they lie */
export async function placingOf(q: Queryable, grid: BentGrid, chordMetres: number): Promise<Placing> {
  return { partsOf: await measureBending(q, grid, chordMetres), toDegrees: await fitDegrees(q, grid) };
}

const LONGITUDE_LATITUDE = 4326;

/** What is left to PostGIS: shapes without an `epsg` are in the scene's coordinates, those without `measures` in doubt. */
export function placeShape(
  wkb: Uint8Array,
  { partsOf, toDegrees }: Placing,
): Pick<FeatureRow, 'wkb' | 'epsg' | 'measures'> {
  const shape = withPoints(readShape(wkb), partsOf);
  const xy = toDegrees?.(shape.xy);
  if (!xy) return { wkb: writeShape(shape) };
  const placed = { ...shape, xy };
  const measures = measuresOf(placed);
  return { wkb: writeShape(placed), epsg: LONGITUDE_LATITUDE, ...(measures && { measures }) };
}

/** Null where a shape is not known to be valid with a shell that runs counter-clockwise. */
function measuresOf(shape: Shape): FeatureMeasures | null {
  const measured = measureShape(shape);
  if (!measured || !isSurelyValid(shape)) return null;
  const { ringAreasM2, lengthM } = measured;
  if (!ringAreasM2.every((areaM2, ring) => (ring === 0 ? areaM2 > 0 : areaM2 < 0))) return null;
  return { areaM2: ringAreasM2.reduce((sum, areaM2) => sum + areaM2, 0), outlineM: lengthM };
}
