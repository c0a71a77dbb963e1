/** Round buildings: tanks, silos, towers. */
import type { Samples } from './outline.ts';

export interface Circle {
  x: number;
  y: number;
  radius: number;
  /** Sum of squared distances of the outline from the circle, by length, in m³. */
  residual: number;
}

/** How far the sides of the emitted polygon lie within the circle, in metres. */
const SAGITTA_METRES = 0.05;
const SIDES = { least: 16, most: 64 };

/** The circle of least algebraic distance (I. Kåsa, IEEE Trans. Instrum. Meas. 25, 1976); null for a straight line. */
export function fitCircle({ count, x, y, weight }: Samples): Circle | null {
  let sum = 0;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < count; i++) {
    sum += weight[i];
    meanX += weight[i] * x[i];
    meanY += weight[i] * y[i];
  }
  meanX /= sum;
  meanY /= sum;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  let xz = 0;
  let yz = 0;
  for (let i = 0; i < count; i++) {
    const dx = x[i] - meanX;
    const dy = y[i] - meanY;
    const z = dx * dx + dy * dy;
    xx += weight[i] * dx * dx;
    xy += weight[i] * dx * dy;
    yy += weight[i] * dy * dy;
    xz += weight[i] * dx * z;
    yz += weight[i] * dy * z;
  }
  const determinant = 2 * (xx * yy - xy * xy);
  if (!(determinant > 0)) return null;
  const centreX = (xz * yy - yz * xy) / determinant;
  const centreY = (yz * xx - xz * xy) / determinant;
  const radius = Math.sqrt(centreX * centreX + centreY * centreY + (xx + yy) / sum);
  let residual = 0;
  for (let i = 0; i < count; i++) {
    residual += weight[i] * (Math.hypot(x[i] - meanX - centreX, y[i] - meanY - centreY) - radius) ** 2;
  }
  return { x: centreX + meanX, y: centreY + meanY, radius, residual };
}

/**
 * A regular polygon with the circle's area, in metres, not closed; it turns from x to y, or the other way round with
 * `reversed`.
 */
export function drawCircle(circle: Circle, reversed: boolean): Float64Array {
  const wanted = Math.PI / Math.acos(Math.max(0, 1 - SAGITTA_METRES / circle.radius));
  const sides = 4 * Math.round(Math.min(SIDES.most, Math.max(SIDES.least, wanted)) / 4);
  const turn = (2 * Math.PI) / sides;
  const radius = circle.radius * Math.sqrt(turn / Math.sin(turn));
  const corners = new Float64Array(2 * sides);
  for (let i = 0; i < sides; i++) {
    const angle = (reversed ? -i : i) * turn;
    corners[2 * i] = circle.x + radius * Math.cos(angle);
    corners[2 * i + 1] = circle.y + radius * Math.sin(angle);
  }
  return corners;
}
