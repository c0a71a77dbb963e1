/**
 * Regions in pixel-corner coordinates of the model grid turned into polygons of the scene's coordinate reference
 * system, as well-known binary.
 */
import type { Region } from './region.ts';

const LITTLE_ENDIAN = 1;
const WKB_LINE_STRING = 2;
const WKB_POLYGON = 3;

/**
 * ISO WKB (OGC 06-103r4) Polygon, little endian. The geotransform is in GDAL's order and may rotate or flip; the shell
 * runs counter-clockwise and holes clockwise in the target frame (RFC 7946) in any case.
 */
export function regionToWkb(region: Pick<Region, 'rings'>, geotransform: readonly number[]): Uint8Array {
  const [originX, xPerColumn, xPerRow, originY, yPerColumn, yPerRow] = geotransform;
  const { rings } = region;
  const vertices = rings.reduce((sum, ring) => sum + ring.length / 2, 0);
  const wkb = new Uint8Array(9 + 4 * rings.length + 16 * vertices);
  const view = new DataView(wkb.buffer);
  view.setUint8(0, LITTLE_ENDIAN);
  view.setUint32(1, WKB_POLYGON, true);
  view.setUint32(5, rings.length, true);
  // Rings run counter-clockwise as displayed with y down, which is counter-clockwise in a frame whose y grows upwards.
  const reversed = xPerColumn * yPerRow - xPerRow * yPerColumn > 0;
  let at = 9;
  for (const ring of rings) {
    const count = ring.length / 2;
    view.setUint32(at, count, true);
    at += 4;
    for (let i = 0; i < count; i++) {
      const from = 2 * (reversed ? count - 1 - i : i);
      const x = ring[from];
      const y = ring[from + 1];
      view.setFloat64(at, originX + x * xPerColumn + y * xPerRow, true);
      view.setFloat64(at + 8, originY + x * yPerColumn + y * yPerRow, true);
      at += 16;
    }
  }
  return wkb;
}

/** ISO WKB LineString, little endian, of x0, y0, x1, y1, … */
export function lineToWkb(points: Float64Array, geotransform: readonly number[]): Uint8Array {
  const [originX, xPerColumn, xPerRow, originY, yPerColumn, yPerRow] = geotransform;
  const count = points.length / 2;
  const wkb = new Uint8Array(9 + 16 * count);
  const view = new DataView(wkb.buffer);
  view.setUint8(0, LITTLE_ENDIAN);
  view.setUint32(1, WKB_LINE_STRING, true);
  view.setUint32(5, count, true);
  for (let i = 0; i < count; i++) {
    const x = points[2 * i];
    const y = points[2 * i + 1];
    view.setFloat64(9 + 16 * i, originX + x * xPerColumn + y * xPerRow, true);
    view.setFloat64(17 + 16 * i, originY + x * yPerColumn + y * yPerRow, true);
  }
  return wkb;
}
