/**
 * One region cut along a grid of cells into polygons that each lie in one cell and together are the region. Its rings
 * already have a vertex wherever they cross a cut. In each cell the stretches of rings are joined along its sides:
 * where one leaves the cell, the piece's ring follows the cell counter-clockwise, as displayed, to where the next enters.
 */

import type { Piece, Region } from '../region.ts';
import { type DrawnRing, drawRing, orderRings } from './draw-ring.ts';
import { cellOf, cutAt, isOnCut } from './grid-cuts.ts';

/** Vertices start .. start + count - 1 of a ring, from one cut to the next; or a whole ring, which crosses none. */
interface Stretch {
  cell: number;
  isRing: boolean;
  ring: Float64Array;
  start: number;
  count: number;
}

interface Cell {
  column: number;
  row: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The pieces from cell to cell in rows; `side` is the cells', in pixels. */
export function* cutRegion(region: Region, side: number): Generator<Region & { piece: Piece }> {
  const columns = 1 + Math.max(...cellRange(region.rings[0], 0, side));
  const stretches = region.rings.flatMap((ring) => divideRing(ring, side, columns));
  const byCell = Map.groupBy(stretches, ({ cell }) => cell);
  for (const cell of insideCells(region, side, columns)) if (!byCell.has(cell)) byCell.set(cell, []);
  for (const [number, inCell] of [...byCell].sort(([a], [b]) => a - b)) {
    const cell = cellAt(number % columns, Math.floor(number / columns), side);
    for (const [index, rings] of assemble(cell, inCell).entries()) {
      const { column, row } = cell;
      yield { ...region, rings, piece: { column, row, index, cellPixels: side } };
    }
  }
}

/**
 * Share of a region's perimeter that is border: the rest are cuts. Pixels may be longer one way than the other.
 */
export function borderShare({ rings, piece }: Region, pixelMetres: { x: number; y: number }): number {
  if (!piece) return 1;
  let perimeter = 0;
  let cuts = (piece.linePixels ?? 0) * pixelMetres.x;
  for (const ring of rings) {
    for (let i = 2; i < ring.length; i += 2) {
      const length = Math.hypot((ring[i] - ring[i - 2]) * pixelMetres.x, (ring[i + 1] - ring[i - 1]) * pixelMetres.y);
      perimeter += length;
      const along = (axis: number): boolean =>
        ring[i + axis] === ring[i + axis - 2] && isOnCut(ring[i + axis], piece.cellPixels);
      if (along(0) || along(1)) cuts += length;
    }
  }
  return 1 - cuts / perimeter;
}

function cellAt(column: number, row: number, side: number): Cell {
  return {
    ...{ column, row, left: cutAt(column, side), top: cutAt(row, side) },
    ...{ right: cutAt(column + 1, side), bottom: cutAt(row + 1, side) },
  };
}

/** First and last column (axis 0) or row (axis 1) that a ring reaches. */
function cellRange(ring: Float64Array, axis: 0 | 1, side: number): [number, number] {
  let least = Infinity;
  let most = -Infinity;
  for (let i = axis; i < ring.length; i += 2) {
    least = Math.min(least, ring[i]);
    most = Math.max(most, ring[i]);
  }
  return [cellOf(least, side), cellOf(most, side)];
}

function divideRing(ring: Float64Array, side: number, columns: number): Stretch[] {
  const count = ring.length / 2 - 1;
  const cuts: number[] = [];
  for (let i = 0; i < count; i++) {
    if (isOnCut(ring[2 * i], side) || isOnCut(ring[2 * i + 1], side)) cuts.push(i);
  }
  if (cuts.length === 0) return [{ cell: cellAfter(0), isRing: true, ring, start: 0, count }];
  return cuts.map((start, i) => {
    const next = cuts[(i + 1) % cuts.length];
    return { cell: cellAfter(start), isRing: false, ring, start, count: ((next - start + count - 1) % count) + 2 };
  });

  /** The cell of the piece of border that begins at a vertex. */
  function cellAfter(vertex: number): number {
    const column = cellOf((ring[2 * vertex] + ring[2 * vertex + 2]) / 2, side);
    return columns * cellOf((ring[2 * vertex + 1] + ring[2 * vertex + 3]) / 2, side) + column;
  }
}

/** Cells of whose upper side the region holds the middle: those that no ring enters are all inside or all outside. */
function* insideCells({ rings }: Region, side: number, columns: number): Generator<number> {
  const crossings = new Map<number, number[]>();
  for (const ring of rings) {
    for (let i = 1; i < ring.length - 2; i += 2) {
      if (!isOnCut(ring[i], side)) continue;
      const row = Math.round(ring[i] / side);
      const others = crossings.get(row);
      if (others) others.push(ring[i - 1]);
      else crossings.set(row, [ring[i - 1]]);
    }
  }
  for (const [row, xs] of crossings) {
    xs.sort((a, b) => a - b);
    let passed = 0;
    for (let column = 1; column < columns; column++) {
      const middle = (cutAt(column, side) + cutAt(column + 1, side)) / 2;
      while (passed < xs.length && xs[passed] < middle) passed++;
      if (passed % 2 === 1) yield row * columns + column;
    }
  }
}

/** Vertices in a cell, each with the one that follows it on the ring it is part of. */
interface Nodes {
  x: number[];
  y: number[];
  next: number[];
}

/** The polygons of one cell, in the order of their topmost, then leftmost vertex; their rings as a region's. */
function assemble(cell: Cell, stretches: readonly Stretch[]): Float64Array[][] {
  const nodes: Nodes = { x: [], y: [], next: [] };
  /** Where rings enter the cell and leave it. */
  const ends: { node: number; enters: boolean; at: number }[] = [];
  let shells = 0;
  for (const { isRing, ring, start, count } of stretches) {
    const first = nodes.x.length;
    const vertices = ring.length / 2 - 1;
    for (let i = 0; i < count; i++) {
      const from = 2 * ((start + i) % vertices);
      addNode(nodes, ring[from], ring[from + 1]);
    }
    const last = nodes.x.length - 1;
    if (isRing) {
      nodes.next[last] = first;
      if (areaOf(ring) < 0) shells++;
      continue;
    }
    for (const [node, enters] of [
      [first, true],
      [last, false],
    ] as const) {
      ends.push({ node, enters, at: placeOnSides(cell, nodes.x[node], nodes.y[node]) });
    }
  }
  if (ends.length > 0) joinEnds(nodes, cell, ends);
  else if (shells === 0) {
    const first = nodes.x.length;
    for (const { x, y } of cornersOf(cell)) addNode(nodes, x, y);
    nodes.next[nodes.x.length - 1] = first;
  }
  return polygonsOf(nodes);
}

/** A vertex that the next one to be added follows. */
function addNode({ x, y, next }: Nodes, atX: number, atY: number): void {
  x.push(atX);
  y.push(atY);
  next.push(x.length);
}

/** The corners of a cell, counter-clockwise as displayed, and how far along its sides they lie. */
function cornersOf({ left, top, right, bottom }: Cell) {
  const [width, height] = [right - left, bottom - top];
  return [
    { x: left, y: bottom, at: height },
    { x: right, y: bottom, at: height + width },
    { x: right, y: top, at: 2 * height + width },
    { x: left, y: top, at: 2 * height + 2 * width },
  ];
}

/** How far along the sides of a cell a point of them lies: counter-clockwise as displayed from its upper left corner. */
function placeOnSides({ left, top, right, bottom }: Cell, x: number, y: number): number {
  const [width, height] = [right - left, bottom - top];
  if (x === left) return y - top;
  if (y === bottom) return height + x - left;
  if (x === right) return height + width + bottom - y;
  return 2 * height + width + right - x;
}

/** Leads each ring that leaves the cell along its sides to the next that enters it. */
function joinEnds(nodes: Nodes, cell: Cell, ends: { node: number; enters: boolean; at: number }[]): void {
  ends.sort((a, b) => a.at - b.at || Number(a.enters) - Number(b.enters));
  const corners = cornersOf(cell);
  const around = corners[3].at;
  for (const [i, leaving] of ends.entries()) {
    if (leaving.enters) continue;
    const entering = ends[(i + 1) % ends.length];
    if (!entering.enters) throw new Error(`two borders leave the cell ${cell.column}/${cell.row} beside each other`);
    const until = entering.at > leaving.at ? entering.at : entering.at + around;
    let last = leaving.node;
    for (let corner = 0; corner < 8; corner++) {
      const { x, y, at } = corners[corner % 4];
      const passed = corner < 4 ? at : at + around;
      if (passed <= leaving.at || passed >= until) continue;
      nodes.next[last] = nodes.x.length;
      last = nodes.x.length;
      addNode(nodes, x, y);
    }
    nodes.next[last] = entering.node;
  }
}

/**
 * Where a region touches itself, its rings pass each other straight across. What connects both sides may lie in another
 * cell, so here rings turn back there, which makes each enclose one connected piece, and are then parted where they
 * touch themselves: the outer one into a shell and holes that touch it.
 */
function polygonsOf(nodes: Nodes): Float64Array[][] {
  const twins = turnBack(nodes);
  const seen = new Uint8Array(nodes.x.length);
  const polygons: DrawnRing[][] = [];
  const holes: DrawnRing[] = [];
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] !== 0) continue;
    const rings = partRing(nodes, twins, start, seen);
    if (rings.some(({ area }) => area < 0)) polygons.push(rings);
    else holes.push(...rings);
  }
  polygons.sort(([a], [b]) => a.y - b.y || a.x - b.x);
  const shells = polygons.map((rings) => rings.find(({ area }) => area < 0)!);
  for (const hole of holes) {
    const x = (hole.xy[0] + hole.xy[2]) / 2;
    const y = (hole.xy[1] + hole.xy[3]) / 2;
    const around = shells.keys().filter((i) => shells.length === 1 || isInside(shells[i].xy, x, y));
    const smallest = around.reduce((best, i) => (best < 0 || shells[i].area > shells[best].area ? i : best), -1);
    polygons[smallest].push(hole);
  }
  return polygons.map(orderRings);
}

