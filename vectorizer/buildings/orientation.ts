/** The direction of walls in an image → their direction on the ground. */

type Geotransform = readonly [number, number, number, number, number, number];

/**
 * Clockwise from the north of the coordinate system's grid, to a tenth of a degree in [0, 90): walls that are parallel or
 * at right angles have the same, where 90 is 0 again.
 * @param degrees clockwise from up, in an image whose pixels are as large as on the ground
 * @param g GDAL's geotransform of the image, which may be rotated or have its south above
 */
export function gridOrientation(degrees: number, g: Geotransform, pixelMetres: { x: number; y: number }): number {
  const radians = (degrees * Math.PI) / 180;
  const [columns, rows] = [Math.sin(radians) / pixelMetres.x, -Math.cos(radians) / pixelMetres.y];
  const { x, y } = unitMetres(g, pixelMetres);
  const east = (g[1] * columns + g[2] * rows) * x;
  const north = (g[4] * columns + g[5] * rows) * y;
  const tenths = Math.round((Math.atan2(east, north) * 1800) / Math.PI);
  return (((tenths % 900) + 900) % 900) / 10;
}

/** Metres of a unit of the system, which for degrees are others to the east than to the north. */
function unitMetres(g: Geotransform, pixelMetres: { x: number; y: number }): { x: number; y: number } {
  const [, a, b, , c, d] = g.map((each) => each * each) as unknown as Geotransform;
  const determinant = a * d - b * c;
  const x = (pixelMetres.x ** 2 * d - pixelMetres.y ** 2 * c) / determinant;
  const y = (pixelMetres.y ** 2 * a - pixelMetres.x ** 2 * b) / determinant;
  // Turned by 45°, both sides of a pixel tell the same of the units: then they are taken to be equal.
  const told = Math.abs(determinant) > 0.01 * (a * d + b * c) && x > 0 && y > 0;
  return told ? { x: Math.sqrt(x), y: Math.sqrt(y) } : { x: 1, y: 1 };
}
