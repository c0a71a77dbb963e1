/**
 * Regions of too few pixels, or too thin ones, are given to the neighbour with the longest shared border, smallest
 * first, and neighbours that are then of one class become one region: so small holes are filled, too. Nodata and the
 * outside neither give nor take; a region that has no other neighbour stays.
 */
import { type ArcGraph, arcLength, OUTSIDE } from './arc-graph.ts';
import { findRoot, numberTrees, OUTSIDE_CLASS, pickRegions, type RegionTable, unite } from './labels.ts';

export interface Sieved {
  regions: RegionTable;
  /** New number of each old region. */
  regionOf: Int32Array;
  discarded: Discarded;
}

/** What was given to a neighbour: regions and the pixels that changed their class by it. */
export interface Discarded {
  sieved: number;
  sievedPixels: number;
  /** Those of the regions that were large enough, but too thin. */
  slivers: number;
  /** The same for each class that lost any, by class code. */
  sievedByClass: Record<number, { regions: number; pixels: number }>;
}

export interface SieveLimits {
  /** Pixels that a region of each class needs, by class code. */
  minPixels: Float64Array;
  /**
   * Mean width, in pixels, that a region needs: its area by half its perimeter, which for a long strip is its width. 1
   * takes whatever holds no square of four pixels to speak of, and never what has received; more may take that.
   */
  minWidth: number;
}

/** Limits from areas on the ground: one for all classes, or by class code (0 for those not named). */
export function sieveLimits(
  minAreaM2: number | ReadonlyMap<number, number>,
  pixelAreaM2: number,
  minWidth: number,
): SieveLimits {
  const minPixels = new Float64Array(OUTSIDE_CLASS + 1);
  for (let cls = 0; cls < OUTSIDE_CLASS; cls++) {
    minPixels[cls] = (typeof minAreaM2 === 'number' ? minAreaM2 : (minAreaM2.get(cls) ?? 0)) / pixelAreaM2;
  }
  return { minPixels, minWidth };
}

/** Whether every region is large and wide enough. */
export function keepsAll({ minPixels, minWidth }: SieveLimits): boolean {
  return minWidth <= 0.5 && minPixels.every((limit) => limit <= 1);
}

/** Of the regions of a map's part. */
export interface SievedPart {
  /** 1 for those that go on beyond what is there: they do not give, but may receive. Used up. */
  cut: Uint8Array;
  /** Whether what a region gives belongs into the report. */
  counts: (region: number) => boolean;
}

/**
 * Ties are broken the same way on every run: of regions of one size the first in raster order goes first; of
 * neighbours with equally long borders the larger one receives, then the first in raster order.
 */
