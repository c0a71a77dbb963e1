/** Walls in none of the four directions: a flight of jogs that one slanting line describes at less cost. */
import type { Samples } from './outline.ts';
import { costOf, meets, type Prices, type Projection, type Wall } from './walls.ts';

const LONGEST_FLIGHT = 9;

/** Replaces flights of an odd number of walls, the most rewarding first, as long as that lowers the cost. */
export function layOblique(
  samples: Samples,
  projection: Projection,
  walls: readonly Wall[],
  prices: Prices,
): readonly Wall[] {
  let ring = walls;
  while (ring.length >= 6) {
    const costs = ring.map((wall) => costOf(samples, projection, [wall], prices));
    let gain = 0;
    let found: { first: number; flight: number; wall: Wall } | null = null;
    for (let first = 0; first < ring.length; first++) {
      let flightCost = costs[first];
      for (let flight = 3; flight <= Math.min(LONGEST_FLIGHT, ring.length - 3); flight += 2) {
        const last = (first + flight - 1) % ring.length;
        if (ring[first].direction !== ring[last].direction) break;
        flightCost += costs[last] + costs[(last + ring.length - 1) % ring.length];
        if (flightCost - prices.oblique <= gain) continue;
        const slant = slantingWall(samples, projection, ring[first].start, ring[last].stop);
        if (!slant || flightCost - prices.oblique - slant.residual <= gain) continue;
        const { wall, residual } = slant;
        if (!meets(wall, ring[(first + ring.length - 1) % ring.length])) continue;
        if (!meets(wall, ring[(last + 1) % ring.length])) continue;
        gain = flightCost - prices.oblique - residual;
        found = { first, flight, wall };
      }
    }
    if (!found) return ring;
    const { first, flight, wall } = found;
    ring = [
      wall,
      ...ring.flatMap((_, i) => (i < ring.length - flight ? [ring[(first + flight + i) % ring.length]] : [])),
    ];
  }
  return ring;
}

/** The line of least squares through samples start .. stop - 1, which may pass the last one. */
function slantingWall(
  { count, x, y, weight }: Samples,
  { angle }: Projection,
  start: number,
  stop: number,
): { wall: Wall; residual: number } | null {
  const end = stop > start ? stop : stop + count;
  let sum = 0;
  let sumX = 0;
  let sumY = 0;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let k = start; k < end; k++) {
    const i = k < count ? k : k - count;
    const wx = weight[i] * x[i];
    const wy = weight[i] * y[i];
    sum += weight[i];
    sumX += wx;
    sumY += wy;
    xx += wx * x[i];
    xy += wx * y[i];
    yy += wy * y[i];
  }
  xx -= (sumX * sumX) / sum;
  xy -= (sumX * sumY) / sum;
  yy -= (sumY * sumY) / sum;
  const steepness = 0.5 * Math.atan2(2 * xy, xx - yy);
  const direction = (((((steepness - angle) * 4) / Math.PI) % 4) + 4) % 4;
  if (Number.isInteger(direction)) return null;
  const along = angle + (direction * Math.PI) / 4; // the same line as `steepness`, perhaps the other way round
  return {
    wall: { direction, start, stop: end, offset: (Math.cos(along) * sumY - Math.sin(along) * sumX) / sum },
    residual: (xx + yy - Math.hypot(xx - yy, 2 * xy)) / 2,
  };
}
