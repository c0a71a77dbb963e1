/** Half-arcs chained and drawn as polygons in flat arrays; single regions with their rings taken out of these. */
import { type ArcGraph, nextHalf, OUTSIDE } from '../trace/arc-graph.ts';
import { pickRegions, type RegionTable } from '../trace/labels.ts';
import type { Region } from '../vectorize.ts';
import { cutRegion } from './cut-region.ts';

/** What arcs look like: arc i has the points offsets[i] .. offsets[i + 1] - 1 of xy, which is interleaved. */
export interface Lines {
  offsets: Int32Array;
  xy: Int32Array | Float64Array;
}

/** All rings of some regions, one after the other in no order. */
export interface Polygons {
  /** The regions that these are the polygons of, in the order of their first pixel. */
  regions: RegionTable;
  /** Region r has the rings order[firstRing[r]] .. order[firstRing[r + 1] - 1]. */
  firstRing: Int32Array;
  order: Int32Array;
  /** Ring i has the vertices offsets[i] .. offsets[i + 1] - 1; the first is not repeated. */
  offsets: Int32Array;
  /** x and y, interleaved. */
  xy: Int32Array | Float64Array;
  /** Side of the cells that regions are to be cut into, 0 for those that stay whole. */
  cells?: Int32Array;
}

/** For each region its number among those that have a polygon, or -1. */
export function numberPolygons(regions: RegionTable, nodata: number): { numbers: Int32Array; count: number } {
  const numbers = new Int32Array(regions.count).fill(-1);
  let count = 0;
  for (let region = 0; region < regions.count; region++) {
    if (region !== OUTSIDE && regions.classes[region] !== nodata) numbers[region] = count++;
  }
  return { numbers, count };
}

/**
 * Draws the polygons of those regions that have a number; numbers count from 0 in the order of the regions, the others
 * have -1. Several labels of a graph's sides may have one number: they are one region then.
 */
export function layPolygons(
  graph: ArcGraph,
  lines: Lines,
  regions: RegionTable,
  numbers: Int32Array,
  count: number,
): Polygons {
  const { left, right, from, to } = graph;
  let vertices = 0;
  let sides = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    const drawn = Number(numbers[left[arc]] >= 0) + Number(numbers[right[arc]] >= 0);
    vertices += drawn * (lines.offsets[arc + 1] - lines.offsets[arc] - 1);
    sides += drawn;
  }
  const source = lines.xy;
  const xy = source instanceof Int32Array ? new Int32Array(2 * vertices) : new Float64Array(2 * vertices);
  const offsets = new Int32Array(sides + 1);
  const ringRegions = new Int32Array(sides);
  const done = new Uint8Array(2 * graph.count);
  let rings = 0;
  let at = 0;
  for (let start = 0; start < 2 * graph.count; start++) {
    if (done[start] !== 0) continue;
    const region = numbers[(start & 1) === 0 ? left[start >> 1] : right[start >> 1]];
    if (region < 0) continue;
    let half = start;
    do {
      done[half] = 1;
      const arc = half >> 1;
      const first = 2 * lines.offsets[arc];
      const last = 2 * lines.offsets[arc + 1] - 2;
      let slot: number;
      if ((half & 1) === 0) {
        for (let i = first; i < last; i++) xy[at++] = source[i];
        slot = to[arc];
      } else {
        for (let i = last; i > first; i -= 2) {
          xy[at++] = source[i];
          xy[at++] = source[i + 1];
        }
        slot = from[arc];
      }
      if (slot < 0) break;
      half = nextHalf(graph, numbers, region, slot);
    } while (half !== start);
    ringRegions[rings++] = region;
    offsets[rings] = at >> 1;
  }

  const firstRing = new Int32Array(count + 1);
  for (let ring = 0; ring < rings; ring++) firstRing[ringRegions[ring] + 1]++;
  for (let region = 0; region < count; region++) firstRing[region + 1] += firstRing[region];
  const next = firstRing.slice();
  const order = new Int32Array(rings);
  for (let ring = 0; ring < rings; ring++) order[next[ringRegions[ring]]++] = ring;
  return {
    regions: pickRegions(regions, numbers, count),
    firstRing,
    order,
    offsets: offsets.slice(0, rings + 1),
    xy,
  };
}