export function sieve(
  graph: ArcGraph,
  regions: RegionTable,
  limits: SieveLimits,
  nodata: number,
  part?: SievedPart,
): Sieved {
  const { count } = regions;
  const discarded: Discarded = { sieved: 0, sievedPixels: 0, slivers: 0, sievedByClass: {} };
  if (keepsAll(limits)) {
    return { regions, regionOf: Int32Array.from({ length: count }, (_, i) => i), discarded };
  }
  const parents = Int32Array.from({ length: count }, (_, region) => region);
  const classes = regions.classes.slice();
  const pixels = regions.pixels.slice();
  const ownPixels = regions.pixels.slice();
  const classPixels = regions.classPixels.slice();
  const scoreSums = regions.scoreSums.slice();
  const borders = listBorders(graph, count);
  const cut = part?.cut;
  const shared = new Float64Array(count);
  const perimeters = new Float64Array(count);
  for (let arc = 0; arc < graph.count; arc++) {
    perimeters[graph.left[arc]] += borders.lengths[arc];
    perimeters[graph.right[arc]] += borders.lengths[arc];
  }
  let neighbours: number[] = [];

  const takesPart = (region: number): boolean => region !== OUTSIDE && classes[region] !== nodata;

  /** Lists the neighbours of a region (a root) and sums the lengths of its borders with each into `shared`. */
  function measureBorders(region: number): void {
    neighbours = [];
    for (let side = borders.first[region]; side >= 0; side = borders.next[side]) {
      const arc = side >> 1;
      const neighbour = findRoot(parents, (side & 1) === 0 ? graph.right[arc] : graph.left[arc]);
      if (neighbour === region || !takesPart(neighbour)) continue;
      if (shared[neighbour] === 0) neighbours.push(neighbour);
      shared[neighbour] += borders.lengths[arc];
    }
  }

  function chooseReceiver(): number {
    let best = -1;
    for (const candidate of neighbours) {
      const gain =
        best < 0 ? 1 : shared[candidate] - shared[best] || pixels[candidate] - pixels[best] || best - candidate;
      if (gain > 0) best = candidate;
    }
    return best;
  }

  /** Joins two roots: what was counted and the lists of borders. */
  function join(a: number, b: number): number {
    const root = unite(parents, a, b);
    const other = root === a ? b : a;
    pixels[root] += pixels[other];
    ownPixels[root] += ownPixels[other];
    classPixels[root] += classPixels[other];
    scoreSums[root] += scoreSums[other];
    perimeters[root] += perimeters[other];
    if (cut) cut[root] |= cut[other];
    borders.next[borders.last[other]] = borders.first[root];
    borders.first[root] = borders.first[other];
    return root;
  }

  function isSmall(region: number): boolean {
    return pixels[region] < limits.minPixels[classes[region]];
  }

  function isThin(region: number): boolean {
    return 2 * pixels[region] < limits.minWidth * perimeters[region];
  }

  function countDiscarded(region: number): void {
    if (part && !part.counts(region)) return;
    const lost = ownPixels[region];
    discarded.sieved++;
    discarded.sievedPixels += lost;
    if (!isSmall(region)) discarded.slivers++;
    const before = discarded.sievedByClass[classes[region]] ?? { regions: 0, pixels: 0 };
    discarded.sievedByClass[classes[region]] = { regions: before.regions + 1, pixels: before.pixels + lost };
  }

  // Regions wait by size. A region that received is larger than the one that gave, so it waits further on.
  const waiting = new Map<number, number[]>();
  function wait(region: number): void {
    const size = pixels[region];
    if ((!isSmall(region) && !isThin(region)) || !takesPart(region) || cut?.[region]) return;
    const sameSize = waiting.get(size);
    if (sameSize) sameSize.push(region);
    else waiting.set(size, [region]);
  }
  for (let region = 0; region < count; region++) wait(region);

  for (let size = 1; waiting.size > 0; size++) {
    const sameSize = waiting.get(size);
    waiting.delete(size);
    for (const region of sameSize?.sort((a, b) => a - b) ?? []) {
      if (parents[region] !== region || pixels[region] !== size) continue;
      measureBorders(region);
      const receiver = chooseReceiver();
      // Of the receiver's class only those can have become its neighbours that the given region touches.
      const cls = receiver < 0 ? -1 : classes[receiver];
      const joining = neighbours.filter((neighbour) => classes[neighbour] === cls);
      for (const neighbour of joining) perimeters[region] -= 2 * shared[neighbour];
      for (const neighbour of neighbours) shared[neighbour] = 0;
      if (receiver < 0) continue;
      countDiscarded(region);
      ownPixels[region] = 0;
      classPixels[region] = 0;
      scoreSums[region] = 0;
      let root = region;
      for (const neighbour of joining) root = join(root, neighbour);
      classes[root] = cls;
      wait(root);
    }
  }

  const { numbers: regionOf, trees } = numberTrees(parents, count);
  const roots = regionOf.map((number, region) => (parents[region] === region ? number : -1));
  const table = pickRegions({ ...regions, classes, pixels, classPixels, scoreSums }, roots, trees);
  return { regions: table, regionOf, discarded };
}

/**
 * For each region the list of its sides of arcs: 2 * arc where it lies left of the arc, 2 * arc + 1 where it lies
 * right. Lists are linked, so that two of them are joined at once.
 */
function listBorders(graph: ArcGraph, regionCount: number) {
  const first = new Int32Array(regionCount).fill(-1);
  const last = new Int32Array(regionCount).fill(-1);
  const next = new Int32Array(2 * graph.count);
  const lengths = new Float64Array(graph.count);
  for (let arc = 0; arc < graph.count; arc++) {
    lengths[arc] = arcLength(graph, arc);
    for (let side = 2 * arc; side <= 2 * arc + 1; side++) {
      const region = (side & 1) === 0 ? graph.left[arc] : graph.right[arc];
      next[side] = first[region];
      if (first[region] < 0) last[region] = side;
      first[region] = side;
    }
  }
  return { first, last, next, lengths };
}
