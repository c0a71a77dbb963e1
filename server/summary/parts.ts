/** The parts of a job's summary, each with all of its rows; every figure's definition is in docs/user.md. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { roleOf } from '../../models/class-roles.ts';
import type { Bbox, JobReport } from '../api/index.ts';
import { cellAt, cellM2, cellPolygon, cellsCovering, resolutionFor } from '../geometry/h3-cells.ts';
import { parseWkb } from '../geometry/wkb.ts';
import type { Queryable } from '../store/database/database.ts';
import { sumByZone } from '../store/tables/aggregate.ts';
import {
  type FoundBuilding,
  type FoundRoad,
  foundBuildings,
  foundRoads,
  foundShapes,
  keyOfDone,
  type RoadFace,
  roadFaces,
} from '../store/tables/found-shapes.ts';
import { cellSums } from './cell-sums.ts';
import { type Ground, type GroundGrid, groundGrid } from './ground-grid.ts';
import { type Landmark, landmarksOf } from './landmarks.ts';
import { betweennessOf, degreesOf, widthClass } from './road-network.ts';

/** A finished job and what the summary needs to know of it. */
export interface SummedJob {
  id: string;
  key: number;
  /** Of the scene. */
  bbox: Bbox;
  report: Pick<JobReport, 'classes' | 'areas_m2'>;
}

export async function summedJob(q: Queryable, job: Omit<SummedJob, 'key'>): Promise<SummedJob> {
  return { ...job, key: await keyOfDone(q, job.id) };
}

/** Cells of the finest of these resolutions of which so many cover the scene. */
const [MOST_CELLS, FINEST_CELLS] = [500, 10];
/** With less, rounding has mapped it. */
const LEAST_MAPPED_M2 = 0.01;

export interface CellRow {
  cell: string;
  mapped_m2: number;
  /** Of the cell. */
  mapped_share: number;
  built_up_m2: number;
  built_up_share: number;
  buildings: number;
  buildings_per_km2: number;
}

