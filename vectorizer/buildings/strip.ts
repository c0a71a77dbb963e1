/**
 * Buildings strip by strip: the sieved rows of a strip and its margins in, the strip's buildings out. A building's shape
 * gives way to its neighbours', so shapes near a line between two strips are settled among the buildings around that line
 * which both strips see whole: both find the same for both sides, and no two of any strips overlap.
 */
import { type Box, boxOf, indexOf } from '../box.ts';
import type { Region } from '../region.ts';
import { STRIP_MARGIN, type StripWindow } from '../strips.ts';
import { type Block, draftBlocks, keepApart, lower, makeExact } from './block.ts';
import type { SmallBuilding } from './blocks.ts';
import { polygonsTouch } from './predicates.ts';
import { type RegularizedBuilding, type RegularizeOptions, regularizedOf } from './regularize.ts';
import { linesOf, type Part, partsOf, type StripLine } from './strip-parts.ts';

export interface BuildingStripOptions extends RegularizeOptions {
  /** Class code of buildings. */
  code: number;
  /** Rows on either side of a line between strips that tell whose a building is; no more than half of any strip's. */
  marginRows?: number;
  /**
   * The houses that a region is made of, in one order for the same region; itself where it is one, null where it is too
   * large to be looked at.
   */
  split?: ((region: Region) => Promise<Region[] | null>) | undefined;
}

/** A building in pixels of the map: what it is told by and counted from is the exact region, `rings` are its shape's. */
export interface StripBuilding extends Region, RegularizedBuilding {
  /** A part of a building that reaches farther beyond a line between strips than the margin: there it ends. */
  cut: boolean;
}

export interface BuildingStrip {
  /** In the order of their regions' first pixels. */
  buildings: StripBuilding[];
  /** Of the same buildings in the same order: what blocks of coarser levels are made of. */
  middles: SmallBuilding[];
  report: BuildingStripReport;
}

export interface BuildingStripReport {
  count: number;
  regularized: number;
  /** Parts of buildings that are cut at lines between strips. */
  cut: number;
  /** Regions that came apart, the houses that they became, and the regions that were too large to be looked at. */
  split_regions: number;
  houses: number;
  too_large: number;
}

/** How far neighbours' shapes reach towards each other, in tolerances; what lies farther apart does not meet. */
const REACH_TOLERANCES = 2;
/** Neighbours of neighbours … of what reaches a line whose shapes are looked at to settle that of the first two. */
const HOPS = 3;
const SETTLED_HOPS = 1;

/** A pure function of the window's rows around the strip; throws a RangeError where it does not hold all of these. */
export async function drawBuildingStrip(window: StripWindow, options: BuildingStripOptions): Promise<BuildingStrip> {
  const { marginRows = STRIP_MARGIN, code, split } = options;
  const lines = linesOf(window, marginRows);
  const parts = partsOf(window, lines, code);
  const near = lines.map((line) => nearLine(parts, line, options));

  const drawn = parts.filter((part) => part.own || near.some((hops) => hops.has(part)));
  const houses: { part: Part; region: Region }[] = [];
  const splits = { split_regions: 0, houses: 0, too_large: 0 };
  for (const part of drawn) {
    const found = split ? await split(part.region) : [part.region];
    for (const region of found ?? [part.region]) houses.push({ part, region });
    if (!part.own) continue;
    if (!found) splits.too_large++;
    else if (found.length > 1) {
      splits.split_regions++;
      splits.houses += found.length;
    }
  }
  const blocks = draftBlocks(
    houses.map(({ region }) => region),
    houses.flatMap(({ part, region }, number) => (part.region === region ? [] : [number])),
    options,
  );
  const partOf = (block: Block): Part => houses[block.members[0]].part;
  const own = blocks.filter((block) => partOf(block).own);
  settle(blocks, own, partOf, parts, lines, near, options);

  const results: { house: Region; building: StripBuilding }[] = [];
  for (const block of own) {
    for (const member of block.members) {
      const { part, region } = houses[member];
      results.push({ house: region, building: { ...region, ...regularizedOf(block, member), cut: part.cut } });
    }
  }
  results.sort(({ house: a }, { house: b }) => a.y - b.y || a.x - b.x);
  const buildings = results.map(({ building }) => building);
  return {
    buildings,
    middles: results.map(({ house }) => middleOf(house)),
    report: {
      count: buildings.length,
      regularized: buildings.filter(({ regularized }) => regularized).length,
      cut: buildings.filter(({ cut }) => cut).length,
      ...splits,
    },
  };
}

function middleOf({ pixels, score, rings }: Region): SmallBuilding {
  const [minX, minY, maxX, maxY] = boxOf(rings[0]);
  return { pixels, score, x: (minX + maxX) / 2, y: (minY + maxY) / 2 };
}

