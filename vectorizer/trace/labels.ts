/**
 * Labels of runs turned into 4-connected regions: a union-find forest that grows while rows come in, with what is
 * counted per label. The smallest label of a tree is its root, and labels are given in raster order, so a root's first
 * pixel is the region's first pixel.
 */
import { withRoom } from './arc-graph.ts';

/** Regions in the order of their first pixel; region 0 is what lies outside of the map. */
export interface RegionTable {
  count: number;
  /** Class code of the map, or 256 for the outside. */
  classes: Uint16Array;
  pixels: Float64Array;
  /**
   * Pixels that have a score for the region's class: those of small regions that were given to it have none, nor has any
   * where scores are not known. Where the tracer was given no scores at all, all of the region's pixels.
   */
  classPixels: Float64Array;
  /** Sum of the score bytes of those pixels. */
  scoreSums: Float64Array;
  firstX: Int32Array;
  firstY: Int32Array;
}

export interface Labels extends RegionTable {
  parents: Int32Array;
}

export const OUTSIDE_CLASS = 256;

export function createLabels(): Labels {
  const labels: Labels = {
    count: 0,
    parents: new Int32Array(64),
    classes: new Uint16Array(64),
    pixels: new Float64Array(64),
    classPixels: new Float64Array(64),
    scoreSums: new Float64Array(64),
    firstX: new Int32Array(64),
    firstY: new Int32Array(64),
  };
  addLabel(labels, OUTSIDE_CLASS, -1, -1);
  return labels;
}

export function addLabel(labels: Labels, cls: number, x: number, y: number): number {
  const label = labels.count++;
  if (label >= labels.parents.length) {
    const room = 2 * labels.count;
    labels.parents = withRoom(labels.parents, room);
    labels.classes = withRoom(labels.classes, room);
    labels.pixels = withRoom(labels.pixels, room);
    labels.classPixels = withRoom(labels.classPixels, room);
    labels.scoreSums = withRoom(labels.scoreSums, room);
    labels.firstX = withRoom(labels.firstX, room);
    labels.firstY = withRoom(labels.firstY, room);
  }
  labels.parents[label] = label;
  labels.classes[label] = cls;
  labels.pixels[label] = 0;
  labels.classPixels[label] = 0;
  labels.scoreSums[label] = 0;
  labels.firstX[label] = x;
  labels.firstY[label] = y;
  return label;
}

/** Root of a label; halves the path on its way (Tarjan and van Leeuwen 1984). */
export function findRoot(parents: Int32Array, label: number): number {
  let parent = parents[label];
  while (parent !== label) {
    const grandparent = parents[parent];
    parents[label] = grandparent;
    label = grandparent;
    parent = parents[label];
  }
  return label;
}

/** Joins two trees and returns the root of both, the smaller one. */
export function unite(parents: Int32Array, a: number, b: number): number {
  const rootA = findRoot(parents, a);
  const rootB = findRoot(parents, b);
  if (rootA < rootB) {
    parents[rootB] = rootA;
    return rootA;
  }
  parents[rootA] = rootB;
  return rootB;
}

/** Numbers the trees from 0 in the order of their roots: the number of each label's tree. */
export function numberTrees(parents: Int32Array, count: number): { numbers: Int32Array; trees: number } {
  const numbers = new Int32Array(count);
  let trees = 0;
  for (let label = 0; label < count; label++) {
    // Parents come before their children, so the parent's number is known.
    numbers[label] = parents[label] === label ? trees++ : numbers[parents[label]];
  }
  return { numbers, trees };
}

/** A table of those regions that have a number from 0 to count - 1, as the first of its number has it. */
export function pickRegions(regions: RegionTable, numbers: Int32Array, count: number): RegionTable {
  const picked = createRegionTable(count);
  let number = 0;
  for (let region = 0; number < count; region++) {
    if (numbers[region] !== number) continue;
    picked.classes[number] = regions.classes[region];
    picked.pixels[number] = regions.pixels[region];
    picked.classPixels[number] = regions.classPixels[region];
    picked.scoreSums[number] = regions.scoreSums[region];
    picked.firstX[number] = regions.firstX[region];
    picked.firstY[number] = regions.firstY[region];
    number++;
  }
  return picked;
}

export function createRegionTable(count: number): RegionTable {
  return {
    count,
    classes: new Uint16Array(count),
    pixels: new Float64Array(count),
    classPixels: new Float64Array(count),
    scoreSums: new Float64Array(count),
    firstX: new Int32Array(count),
    firstY: new Int32Array(count),
  };
}

/** Sums what was counted per label into regions. */
export function collectRegions(labels: Labels): { regions: RegionTable; regionOf: Int32Array } {
  const { numbers: regionOf, trees: count } = numberTrees(labels.parents, labels.count);
  const regions = createRegionTable(count);
  for (let label = 0; label < labels.count; label++) {
    const region = regionOf[label];
    if (labels.parents[label] === label) {
      regions.classes[region] = labels.classes[label];
      regions.firstX[region] = labels.firstX[label];
      regions.firstY[region] = labels.firstY[label];
    }
    regions.pixels[region] += labels.pixels[label];
    regions.classPixels[region] += labels.classPixels[label];
    regions.scoreSums[region] += labels.scoreSums[label];
  }
  return { regions, regionOf };
}