/** Built-up ground and buildings by cell of the H3 grid; only cells in which something is mapped. */
export async function cellRows(q: Queryable, job: SummedJob): Promise<{ resolution: number; rows: CellRow[] }> {
  const resolution = resolutionFor(unwrapped(job.bbox), MOST_CELLS, FINEST_CELLS);
  const cells = cellsCovering(boxesOf(job.bbox), resolution);
  const sums = cellSums(cells.map(cellPolygon));
  const [mapped, built] = [new Float64Array(cells.length), new Float64Array(cells.length)];
  const isBuilt = roleNames(job, 'building');
  for await (const page of foundShapes(q, job.key, 'landuse')) {
    for (const { class: name, area_m2, geometry } of page) {
      const { parts } = parseWkb(geometry);
      sums.add(parts, area_m2, mapped);
      if (isBuilt(name)) sums.add(parts, area_m2, built);
    }
    await nextTurn();
  }
  const counts = new Map<string, number>();
  for (const { lon, lat } of await foundBuildings(q, job.key)) {
    const cell = cellAt(lon, lat, resolution);
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  const rows = cells.flatMap((cell, i): CellRow[] => {
    const mapped_m2 = mapped[i]!;
    if (!(mapped_m2 > LEAST_MAPPED_M2)) return [];
    const built_up_m2 = Math.max(0, built[i]!);
    const buildings = counts.get(cell) ?? 0;
    return [
      {
        ...{ cell, mapped_m2, mapped_share: Math.min(1, mapped_m2 / cellM2(cell)) },
        ...{ built_up_m2, built_up_share: Math.min(1, built_up_m2 / mapped_m2) },
        ...{ buildings, buildings_per_km2: (buildings / mapped_m2) * 1e6 },
      },
    ];
  });
  return { resolution, rows };
}

/** Smaller faces are islands of roundabouts and gores of junctions; of more than so many the largest are taken. */
const LEAST_BLOCK_M2 = 500;
const MOST_BLOCKS = 2000;

export interface BlockRow extends RoadFace {
  building_m2: number;
  building_coverage: number;
  buildings: number;
}

/** Faces that roads close, largest first, and how many smaller ones were left out. */
export async function blockRows(q: Queryable, job: SummedJob): Promise<{ rows: BlockRow[]; leftOut: number }> {
  const { faces, total } = await roadFaces(q, job.key, LEAST_BLOCK_M2, MOST_BLOCKS);
  const zones = faces.map(({ polygon }) => JSON.parse(polygon));
  const sums = await sumByZone(q, { collection: 'buildings', job: job.id }, zones);
  const rows = faces.map((face, i): BlockRow => {
    const building_m2 = sum(sums[i]!.classes, ({ area_m2 }) => area_m2);
    const buildings = sum(sums[i]!.classes, ({ count }) => count);
    return { ...face, building_m2, building_coverage: building_m2 / face.area_m2, buildings };
  });
  return { rows, leftOut: total - faces.length };
}

const [LARGEST, MOST_LANDMARKS] = [5, 20];

export async function landmarkRows(q: Queryable, job: SummedJob): Promise<Landmark[]> {
  const buildings = (await foundBuildings(q, job.key)).map(({ id, area_m2, perimeter_m, lon, lat }) => ({
    ...{ id, areaM2: area_m2, perimeterM: perimeter_m, lon, lat },
  }));
  return landmarksOf(buildings, LARGEST, MOST_LANDMARKS);
}

export interface RoadRow extends FoundRoad {
  width_class: number | null;
  betweenness: number;
}

export interface Roads {
  rows: RoadRow[];
  junctions: number;
  /** Ends of one road, without those at the border of what is mapped. */
  dead_ends: number;
  cut_off: number;
  /** Nodes from which ways were looked at, and all there are. */
  sources: number;
  nodes: number;
}

export async function roadRows(q: Queryable, job: SummedJob, grid: GroundGrid): Promise<Roads> {
  const found = await foundRoads(q, job.key);
  const roads = found.map(({ id, from_node, to_node, length_m, width_m }) => ({
    ...{ id, from: from_node, to: to_node, lengthM: length_m, widthM: width_m },
  }));
  const degrees = degreesOf(roads);
  let [deadEnds, cutOff] = [0, 0];
  for (const { from_node, to_node, ends } of found) {
    for (const [i, node] of [from_node, to_node].entries()) {
      if (degrees.get(node) !== 1) continue;
      if (ends && isAtBorder(grid, ends[2 * i]!, ends[2 * i + 1]!)) cutOff++;
      else deadEnds++;
    }
  }
  const { shares, sources, nodes } = await betweennessOf(roads);
  return {
    rows: found.map((road, i) => ({ ...road, width_class: widthClass(road.width_m), betweenness: shares[i]! })),
    junctions: [...degrees.values()].filter((degree) => degree >= 3).length,
    ...{ dead_ends: deadEnds, cut_off: cutOff, sources, nodes },
  };
}

/** Where so much of a circle around an end is not mapped, the image ends and not the road. */
const [BORDER_M, MAPPED_SHARE] = [15, 0.8];
const isAtBorder = (grid: GroundGrid, lon: number, lat: number): boolean =>
  (grid.within(lon, lat, Math.max(BORDER_M, 3 * grid.stepM))?.known ?? 0) < MAPPED_SHARE;

export const RADIUS_M = 300;

export interface SurroundingsRow extends Pick<FoundBuilding, 'id' | 'lon' | 'lat'> {
  /** Of the mapped ground within RADIUS_M of the building's centroid; null where the network tells none. */
  green_share: number | null;
  water_share: number | null;
  /** Of that circle. */
  mapped_share: number;
}

export async function surroundingsRows(q: Queryable, job: SummedJob, grid: GroundGrid): Promise<SurroundingsRow[]> {
  const missing = notTold(job);
  return (await foundBuildings(q, job.key)).flatMap(({ id, lon, lat }): SurroundingsRow[] => {
    const shares = grid.within(lon, lat, RADIUS_M);
    if (!shares) return [];
    const green_share = missing.includes('vegetation') ? null : shares.green;
    const water_share = missing.includes('water') ? null : shares.water;
    return [{ id, lon, lat, green_share, water_share, mapped_share: shares.known }];
  });
}

/** Land use of a job, sampled. */
export async function groundOf(q: Queryable, job: SummedJob): Promise<GroundGrid> {
  const grid = groundGrid(job.bbox);
  const [isGreen, isWater] = [roleNames(job, 'vegetation'), roleNames(job, 'water')];
  for await (const page of foundShapes(q, job.key, 'landuse')) {
    for (const { class: name, geometry } of page) {
      const ground: Ground = isGreen(name) ? 'green' : isWater(name) ? 'water' : 'other';
      for (const rings of parseWkb(geometry).parts) grid.add(rings, ground);
    }
    await nextTurn();
  }
  return grid;
}

const ROLES = ['building', 'road', 'vegetation', 'water'] as const;

/** Of which the job's network has no class; of none where its report does not say which it has. */
export function notTold({ report: { classes } }: SummedJob): (typeof ROLES)[number][] {
  if (!classes) return [];
  const told = classes.map(roleOf);
  return ROLES.filter((role) => !told.includes(role));
}

/** Whether a class has a role: said with the network, or read off its name. */
function roleNames({ report }: SummedJob, role: string): (name: string) => boolean {
  const known = new Map(report.classes?.map((each) => [each.name, each.role]));
  return (name) => roleOf({ name, role: known.get(name) }) === role;
}

export function sum<Each>(all: readonly Each[], of: (each: Each) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}

const unwrapped = ([west, south, east, north]: Bbox): Bbox => [west, south, east < west ? east + 360 : east, north];
const boxesOf = (box: Bbox): Bbox[] => {
  const [west, south, east, north] = box;
  if (west <= east) return [box];
  return [
    [west, south, 180, north],
    [-180, south, east, north],
  ];
};
