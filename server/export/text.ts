/** Tables → GeoJSON (RFC 7946), a GeoJSON feature a line (RFC 8142 without its separators), and CSV with WKT. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { geoJsonOf, parseWkb, wktOf } from '../geometry/wkb.ts';
import { saidRights } from '../scenes/attribution.ts';
import type { Column, FeatureTable, TableRow } from '../store/tables/feature-tables.ts';
import { unionOfColumns } from './geoparquet.ts';

const write = (lines: AsyncGenerator<string>, path: string) => pipeline(Readable.from(lines), createWriteStream(path));

/** Reals keep their point, so that readers that guess types guess the same for every file. */
function number(value: number, { type }: Column): string {
  const text = JSON.stringify(value);
  return type === 'real' && Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

/** With all of the table's columns but the id, null where a feature has none. */
function feature({ columns }: FeatureTable, { id, values, geometry }: TableRow): string {
  const members = columns.flatMap((column, i) => {
    const value = values[i];
    if (column.name === 'id') return [];
    return [`"${column.name}":${typeof value === 'number' ? number(value, column) : JSON.stringify(value)}`];
  });
  const shape = geoJsonOf(parseWkb(geometry));
  return `{"type":"Feature","id":"${id}","geometry":${shape},"properties":{${members.join(',')}}}`;
}

export const writeGeoJson = (tables: readonly FeatureTable[], path: string): Promise<void> =>
  write(geoJsonText(tables), path);

export async function* geoJsonText(tables: readonly FeatureTable[]): AsyncGenerator<string> {
  const said = saidRights(tables[0]!.rights).map(([name, value]) => `"${name}":${JSON.stringify(value)},`);
  yield `{"type":"FeatureCollection",${said.join('')}"features":[`;
  let separator = '\n';
  for (const table of tables) {
    for await (const rows of table.rows()) {
      yield separator + rows.map((row) => feature(table, row)).join(',\n');
      separator = ',\n';
    }
  }
  yield '\n]}\n';
}

export function writeGeoJsonLines(tables: readonly FeatureTable[], path: string): Promise<void> {
  async function* text(): AsyncGenerator<string> {
    for (const table of tables) {
      for await (const rows of table.rows()) {
        yield rows.map((row) => `${feature(table, row)}\n`).join('');
      }
    }
  }
  return write(text(), path);
}

export const writeCsv = (tables: readonly FeatureTable[], path: string): Promise<void> => write(csvText(tables), path);

/** RFC 4180; the geometry is in the column `wkt`, which GDAL and QGIS find with its name or are told. */
export async function* csvText(tables: readonly FeatureTable[]): AsyncGenerator<string> {
  const columns = unionOfColumns(tables);
  yield `${['WKT', ...columns.map(({ name }) => name)].join(',')}\r\n`;
  for (const table of tables) {
    const order = columns.map(({ name }) => table.columns.findIndex((column) => column.name === name));
    for await (const rows of table.rows()) {
      yield rows
        .map(({ geometry, values }) => {
          const cells = order.map((at, i) => (at < 0 ? '' : csvCell(values[at], columns[i])));
          return `"${wktOf(parseWkb(geometry))}",${cells.join(',')}\r\n`;
        })
        .join('');
    }
  }
}

function csvCell(value: string | number | boolean | null, column: Column): string {
  if (value === null) return '';
  const text = typeof value === 'number' ? number(value, column) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