/** Makes rings turn back where two of them touch; returns the other node there for each, or -1. */
function turnBack({ x, y, next }: Nodes): Int32Array {
  const twins = new Int32Array(x.length).fill(-1);
  const nodeAt = new Map<string, number>();
  for (let node = 0; node < x.length; node++) {
    const place = `${x[node]}/${y[node]}`;
    const twin = nodeAt.get(place);
    if (twin === undefined) nodeAt.set(place, node);
    else {
      twins[node] = twin;
      twins[twin] = node;
      [next[node], next[twin]] = [next[twin], next[node]];
    }
  }
  return twins;
}

/** The rings that the one through a node is made of, each without a point that it passes twice. */
function partRing({ x, y, next }: Nodes, twins: Int32Array, start: number, seen: Uint8Array): DrawnRing[] {
  const rings: DrawnRing[] = [];
  const path: number[] = [];
  const placeInPath = new Map<number, number>();
  const draw = (ring: readonly number[]): void => {
    const xy = Float64Array.from({ length: 2 * ring.length }, (_, i) => (i % 2 === 0 ? x : y)[ring[i >> 1]]);
    rings.push(drawRing(xy, 0, xy.length));
  };
  for (let node = start; seen[node] === 0; node = next[node]) {
    seen[node] = 1;
    if (twins[node] >= 0) {
      const twinPlace = placeInPath.get(twins[node]);
      if (twinPlace !== undefined) draw(path.splice(twinPlace));
      placeInPath.set(node, path.length);
    }
    path.push(node);
  }
  draw(path);
  return rings;
}

function areaOf(ring: Float64Array): number {
  return drawRing(ring, 0, ring.length - 2).area;
}

/** Whether a point that is not on a ring is inside of it: by the number of borders left of it. */
function isInside(ring: Float64Array, x: number, y: number): boolean {
  let inside = false;
  for (let i = 2; i < ring.length; i += 2) {
    const [ax, ay, bx, by] = [ring[i - 2], ring[i - 1], ring[i], ring[i + 1]];
    if (ay > y !== by > y && ax + ((y - ay) / (by - ay)) * (bx - ax) < x) inside = !inside;
  }
  return inside;
}
