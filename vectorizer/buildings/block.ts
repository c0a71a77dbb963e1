/** What changes its shape as one: a building, or several that share walls; from the best shape to what is always possible. */
import { boxOf, indexOf } from '../box.ts';
import { type Fit, type FitOptions, fitBuilding } from './fit.ts';
import { fitRow, type RowShapes, simplifyRow } from './fit-row.ts';
import { arcsOf, findRows, type Row, type Steps } from './party-walls.ts';
import { isValidPolygon, polygonsTouch } from './predicates.ts';
import { simplifyRing } from './simplify-ring.ts';

/** What stands for a building: regular walls, outlines simplified by the whole and by half the tolerance, the pixels. */
export const REGULAR = 0;
const SIMPLIFIED = 1;
export const EXACT = 3;

export interface Block {
  /** Numbers of the buildings. */
  members: number[];
  exact: RowShapes;
  row: Row | null;
  level: number;
  shapes: RowShapes;
  fits: Map<number, { kind: Fit['kind']; angle: number; iou: number }>;
}

/**
 * The blocks of some buildings at their best valid level, each for itself; those of several come first. Only
 * `candidates` may share walls.
 */
export function draftBlocks(
  buildings: readonly { rings: Float64Array[] }[],
  candidates: readonly number[],
  options: FitOptions,
): Block[] {
  const { rows, steps } = findRows(buildings, candidates);
  const inRow = new Set(rows.flat());
  const blocks = rows.map((row) => draftRow(row, buildings, steps, options));
  for (const [number, { rings }] of buildings.entries()) {
    if (!inRow.has(number)) blocks.push(draftSingle(number, rings, options));
  }
  return blocks;
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

function draftRow(
  members: number[],
  buildings: readonly { rings: Float64Array[] }[],
  steps: Steps,
  options: FitOptions,
): Block {
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
export function lower(block: Block, options: FitOptions): void {
  for (block.level++; block.level < EXACT; block.level++) {
    const tolerance = options.toleranceMetres / (block.level - SIMPLIFIED + 1);
    const shapes = block.row ? simplifyRow(block.row, tolerance, options) : simplifySingle(block, tolerance, options);
    if (shapes) {
      block.shapes = shapes;
      return;
    }
  }
  makeExact(block);
}

export function makeExact(block: Block): void {
  block.level = EXACT;
  block.shapes = block.exact;
}

function simplifySingle(block: Block, tolerance: number, options: FitOptions): RowShapes | null {
  const [[member, exact]] = block.exact;
  const rings = exact.map((ring) => simplifyRing(ring, tolerance, options));
  return isValidPolygon(rings) ? new Map([[member, rings]]) : null;
}

/**
 * Lowers blocks until no two touch, but where their pixels do; also those that `isBarred` says may not be as they are,
 * which it never says of exact ones.
 */
export function keepApart(
  blocks: readonly Block[],
  lowerBlock: (block: Block) => void,
  isBarred: (block: Block) => boolean = () => false,
): void {
  for (;;) {
    const parts = blocks.flatMap((block) => [...block.shapes.values()].map((rings) => ({ block, rings })));
    if (parts.length === 0) return;
    const boxes = parts.map(({ rings }) => boxOf(rings[0]));
    const index = indexOf(boxes);
    const conflicts = new Set<Block>(blocks.filter((block) => block.level < EXACT && isBarred(block)));
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
    for (const block of conflicts) lowerBlock(block);
  }
}
