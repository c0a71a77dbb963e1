/**
 * Small and thin regions given to their neighbours by relabelling pixels: rows of a class map in, the same rows without
 * those regions out. The map is sieved in blocks of whole rows, each from its own rows and a margin; a pixel has the class
 * that its block gives it. So whoever sieves some rows of a map, alone or one after the other, finds the same.
 *
 * The margin is as wide as a small region can be high, up to a limit; regions that reach beyond it stay.
 */
import type { StripWindow } from '../strips.ts';
import { OUTSIDE } from './arc-graph.ts';
import { type Discarded, keepsAll, type SieveLimits, sieve } from './sieve.ts';
import { createTracer, type TracedGraph } from './trace.ts';

export interface RowSieveOptions {
  limits: SieveLimits;
  /** Class code of pixels without a class: they neither give nor take. */
  nodata: number;
  /** Of a block; strips begin at multiples of it. Default 256. */
  blockRows?: number;
  /** The block that a row is in, where blocks are not all of `blockRows`. */
  blockAt?: (y: number) => BlockRows;
  /** Rows above and below a block that decide what is given, at most. Default 128. */
  mostMargin?: number;
}

export interface BlockRows {
  /** Its first row, and the one after its last, which may lie beyond the map. */
  from: number;
  to: number;
}

export interface SievedStrip {
  /**
   * The strip with so many rows above and below it as were asked for. Pixels that were given to a neighbour have a score
   * of 0, which is none.
   */
  window: StripWindow;
  /** What the strip's own rows lost: regions that begin in them. */
  discarded: Discarded;
}

export interface RowSieve {
  /** Rows above and below a strip that are needed for `margin` sieved rows there. */
  rawMargin(margin: number): number;
  /**
   * Sieves a strip with `margin` rows above and below it, or up to the map's edge. The window must hold `rawMargin(margin)`
   * rows there or reach the map's edge; a RangeError says so where it does not. Where strips come from top to bottom, what
   * two windows have in common is sieved once.
   */
  sieve(raw: StripWindow, margin: number): SievedStrip;
}

const BLOCK_ROWS = 256;
export const MOST_SIEVE_MARGIN = 128;
/** Lines one pixel wide are seen so far even where no small regions are looked for. */
const LEAST_MARGIN = 16;

interface Block {
  y: number;
  classes: Uint8Array;
  scores: Uint8Array;
  discarded: Discarded;
}

export function createRowSieve(options: RowSieveOptions): RowSieve {
  const { limits, blockRows = BLOCK_ROWS } = options;
  const { blockAt = (y) => ({ from: y - (y % blockRows), to: y - (y % blockRows) + blockRows }) } = options;
  const reach = marginOf(options);
  let known = new Map<number, Block>();

  return {
    rawMargin: (margin) => (keepsAll(limits) ? margin : Math.ceil(margin / blockRows) * blockRows + reach),
    sieve(raw, margin) {
      const { strip, width, height } = raw;
      const top = Math.max(0, strip.y - margin);
      const bottom = Math.min(height, strip.y + strip.rows + margin);
      const rows = bottom - top;
      const window = { strip, width, height, top, rows };
      const discarded = noneDiscarded();
      if (keepsAll(limits)) {
        const part = [(top - raw.top) * width, (bottom - raw.top) * width];
        const [classes, scores] = [raw.classes.subarray(...part), raw.scores.subarray(...part)];
        return { window: { ...window, classes, scores }, discarded };
      }
      const classes = new Uint8Array(rows * width);
      const scores = new Uint8Array(rows * width);
      const kept = new Map<number, Block>();
      for (let y = top; y < bottom; y = blockAt(y).to) {
        const place = blockAt(y);
        const block = known.get(place.from) ?? sieveBlock(raw, place, reach, options);
        const from = Math.max(top, block.y);
        const to = Math.min(bottom, block.y + block.classes.length / width);
        const part = [(from - block.y) * width, (to - block.y) * width];
        classes.set(block.classes.subarray(...part), (from - top) * width);
        scores.set(block.scores.subarray(...part), (from - top) * width);
        if (block.y >= strip.y && block.y < strip.y + strip.rows) addDiscarded(discarded, block.discarded);
        if (to > strip.y + strip.rows - margin) kept.set(block.y, block);
      }
      known = kept;
      return { window: { ...window, classes, scores }, discarded };
    },
  };
}

