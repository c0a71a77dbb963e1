/** One building, its exact rings of pixel corners, becomes the regular shape that describes it at the least cost. */
import { intersectionOverUnion } from './agreement.ts';
import { drawCircle, fitCircle } from './circle.ts';
import { cornersOf, crossings, toPixels } from './corners.ts';
import { dominantDirections } from './directions.ts';
import { type Frame, frameOf, type Samples, sampleOutline } from './outline.ts';
import { isValidPolygon } from './predicates.ts';
import { costOf, type Prices, type Projection, partIntoWalls, project, turnOf, type Wall } from './walls.ts';

export interface FitOptions {
  pixelMetresX: number;
  pixelMetresY: number;
  toleranceMetres: number;
  minIou: number;
}

/** The walls of one ring; offsets may be moved, and the ring drawn again. */
export interface WalledRing {
  walls: Wall[];
  /** Of the ring's edges: 1 where the interior lies on the side that the wall's normal points to, else -1. */
  inward: Int8Array;
}

export interface Fit {
  kind: 'rectilinear' | 'diagonal' | 'circle';
  /** Direction of the walls in radians from the x axis towards the y axis, in [0, π/2). */
  angle: number;
  frame: Frame;
  rings: Float64Array[];
  iou: number;
  /** Empty for circles. */
  walled: WalledRing[];
}

const CHORD_PIXELS = 7;
/** Prices in cubes of the tolerance; chosen by bench/regularize.ts. */
const WALL_PRICE = 1;
const DIAGONAL_PRICE = 2;
const CIRCLE_PRICE = 5;
const CANDIDATE_DIRECTIONS = 2;
const REFINEMENTS = 2;
/** Where the whole tolerance gives no shape that agrees, a finer one is tried. */
const TOLERANCE_SHARES = [1, 0.6];

export function pricesOf(toleranceMetres: number): Prices {
  const cube = toleranceMetres ** 3;
  return {
    wall: WALL_PRICE * cube,
    diagonal: DIAGONAL_PRICE * cube,
    shortestMetres: toleranceMetres,
    shortestDiagonalMetres: 2.5 * toleranceMetres,
  };
}

/** The regular shape of a building, or null where none agrees with it. */
export function fitBuilding(exact: readonly Float64Array[], options: FitOptions): Fit | null {
  const frame = frameOf(exact[0], options.pixelMetresX, options.pixelMetresY);
  const samples = sampleOutline(exact[0], frame);
  for (const share of TOLERANCE_SHARES) {
    const fit = fitWithin(exact, samples, frame, { ...options, toleranceMetres: share * options.toleranceMetres });
    if (fit) return fit;
  }
  return null;
}

function fitWithin(exact: readonly Float64Array[], samples: Samples, frame: Frame, options: FitOptions): Fit | null {
  const prices = pricesOf(options.toleranceMetres);
  const outline = wallsAtBestAngle(samples, prices, options);
  const circle = exact.length === 1 ? roundFit(exact, samples, frame, outline?.cost ?? Infinity, options) : null;
  if (circle) return circle;
  return outline && walledFit(exact, outline, frame, prices, options);
}

export interface Outline {
  projection: Projection;
  walls: Wall[];
  corners: Float64Array;
  cost: number;
}

/** The walls at the most promising directions, turned until they fit best; the cheapest of them. */
export function wallsAtBestAngle(samples: Samples, prices: Prices, options: FitOptions): Outline | null {
  const chord = CHORD_PIXELS * Math.max(options.pixelMetresX, options.pixelMetresY);
  let best: Outline | null = null;
  for (const candidate of dominantDirections(samples, chord, CANDIDATE_DIRECTIONS)) {
    let angle = candidate;
    for (let pass = 0; pass <= REFINEMENTS; pass++) {
      const outline = wallsAt(samples, angle, prices);
      if (!outline) break;
      if (!best || outline.cost < best.cost) best = outline;
      const turn = turnOf(samples, outline.projection, outline.walls, prices.shortestMetres);
      if (Math.abs(turn) < 1e-3) break;
      angle += turn;
    }
  }
  return best;
}

