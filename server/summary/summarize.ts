/** All parts of a summary as the figures that people read. */
import type { Summary } from '../api/summary.ts';
import type { Queryable } from '../store/database/database.ts';
import { median } from './landmarks.ts';
import {
  blockRows,
  cellRows,
  groundOf,
  landmarkRows,
  notTold,
  RADIUS_M,
  type RoadRow,
  roadRows,
  type SummedJob,
  sum,
  surroundingsRows,
} from './parts.ts';
import { WIDTHS_M } from './road-network.ts';

const MAIN_ROADS = 5;
/** Of a cell: with less of it mapped, it is not held against others. */
const MOSTLY_MAPPED = 0.5;
/** Of the ground around a building: with less, it has no green to speak of. */
const HARDLY_GREEN = 0.05;

export async function summarize(q: Queryable, job: SummedJob): Promise<Summary> {
  const grid = await groundOf(q, job);
  const cells = await cellRows(q, job);
  const blocks = await blockRows(q, job);
  const landmarks = await landmarkRows(q, job);
  const roads = await roadRows(q, job, grid);
  const around = await surroundingsRows(q, job, grid);

  const mapped = sum(Object.values(job.report.areas_m2), (area) => area);
  const buildings = sum(cells.rows, (row) => row.buildings);
  const built = sum(cells.rows, (row) => row.built_up_m2);
  const inCells = sum(cells.rows, (row) => row.mapped_m2);
  const whole = cells.rows.filter(({ mapped_share }) => mapped_share >= MOSTLY_MAPPED);
  const densest = whole.reduce<(typeof whole)[number] | null>(
    (most, row) => (row.built_up_share > (most?.built_up_share ?? 0) ? row : most),
    null,
  );
  const [green, water] = (['green_share', 'water_share'] as const).map((name) =>
    around.map((row) => row[name]).filter((share) => share !== null),
  ) as [number[], number[]];
  const blockArea = sum(blocks.rows, ({ area_m2 }) => area_m2);
  const inBlocks = sum(blocks.rows, ({ building_m2 }) => building_m2);
  return {
    job: job.id,
    mapped_m2: mapped,
    not_told: notTold(job),
    built_up: {
      resolution: cells.resolution,
      cells: cells.rows.length,
      cells_mapped: whole.length,
      built_up_m2: built,
      built_up_share: inCells > 0 ? built / inCells : null,
      buildings,
      buildings_per_km2: inCells > 0 ? (buildings / inCells) * 1e6 : null,
      shares_of_cells: spreadOf(whole.map((row) => row.built_up_share)),
      densest: densest && {
        ...{ cell: densest.cell, built_up_share: densest.built_up_share, buildings_per_km2: densest.buildings_per_km2 },
      },
    },
    blocks: {
      count: blocks.rows.length,
      left_out: blocks.leftOut,
      area_m2: blockArea,
      building_m2: inBlocks,
      building_coverage: blockArea > 0 ? inBlocks / blockArea : null,
      median_area_m2: blocks.rows.length > 0 ? median(blocks.rows.map(({ area_m2 }) => area_m2)) : null,
      coverage_of_blocks: spreadOf(blocks.rows.map(({ building_coverage }) => building_coverage)),
      floors: null,
    },
    landmarks: landmarks.map(({ building: { id, lon, lat, areaM2 }, reasons }) => ({
      ...{ id, lon, lat, area_m2: areaM2, reasons },
    })),
    roads: {
      length_m: sum(roads.rows, ({ length_m }) => length_m),
      by_width: lengthByWidth(roads.rows),
      junctions: roads.junctions,
      junctions_per_km2: mapped > 0 ? (roads.junctions / mapped) * 1e6 : null,
      ...{ dead_ends: roads.dead_ends, cut_off: roads.cut_off, nodes: roads.nodes, betweenness_from: roads.sources },
      main: roads.rows
        .filter(({ betweenness }) => betweenness > 0)
        .toSorted((a, b) => b.betweenness - a.betweenness || (a.id < b.id ? -1 : 1))
        .slice(0, MAIN_ROADS)
        .map(({ id, length_m, width_m, betweenness }) => ({ id, length_m, width_m, betweenness })),
    },
    surroundings: {
      radius_m: RADIUS_M,
      sample_m: grid.stepM,
      buildings: around.length,
      green: spreadOf(green),
      water: spreadOf(water),
      without_green: notTold(job).includes('vegetation') ? null : green.filter((share) => share < HARDLY_GREEN).length,
      near_water: notTold(job).includes('water') ? null : water.filter((share) => share > 0).length,
    },
  };
}

/** Only classes that occur, narrowest first, roads of unknown width last. */
function lengthByWidth(roads: readonly RoadRow[]): Summary['roads']['by_width'] {
  const whole = sum(roads, ({ length_m }) => length_m);
  return [...WIDTHS_M.keys(), null].flatMap((index) => {
    const length_m = sum(roads, (road) => (road.width_class === index ? road.length_m : 0));
    if (length_m === 0) return [];
    const [from_m, below_m] = index === null ? [null, null] : [WIDTHS_M[index]!, WIDTHS_M[index + 1] ?? null];
    return [{ from_m, below_m, length_m, share: length_m / whole }];
  });
}

/** Mean and quartiles (the value a quarter of the way up, without interpolation). */
function spreadOf(values: readonly number[]): Summary['surroundings']['green'] {
  if (values.length === 0) return { mean: null, lower_quartile: null, median: null, upper_quartile: null };
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;
  const mean = Math.min(1, sum(values, (value) => value) / values.length);
  return { mean, lower_quartile: at(0.25), median: median(values), upper_quartile: at(0.75) };
}
