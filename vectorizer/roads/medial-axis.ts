/**
 * The border of a surface in, its medial axis out: the Voronoi edges between border points that lie inside, pruned from
 * their tips by how much border they stand for.
 *
 * A Voronoi edge between two points of one ring says: the shorter way between them along the border is cut off by a disc.
 * How much longer that way is than the chord (the chord residual of Ogniewicz and Kübler, Hierarchic Voronoi skeletons,
 * 1995) grows from the tips inwards; at a square or round end of a strip of half-width r it stays below 1.2 r and jumps to
 * 2 r where the strip proper begins, whatever the strip's width. So corners, round ends and bumps lower than the strip is
 * wide grow no branch.
 */
import Delaunator from 'delaunator';
import { addLine, addNode, distance, type LineGraph, rounded } from './line-graph.ts';
import type { Border } from './surface-outline.ts';

const LEAST_RESIDUAL = 1.5;

export function medialAxis(border: Border): LineGraph {
  const count = border.x.length;
  const sketch: LineGraph = { x: [], y: [], radius: [], at: [] };
  if (count < 3) return sketch;
  const coordinates = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    coordinates[2 * i] = border.x[i];
    coordinates[2 * i + 1] = border.y[i];
  }
  const { triangles, halfedges } = new Delaunator(coordinates);
  const { centres, radii } = discs(coordinates, triangles);
  const kept = keepEdges(border, triangles, halfedges, centres);
  peel(border, triangles, halfedges, radii, kept);
  drawLines(sketch, halfedges, centres, radii, kept);
  return sketch;
}

/**
 * Of each triangle the centre of the circle through its corners, and how far it is from the border itself: along a straight
 * border with points s apart the square of that is s² / 6 less, in the mean, than that of the way to the points.
 */
function discs(coordinates: Float64Array, triangles: Uint32Array): { centres: Float64Array; radii: Float64Array } {
  const radii = new Float64Array(triangles.length / 3);
  const centres = new Float64Array(radii.length * 2);
  for (let t = 0; t < radii.length; t++) {
    const ax = coordinates[2 * triangles[3 * t]];
    const ay = coordinates[2 * triangles[3 * t] + 1];
    const bx = coordinates[2 * triangles[3 * t + 1]] - ax;
    const by = coordinates[2 * triangles[3 * t + 1] + 1] - ay;
    const cx = coordinates[2 * triangles[3 * t + 2]] - ax;
    const cy = coordinates[2 * triangles[3 * t + 2] + 1] - ay;
    const b = bx * bx + by * by;
    const c = cx * cx + cy * cy;
    const twice = 2 * (bx * cy - by * cx);
    const x = (cy * b - by * c) / twice;
    const y = (bx * c - cx * b) / twice;
    centres[2 * t] = ax + x;
    centres[2 * t + 1] = ay + y;
    const shortest = Math.min(b, c, (cx - bx) * (cx - bx) + (cy - by) * (cy - by));
    const square = x * x + y * y;
    radii[t] = Math.sqrt(shortest < square ? square - shortest / 6 : square);
  }
  return { centres, radii };
}

/** Marks the half-edges whose dual lies inside: where both border points have the middle of it on their surface side. */
function keepEdges(border: Border, triangles: Uint32Array, halfedges: Int32Array, centres: Float64Array): Uint8Array {
  const { x, y, ring, offsets } = border;
  const kept = new Uint8Array(halfedges.length);
  const inward = (point: number, mx: number, my: number): boolean => {
    const start = offsets[ring[point]];
    const end = offsets[ring[point] + 1];
    const before = point === start ? end - 1 : point - 1;
    const after = point + 1 === end ? start : point + 1;
    return (y[after] - y[before]) * (mx - x[point]) - (x[after] - x[before]) * (my - y[point]) > 0;
  };
  const follows = (p: number, q: number) =>
    ring[p] === ring[q] && (q === p + 1 || (q === offsets[ring[p]] && p + 1 === offsets[ring[p] + 1]));
  for (let edge = 0; edge < halfedges.length; edge++) {
    const twin = halfedges[edge];
    if (twin < edge) continue; // seen from the other side, or on the hull
    const p = triangles[edge];
    const q = triangles[twin];
    if (follows(p, q) || follows(q, p)) continue; // the dual crosses the border
    const a = Math.floor(edge / 3);
    const b = Math.floor(twin / 3);
    const mx = (centres[2 * a] + centres[2 * b]) / 2;
    const my = (centres[2 * a + 1] + centres[2 * b + 1]) / 2;
    if (!Number.isFinite(mx + my)) continue; // a triangle of collinear points
    if (inward(p, mx, my) && inward(q, mx, my)) {
      kept[edge] = 1;
      kept[twin] = 1;
    }
  }
  return kept;
}

