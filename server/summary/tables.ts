/** The rows of a summary as tables with shapes, which are written as any others. */
import { randomUUID } from 'node:crypto';
import type { SceneRights } from '../api/index.ts';
import type { SummaryTable } from '../api/summary.ts';
import { cellPolygon } from '../geometry/h3-cells.ts';
import { polygonsToWkb } from '../geometry/wkb.ts';
import type { Queryable } from '../store/database/database.ts';
import type { Column, FeatureTable, TableRow } from '../store/tables/feature-tables.ts';
import { foundShapes } from '../store/tables/found-shapes.ts';
import { REASONS } from './landmarks.ts';
import {
  blockRows,
  cellRows,
  groundOf,
  landmarkRows,
  RADIUS_M,
  roadRows,
  type SummedJob,
  surroundingsRows,
} from './parts.ts';
import { WIDTHS_M } from './road-network.ts';

const text = (name: string): Column => ({ name, type: 'text' });
const real = (name: string): Column => ({ name, type: 'real' });
const integer = (name: string): Column => ({ name, type: 'integer' });

interface Rows {
  kind: FeatureTable['kind'];
  columns: Column[];
  rows(): AsyncGenerator<TableRow[]>;
}

type Values = TableRow['values'];

/** With its columns first, so that rows are read when they are written. */
export async function summaryTable(
  q: Queryable,
  job: SummedJob,
  name: SummaryTable,
  rights: SceneRights,
): Promise<FeatureTable> {
  const source = { job: job.id, scene: '', model: '', capturedAt: null, rights, detected: false };
  return { ...source, collection: name, count: 0, bbox: null, multi: false, ...(await TABLES[name](q, job)) };
}

const TABLES: Record<SummaryTable, (q: Queryable, job: SummedJob) => Promise<Rows>> = {
  async cells(q, job) {
    const { resolution, rows } = await cellRows(q, job);
    return given(
      [text('cell'), integer('resolution'), ...REALS.cells.map(real), integer('buildings'), real('buildings_per_km2')],
      rows.map(({ cell, mapped_m2, mapped_share, built_up_m2, built_up_share, buildings, buildings_per_km2 }) => ({
        id: cell,
        values: [cell, resolution, mapped_m2, mapped_share, built_up_m2, built_up_share, buildings, buildings_per_km2],
        geometry: polygonsToWkb(cellPolygon(cell)),
      })),
    );
  },
  async blocks(q, job) {
    const { rows } = await blockRows(q, job);
    return given(
      [integer('block'), ...REALS.blocks.map(real), integer('buildings'), integer('floors')],
      rows.map(({ geometry, area_m2, building_m2, building_coverage, buildings }, i) => ({
        ...{ id: randomUUID(), geometry },
        values: [i + 1, area_m2, building_m2, building_coverage, buildings, null],
      })),
    );
  },
  async landmarks(q, job) {
    const rows = await landmarkRows(q, job);
    const values = rows.map(({ building, reasons }): [string, Values] => {
      const scores = new Map(reasons.map(({ reason, score }) => [reason, score]));
      return [building.id, [building.id, building.areaM2, ...REASONS.map((reason) => scores.get(reason) ?? null)]];
    });
    const columns = [text('building'), real('area_m2'), ...REALS.landmarks.map(real)];
    return withShapes(q, job, 'buildings', columns, new Map(values));
  },
  async roads(q, job) {
    const { rows } = await roadRows(q, job, await groundOf(q, job));
    const values = rows.map(
      ({ id, length_m, width_m, width_class, from_node, to_node, betweenness }): [string, Values] => [
        id,
        [id, length_m, width_m, width_class === null ? null : WIDTHS_M[width_class]!, from_node, to_node, betweenness],
      ],
    );
    const columns = [
      text('road'),
      ...REALS.roads.map(real),
      integer('from_node'),
      integer('to_node'),
      real('betweenness'),
    ];
    return { ...(await withShapes(q, job, 'roads', columns, new Map(values))), kind: 'line' };
  },
  async surroundings(q, job) {
    const rows = await surroundingsRows(q, job, await groundOf(q, job));
    const values = rows.map(({ id, lon, lat, green_share, water_share, mapped_share }): [string, Values] => [
      id,
      [id, lon, lat, RADIUS_M, green_share, water_share, mapped_share],
    ]);
    const columns = [text('building'), ...REALS.surroundings.map(real)];
    return withShapes(q, job, 'buildings', columns, new Map(values));
  },
};

const REALS = {
  cells: ['mapped_m2', 'mapped_share', 'built_up_m2', 'built_up_share'],
  blocks: ['area_m2', 'building_m2', 'building_coverage'],
  landmarks: ['area_score', 'compactness_score', 'isolation_score'],
  roads: ['length_m', 'width_m', 'width_class_from_m'],
  surroundings: ['lon', 'lat', 'radius_m', 'green_share', 'water_share', 'mapped_share'],
};

const given = (columns: Column[], rows: TableRow[]): Rows => ({
  kind: 'area',
  columns,
  async *rows() {
    if (rows.length > 0) yield rows;
  },
});

/** Rows of features, whose shapes are read page by page. */
async function withShapes(
  q: Queryable,
  job: SummedJob,
  collection: string,
  columns: Column[],
  values: ReadonlyMap<string, Values>,
): Promise<Rows> {
  return {
    kind: 'area',
    columns,
    async *rows() {
      for await (const page of foundShapes(q, job.key, collection)) {
        const rows = page.flatMap(({ id, geometry }): TableRow[] => {
          const own = values.get(id);
          return own ? [{ id, geometry, values: own }] : [];
        });
        if (rows.length > 0) yield rows;
      }
    },
  };
}
