/**
 * Buildings as the network drew them, rings of pixel corners, become buildings as a cartographer draws them: straight
 * walls in dominant directions, right angles and 45°, round ones round; where no such shape agrees with the pixels or
 * stays apart from its neighbours, the simplified outline.
 */
import Flatbush from 'flatbush';
import { type Fit, type FitOptions, fitBuilding } from './fit.ts';
import { fitRow, type RowShapes, simplifyRow } from './fit-row.ts';
import { arcsOf, findRows, type Row, type Steps } from './party-walls.ts';
import { intersectionOverUnion } from './polygon-iou.ts';
import { isValidPolygon, polygonsTouch } from './predicates.ts';
import { simplifyRing } from './simplify-ring.ts';

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

/** What stands for a building, from the best to what is always possible. */
const REGULAR = 0;
const SIMPLIFIED = 1;
const EXACT = 3;

/** One building, or several that share walls and change their level together. */
interface Block {
  members: number[];
  exact: RowShapes;
  row: Row | null;
  level: number;
  shapes: RowShapes;
  fits: Map<number, { kind: Fit['kind']; angle: number; iou: number }>;
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
  const { rows, steps } = findRows(buildings, candidates);
  const inRow = new Set(rows.flat());
  const blocks = rows.map((row) => draftRow(row, buildings, steps, options));
  for (const [number, { rings }] of buildings.entries()) {
    if (!inRow.has(number)) blocks.push(draftSingle(number, rings, options));
  }
  keepApart(blocks, options);
  const results: RegularizedBuilding[] = [];
  for (const block of blocks) for (const member of block.members) results[member] = finish(block, member);
  return results;
}

function draftSingle(number: number, rings: Float64Array[], options: FitOptions): Block {
  const exact = new Map([[number, rings]]);
  const block: Block = { members: [number], exact, row: null, level: REGULAR, shapes: exact, fits: new Map() };
  const fit = fitBuilding(rings, options);
  if (fit) {
    block.shapes = new Map([[number, fit.rings]]);
    block.fits.set(number, fit);
  } else lower(block, options);
  return block;
}

function draftRow(members: number[], buildings: readonly Building[], steps: Steps, options: FitOptions): Block {
  const exact = new Map(members.map((member) => [member, buildings[member].rings]));
  const row = arcsOf(
    members,
    buildings.map(({ rings }) => rings),
    steps,
  );
  const block: Block = { members, exact, row, level: row ? REGULAR : EXACT, shapes: exact, fits: new Map() };
  if (!row) return block;
  const fit = fitRow(row, exact, options);
  if (fit) {
    block.shapes = fit.shapes;
    for (const [member, iou] of fit.ious) block.fits.set(member, { kind: fit.kind, angle: fit.angle, iou });
  } else lower(block, options);
  return block;
}

/** Takes the next best shapes that are valid. */
function lower(block: Block, options: FitOptions): void {
  for (block.level++; block.level < EXACT; block.level++) {
    const tolerance = options.toleranceMetres / (block.level - SIMPLIFIED + 1);
    const shapes = block.row ? simplifyRow(block.row, tolerance, options) : simplifySingle(block, tolerance, options);
    if (shapes) {
      block.shapes = shapes;
      return;
    }
  }
  block.shapes = block.exact;
}

function simplifySingle(block: Block, tolerance: number, options: FitOptions): RowShapes | null {
  const [[member, exact]] = block.exact;
  const rings = exact.map((ring) => simplifyRing(ring, tolerance, options));
  return isValidPolygon(rings) ? new Map([[member, rings]]) : null;
}

/** Lowers blocks until no two touch, but where their pixels do. */
function keepApart(blocks: Block[], options: FitOptions): void {
  if (blocks.length < 2) return;
  for (;;) {
    const parts = blocks.flatMap((block) => [...block.shapes.values()].map((rings) => ({ block, rings })));
    const boxes = parts.map(({ rings }) => boxOf(rings[0]));
    const index = indexOf(boxes);
    const conflicts = new Set<Block>();
    for (const [i, { block, rings }] of parts.entries()) {
      for (const j of index.search(...boxes[i])) {
        const other = parts[j].block;
        if (j <= i || other === block || (block.level === EXACT && other.level === EXACT)) continue;
        if (!polygonsTouch(rings, parts[j].rings)) continue;
        if (block.level <= other.level) conflicts.add(block);
        if (other.level <= block.level) conflicts.add(other);
      }
    }
    if (conflicts.size === 0) return;
    for (const block of conflicts) lower(block, options);
  }
}

type Box = [minX: number, minY: number, maxX: number, maxY: number];

function indexOf(boxes: readonly Box[]): Flatbush {
  const index = new Flatbush(boxes.length);
  for (const box of boxes) index.add(...box);
  index.finish();
  return index;
}

function boxOf(ring: Float64Array): Box {
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

function finish({ exact, level, shapes, fits }: Block, member: number): RegularizedBuilding {
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
