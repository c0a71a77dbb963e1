/** Tables → GeoJSON (RFC 7946), a GeoJSON feature a line (RFC 8142 without its separators), and CSV with WKT. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { saidRights } from '../scenes/attribution.ts';
import type { Queryable } from '../store/database/database.ts';
import { type FeatureTable, type TableRow, tableRows } from '../store/tables/feature-tables.ts';

const write = (lines: AsyncGenerator<string>, path: string) => pipeline(Readable.from(lines), createWriteStream(path));

const decoder = new TextDecoder();

/** A feature with the properties that the HTTP interface gives it; the empty ones are left out. */
function feature({ columns }: FeatureTable, { id, values, geometry }: TableRow): string {
  const members = columns.flatMap(({ name }, i) =>
    name === 'id' || values[i] === null ? [] : [`${JSON.stringify(name)}:${JSON.stringify(values[i])}`],
  );
  const shape = decoder.decode(geometry);
  return `{"type":"Feature","id":"${id}","geometry":${shape},"properties":{${members.join(',')}}}`;
}

export function writeGeoJson(q: Queryable, tables: readonly FeatureTable[], path: string): Promise<void> {
  async function* text(): AsyncGenerator<string> {
    const said = saidRights(tables[0]!.rights).map(([name, value]) => `"${name}":${JSON.stringify(value)},`);
    yield `{"type":"FeatureCollection",${said.join('')}"features":[`;
    let separator = '\n';
    for (const table of tables) {
      for await (const rows of tableRows(q, table, 'geojson')) {
        yield separator + rows.map((row) => feature(table, row)).join(',\n');
        separator = ',\n';
      }
    }
    yield '\n]}\n';
  }
  return write(text(), path);
}

export function writeGeoJsonLines(q: Queryable, tables: readonly FeatureTable[], path: string): Promise<void> {
  async function* text(): AsyncGenerator<string> {
    for (const table of tables) {
      for await (const rows of tableRows(q, table, 'geojson')) {
        yield rows.map((row) => `${feature(table, row)}\n`).join('');
      }
    }
  }
  return write(text(), path);
}

/** RFC 4180; the geometry is in the column `wkt`, which GDAL and QGIS find with its name or are told. */
export function writeCsv(q: Queryable, tables: readonly FeatureTable[], path: string): Promise<void> {
  const names = [...new Set(tables.flatMap(({ columns }) => columns.map(({ name }) => name)))];
  async function* text(): AsyncGenerator<string> {
    yield `${['WKT', ...names].join(',')}\r\n`;
    for (const table of tables) {
      const order = names.map((name) => table.columns.findIndex((column) => column.name === name));
      for await (const rows of tableRows(q, table, 'wkt')) {
        yield rows
          .map(({ geometry, values }) => {
            const cells = order.map((at) => csvCell(at < 0 ? null : values[at]));
            return `"${decoder.decode(geometry)}",${cells.join(',')}\r\n`;
          })
          .join('');
      }
    }
  }
  return write(text(), path);
}

function csvCell(value: string | number | boolean | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
