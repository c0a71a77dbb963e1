/** Affine geotransforms: pixel corners of a raster to coordinates of its CRS, and back. */

/** GDAL order: x = g[0] + px*g[1] + py*g[2]; y = g[3] + px*g[4] + py*g[5]; pixel corners (not centres). */
export type Geotransform = [number, number, number, number, number, number];

/** CRS coordinates of the pixel position (px, py), whole numbers being pixel corners. */
export function apply(g: Geotransform, px: number, py: number): [number, number] {
  return [g[0] + px * g[1] + py * g[2], g[3] + px * g[4] + py * g[5]];
}

/** The geotransform from CRS coordinates to pixel positions. Throws where `g` squeezes the plane to a line. */
export function invert(g: Geotransform): Geotransform {
  const [originX, xPerColumn, xPerRow, originY, yPerColumn, yPerRow] = g;
  const determinant = xPerColumn * yPerRow - xPerRow * yPerColumn;
  if (!(Math.abs(determinant) > 0)) throw new RangeError(`expected an invertible geotransform, got [${g.join(', ')}]`);
  return [
    (xPerRow * originY - originX * yPerRow) / determinant,
    yPerRow / determinant,
    -xPerRow / determinant,
    (originX * yPerColumn - xPerColumn * originY) / determinant,
    -yPerColumn / determinant,
    xPerColumn / determinant,
  ];
}

/** Small pixels near the origin are degrees; as metres they would be an image of a few centimetres around (0, 0). */
export function looksGeographic([x0, xPerColumn, , y0, , yPerRow]: Geotransform): boolean {
  const onGlobe = Math.abs(x0) <= 541 && Math.abs(y0) <= 91;
  return onGlobe && Math.abs(xPerColumn) < 0.02 && Math.abs(yPerRow) < 0.02;
}
