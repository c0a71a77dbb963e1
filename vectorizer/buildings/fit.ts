/** One building, its exact rings of pixel corners, becomes the regular shape that describes it at the least cost. */

import { drawCircle, fitCircle } from './circle.ts';
import { cornersOf, toPixels } from './corners.ts';
import { dominantDirections } from './directions.ts';
import { type Frame, frameOf, type Samples, sampleOutline } from './outline.ts';
import { intersectionOverUnion } from './polygon-iou.ts';
import { isValidPolygon } from './predicates.ts';
import { layOblique } from './slanted-walls.ts';
import { costOf, type Prices, type Projection, partIntoWalls, project, turnOf, type Wall } from './walls.ts';

export interface FitOptions {
  pixelMetresX: number;
  pixelMetresY: number;
  toleranceMetres: number;
  minIou: number;
}

export interface Fit {
  kind: 'rectilinear' | 'diagonal' | 'circle';
  /** Direction of the walls in radians from the x axis towards the y axis, in [0, π/2). */
  angle: number;
  rings: Float64Array[];
  iou: number;
}

/** Length of the chords that tell directions, in tolerances: long against what is left of the pixels' steps. */
const CHORD_TOLERANCES = 6;
/** Prices in cubes of the tolerance; chosen by bench/regularize.ts. */
const WALL_PRICE = 1.2;
const DIAGONAL_PRICE = 6;
const OBLIQUE_PRICE = 10;
const CIRCLE_PRICE = 5.5;
const CANDIDATE_DIRECTIONS = 2;
const REFINEMENTS = 2;
/** The direction is looked for with fewer samples than the walls are then laid with. */
const SEARCH_SAMPLES = 72;
/** Where the whole tolerance gives no shape that agrees, a finer one is tried. */
const TOLERANCE_SHARES = [1, 0.6];

export function pricesOf(toleranceMetres: number): Prices {
  const cube = toleranceMetres ** 3;
  return {
    wall: WALL_PRICE * cube,
    diagonal: DIAGONAL_PRICE * cube,
    oblique: OBLIQUE_PRICE * cube,
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
  const outline = wallsAtBestAngle(exact[0], samples, frame, prices);
  const circle = exact.length === 1 ? roundFit(exact, samples, frame, outline?.cost ?? Infinity, options) : null;
  if (circle) return circle;
  return outline && walledFit(exact, outline, frame, prices, options.minIou);
}

export interface Outline {
  projection: Projection;
  walls: Wall[];
  corners: Float64Array;
  cost: number;
}

/** The walls of a sampled ring at the most promising directions, turned until they fit best; the cheapest of them. */
export function wallsAtBestAngle(ring: Float64Array, samples: Samples, frame: Frame, prices: Prices): Outline | null {
  const coarse = samples.count <= SEARCH_SAMPLES ? samples : sampleOutline(ring, frame, SEARCH_SAMPLES);
  const chord = CHORD_TOLERANCES * prices.shortestMetres;
  let best: Outline | null = null;
  for (const candidate of dominantDirections(samples, chord, CANDIDATE_DIRECTIONS)) {
    let angle = candidate;
    for (let pass = 0; pass <= REFINEMENTS; pass++) {
      const outline = wallsAt(coarse, angle, prices);
      if (!outline) break;
      const turn = turnOf(coarse, outline.projection, outline.walls, prices.shortestMetres);
      angle += turn;
      if (!best || outline.cost < best.cost) best = outline;
      if (Math.abs(turn) < 2e-3) break;
    }
  }
  if (!best) return null;
  const turn = turnOf(coarse, best.projection, best.walls, prices.shortestMetres);
  return wallsAt(samples, best.projection.angle + turn, prices);
}

export function wallsAt(samples: Samples, angle: number, prices: Prices): Outline | null {
  const projection = project(samples, angle);
  const parted = partIntoWalls(samples, projection, prices);
  const walls = parted && layOblique(samples, projection, parted, prices);
  const shape = walls && cornersOf(samples, projection, walls, prices.shortestMetres);
  return shape && { ...shape, projection, cost: costOf(samples, projection, shape.walls, prices) };
}

function walledFit(
  exact: readonly Float64Array[],
  outline: Outline,
  frame: Frame,
  prices: Prices,
  minIou: number,
): Fit | null {
  const { angle } = outline.projection;
  const shapes: Outline[] = [];
  for (const [number, ring] of exact.entries()) {
    const shape = number === 0 ? outline : wallsAt(sampleOutline(ring, frame), angle, prices);
    if (!shape) return null;
    shapes.push(shape);
  }
  const rings = shapes.map(({ corners }) => toPixels(corners, frame));
  if (rings.some((ring, i) => Math.sign(doubleArea(ring)) !== Math.sign(doubleArea(exact[i])))) return null;
  if (!isValidPolygon(rings)) return null;
  const iou = intersectionOverUnion(exact, rings);
  return iou < minIou ? null : { kind: kindOf(shapes), angle: withinRightAngle(angle), rings, iou };
}

export function kindOf(shapes: readonly { walls: readonly Wall[] }[]): 'rectilinear' | 'diagonal' {
  return shapes.some(({ walls }) => walls.some(({ direction }) => direction % 2 !== 0)) ? 'diagonal' : 'rectilinear';
}

export function withinRightAngle(radians: number): number {
  return ((radians % (Math.PI / 2)) + Math.PI / 2) % (Math.PI / 2);
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
  return iou < minIou ? null : { kind: 'circle', angle: 0, rings, iou };
}

/** Twice the signed area of a closed ring. */
export function doubleArea(ring: Float64Array): number {
  let area = 0;
  for (let i = 2; i < ring.length; i += 2) area += ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1];
  return area;
}
