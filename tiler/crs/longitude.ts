/** Longitudes are the same a full turn on: grids count them from 0 to 360, or on past the antimeridian. */

/** Within ±180 degrees; what lies there stays as it is. */
export const wrapLongitude = (lon: number): number =>
  Math.abs(lon) <= 180 ? lon : lon - 360 * Math.floor((lon + 180) / 360);

/** The turns in degrees that bring points, whose longitudes come first, as near to a longitude as they get together. */
export function turnTowards(points: readonly (readonly [number, number])[], lon: number): number {
  const known = points.filter(([x]) => Number.isFinite(x));
  if (known.length === 0) return 0;
  const mean = known.reduce((sum, [x]) => sum + x, 0) / known.length;
  return 360 * Math.round((lon - mean) / 360);
}
