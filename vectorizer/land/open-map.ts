/**
 * The open land of a map while its strips are joined: parts of regions, and their borders as arcs between nodes. Only what
 * has an open part on one of its sides is held.
 */

/** Faces of strips that are drawn as one polygon. */
export interface Part {
  /** Where it was united with another one. */
  parent: Part | null;
  region: RegionPlaces;
  class: number;
  /** Published by its strip: only a side of borders. */
  gone: boolean;
  /** Whether its region goes on beyond a cut. */
  cut: boolean;
  pixels: number;
  classPixels: number;
  scoreSum: number;
  /** First pixel. */
  x: number;
  y: number;
  vertices: number;
  /** How many pixels have changed sides where vertices on lines were taken out. */
  moved: number;
  /** Length of its borders that are cuts. */
  linePixels: number;
  arcs: Arc[];
  /** Number of the last line it reaches. */
  lowest: number;
}

/** A whole region, as far as it is known. */
export interface RegionPlaces {
  parent: RegionPlaces | null;
  /** First pixel. */
  x: number;
  y: number;
}

export interface Arc {
  /** Interleaved. */
  points: Float64Array;
  left: Part | null;
  right: Part | null;
  /** Null for loops. */
  from: ArcEnd | null;
  to: ArcEnd | null;
  /** Sides that a ring has been drawn of. */
  leftDrawn: boolean;
  rightDrawn: boolean;
}

export interface ArcEnd {
  node: Node;
  /** In which the arc leaves the node. */
  direction: number;
  /** Exact corners that the arc's piece at this end stands for, interleaved. */
  passed: Int32Array;
}

export interface Node {
  x: number;
  y: number;
  /** What leaves it to the north, east, south and west. */
  leaving: (HalfArc | null)[];
  /** Whether it is a vertex of something published. */
  fixed: boolean;
  /** Whether borders run straight through. */
  skipped: boolean;
}

export interface HalfArc {
  arc: Arc;
  backwards: boolean;
}

/** The one that stands for all that were united. */
export function rootOf<T extends { parent: T | null }>(of: T): T {
  let root = of;
  while (root.parent) {
    if (root.parent.parent) root.parent = root.parent.parent;
    root = root.parent;
  }
  return root;
}

const isBefore = (a: { x: number; y: number }, b: { x: number; y: number }): boolean => (a.y - b.y || a.x - b.x) < 0;

export function uniteRegions(a: RegionPlaces, b: RegionPlaces): void {
  const [root, other] = [rootOf(a), rootOf(b)];
  if (root === other) return;
  const [first, second] = isBefore(root, other) ? [root, other] : [other, root];
  second.parent = first;
}

/** Both are roots. */
export function uniteParts(a: Part, b: Part): void {
  const [root, other] = a.arcs.length >= b.arcs.length ? [a, b] : [b, a];
  other.parent = root;
  if (isBefore(other, root)) [root.x, root.y] = [other.x, other.y];
  root.cut ||= other.cut;
  for (const key of ['pixels', 'classPixels', 'scoreSum', 'vertices', 'moved', 'linePixels'] as const) {
    root[key] += other[key];
  }
  for (const arc of other.arcs) root.arcs.push(arc);
  other.arcs = [];
  root.lowest = Math.max(root.lowest, other.lowest);
}

export const createNode = (x: number, y: number): Node => ({
  x,
  y,
  leaving: [null, null, null, null],
  fixed: false,
  skipped: false,
});

/** Hangs an arc onto its nodes and its sides that are not gone. */
export function addArc(
  points: Float64Array,
  left: Part | null,
  right: Part | null,
  from: ArcEnd | null,
  to: ArcEnd | null,
): void {
  const open = (part: Part | null): boolean => part !== null && !part.gone;
  const arc: Arc = { points, left, right, from, to, leftDrawn: !open(left), rightDrawn: !open(right) };
  if (from) from.node.leaving[from.direction] = { arc, backwards: false };
  if (to) to.node.leaving[to.direction] = { arc, backwards: true };
  if (open(left)) rootOf(left!).arcs.push(arc);
  if (open(right)) rootOf(right!).arcs.push(arc);
}

/** The part on the left of who walks a half-arc. */
export function leftOf({ arc, backwards }: HalfArc): Part | null {
  const side = backwards ? arc.right : arc.left;
  return side && rootOf(side);
}
