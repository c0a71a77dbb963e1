/**
 * Buildings as the network drew them, rings of pixel corners, become buildings as a cartographer draws them: straight
 * walls in dominant directions, right angles and 45°, round ones round; where no such shape agrees with the pixels or
 * stays apart from its neighbours, the simplified outline.
 */
import Flatbush from 'flatbush';
import { intersectionOverUnion } from './agreement.ts';
import { type Fit, type FitOptions, fitBuilding } from './fit.ts';
import { isValidPolygon, polygonsTouch } from './predicates.ts';
import { simplifyRing } from './simplify-ring.ts';

/** One 4-connected region: exact rings in pixel corners, y down, closed and flat [x0, y0, x1, y1, …]; rings[0] shell. */
export interface Building {
  rings: Float64Array[];
}

export interface RegularizeOptions {
  pixelMetresX: number;
  pixelMetresY: number;
  /** How far walls may lie from the exact outline, and what is too short to be a wall. */
  toleranceMetres: number;
  /** Least intersection over union of the regular shape and the exact region. */
  minIou: number;
}

export interface RegularizedBuilding {
  /** Pixel coordinates, same orientation as came in. */
  rings: Float64Array[];
  regularized: boolean;
  kind: 'rectilinear' | 'diagonal' | 'circle' | 'simplified';
  /** Of the dominant direction on the ground, clockwise from up, in [0, 90). 0 for circles. */
  orientationDegrees: number;
  /** With the exact region. */
  iou: number;
}

/** What stands for a building, from the best to what is always possible. */
const REGULAR = 0;
const SIMPLIFIED = 2;
const EXACT = 4;

/** One building for one, in the same order; a pure function of its arguments. Results do not overlap. */
export function regularizeBuildings(buildings: readonly Building[], options: RegularizeOptions): RegularizedBuilding[] {
  const drafts = buildings.map((building) => draft(building.rings, options));
  keepApart(drafts, options);
  return drafts.map((draft) => finish(draft));
}

interface Draft {
  exact: Float64Array[];
  fit: Fit | null;
  level: number;
  rings: Float64Array[];
}

function draft(exact: Float64Array[], options: FitOptions): Draft {
  const fit = fitBuilding(exact, options);
  const result: Draft = { exact, fit, level: REGULAR, rings: fit?.rings ?? exact };
  if (!fit) lower(result, options);
  return result;
}

/** Takes the next best shape that is valid. */
function lower(draft: Draft, options: FitOptions): void {
  draft.level = Math.max(SIMPLIFIED, draft.level + 1);
  for (; draft.level < EXACT; draft.level++) {
    const tolerance = options.toleranceMetres / (draft.level - SIMPLIFIED + 1);
    draft.rings = draft.exact.map((ring) => simplifyRing(ring, tolerance, options.pixelMetresX, options.pixelMetresY));
    if (isValidPolygon(draft.rings)) return;
  }
  draft.rings = draft.exact;
}

/** Lowers buildings until none touches another, but where their pixels do. */
function keepApart(drafts: Draft[], options: FitOptions): void {
  if (drafts.length < 2) return;
  for (;;) {
    const boxes = drafts.map(({ rings }) => boxOf(rings[0]));
    const index = new Flatbush(drafts.length);
    for (const [minX, minY, maxX, maxY] of boxes) index.add(minX, minY, maxX, maxY);
    index.finish();
    const conflicts = new Set<number>();
    for (let i = 0; i < drafts.length; i++) {
      for (const j of index.search(...boxes[i])) {
        if (j <= i || (drafts[i].level === EXACT && drafts[j].level === EXACT)) continue;
        if (!polygonsTouch(drafts[i].rings, drafts[j].rings)) continue;
        if (drafts[i].level <= drafts[j].level) conflicts.add(i);
        if (drafts[j].level <= drafts[i].level) conflicts.add(j);
      }
    }
    if (conflicts.size === 0) return;
    for (const i of conflicts) lower(drafts[i], options);
  }
}

function boxOf(ring: Float64Array): [number, number, number, number] {
  let [minX, minY] = ring;
  let [maxX, maxY] = ring;
  for (let i = 2; i < ring.length; i += 2) {
    minX = Math.min(minX, ring[i]);
    maxX = Math.max(maxX, ring[i]);
    minY = Math.min(minY, ring[i + 1]);
    maxY = Math.max(maxY, ring[i + 1]);
  }
  return [minX, minY, maxX, maxY];
}

function finish({ exact, fit, level, rings }: Draft): RegularizedBuilding {
  const regularized = fit !== null && level < SIMPLIFIED;
  const degrees = fit ? (fit.angle * 180) / Math.PI : 0;
  return {
    rings,
    regularized,
    kind: regularized ? fit.kind : 'simplified',
    orientationDegrees: degrees % 90,
    iou: regularized ? fit.iou : intersectionOverUnion(exact, rings),
  };
}