/**
 * One region with its rings: the shell, then the holes in the order of their topmost, then leftmost vertex, at which
 * all rings begin.
 */
export function regionAt({ regions, firstRing, order, offsets, xy }: Polygons, region: number): Region {
  const rings: DrawnRing[] = [];
  for (let i = firstRing[region]; i < firstRing[region + 1]; i++) {
    rings.push(drawRing(xy, 2 * offsets[order[i]], 2 * offsets[order[i] + 1]));
  }
  return {
    class: regions.classes[region],
    score: regions.scoreSums[region] / regions.classPixels[region] / 255,
    pixels: regions.pixels[region],
    x: regions.firstX[region],
    y: regions.firstY[region],
    rings: orderRings(rings),
  };
}

/** The shell, then the holes in the order of their topmost, then leftmost vertex. */
export function orderRings(rings: DrawnRing[]): Float64Array[] {
  if (rings.length > 1) {
    rings.sort((a, b) => Number(a.area > 0) - Number(b.area > 0) || a.y - b.y || a.x - b.x || a.area - b.area);
  }
  return rings.map(({ xy }) => xy);
}

export interface DrawnRing {
  /** From its topmost, then leftmost vertex, which is repeated at the end. */
  xy: Float64Array;
  /** Twice the area; less than 0 for shells, which run counter-clockwise on the displayed map, as y is down. */
  area: number;
  x: number;
  y: number;
}

/** The ring with the coordinates first .. last - 1 of xy, where the first vertex is not repeated. */
export function drawRing(xy: Int32Array | Float64Array, first: number, last: number): DrawnRing {
  let top = first;
  let area = 0;
  for (let i = first, before = last - 2; i < last; before = i, i += 2) {
    area += xy[before] * xy[i + 1] - xy[i] * xy[before + 1];
    if (xy[i + 1] < xy[top + 1] || (xy[i + 1] === xy[top + 1] && xy[i] < xy[top])) top = i;
  }
  const drawn = new Float64Array(last - first + 2);
  drawn.set(xy.subarray(top, last));
  drawn.set(xy.subarray(first, top), last - top);
  drawn[last - first] = drawn[0];
  drawn[last - first + 1] = drawn[1];
  return { xy: drawn, area, x: drawn[0], y: drawn[1] };
}

/** All regions in the order of their first pixel, drawn one at a time while iterating. */
export function* drawInOrder(parts: readonly Polygons[], width: number, height: number): Generator<Region> {
  // Places in the parts one after the other, sorted by column and then by row, both by counting.
  const starts = [0];
  for (const { regions } of parts) starts.push(starts.at(-1)! + regions.count);
  const count = starts.at(-1)!;
  const part = new Int32Array(count);
  const columns = new Int32Array(count);
  const rows = new Int32Array(count);
  for (const [i, { regions }] of parts.entries()) {
    part.fill(i, starts[i], starts[i + 1]);
    columns.set(regions.firstX, starts[i]);
    rows.set(regions.firstY, starts[i]);
  }
  let places: Int32Array = Int32Array.from(part.keys());
  if (parts.length > 1) places = sortByCounting(sortByCounting(places, columns, width), rows, height);
  for (const place of places) {
    const polygons = parts[part[place]];
    const number = place - starts[part[place]];
    const region = regionAt(polygons, number);
    const side = polygons.cells?.[number] ?? 0;
    if (side > 0) yield* cutRegion(region, side);
    else yield region;
  }
}

/** Places in the order of their keys, which are less than the limit; those of one key stay in their order. */
function sortByCounting(places: Int32Array, keys: Int32Array, limit: number): Int32Array {
  const next = new Int32Array(limit + 1);
  for (const place of places) next[keys[place] + 1]++;
  for (let key = 0; key < limit; key++) next[key + 1] += next[key];
  const sorted = new Int32Array(places.length);
  for (const place of places) sorted[next[keys[place]]++] = place;
  return sorted;
}