/** Parts that both strips see whole and that reach a line, their neighbours, and so on: by how many steps. */
function nearLine(parts: readonly Part[], line: StripLine, options: RegularizeOptions): Map<Part, number> {
  const { toleranceMetres, pixelMetresX, pixelMetresY } = options;
  const reach = Math.ceil((REACH_TOLERANCES * toleranceMetres) / Math.min(pixelMetresX, pixelMetresY));
  const around = ([minX, minY, maxX, maxY]: Box, by: number): Box => [minX - by, minY - by, maxX + by, maxY + by];
  const whole = parts.filter(({ box, cut }) => !cut && isWithin(box, line));
  const hops = new Map<Part, number>();
  if (whole.length === 0) return hops;
  const index = indexOf(whole.map(({ box }) => box));
  let reached = whole.filter(({ box }) => box[1] - reach <= line.y && box[3] + reach >= line.y);
  for (let hop = 0; hop <= HOPS; hop++) {
    for (const part of reached) hops.set(part, hop);
    const next = new Set<Part>();
    for (const { box } of reached) {
      for (const i of index.search(...around(box, 2 * reach))) if (!hops.has(whole[i])) next.add(whole[i]);
    }
    reached = [...next];
  }
  return hops;
}

/** Whether a shape ends before the rows around a line do, or with the map. */
function isWithin([, minY, , maxY]: Box, { top, stop, openTop, openBottom }: StripLine): boolean {
  return (minY > top || !openTop) && (maxY < stop || !openBottom);
}

/**
 * Keeps blocks apart, those of the strip also from what its neighbours draw. Around a line three things hold, which both
 * strips know of each other. Shapes near it are as the blocks around it settle them, or exact. These keep clear of the
 * pixels of the other side. All other blocks stay on their side, and clear of the settled shapes and their pixels.
 */
function settle(
  blocks: readonly Block[],
  own: readonly Block[],
  partOf: (block: Block) => Part,
  parts: readonly Part[],
  lines: readonly StripLine[],
  near: readonly ReadonlyMap<Part, number>[],
  options: BuildingStripOptions,
): void {
  const lowerBlock = (block: Block) => lower(block, options);
  const barriers = lines.map((line, i) => {
    const there = parts.filter(({ box }) => box[1] < line.stop && box[3] > line.top);
    const index = there.length > 0 ? indexOf(there.map(({ box }) => box)) : null;
    /** Whether a block near the line reaches the pixels of the other side's, or beyond what both sides see. */
    return (block: Block): boolean => {
      const { own: isOwn } = partOf(block);
      if (!near[i].has(partOf(block))) return false;
      return [...block.shapes.values()].some((rings) => {
        const box = boxOf(rings[0]);
        if (!isWithin(box, line)) return true;
        const found = index?.search(...box, (j) => there[j].own !== isOwn) ?? [];
        return found.some((j) => polygonsTouch(rings, there[j].region.rings));
      });
    };
  });

  // What both sides find is found from the blocks near the line alone.
  const settled = new Map<Part, Block>();
  for (const [i, isBarred] of barriers.entries()) {
    const there = blocks.filter((block) => near[i].has(partOf(block))).map((block) => ({ ...block }));
    keepApart(there, lowerBlock, isBarred);
    for (const block of there) if (near[i].get(partOf(block))! <= SETTLED_HOPS) settled.set(partOf(block), block);
  }

  keepApart(blocks, lowerBlock, (block) => barriers.some((isBarred) => isBarred(block)));
  if (lines.length === 0) return;

  // As good as always that has been found again among all blocks of the strip. Where it has not, blocks give way.
  const beyond = [...settled].flatMap(([part, block]) =>
    part.own ? [] : [...block.shapes.values(), ...block.exact.values()],
  );
  const index = beyond.length > 0 ? indexOf(beyond.map((rings) => boxOf(rings[0]))) : null;
  const isBarred = (block: Block): boolean => {
    const found = settled.get(partOf(block));
    if (found) return block.level !== found.level;
    return [...block.shapes.values()].some((rings) => {
      const box = boxOf(rings[0]);
      const strays = leaves(box, partOf(block).box, lines);
      return strays || (index?.search(...box) ?? []).some((j) => polygonsTouch(rings, beyond[j]));
    });
  };
  keepApart(own, (block) => (settled.has(partOf(block)) ? makeExact(block) : lower(block, options)), isBarred);
}

/** Whether a shape crosses a line that its building does not cross. */
function leaves(shape: Box, exact: Box, lines: readonly StripLine[]): boolean {
  return lines.some(({ y }) => (exact[3] <= y && shape[3] > y) || (exact[1] >= y && shape[1] < y));
}