export function wallsAt(samples: Samples, angle: number, prices: Prices): Outline | null {
  const projection = project(samples, angle);
  const walls = partIntoWalls(samples, projection, prices);
  const shape = walls && cornersOf(samples, projection, walls, prices.shortestMetres);
  return shape && { ...shape, projection, cost: costOf(samples, projection, shape.walls, prices) };
}

function walledFit(
  exact: readonly Float64Array[],
  outline: Outline,
  frame: Frame,
  prices: Prices,
  options: FitOptions,
): Fit | null {
  const { angle } = outline.projection;
  const walled: WalledRing[] = [];
  for (const [number, ring] of exact.entries()) {
    const shape = number === 0 ? outline : wallsAt(sampleOutline(ring, frame), angle, prices);
    if (!shape) return null;
    walled.push({ walls: shape.walls, inward: inwardOf(angle, shape.walls, shape.corners, number > 0) });
  }
  const fit: Fit = {
    kind: walled.some(({ walls }) => walls.some(({ direction }) => direction % 2 === 1)) ? 'diagonal' : 'rectilinear',
    angle: ((angle % (Math.PI / 2)) + Math.PI / 2) % (Math.PI / 2),
    frame,
    rings: [],
    iou: 0,
    walled: walled,
  };
  return redraw(fit, angle, exact, options.minIou) ? fit : null;
}

/** Draws the rings of the fit's walls anew; false where they are no valid polygon that agrees with the exact one. */
function redraw(fit: Fit, angle: number, exact: readonly Float64Array[], minIou: number): boolean {
  const rings = fit.walled.map(({ walls }) => toPixels(crossings(angle, walls), fit.frame));
  if (rings.some((ring, i) => Math.sign(doubleArea(ring)) !== Math.sign(doubleArea(exact[i])))) return false;
  if (!isValidPolygon(rings)) return false;
  const iou = intersectionOverUnion(exact, rings);
  if (iou < minIou) return false;
  fit.rings = rings;
  fit.iou = iou;
  return true;
}

function roundFit(
  exact: readonly Float64Array[],
  samples: Samples,
  frame: Frame,
  costOfWalls: number,
  { toleranceMetres, minIou }: FitOptions,
): Fit | null {
  const circle = fitCircle(samples);
  if (!circle || circle.residual + CIRCLE_PRICE * toleranceMetres ** 3 >= costOfWalls) return null;
  const rings = [toPixels(drawCircle(circle, doubleArea(exact[0]) < 0), frame)];
  const iou = intersectionOverUnion(exact, rings);
  return iou < minIou ? null : { kind: 'circle', angle: 0, frame, rings, iou, walled: [] };
}

function inwardOf(angle: number, walls: readonly Wall[], corners: Float64Array, isHole: boolean): Int8Array {
  let area = 0;
  for (let i = 0; i < corners.length; i += 2) {
    const j = (i + 2) % corners.length;
    area += corners[i] * corners[j + 1] - corners[j] * corners[i + 1];
  }
  const inside = Math.sign(area) * (isHole ? -1 : 1);
  return Int8Array.from(walls, ({ direction }, i) => {
    const j = (2 * i + 2) % corners.length;
    const cos = Math.cos(angle + (direction * Math.PI) / 4);
    const sin = Math.sin(angle + (direction * Math.PI) / 4);
    const along = cos * (corners[j] - corners[2 * i]) + sin * (corners[j + 1] - corners[2 * i + 1]);
    return along > 0 ? inside : -inside;
  });
}

/** Twice the signed area of a closed ring. */
export function doubleArea(ring: Float64Array): number {
  let area = 0;
  for (let i = 2; i < ring.length; i += 2) area += ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1];
  return area;
}
