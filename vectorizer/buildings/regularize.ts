/**
 * Buildings as the network drew them, rings of pixel corners, become buildings as a cartographer draws them: straight
 * walls in dominant directions, right angles and 45°, round ones round; where no such shape agrees with the pixels or
 * stays apart from its neighbours, the simplified outline.
 */
import { boxOf, indexOf } from '../box.ts';
import { type Block, draftBlocks, keepApart, lower, REGULAR } from './block.ts';
import { intersectionOverUnion } from './polygon-iou.ts';

/** One 4-connected region: exact rings in pixel corners, y down, closed and flat [x0, y0, x1, y1, …]; rings[0] shell. */
export interface Building {
  rings: Float64Array[];
}

export interface RegularizeOptions {
  pixelMetresX: number;
  pixelMetresY: number;
  /**
   * How far walls may lie from the exact outline, and what is too short to be a wall: 1.25 pixels but at least 0.5 m
   * did best where it was measured.
   */
  toleranceMetres: number;
  /** Least intersection over union of the regular shape and the exact region. */
  minIou: number;
}

export interface RegularizedBuilding {
  /** Pixel coordinates, same orientation as came in. */
  rings: Float64Array[];
  regularized: boolean;
  /** Diagonal: with walls at 45° or, where the outline insists, in other directions. */
  kind: 'rectilinear' | 'diagonal' | 'circle' | 'simplified';
  /** Of the dominant direction on the ground, clockwise from up, in [0, 90]; null for circles and where there is none. */
  orientationDegrees: number | null;
  /** With the exact region. */
  iou: number;
}

/**
 * One building for one, in the same order; a pure function of its arguments. Results do not overlap. Regions that border each
 * other (a network that tells row houses apart gives each house its own region) share their walls exactly.
 */
export function regularizeBuildings(buildings: readonly Building[], options: RegularizeOptions): RegularizedBuilding[] {
  if (buildings.length === 0) return [];
  const boxes = buildings.map(({ rings }) => boxOf(rings[0]));
  const index = indexOf(boxes);
  const candidates = boxes.flatMap((box, number) => (index.search(...box).length > 1 ? [number] : []));
  const blocks = draftBlocks(buildings, candidates, options);
  keepApart(blocks, (block) => lower(block, options));
  const results: RegularizedBuilding[] = [];
  for (const block of blocks) for (const member of block.members) results[member] = regularizedOf(block, member);
  return results;
}

/** What a building of a block has become. */
export function regularizedOf({ exact, level, shapes, fits }: Block, member: number): RegularizedBuilding {
  const rings = shapes.get(member)!;
  const found = fits.get(member);
  const fit = level === REGULAR ? found : undefined;
  return {
    rings,
    regularized: fit !== undefined,
    kind: fit?.kind ?? 'simplified',
    orientationDegrees: found === undefined || found.kind === 'circle' ? null : (found.angle * 180) / Math.PI,
    iou: fit?.iou ?? intersectionOverUnion(exact.get(member)!, rings),
  };
}
