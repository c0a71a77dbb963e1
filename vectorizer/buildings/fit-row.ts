/**
 * Buildings that share walls become regular together: the outline of the whole row is regularised as one, then each
 * shared wall is drawn once, in the row's directions, up to where it meets that outline. So facades run through and
 * neighbours share their wall to the last bit.
 */

import { crossingOf, placeOf } from './corners.ts';
import { doubleArea, type FitOptions, kindOf, pricesOf, wallsAt, wallsAtBestAngle, withinRightAngle } from './fit.ts';
import { type Frame, frameOf, sampleLine, sampleOutline } from './outline.ts';
import { drawRings, OPEN, outlinesOf, type Row } from './party-walls.ts';
import { intersectionOverUnion } from './polygon-iou.ts';
import { isValidPolygon, segmentsTouch } from './predicates.ts';
import { simplifyLine, simplifyRing } from './simplify-ring.ts';
import { type Prices, partIntoWalls, project, type Wall } from './walls.ts';

/** Per building its rings, in pixels. */
export type RowShapes = Map<number, Float64Array[]>;

export interface RowFit {
  shapes: RowShapes;
  ious: Map<number, number>;
  /** Of the row as a whole. */
  kind: 'rectilinear' | 'diagonal';
  angle: number;
}

/** How far from its place in the map a shared wall may meet the outline, in tolerances. */
const REACH = 3;

/** Corners of a regularised outline in metres, and where the shared walls meet it: by place in the map. */
interface RegularOutline {
  arcs: number[];
  /** Wall i begins at corner i. */
  walls: Wall[];
  corners: Float64Array;
  feet: Map<string, Foot>;
}

interface Foot {
  edge: number;
  along: number;
  x: number;
  y: number;
}

/** The regular shapes of a row, or null where there are none that agree with every building. */
export function fitRow(row: Row, exact: RowShapes, options: FitOptions): RowFit | null {
  const chains = outlinesOf(row);
  if (!chains) return null;
  const rings = chains.map((arcs) => ringOf(row, arcs));
  const areas = rings.map((ring) => Math.abs(doubleArea(ring)));
  const shell = areas.indexOf(Math.max(...areas));
  const frame = frameOf(rings[shell], options.pixelMetresX, options.pixelMetresY);
  const prices = pricesOf(options.toleranceMetres);
  const best = wallsAtBestAngle(rings[shell], sampleOutline(rings[shell], frame), frame, prices);
  if (!best) return null;
  const { angle } = best.projection;
  const outlines: RegularOutline[] = [];
  for (const [number, ring] of rings.entries()) {
    const shape = wallsAt(sampleOutline(ring, frame), angle, prices);
    if (!shape) return null;
    outlines.push({ arcs: chains[number], ...shape, feet: new Map() });
  }
  const drawn = drawSharedWalls(row, outlines, angle, frame, prices);
  if (!drawn || !drawOpenArcs(row, outlines, frame, drawn)) return null;
  if (!arcsAreApart(drawn)) return null;
  const shapes = drawRings(row, drawn);
  const ious = new Map<number, number>();
  for (const [building, shape] of shapes) {
    if (!isValidPolygon(shape)) return null;
    const iou = intersectionOverUnion(exact.get(building)!, shape);
    if (iou < options.minIou) return null;
    ious.set(building, iou);
  }
  return { shapes, ious, kind: kindOf(outlines), angle: withinRightAngle(angle) };
}

function ringOf(row: Row, arcs: readonly number[]): Float64Array {
  const points = arcs.flatMap((arc) => row.arcs[arc].points.slice(0, -2));
  points.push(points[0], points[1]);
  return Float64Array.from(points);
}

/** Draws the shared walls, in pixels, and notes where they meet the outlines; the open arcs stay empty. */
function drawSharedWalls(
  row: Row,
  outlines: readonly RegularOutline[],
  angle: number,
  frame: Frame,
  prices: Prices,
): number[][] | null {
  const places = new Map<string, RegularOutline>();
  for (const outline of outlines) {
    for (const arc of outline.arcs) places.set(row.arcs[arc].points.slice(0, 2).join(), outline);
  }
  const drawn: number[][] = [];
  for (const { points, neighbour } of row.arcs) {
    if (neighbour === OPEN) {
      drawn.push([]);
      continue;
    }
    const samples = sampleLine(points, frame);
    const walls = partIntoWalls(samples, project(samples, angle), prices, false);
    if (!walls) return null;
    const feet: Foot[] = [];
    const ends: [number, Wall][] = [
      [0, walls[0]],
      [points.length - 2, walls[walls.length - 1]],
    ];
    for (const [end, wall] of ends) {
      const outline = places.get(points.slice(end, end + 2).join());
      if (!outline || outline.feet.has(points.slice(end, end + 2).join())) return null;
      const corner = cornerInLine(wall, outline, points[end], points[end + 1], frame, prices.shortestMetres);
      if (corner && (walls.length > 1 || feet.length === 0)) feet[end === 0 ? 0 : 1] = corner;
    }
    for (const [end, wall] of ends) {
      const place = points.slice(end, end + 2).join();
      const outline = places.get(place)!;
      const { corners } = outline;
      const foot =
        feet[end === 0 ? 0 : 1] ??
        footOf(wall, angle, corners, points[end], points[end + 1], frame, prices.shortestMetres);
      if (!foot) return null;
      feet[end === 0 ? 0 : 1] = foot;
      outline.feet.set(place, foot);
    }
    const line = [...placeOf(feet[0].x, feet[0].y, frame)];
    for (let i = 1; i < walls.length; i++) {
      line.push(...placeOf(...crossingOf(angle, walls[i - 1], walls[i]), frame));
    }
    line.push(...placeOf(feet[1].x, feet[1].y, frame));
    drawn.push(line);
  }
  return drawn;
}

