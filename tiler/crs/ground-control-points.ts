/** Ground control points become the affine geotransform that fits them best, and how badly it does. */
import type { Geotransform } from './geotransform.ts';

export interface ControlPoint {
  /** Pixel position, whole numbers being pixel corners. */
  column: number;
  row: number;
  /** In the CRS. */
  x: number;
  y: number;
}

/** Least squares. Null where the points do not determine it. `worstPixels`: largest distance between point and fit. */
export function fitGeotransform(
  points: readonly ControlPoint[],
): { geotransform: Geotransform; worstPixels: number } | null {
  const count = points.length;
  if (count < 3 || !points.every(({ column, row, x, y }) => [column, row, x, y].every(Number.isFinite))) return null;
  const mean = (of: (point: ControlPoint) => number) => points.reduce((sum, point) => sum + of(point), 0) / count;
  const [column0, row0, x0, y0] = [mean((p) => p.column), mean((p) => p.row), mean((p) => p.x), mean((p) => p.y)];
  // The normal equations about the centre, where they are well conditioned.
  let [cc, cr, rr, cx, rx, cy, ry] = [0, 0, 0, 0, 0, 0, 0];
  for (const point of points) {
    const [c, r, x, y] = [point.column - column0, point.row - row0, point.x - x0, point.y - y0];
    cc += c * c;
    cr += c * r;
    rr += r * r;
    cx += c * x;
    rx += r * x;
    cy += c * y;
    ry += r * y;
  }
  const determinant = cc * rr - cr * cr;
  if (!(determinant > 1e-9 * cc * rr)) return null;
  const [xc, xr] = [(cx * rr - rx * cr) / determinant, (rx * cc - cx * cr) / determinant];
  const [yc, yr] = [(cy * rr - ry * cr) / determinant, (ry * cc - cy * cr) / determinant];
  const area = xc * yr - xr * yc;
  if (area === 0) return null;
  let worstPixels = 0;
  for (const point of points) {
    const dx = point.x - x0 - xc * (point.column - column0) - xr * (point.row - row0);
    const dy = point.y - y0 - yc * (point.column - column0) - yr * (point.row - row0);
    worstPixels = Math.max(worstPixels, Math.hypot((dx * yr - dy * xr) / area, (dy * xc - dx * yc) / area));
  }
  return {
    geotransform: [x0 - xc * column0 - xr * row0, xc, xr, y0 - yc * column0 - yr * row0, yc, yr],
    worstPixels,
  };
}