/** Rows beyond a block in which every small region can be seen that reaches into it, or the limit. */
function marginOf({ limits, mostMargin = MOST_SIEVE_MARGIN }: RowSieveOptions): number {
  return Math.min(mostMargin, Math.max(LEAST_MARGIN, Math.ceil(limits.minPixels.reduce((a, b) => Math.max(a, b)))));
}

function sieveBlock(
  raw: StripWindow,
  { from: y, to }: BlockRows,
  margin: number,
  { limits, nodata }: RowSieveOptions,
): Block {
  const { width, height } = raw;
  const end = Math.min(height, to);
  const top = Math.max(0, y - margin);
  const bottom = Math.min(height, end + margin);
  if (raw.top > top || raw.top + raw.rows < bottom) {
    throw new RangeError(`expected rows ${top} to ${bottom}, got ${raw.top} to ${raw.top + raw.rows}`);
  }
  const source = raw.classes.subarray((top - raw.top) * width, (bottom - raw.top) * width);
  const tracer = createTracer(width);
  tracer.addRows(bottom - top, source, null);
  const traced = tracer.finish();
  const { firstX, firstY, classes: before, count } = traced.regions;
  const cut = findCut(traced, top > 0 ? 0 : -1, bottom < height ? bottom - top : -1);
  const counts = (region: number): boolean => firstY[region] >= y - top && firstY[region] < end - top;
  const { regions, regionOf, discarded } = sieve(traced.graph, traced.regions, limits, nodata, { cut, counts });

  const own = [(y - raw.top) * width, (end - raw.top) * width];
  const block = { y, classes: raw.classes.slice(...own), scores: raw.scores.slice(...own), discarded };
  const painted = createPainter(source, width, { first: y - top, last: end - top }, block);
  for (let region = 0; region < count; region++) {
    const cls = regions.classes[regionOf[region]];
    if (cls !== before[region]) painted(firstY[region] * width + firstX[region], cls);
  }
  return block;
}

/** Regions that touch the rows of corners at which the map goes on; these are -1 where it does not. */
function findCut({ graph, regions }: TracedGraph, upper: number, lower: number): Uint8Array {
  const cut = new Uint8Array(regions.count);
  const { left, right, offsets, xy } = graph;
  for (let arc = 0; arc < graph.count; arc++) {
    if (left[arc] !== OUTSIDE && right[arc] !== OUTSIDE) continue;
    for (let i = 2 * offsets[arc] + 3; i < 2 * offsets[arc + 1]; i += 2) {
      if (xy[i] === xy[i - 2] && (xy[i] === upper || xy[i] === lower)) cut[left[arc]] = cut[right[arc]] = 1;
    }
  }
  return cut;
}

/** Paints the region of a pixel where it lies in a block, whose rows are `first` to `last - 1` of the source. */
function createPainter(
  source: Uint8Array,
  width: number,
  { first, last }: { first: number; last: number },
  block: Block,
): (pixel: number, cls: number) => void {
  const seen = new Uint8Array(source.length);
  const shift = first * width;
  const end = last * width;
  const waiting: number[] = [];
  const visit = (pixel: number, cls: number): void => {
    if (source[pixel] !== cls || seen[pixel] !== 0) return;
    seen[pixel] = 1;
    waiting.push(pixel);
  };
  return (start, to) => {
    const cls = source[start];
    visit(start, cls);
    for (let pixel = waiting.pop(); pixel !== undefined; pixel = waiting.pop()) {
      if (pixel >= shift && pixel < end) {
        block.classes[pixel - shift] = to;
        block.scores[pixel - shift] = 0;
      }
      const x = pixel % width;
      if (x > 0) visit(pixel - 1, cls);
      if (x < width - 1) visit(pixel + 1, cls);
      if (pixel >= width) visit(pixel - width, cls);
      if (pixel + width < source.length) visit(pixel + width, cls);
    }
  };
}

export const noneDiscarded = (): Discarded => ({ sieved: 0, sievedPixels: 0, slivers: 0, sievedByClass: {} });

/** Adds what was given in one part of a map to the sum. */
export function addDiscarded(sum: Discarded, part: Discarded): void {
  sum.sieved += part.sieved;
  sum.sievedPixels += part.sievedPixels;
  sum.slivers += part.slivers;
  for (const [code, { regions, pixels }] of Object.entries(part.sievedByClass)) {
    const before = sum.sievedByClass[Number(code)] ?? { regions: 0, pixels: 0 };
    sum.sievedByClass[Number(code)] = { regions: before.regions + regions, pixels: before.pixels + pixels };
  }
}