/** Takes insignificant edges away, from the tips only, so that what was connected stays connected. */
function peel(
  border: Border,
  triangles: Uint32Array,
  halfedges: Int32Array,
  radii: Float64Array,
  kept: Uint8Array,
): void {
  const along = borderLengths(border);
  const onlyEdge = (t: number): number => {
    const degree = kept[3 * t] + kept[3 * t + 1] + kept[3 * t + 2];
    return degree === 1 ? 3 * t + (kept[3 * t] ? 0 : kept[3 * t + 1] ? 1 : 2) : -1;
  };
  const significant = (edge: number): boolean => {
    const p = triangles[edge];
    const q = triangles[halfedges[edge]];
    const ring = border.ring[p];
    if (ring !== border.ring[q]) return true;
    const total = along.totals[ring];
    const direct = Math.abs(along.at[p] - along.at[q]);
    const chord = distance(border.x[p] - border.x[q], border.y[p] - border.y[q]);
    const radius = radii[Math.floor(edge / 3)];
    return Math.min(direct, total - direct) - chord > LEAST_RESIDUAL * radius;
  };
  for (let first = 0; first < triangles.length / 3; first++) {
    let t = first;
    for (let edge = onlyEdge(t); edge >= 0 && !significant(edge); edge = onlyEdge(t)) {
      kept[edge] = 0;
      kept[halfedges[edge]] = 0;
      t = Math.floor(halfedges[edge] / 3);
    }
  }
}

function borderLengths({ offsets, x, y }: Border): { at: Float64Array; totals: Float64Array } {
  const at = new Float64Array(x.length);
  const totals = new Float64Array(offsets.length - 1);
  for (let ring = 0; ring + 1 < offsets.length; ring++) {
    const [start, end] = [offsets[ring], offsets[ring + 1]];
    for (let i = start + 1; i < end; i++) at[i] = at[i - 1] + distance(x[i] - x[i - 1], y[i] - y[i - 1]);
    totals[ring] = at[end - 1] + distance(x[start] - x[end - 1], y[start] - y[end - 1]);
  }
  return { at, totals };
}

/**
 * Chains of edges between triangles that are not passed straight through become lines; the others become nodes. Nodes are
 * in the order of their places, so that parts of a map are in the order they have in the whole.
 */
function drawLines(
  sketch: LineGraph,
  halfedges: Int32Array,
  centres: Float64Array,
  radii: Float64Array,
  kept: Uint8Array,
): void {
  const count = radii.length;
  const nodeOf = new Int32Array(count).fill(-1);
  const degree = (t: number): number => kept[3 * t] + kept[3 * t + 1] + kept[3 * t + 2];
  const node = (t: number): number => {
    if (nodeOf[t] < 0) nodeOf[t] = addNode(sketch, centres[2 * t], centres[2 * t + 1], radii[t]);
    return nodeOf[t];
  };
  const walk = (start: number, firstEdge: number): void => {
    const line = { from: node(start), to: 0, x: [] as number[], y: [] as number[], radius: [] as number[] };
    const add = (t: number) => {
      line.x.push(centres[2 * t]);
      line.y.push(centres[2 * t + 1]);
      line.radius.push(radii[t]);
    };
    add(start);
    let edge = firstEdge;
    for (;;) {
      const twin = halfedges[edge];
      kept[edge] = 2;
      kept[twin] = 2;
      const t = Math.floor(twin / 3);
      add(t);
      edge = -1;
      if (nodeOf[t] < 0) for (let e = 3 * t; e < 3 * t + 3; e++) if (kept[e] === 1) edge = e;
      if (edge < 0) {
        line.to = node(t);
        addLine(sketch, line);
        return;
      }
    }
  };
  const order = (a: number, b: number) =>
    rounded(centres[2 * a + 1]) - rounded(centres[2 * b + 1]) || rounded(centres[2 * a]) - rounded(centres[2 * b]);
  const ends: number[] = [];
  for (let t = 0; t < count; t++) if (degree(t) === 1 || degree(t) === 3) ends.push(t);
  ends.sort(order);
  for (const t of ends) node(t);
  for (const t of ends) for (let e = 3 * t; e < 3 * t + 3; e++) if (kept[e] === 1) walk(t, e);
  // What is left are closed lines without a junction.
  const closed: number[] = [];
  for (let t = 0; t < count; t++)
    if (kept[3 * t] === 1 || kept[3 * t + 1] === 1 || kept[3 * t + 2] === 1) closed.push(t);
  closed.sort(order);
  for (const t of closed) for (let e = 3 * t; e < 3 * t + 3; e++) if (kept[e] === 1) walk(t, e);
}
