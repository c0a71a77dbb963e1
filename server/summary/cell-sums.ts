/**
 * Areas by convex cells: how much of each polygon lies in which. Rings are clipped (Sutherland and Hodgman 1974), of
 * which areas come out right also where what is left hangs together by lines without a width.
 */
import type { MultiPolygon, Polygon } from 'geojson';

/** Of one convex part of a cell. */
interface Part {
  cell: number;
  /** Counter-clockwise, closed: x, y, x, y, … in degrees. */
  ring: Float64Array;
  box: Box;
}

type Box = [west: number, south: number, east: number, north: number];
type Rings = readonly Float64Array[];

export interface CellSums {
  /** A polygon's rings in degrees, closed, in parts of one or several; `areaM2` is shared out. */
  add(parts: readonly Rings[], areaM2: number, sums: Float64Array): void;
}

/** @param cells whose parts are convex, with straight sides in degrees */
export function cellSums(cells: readonly (Polygon | MultiPolygon)[]): CellSums {
  const all = cells.flatMap((each, cell) => {
    const polygons = each.type === 'Polygon' ? [each.coordinates] : each.coordinates;
    return polygons.map(([shell]): Part => {
      const ring = Float64Array.from(shell!.flat());
      const counterClockwise = equalArea([ring]) >= 0 ? ring : reversed(ring);
      return { cell, ring: counterClockwise, box: boxOf([ring]) };
    });
  });
  return {
    add(parts, areaM2, sums) {
      const whole = parts.reduce((sum, rings) => sum + equalArea(rings), 0);
      if (whole === 0) return;
      for (const rings of parts) {
        const box = boxOf(rings);
        share(
          rings,
          all.filter((part) => meet(part.box, box)),
          (cell, area) => {
            sums[cell]! += (area / whole) * areaM2;
          },
        );
      }
    },
  };
}

/** Among how many cells a polygon is not halved any more. */
const FEW = 4;

/** Halves a polygon until few cells are left for each half: its corners are not held against all cells. */
function share(rings: Rings, cells: readonly Part[], take: (cell: number, area: number) => void): void {
  if (cells.length <= FEW) {
    for (const { cell, ring } of cells) {
      let left = rings;
      for (let i = 0; i < ring.length - 2; i += 2) {
        const [x0, y0, x1, y1] = [ring[i]!, ring[i + 1]!, ring[i + 2]!, ring[i + 3]!];
        left = clipped(left, y0 - y1, x1 - x0, (y1 - y0) * x0 - (x1 - x0) * y0);
      }
      const area = equalArea(left);
      if (area !== 0) take(cell, area);
    }
    return;
  }
  const [west, south, east, north] = boxOf(cells.map(({ ring }) => ring));
  const axis = east - west > north - south ? 0 : 1;
  const sorted = cells.toSorted((a, b) => a.box[axis] - b.box[axis]);
  const half = sorted.length >> 1;
  const [first, second] = [sorted.slice(0, half), sorted.slice(half)];
  const most = first.reduce((farthest, { box }) => Math.max(farthest, box[axis + 2]!), Number.NEGATIVE_INFINITY);
  const least = second[0]!.box[axis];
  const [a, b] = axis === 0 ? [1, 0] : [0, 1];
  for (const [left, some] of [
    [clipped(rings, -a, -b, most), first],
    [clipped(rings, a, b, -least), second],
  ] as const) {
    if (left.length > 0) share(left, some, take);
  }
}

/** What of rings lies where a·x + b·y + c is at least 0; rings of which nothing does are gone. */
function clipped(rings: Rings, a: number, b: number, c: number): Rings {
  const kept: Float64Array[] = [];
  for (const ring of rings) {
    const points: number[] = [];
    for (let i = 0; i < ring.length - 2; i += 2) {
      const [x0, y0, x1, y1] = [ring[i]!, ring[i + 1]!, ring[i + 2]!, ring[i + 3]!];
      const [from, to] = [a * x0 + b * y0 + c, a * x1 + b * y1 + c];
      if (from >= 0) points.push(x0, y0);
      if ((from > 0 && to < 0) || (from < 0 && to > 0)) {
        const at = from / (from - to);
        points.push(x0 + at * (x1 - x0), y0 + at * (y1 - y0));
      }
    }
    if (points.length < 6) continue;
    points.push(points[0]!, points[1]!);
    kept.push(Float64Array.from(points));
  }
  return kept;
}

/**
 * On the sphere, of rings with sides straight in degrees whose holes run the other way: the integral of the sine of the
 * latitude over longitudes, by Simpson's rule, so that it does not matter where sides are cut.
 */
function equalArea(rings: Rings): number {
  let below = 0;
  for (const ring of rings) {
    const base = Math.sin(ring[1]! * RADIAN);
    let from = 0;
    for (let i = 2; i < ring.length; i += 2) {
      const to = Math.sin(ring[i + 1]! * RADIAN) - base;
      const middle = Math.sin(((ring[i - 1]! + ring[i + 1]!) / 2) * RADIAN) - base;
      below += ((ring[i]! - ring[i - 2]!) * (from + 4 * middle + to)) / 6;
      from = to;
    }
  }
  return -below;
}

const RADIAN = Math.PI / 180;

function boxOf(rings: Rings): Box {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      if (ring[i]! < box[0]) box[0] = ring[i]!;
      if (ring[i + 1]! < box[1]) box[1] = ring[i + 1]!;
      if (ring[i]! > box[2]) box[2] = ring[i]!;
      if (ring[i + 1]! > box[3]) box[3] = ring[i + 1]!;
    }
  }
  return box;
}

const meet = (a: Box, b: Box): boolean => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];

function reversed(ring: Float64Array): Float64Array {
  const points = Array.from({ length: ring.length / 2 }, (_, i) => ring.subarray(2 * i, 2 * i + 2)).reverse();
  return Float64Array.from(points.flatMap((point) => [...point]));
}
