/** Boxes in degrees → the cells of the H3 grid (Uber, 2018) that cover them, as polygons in degrees. */

import type { MultiPolygon, Polygon, Position } from 'geojson';
import {
  cellToBoundary,
  getHexagonAreaAvg,
  latLngToCell,
  POLYGON_TO_CELLS_FLAGS,
  polygonToCellsExperimental,
  UNITS,
} from 'h3-js';
import { Problem } from '../../errors/problem.ts';
import type { Bbox } from '../api/index.ts';

export const MOST_CELLS = 10_000;

const RADIUS = 6_371_007;

/** Throws Problem bad_request where there would be more than `MOST_CELLS`. */
export function cellsCovering(boxes: readonly Bbox[], resolution: number): string[] {
  const cellM2 = getHexagonAreaAvg(resolution, UNITS.m2);
  const expected = boxes.reduce((sum, box) => sum + areaOf(box) / cellM2 + outlineOf(box) / Math.sqrt(cellM2), 0);
  const cells = new Set<string>();
  if (expected <= 2 * MOST_CELLS) {
    for (const [west, south, east, north] of boxes) {
      const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]; // biome-ignore format: a box
      const flag = POLYGON_TO_CELLS_FLAGS.containmentOverlapping;
      for (const cell of polygonToCellsExperimental([ring], resolution, flag, true)) cells.add(cell);
      // A box without an extent lies in one.
      cells.add(latLngToCell(south, west, resolution));
      if (cells.size > MOST_CELLS) break;
    }
    if (cells.size <= MOST_CELLS) return [...cells].sort();
  }
  const detail = `Cells of resolution ${resolution} would be more than ${MOST_CELLS}; take a coarser one, or one job or scene.`;
  throw new Problem('bad_request', detail);
}

/** The finest resolution, up to `finest`, of which about so many cells at most cover a box. */
export function resolutionFor(box: Bbox, mostCells: number, finest: number): number {
  for (let resolution = finest; resolution > 0; resolution--) {
    if (areaOf(box) / getHexagonAreaAvg(resolution, UNITS.m2) <= mostCells) return resolution;
  }
  return 0;
}

export const cellAt = (lon: number, lat: number, resolution: number): string => latLngToCell(lat, lon, resolution);

function areaOf([west, south, east, north]: Bbox): number {
  const radians = Math.PI / 180;
  return RADIUS ** 2 * (east - west) * radians * (Math.sin(north * radians) - Math.sin(south * radians));
}

/** In metres: of a box without a width, cells lie along it all the same. */
function outlineOf([west, south, east, north]: Bbox): number {
  const widest = Math.cos((south * north < 0 ? 0 : Math.min(Math.abs(south), Math.abs(north))) * (Math.PI / 180));
  return RADIUS * (Math.PI / 180) * (Math.max(0, east - west) * widest + (north - south));
}

/** A cell across the 180th meridian is cut there. */
export function cellPolygon(cell: string): Polygon | MultiPolygon {
  const ring = cellToBoundary(cell, true) as Position[];
  const lons = ring.map(([lon]) => lon!);
  if (Math.max(...lons) - Math.min(...lons) <= 180) return { type: 'Polygon', coordinates: [ring] };
  const shifted = ring.map(([lon, lat]) => [lon! < 0 ? lon! + 360 : lon!, lat!]);
  const west = cut(shifted, (lon) => 180 - lon);
  const east = cut(shifted, (lon) => lon - 180).map(([lon, lat]) => [lon! - 360, lat!]);
  return { type: 'MultiPolygon', coordinates: [[west], [east]] };
}

/** The part of a convex ring where `inside` of the longitude is at least 0 (Sutherland and Hodgman, 1974). */
function cut(ring: readonly Position[], inside: (lon: number) => number): Position[] {
  const kept: Position[] = [];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [from, to] = [ring[i]!, ring[i + 1]!];
    const [a, b] = [inside(from[0]!), inside(to[0]!)];
    if (a >= 0) kept.push(from);
    if (a * b < 0) {
      const share = a / (a - b);
      kept.push([from[0]! + share * (to[0]! - from[0]!), from[1]! + share * (to[1]! - from[1]!)]);
    }
  }
  return [...kept, kept[0]!];
}