/** A corner of the outline next to a pixel corner where a shared wall goes on as an outer one: puts it in line. */
function cornerInLine(
  wall: Wall,
  { walls, corners }: RegularOutline,
  cornerX: number,
  cornerY: number,
  frame: Frame,
  toleranceMetres: number,
): Foot | null {
  const x = (cornerX - frame.centreX) * frame.pixelMetresX;
  const y = (cornerY - frame.centreY) * frame.pixelMetresY;
  let nearest = 1.5 * toleranceMetres;
  let foot: Foot | null = null;
  for (const [i, after] of walls.entries()) {
    const before = walls[(i + walls.length - 1) % walls.length];
    const distance = Math.hypot(corners[2 * i] - x, corners[2 * i + 1] - y);
    const outer = [before, after].find(({ direction }) => direction === wall.direction);
    if (!outer || distance >= nearest) continue;
    nearest = distance;
    foot = { edge: i, along: 0, x: corners[2 * i], y: corners[2 * i + 1] };
    wall.offset = outer.offset;
  }
  return foot;
}

/** Where a wall's line meets the outline next to a pixel corner. */
function footOf(
  wall: Wall,
  angle: number,
  corners: Float64Array,
  cornerX: number,
  cornerY: number,
  frame: Frame,
  toleranceMetres: number,
): Foot | null {
  const sin = Math.sin(angle + (wall.direction * Math.PI) / 4);
  const cos = Math.cos(angle + (wall.direction * Math.PI) / 4);
  const x = (cornerX - frame.centreX) * frame.pixelMetresX;
  const y = (cornerY - frame.centreY) * frame.pixelMetresY;
  let nearest = REACH * toleranceMetres;
  let foot: Foot | null = null;
  for (let i = 0; i < corners.length; i += 2) {
    const j = (i + 2) % corners.length;
    const from = cos * corners[i + 1] - sin * corners[i] - wall.offset;
    const to = cos * corners[j + 1] - sin * corners[j] - wall.offset;
    if (from > 0 === to > 0 || Math.abs(from - to) < 1e-6) continue;
    const along = from / (from - to);
    const footX = corners[i] + along * (corners[j] - corners[i]);
    const footY = corners[i + 1] + along * (corners[j + 1] - corners[i + 1]);
    const distance = Math.hypot(footX - x, footY - y);
    if (distance >= nearest) continue;
    nearest = distance;
    foot = { edge: i / 2, along, x: footX, y: footY };
  }
  return foot;
}

/** Draws the open arcs along their outlines, from foot to foot. */
function drawOpenArcs(row: Row, outlines: readonly RegularOutline[], frame: Frame, drawn: number[][]): boolean {
  for (const { arcs, corners, feet } of outlines) {
    const count = corners.length / 2;
    for (const arc of arcs) {
      const { points } = row.arcs[arc];
      const line = drawn[arc];
      if (feet.size === 0) {
        for (let i = 0; i <= count; i++) {
          line.push(...placeOf(corners[2 * (i % count)], corners[2 * (i % count) + 1], frame));
        }
        continue;
      }
      const from = feet.get(points.slice(0, 2).join());
      const to = feet.get(points.slice(-2).join());
      if (!from || !to) return false;
      line.push(...placeOf(from.x, from.y, frame));
      const ahead = (to.edge - from.edge + count) % count;
      const between = ahead === 0 && (to.along < from.along || to === from) ? count : ahead;
      for (let i = 1; i <= between; i++) {
        if (i === between && to.along === 0) break; // the foot itself
        const corner = 2 * ((from.edge + i) % count);
        line.push(...placeOf(corners[corner], corners[corner + 1], frame));
      }
      line.push(...placeOf(to.x, to.y, frame));
    }
  }
  return true;
}

/** Whether arcs meet in their ends only. */
function arcsAreApart(drawn: readonly (readonly number[])[]): boolean {
  for (let a = 0; a < drawn.length; a++) {
    for (let b = a + 1; b < drawn.length; b++) {
      for (let i = 0; i + 3 < drawn[a].length; i += 2) {
        for (let j = 0; j + 3 < drawn[b].length; j += 2) {
          if (!segmentsTouch(drawn[a], i, drawn[b], j)) continue;
          const shareEnd = [i, i + 2].some((p) =>
            [j, j + 2].some((q) => drawn[a][p] === drawn[b][q] && drawn[a][p + 1] === drawn[b][q + 1]),
          );
          if (!shareEnd) return false;
        }
      }
    }
  }
  return true;
}

/** The row with each arc simplified for itself, or null where that is no set of valid polygons. */
export function simplifyRow(row: Row, toleranceMetres: number, options: FitOptions): RowShapes | null {
  const drawn = row.arcs.map(({ points }) => {
    const isLoop = points[0] === points[points.length - 2] && points[1] === points[points.length - 1];
    if (isLoop) return [...simplifyRing(Float64Array.from(points), toleranceMetres, options)];
    return simplifyLine(points, toleranceMetres, options);
  });
  if (!arcsAreApart(drawn)) return null;
  const shapes = drawRings(row, drawn);
  return [...shapes.values()].every(isValidPolygon) ? shapes : null;
}
