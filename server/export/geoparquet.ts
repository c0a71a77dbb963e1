/**
 * Tables → one GeoParquet 1.1 file (https://geoparquet.org/releases/v1.1.0/): WKB, zstd, row groups of some thousand, and
 * beside each geometry its box, by whose statistics readers skip what lies elsewhere (the covering of the specification).
 */
import { setImmediate } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { boundsOf, parseWkb, toMultiWkb } from '../geometry/wkb.ts';
import { saidRights } from '../scenes/attribution.ts';
import type { Column, FeatureTable, TableRow } from '../store/tables/feature-tables.ts';
import { EPSG_4326 } from './epsg-4326.ts';

const ROWS_PER_GROUP = 2000;

const SIDES = ['xmin', 'ymin', 'xmax', 'ymax'];

const TYPES = { text: 'STRING', real: 'DOUBLE', integer: 'INT32', boolean: 'BOOLEAN' } as const;

export async function writeGeoParquet(tables: readonly FeatureTable[], path: string): Promise<void> {
  const columns = unionOfColumns(tables);
  const columnData = (rows: readonly TableRow[], table: FeatureTable | null) => [
    {
      name: 'geometry',
      type: 'BYTE_ARRAY' as const,
      nullable: false,
      statistics: false,
      data: rows.map(({ geometry }) => geometry),
    },
    {
      name: 'bbox',
      data: rows.map(({ geometry }) => {
        const bounds = boundsOf(parseWkb(geometry));
        return Object.fromEntries(SIDES.map((side, i) => [side, bounds[i]]));
      }),
    },
    ...columns.map(({ name, type }) => {
      const at = table ? table.columns.findIndex((column) => column.name === name) : -1;
      const data = rows.map(({ values }) => (at < 0 ? null : values[at]));
      return { name, type: TYPES[type], nullable: true, data };
    }),
  ];
  const writer = fileWriter(path);
  const parquet = new ParquetWriter({
    writer,
    schema: withSides(schemaFromColumnData({ columnData: columnData([], null) })),
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
    kvMetadata: [
      { key: 'geo', value: JSON.stringify(geoMetadata(tables)) },
      ...saidRights(tables[0]!.rights).map(([key, value]) => ({ key, value })),
    ],
    createdBy: 'planimeter',
  });
  const writeGroup = async (rows: TableRow[], table: FeatureTable | null) => {
    await parquet.write({ columnData: columnData(rows, table), rowGroupSize: Math.max(1, rows.length) });
    await setImmediate();
  };
  for (const table of tables) {
    let group: TableRow[] = [];
    for await (const rows of table.rows()) {
      for (const row of rows) group.push(table.multi ? { ...row, geometry: toMultiWkb(row.geometry) } : row);
      if (group.length < ROWS_PER_GROUP) continue;
      await writeGroup(group, table);
      group = [];
    }
    if (group.length > 0) await writeGroup(group, table);
  }
  await parquet.finish();
}

type Schema = ReturnType<typeof schemaFromColumnData>;

/** The column of boxes as what it is, a group of four numbers, which the writer takes but does not find out by itself. */
function withSides(schema: Schema): Schema {
  const sides = SIDES.map((name) => ({ name, type: 'DOUBLE' as const, repetition_type: 'REQUIRED' as const }));
  return schema.flatMap((element) =>
    element.name === 'bbox' ? [{ name: 'bbox', repetition_type: 'REQUIRED', num_children: 4 }, ...sides] : [element],
  );
}

/** Columns of the same name are the same column. */
export function unionOfColumns(tables: readonly FeatureTable[]): Column[] {
  const union = new Map<string, Column>();
  for (const column of tables.flatMap(({ columns }) => columns)) {
    const known = union.get(column.name);
    union.set(column.name, known && known.type !== column.type ? { ...column, type: 'text' } : column);
  }
  return [...union.values()];
}

function geoMetadata(tables: readonly FeatureTable[]) {
  const filled = tables.filter(({ count }) => count > 0);
  const types = filled.map(({ kind, multi }) => (multi ? 'Multi' : '') + (kind === 'line' ? 'LineString' : 'Polygon'));
  const boxes = filled.flatMap(({ bbox }) => (bbox ? [bbox] : []));
  const extreme = (pick: (...values: number[]) => number, at: number) => pick(...boxes.map((box) => box[at]));
  const bbox = [extreme(Math.min, 0), extreme(Math.min, 1), extreme(Math.max, 2), extreme(Math.max, 3)];
  return {
    version: '1.1.0',
    primary_column: 'geometry',
    columns: {
      geometry: {
        encoding: 'WKB',
        geometry_types: [...new Set(types)].sort(),
        crs: EPSG_4326,
        orientation: 'counterclockwise',
        edges: 'planar',
        covering: { bbox: Object.fromEntries(SIDES.map((side) => [side, ['bbox', side]])) },
        ...(boxes.length > 0 && { bbox }),
      },
    },
  };
}
