/**
 * Tables → one FlatGeobuf 3 file (https://flatgeobuf.org) with its spatial index: packed R-tree, features in Hilbert
 * order. Features go to a file of their own first, and what their order is found by to SQLite, which sorts on the disk:
 * memory does not grow with their number, but for 2 bytes each of the index's upper levels.
 */

import { readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { Builder } from 'flatbuffers';
import { writeAll } from '../../tiler/geotiff/write-all.ts';
import { boundsOf, type ParsedGeometry, parseWkb, toMultiWkb } from '../geometry/wkb.ts';
import { rightsText } from '../scenes/attribution.ts';
import type { Column, FeatureTable, TableRow } from '../store/tables/feature-tables.ts';
import { hilbertIndex } from '../tiles/hilbert.ts';
import { unionOfColumns } from './geoparquet.ts';

const MAGIC = [0x66, 0x67, 0x62, 0x03, 0x66, 0x67, 0x62, 0x01];
const NODE_SIZE = 16;
const NODE_BYTES = 40;
const HILBERT_ORDER = 16;
/** ColumnType of header.fbs. */
const TYPES: Record<Column['type'], number> = { boolean: 2, integer: 5, real: 10, text: 11 };
/** GeometryType of feature.fbs. */
const UNKNOWN = 0;
/** Features copied at a time, after which others have their turn. */
const PORTION = 2000;

type Bounds = [west: number, south: number, east: number, north: number];

export async function writeFlatGeobuf(tables: readonly FeatureTable[], path: string): Promise<void> {
  const columns = unionOfColumns(tables);
  const extent = extentOf(tables);
  const [unsortedPath, sorterPath] = [`${path}.features`, `${path}.order`];
  await rm(sorterPath, { force: true });
  const unsorted = await open(unsortedPath, 'w+');
  const sorter = new DatabaseSync(sorterPath);
  try {
    sorter.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
      CREATE TABLE found (key INTEGER, start INTEGER, size INTEGER, west REAL, south REAL, east REAL, north REAL)`);
    const found = sorter.prepare('INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?)');
    let start = 0;
    for (const table of tables) {
      const order = columns.map(({ name }) => table.columns.findIndex((column) => column.name === name));
      for await (const rows of table.rows()) {
        sorter.exec('BEGIN');
        const encoded = rows.map((row) => {
          const { bytes, bounds } = encodeFeature(row, table, columns, order);
          found.run(hilbertKey(bounds, extent), start, bytes.length, ...bounds);
          start += bytes.length;
          return bytes;
        });
        sorter.exec('COMMIT');
        await writeAll(unsorted, Buffer.concat(encoded));
      }
    }
    const file = await open(path, 'w');
    try {
      await writeSorted(file, unsorted, sorter, tables, columns, extent);
    } finally {
      await file.close();
    }
  } finally {
    sorter.close();
    await unsorted.close();
    await Promise.all([unsortedPath, sorterPath].map((each) => rm(each, { force: true })));
  }
}

function encodeFeature(
  row: TableRow,
  table: FeatureTable,
  columns: readonly Column[],
  order: readonly number[],
): { bytes: Uint8Array; bounds: Bounds } {
  const geometry = parseWkb(table.multi ? toMultiWkb(row.geometry) : row.geometry);
  const builder = new Builder(row.geometry.length + 512);
  const geometryOffset = encodeGeometry(builder, geometry);
  const properties = encodeProperties(columns, (i) => (order[i] < 0 ? null : row.values[order[i]]));
  const propertiesOffset = builder.createByteVector(properties);
  builder.startObject(3);
  builder.addFieldOffset(0, geometryOffset, 0);
  builder.addFieldOffset(1, propertiesOffset, 0);
  builder.finishSizePrefixed(builder.endObject());
  return { bytes: builder.asUint8Array(), bounds: boundsOf(geometry) };
}

/** Table Geometry of feature.fbs: fields 0 ends, 1 xy, 6 type, 7 parts. */
function encodeGeometry(builder: Builder, { type, parts }: ParsedGeometry): number {
  const MULTI_POLYGON = 6;
  if (type === MULTI_POLYGON) {
    const offsets = parts.map((part) => encodeGeometry(builder, { type: 3, parts: [part] }));
    builder.startVector(4, offsets.length, 4);
    for (const offset of offsets.reverse()) builder.addOffset(offset);
    const vector = builder.endVector();
    builder.startObject(8);
    builder.addFieldOffset(7, vector, 0);
    builder.addFieldInt8(6, type, UNKNOWN);
    return builder.endObject();
  }
  const rings = parts.flat();
  const xy = float64Vector(builder, rings);
  let endsVector = 0;
  if (rings.length > 1) {
    let end = 0;
    const ends = rings.map((ring) => (end += ring.length / 2));
    builder.startVector(4, ends.length, 4);
    for (const each of ends.reverse()) builder.addInt32(each);
    endsVector = builder.endVector();
  }
  builder.startObject(8);
  if (endsVector) builder.addFieldOffset(0, endsVector, 0);
  builder.addFieldOffset(1, xy, 0);
  builder.addFieldInt8(6, type, UNKNOWN);
  return builder.endObject();
}

function float64Vector(builder: Builder, parts: readonly ArrayLike<number>[]): number {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  builder.startVector(8, length, 8);
  for (let p = parts.length - 1; p >= 0; p--) {
    for (let i = parts[p].length - 1; i >= 0; i--) builder.addFloat64(parts[p][i]);
  }
  return builder.endVector();
}

/** Number of the column (uint16), then its value; what is empty is left out. */
function encodeProperties(columns: readonly Column[], valueAt: (i: number) => unknown): Uint8Array {
  const pieces: Buffer[] = [];
  for (const [i, { type }] of columns.entries()) {
    const value = valueAt(i);
    if (value === null) continue;
    const text = type === 'text' ? Buffer.from(String(value)) : null;
    const piece = Buffer.alloc(2 + (text ? 4 + text.length : type === 'real' ? 8 : type === 'integer' ? 4 : 1));
    piece.writeUInt16LE(i, 0);
    if (text) {
      piece.writeUInt32LE(text.length, 2);
      text.copy(piece, 6);
    } else if (type === 'real') piece.writeDoubleLE(Number(value), 2);
    else if (type === 'integer') piece.writeInt32LE(Number(value), 2);
    else piece.writeUInt8(value ? 1 : 0, 2);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

interface Found {
  start: number;
  size: number;
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Magic, header, index, and the features in the order of the index's leaves. */
async function writeSorted(
  file: FileHandle,
  unsorted: FileHandle,
  sorter: DatabaseSync,
  tables: readonly FeatureTable[],
  columns: readonly Column[],
  extent: Bounds,
): Promise<void> {
  const { count } = sorter.prepare('SELECT count(*) AS count FROM found').get() as { count: number };
  const header = Buffer.concat([Uint8Array.from(MAGIC), encodeHeader(tables, columns, count, extent)]);
  await writeAll(file, header, 0);
  const levels = levelSizes(count);
  const nodes = levels.reduce((sum, size) => sum + size, 0);
  const leavesAt = header.length + (nodes - count) * NODE_BYTES;
  const featuresAt = header.length + nodes * NODE_BYTES;
  /** Of the nodes right above the leaves. */
  const parents = new Float64Array(4 * (levels[1] ?? 0));
  let [done, offset] = [0, 0];
  let portion: Found[] = [];
  const flush = async () => {
    const leaves = Buffer.alloc(portion.length * NODE_BYTES);
    const bytes = Buffer.allocUnsafe(portion.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const [i, { start, size, west, south, east, north }] of portion.entries()) {
      readSync(unsorted.fd, bytes, at, size, start);
      const bounds: Bounds = [west, south, east, north];
      writeNode(leaves, i, bounds, offset + at);
      widen(parents, Math.floor((done + i) / NODE_SIZE), bounds, (done + i) % NODE_SIZE === 0);
      at += size;
    }
    await writeAll(file, leaves, leavesAt + done * NODE_BYTES);
    await writeAll(file, bytes, featuresAt + offset);
    done += portion.length;
    offset += bytes.length;
    portion = [];
    await setImmediate();
  };
  for (const row of sorter.prepare('SELECT * FROM found ORDER BY key, rowid').iterate()) {
    if (portion.push(row as unknown as Found) === PORTION) await flush();
  }
  await flush();
  const upper = upperLevels(levels, parents);
  await writeAll(file, upper, header.length);
}

function extentOf(tables: readonly FeatureTable[]): Bounds {
  const extent: Bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { bbox } of tables) {
    if (bbox) widen(extent, 0, bbox, false);
  }
  return extent;
}

/** Makes the box at `index` hold another; `first`: it holds nothing yet. */
function widen(boxes: number[] | Float64Array, index: number, bounds: readonly number[], first: boolean): void {
  for (let side = 0; side < 4; side++) {
    const at = 4 * index + side;
    const wider = side < 2 ? Math.min : Math.max;
    boxes[at] = first ? bounds[side] : wider(boxes[at], bounds[side]);
  }
}

function hilbertKey([x0, y0, x1, y1]: Bounds, [west, south, east, north]: Bounds): number {
  const cells = 2 ** HILBERT_ORDER - 1;
  const cell = (low: number, high: number, least: number, most: number) =>
    most > least ? Math.floor(((low + high) / 2 - least) * (cells / (most - least))) : 0;
  return hilbertIndex(HILBERT_ORDER, cell(x0, x1, west, east), cell(y0, y1, south, north));
}

/** Nodes of each level, the leaves first. */
function levelSizes(count: number): number[] {
  const levels = [count];
  while (levels[levels.length - 1] > 1) levels.push(Math.ceil(levels[levels.length - 1] / NODE_SIZE));
  if (levels.length === 1 && count === 1) levels.push(1);
  return levels;
}

/** Four bounds, and where what they hold begins: a feature's bytes, or the number of the first child. */
function writeNode(bytes: Buffer, index: number, bounds: ArrayLike<number>, offset: number): void {
  const at = index * NODE_BYTES;
  for (let side = 0; side < 4; side++) bytes.writeDoubleLE(bounds[side], at + 8 * side);
  bytes.writeBigUInt64LE(BigInt(offset), at + 32);
}

/** All nodes above the leaves, the root first. */
function upperLevels(levels: readonly number[], parents: Float64Array): Buffer {
  const nodes = levels.reduce((sum, size) => sum + size, 0);
  const bytes = Buffer.alloc((nodes - levels[0]) * NODE_BYTES);
  let boxes = parents;
  let firstChild = nodes - levels[0];
  for (let l = 1; l < levels.length; l++) {
    const first = firstChild - levels[l];
    const above = new Float64Array(4 * (levels[l + 1] ?? 0));
    for (let n = 0; n < levels[l]; n++) {
      const box = boxes.subarray(4 * n, 4 * n + 4);
      writeNode(bytes, first + n, box, firstChild + n * NODE_SIZE);
      if (above.length > 0) widen(above, Math.floor(n / NODE_SIZE), Array.from(box), n % NODE_SIZE === 0);
    }
    firstChild = first;
    boxes = above;
  }
  return bytes;
}

/** Table Header of header.fbs: 0 name, 1 envelope, 2 type, 7 columns, 8 count, 9 node size, 10 crs, 12 description. */
function encodeHeader(
  tables: readonly FeatureTable[],
  columns: readonly Column[],
  count: number,
  extent: readonly number[],
): Uint8Array {
  const builder = new Builder(1024);
  const filled = tables.filter((table) => table.count > 0);
  const types = new Set(
    (filled.length > 0 ? filled : tables).map(({ kind, multi }) => (kind === 'line' ? 2 : 3) + (multi ? 3 : 0)),
  );
  const columnOffsets = columns.map(({ name, type }) => {
    const nameOffset = builder.createString(name);
    builder.startObject(11);
    builder.addFieldOffset(0, nameOffset, 0);
    builder.addFieldInt8(1, TYPES[type], 0);
    return builder.endObject();
  });
  builder.startVector(4, columns.length, 4);
  for (const offset of columnOffsets.reverse()) builder.addOffset(offset);
  const columnVector = builder.endVector();
  const envelope = count > 0 ? float64Vector(builder, [extent]) : 0;
  const name = builder.createString(tables.length === 1 ? tables[0].collection : 'features');
  const crs = encodeCrs(builder);
  const rights = rightsText(tables[0]!.rights);
  const description = rights ? builder.createString(rights) : 0;
  builder.startObject(14);
  builder.addFieldOffset(0, name, 0);
  if (envelope) builder.addFieldOffset(1, envelope, 0);
  builder.addFieldInt8(2, types.size === 1 ? [...types][0] : UNKNOWN, UNKNOWN);
  builder.addFieldOffset(7, columnVector, 0);
  builder.addFieldInt64(8, BigInt(count), BigInt(0));
  builder.addFieldInt16(9, count > 0 ? NODE_SIZE : 0, 16);
  builder.addFieldOffset(10, crs, 0);
  if (description) builder.addFieldOffset(12, description, 0);
  builder.finishSizePrefixed(builder.endObject());
  return builder.asUint8Array();
}

/** Table Crs of header.fbs: 0 organisation, 1 code, 2 name. */
function encodeCrs(builder: Builder): number {
  const [organisation, name] = ['EPSG', 'WGS 84'].map((text) => builder.createString(text));
  builder.startObject(6);
  builder.addFieldOffset(0, organisation, 0);
  builder.addFieldInt32(1, 4326, 0);
  builder.addFieldOffset(2, name, 0);
  return builder.endObject();
}
