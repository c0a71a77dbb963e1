/** What changed as tables, one for land use and one for buildings, which are exported as any others. */
import { boundsOf, parseWkb } from '../geometry/wkb.ts';
import type { Column, FeatureTable } from '../store/tables/feature-tables.ts';
import type { DatedJob } from './dated-job.ts';
import type { CHANGES } from './match-buildings.ts';

export interface ChangeRow {
  id: string;
  /** WKB in EPSG:4326. */
  geometry: Uint8Array;
  change: (typeof CHANGES)[number] | 'reclassified';
  /** Classes before and after; null where there was nothing. */
  from: string | null;
  to: string | null;
  /** The lesser of both dates'. */
  score: number | null;
  /** Of the change. */
  areaM2: number;
  beforeM2: number | null;
  afterM2: number | null;
  iou: number | null;
  withinError: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'text' },
  { name: 'collection', type: 'text' },
  { name: 'change', type: 'text' },
  { name: 'from_class', type: 'text' },
  { name: 'to_class', type: 'text' },
  { name: 'score', type: 'real' },
  { name: 'area_m2', type: 'real' },
  { name: 'area_before_m2', type: 'real' },
  { name: 'area_after_m2', type: 'real' },
  { name: 'iou', type: 'real' },
  { name: 'within_error', type: 'boolean' },
  { name: 'captured_before', type: 'text' },
  { name: 'captured_after', type: 'text' },
  { name: 'scene_before', type: 'text' },
  { name: 'scene_after', type: 'text' },
];

export const LANDUSE_CHANGES = 'landuse_changes';
export const BUILDING_CHANGES = 'building_changes';

/** In the order of drawing. */
export function changeTables(
  before: DatedJob,
  after: DatedJob,
  land: readonly ChangeRow[],
  buildings: readonly ChangeRow[],
): FeatureTable[] {
  const { license, attribution } = after.scene;
  const table = (collection: string, changes: readonly ChangeRow[]): FeatureTable => {
    const geometries = changes.map(({ geometry }) => parseWkb(geometry));
    const boxes = geometries.map(boundsOf);
    const bound = (side: 0 | 1 | 2 | 3, of: 'min' | 'max') =>
      boxes.reduce((most, box) => Math[of](most, box[side]), boxes[0]?.[side] ?? 0);
    return {
      ...{ job: after.job, scene: after.scene.id, model: '', capturedAt: after.scene.report.capturedAt ?? null },
      ...{ rights: { license, attribution }, detected: false },
      ...{ collection, count: changes.length, kind: 'area', columns: COLUMNS },
      bbox: boxes.length > 0 ? [bound(0, 'min'), bound(1, 'min'), bound(2, 'max'), bound(3, 'max')] : null,
      multi: geometries.some(({ type }) => type > 3),
      async *rows() {
        if (changes.length === 0) return;
        yield changes
          .toSorted((a, b) => (a.id < b.id ? -1 : 1))
          .map((row) => ({ id: row.id, geometry: row.geometry, values: valuesOf(row, collection) }));
      },
    };
  };
  const shared = [
    before.scene.report.capturedAt ?? null,
    after.scene.report.capturedAt ?? null,
    before.scene.id,
    after.scene.id,
  ];
  const valuesOf = (row: ChangeRow, collection: string) => [
    ...[row.id, collection, row.change, row.from, row.to, row.score, row.areaM2, row.beforeM2, row.afterM2],
    ...[row.iou, row.withinError, ...shared],
  ];
  return [table(LANDUSE_CHANGES, land), table(BUILDING_CHANGES, buildings)];
}
