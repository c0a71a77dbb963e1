/** Roads as the layout lays them: which lattice lines are main roads, how wide each kind is, and their bent lines. */
import type { Frame } from './frame.ts';
import { type Random, unit } from './noise.ts';
import type { District, Road, RoadKind } from './plan.ts';
import { furnishRoad } from './street.ts';

/** Below this density the land is open country. */
export const COUNTRY_DENSITY = 0.3;

export const ROAD_WIDTHS: Record<RoadKind, [carriageway: number, sidewalk: number]> = {
  roundabout: [6.5, 1.8],
  carriageway: [7, 2],
  arterial: [11, 2.5],
  street: [7, 1.8],
  lane: [5, 0],
  track: [3.2, 0],
  path: [2.2, 0],
};

/** Main roads run between all cells of a town, and along some lines of the lattice through the country. */
export function hasMainRoad(frame: Frame, axis: 'u' | 'v', line: number, u: number, v: number): boolean {
  return frame.density(u, v) > COUNTRY_DENSITY || unit(frame.seed, 60, axis === 'u' ? 1 : 2, line) < 0.4;
}

/** From the middle of a dual carriageway to the centre line of either side: half of one and half of a median of 5 m. */
export const DUAL_METRES = 6;

export function isDual(frame: Frame, axis: 'u' | 'v', line: number, kind: RoadKind): boolean {
  return frame.dualCarriageways && axis === 'v' && kind === 'arterial' && !frame.isRiver(line);
}

/** What a road takes of the block beside it, from its centre line, metres. */
export function roadInset(kind: RoadKind): number {
  const [width, sidewalk] = ROAD_WIDTHS[kind];
  return width / 2 + sidewalk + (kind === 'arterial' ? 1.5 : 0.3);
}

/** Adds the road between two points of the frame, bent as the frame is, with what stands along it. */
export function addRoad(
  frame: Frame,
  district: District,
  kind: RoadKind,
  [u0, v0, u1, v1]: readonly number[],
  random: Random,
  bridge = false,
): Road {
  const [widthMetres, sidewalkMetres] = ROAD_WIDTHS[kind];
  const density = frame.density((u0 + u1) / 2, (v0 + v1) / 2);
  const road: Road = {
    kind,
    line: frameLine(frame, u0, v0, u1, v1),
    widthMetres,
    sidewalkMetres: density < COUNTRY_DENSITY ? 0 : sidewalkMetres,
    bridge,
    seed: Math.floor(random.next() * 4294967296),
  };
  district.roads.push(road);
  furnishRoad(district, road, density, random);
  return road;
}

/** A straight line of the frame as a polyline on the ground, a point about every six metres. */
export function frameLine(frame: Frame, u0: number, v0: number, u1: number, v1: number): number[] {
  const steps = Math.max(1, Math.round(Math.hypot(u1 - u0, v1 - v0) / 6));
  const line: number[] = [];
  for (let k = 0; k <= steps; k++) {
    line.push(...frame.toGround(u0 + ((u1 - u0) * k) / steps, v0 + ((v1 - v0) * k) / steps));
  }
  return line;
}
