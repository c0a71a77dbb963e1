/**
 * Tables → a zip of Shapefiles (ESRI, 1998), one a collection, in EPSG:4326. Names of columns have the ten letters at
 * most that dBASE allows, texts are cut to 254 bytes.
 */

import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { Problem } from '../../errors/problem.ts';
import { writeAll } from '../../tiler/geotiff/write-all.ts';
import { boundsOf, type ParsedGeometry, parseWkb } from '../geometry/wkb.ts';
import type { Column, FeatureTable } from '../store/tables/feature-tables.ts';
import { zipOf } from './zip.ts';

const PROJECTION =
  'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]';
const POLYLINE = 3;
const POLYGON = 5;
const ENDINGS = ['shp', 'shx', 'dbf', 'prj', 'cpg'];
const HEADER_BYTES = 100;
/** Lengths are in signed 32-bit numbers; programs stop at 2 GiB. */
const MOST_BYTES = 2 ** 31 - 1;

/** A column as dBASE has it. */
interface Field {
  name: string;
  type: 'C' | 'N' | 'L';
  length: number;
  decimals: number;
}

export async function writeShapefiles(tables: readonly FeatureTable[], path: string): Promise<void> {
  const folder = `${path}.parts`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  try {
    for (const table of tables) await writeLayer(table, folder);
    const names = tables.flatMap(({ collection }) => ENDINGS.map((ending) => `${collection}.${ending}`));
    const { bytes, stream } = await zipOf({}, Object.fromEntries(names.map((name) => [name, join(folder, name)])));
    if (bytes > MOST_BYTES) {
      throw new Problem('limit_exceeded', 'The Shapefiles take more than 2 GB; export a GeoPackage instead.');
    }
    await pipeline(stream, createWriteStream(path));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeLayer(table: FeatureTable, folder: string): Promise<void> {
  const file = (ending: string) => open(join(folder, `${table.collection}.${ending}`), 'w');
  const [shp, shx, dbf] = await Promise.all(['shp', 'shx', 'dbf'].map(file));
  const fields = fieldsOf(table.columns);
  const type = table.kind === 'line' ? POLYLINE : POLYGON;
  let shpBytes = HEADER_BYTES;
  let number = 0;
  try {
    await writeAll(dbf, dbfHeader(fields, table.count));
    await Promise.all([shp, shx].map((each) => writeAll(each, Buffer.alloc(HEADER_BYTES))));
    for await (const rows of table.rows()) {
      const shapes: Buffer[] = [];
      const index = Buffer.alloc(8 * rows.length);
      for (const [i, { geometry }] of rows.entries()) {
        const shape = encodeShape(parseWkb(geometry), type, ++number);
        index.writeInt32BE(shpBytes / 2, 8 * i);
        index.writeInt32BE((shape.length - 8) / 2, 8 * i + 4);
        shpBytes += shape.length;
        shapes.push(shape);
      }
      if (shpBytes > MOST_BYTES) {
        const detail = 'The features take more than the 2 GB that a Shapefile can hold; export a GeoPackage instead.';
        throw new Problem('limit_exceeded', detail);
      }
      await writeAll(shp, Buffer.concat(shapes));
      await writeAll(shx, index);
      await writeAll(dbf, Buffer.concat(rows.map(({ values }) => dbfRecord(fields, values))));
      await setImmediate();
    }
    await writeAll(dbf, Buffer.of(0x1a));
    await writeHeader(shp, shpBytes, type, table);
    await writeHeader(shx, HEADER_BYTES + 8 * number, type, table);
    for (const [ending, text] of [
      ['prj', PROJECTION],
      ['cpg', 'UTF-8'],
    ] as const) {
      const handle = await file(ending);
      await handle.writeFile(text);
      await handle.close();
    }
  } finally {
    await Promise.all([shp, shx, dbf].map((each) => each.close()));
  }
}

async function writeHeader(file: FileHandle, bytes: number, type: number, { bbox }: FeatureTable): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32BE(9994, 0);
  header.writeInt32BE(bytes / 2, 24);
  header.writeInt32LE(1000, 28);
  header.writeInt32LE(type, 32);
  for (const [i, value] of (bbox ?? [0, 0, 0, 0]).entries()) header.writeDoubleLE(value, 36 + 8 * i);
  await writeAll(file, header, 0);
}

/** Record header and content. Shells go clockwise and holes the other way round: the reverse of GeoJSON's. */
function encodeShape(geometry: ParsedGeometry, type: number, number: number): Buffer {
  const rings = geometry.parts.flat();
  const points = rings.reduce((sum, ring) => sum + ring.length / 2, 0);
  const bytes = Buffer.alloc(8 + 44 + 4 * rings.length + 16 * points);
  bytes.writeInt32BE(number, 0);
  bytes.writeInt32BE((bytes.length - 8) / 2, 4);
  bytes.writeInt32LE(type, 8);
  for (const [i, value] of boundsOf(geometry).entries()) bytes.writeDoubleLE(value, 12 + 8 * i);
  bytes.writeInt32LE(rings.length, 44);
  bytes.writeInt32LE(points, 48);
  let at = 52 + 4 * rings.length;
  let first = 0;
  for (const [r, ring] of rings.entries()) {
    bytes.writeInt32LE(first, 52 + 4 * r);
    first += ring.length / 2;
    for (let i = 0; i < ring.length; i += 2) {
      const from = type === POLYGON ? ring.length - 2 - i : i;
      at = bytes.writeDoubleLE(ring[from], at);
      at = bytes.writeDoubleLE(ring[from + 1], at);
    }
  }
  return bytes;
}

/** Of columns whose names are longer than dBASE allows. */
export const FIELD_NAMES: Readonly<Record<string, string>> = {
  perimeter_m: 'perim_m',
  regularized: 'regular',
  orientation_deg: 'orient_deg',
  captured_at: 'captured',
};

function fieldsOf(columns: readonly Column[]): Field[] {
  return columns.map(({ name: long, type }) => {
    const name = FIELD_NAMES[long] ?? long;
    if (type === 'text') return { name, type: 'C', length: 254, decimals: 0 };
    if (type === 'boolean') return { name, type: 'L', length: 1, decimals: 0 };
    const real = type === 'real';
    return { name, type: 'N', length: real ? 20 : 11, decimals: real ? 6 : 0 };
  });
}

function dbfHeader(fields: readonly Field[], records: number): Buffer {
  const header = Buffer.alloc(32 + 32 * fields.length + 1);
  header.set([3, 80, 1, 1]); // 1 January 1980: the same job gives the same bytes
  header.writeUInt32LE(records, 4);
  header.writeUInt16LE(header.length, 8);
  header.writeUInt16LE(1 + fields.reduce((sum, { length }) => sum + length, 0), 10);
  for (const [i, { name, type, length, decimals }] of fields.entries()) {
    const at = 32 + 32 * i;
    header.write(name, at, 10, 'latin1');
    header.write(type, at + 11);
    header[at + 16] = length;
    header[at + 17] = decimals;
  }
  header[header.length - 1] = 0x0d;
  return header;
}

function dbfRecord(fields: readonly Field[], values: readonly (string | number | boolean | null)[]): Buffer {
  const record = Buffer.alloc(1 + fields.reduce((sum, { length }) => sum + length, 0), ' ');
  let at = 1;
  for (const [i, { type, length, decimals }] of fields.entries()) {
    const value = values[i];
    if (value === null) record.write(type === 'L' ? '?' : '', at);
    else if (type === 'L') record.write(value ? 'T' : 'F', at);
    else if (type === 'N') record.write(Number(value).toFixed(decimals).padStart(length).slice(0, length), at);
    else record.write(String(value), at, length, 'utf8');
    at += length;
  }
  return record;
}
