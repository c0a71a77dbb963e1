/** Half-arcs chained and drawn as polygons in flat arrays; single regions with their rings taken out of these. */

import type { Region } from '../region.ts';
import { type ArcGraph, nextHalf, OUTSIDE } from '../trace/arc-graph.ts';
import { pickRegions, type RegionTable } from '../trace/labels.ts';
import { cutRegion } from './cut-region.ts';
import { type DrawnRing, drawRing, type Lines, orderRings } from './draw-ring.ts';

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
    score: meanScore(regions.scoreSums[region], regions.classPixels[region]),
    pixels: regions.pixels[region],
    x: regions.firstX[region],
    y: regions.firstY[region],
    rings: orderRings(rings),
  };
}

/** Mean probability, 0–1; 0 where none is known. */
export const meanScore = (scoreSum: number, pixels: number): number => (pixels > 0 ? scoreSum / pixels / 255 : 0);

/** All regions in the order of their first pixel, drawn one at a time while iterating. */
export function* drawRegions(polygons: Polygons): Generator<Region> {
  for (let number = 0; number < polygons.regions.count; number++) {
    const region = regionAt(polygons, number);
    const side = polygons.cells?.[number] ?? 0;
    if (side > 0) yield* cutRegion(region, side);
    else yield region;
  }
}
