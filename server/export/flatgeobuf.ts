/**
 * Tables → one FlatGeobuf 3 file (https://flatgeobuf.org) with its spatial index: packed R-tree, features in Hilbert
 * order. Features go to a file of their own first; only their bounds are held in memory.
 */
import { readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { Builder } from 'flatbuffers';
import { rightsText } from '../scene-rights.ts';
import type { Queryable } from '../store/database.ts';
import { type Column, type FeatureTable, type TableRow, tableRows } from '../store/feature-tables.ts';
import { unionOfColumns } from './geoparquet.ts';
import { hilbertIndex } from './hilbert.ts';
import { boundsOf, type ParsedGeometry, parseWkb, toMultiWkb } from './wkb.ts';

const MAGIC = [0x66, 0x67, 0x62, 0x03, 0x66, 0x67, 0x62, 0x01];
const NODE_SIZE = 16;
const NODE_BYTES = 40;
const HILBERT_ORDER = 16;
/** ColumnType of header.fbs. */
const TYPES: Record<Column['type'], number> = { boolean: 2, integer: 5, real: 10, text: 11 };
/** GeometryType of feature.fbs. */
const UNKNOWN = 0;
const COPY_BYTES = 4 * 2 ** 20;

export async function writeFlatGeobuf(q: Queryable, tables: readonly FeatureTable[], path: string): Promise<void> {
  const columns = unionOfColumns(tables);
  const unsortedPath = `${path}.features`;
  const unsorted = await open(unsortedPath, 'w+');
  try {
    const found: FoundFeatures = { bounds: [], sizes: [] };
    for (const table of tables) {
      const order = columns.map(({ name }) => table.columns.findIndex((column) => column.name === name));
      for await (const rows of tableRows(q, table, 'wkb')) {
        const encoded = rows.map((row) => encodeFeature(row, table, columns, order, found));
        await unsorted.write(Buffer.concat(encoded));
      }
    }
    const file = await open(path, 'w');
    try {
      await writeSorted(file, unsorted, tables, columns, found);
    } finally {
      await file.close();
    }
  } finally {
    await unsorted.close();
    await rm(unsortedPath, { force: true });
  }
}

/** In the order in which they were written: four bounds and a size in bytes for each. */
interface FoundFeatures {
  bounds: number[];
  sizes: number[];
}

function encodeFeature(
  row: TableRow,
  table: FeatureTable,
  columns: readonly Column[],
  order: readonly number[],
  found: FoundFeatures,
): Uint8Array {
  const geometry = parseWkb(table.multi ? toMultiWkb(row.geometry) : row.geometry);
  const builder = new Builder(row.geometry.length + 512);
  const geometryOffset = encodeGeometry(builder, geometry);
  const properties = encodeProperties(columns, (i) => (order[i] < 0 ? null : row.values[order[i]]));
  const propertiesOffset = builder.createByteVector(properties);
  builder.startObject(3);
  builder.addFieldOffset(0, geometryOffset, 0);
  builder.addFieldOffset(1, propertiesOffset, 0);
  builder.finishSizePrefixed(builder.endObject());
  const bytes = builder.asUint8Array();
  found.bounds.push(...boundsOf(geometry));
  found.sizes.push(bytes.length);
  return bytes;
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

/** Magic, header, index, and the features in the order of the index's leaves. */
async function writeSorted(
  file: FileHandle,
  unsorted: FileHandle,
  tables: readonly FeatureTable[],
  columns: readonly Column[],
  { bounds, sizes }: FoundFeatures,
): Promise<void> {
  const count = sizes.length;
  const extent = extentOf(bounds);
  const order = hilbertOrder(bounds, extent, count);
  const header = encodeHeader(tables, columns, count, extent);
  await file.write(Buffer.concat([Uint8Array.from(MAGIC), header, packedTree(bounds, sizes, order)]));
  const starts = new Float64Array(count);
  for (let i = 1; i < count; i++) starts[i] = starts[i - 1] + sizes[i - 1];
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for (const i of order) {
    const bytes = Buffer.allocUnsafe(sizes[i]);
    readSync(unsorted.fd, bytes, 0, sizes[i], starts[i]);
    pending.push(bytes);
    pendingBytes += sizes[i];
    if (pendingBytes < COPY_BYTES) continue;
    await file.write(Buffer.concat(pending));
    await setImmediate();
    pending = [];
    pendingBytes = 0;
  }
  await file.write(Buffer.concat(pending));
}

function extentOf(bounds: readonly number[]): number[] {
  const extent = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < bounds.length; i++) {
    const side = i % 4;
    extent[side] = side < 2 ? Math.min(extent[side], bounds[i]) : Math.max(extent[side], bounds[i]);
  }
  return extent;
}

function hilbertOrder(bounds: readonly number[], [west, south, east, north]: readonly number[], count: number) {
  const cells = 2 ** HILBERT_ORDER - 1;
  const cell = (low: number, high: number, least: number, most: number) =>
    most > least ? Math.floor(((low + high) / 2 - least) * (cells / (most - least))) : 0;
  const keys = Float64Array.from({ length: count }, (_, i) => {
    const [x0, y0, x1, y1] = bounds.slice(4 * i, 4 * i + 4);
    return hilbertIndex(HILBERT_ORDER, cell(x0, x1, west, east), cell(y0, y1, south, north));
  });
  return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
}

/** Nodes of four bounds and an offset: the root first, the leaves last. A leaf's offset is its feature's, in bytes. */
function packedTree(bounds: readonly number[], sizes: readonly number[], order: Uint32Array): Uint8Array {
  const levels = [order.length];
  while (levels[levels.length - 1] > 1) levels.push(Math.ceil(levels[levels.length - 1] / NODE_SIZE));
  if (levels.length === 1 && order.length === 1) levels.push(1);
  if (order.length === 0) return new Uint8Array(0);
  const nodes = levels.reduce((sum, size) => sum + size, 0);
  const bytes = Buffer.alloc(nodes * NODE_BYTES);
  let level = nodes - levels[0];
  let offset = 0;
  for (const [leaf, i] of order.entries()) {
    const at = (level + leaf) * NODE_BYTES;
    for (let side = 0; side < 4; side++) bytes.writeDoubleLE(bounds[4 * i + side], at + 8 * side);
    bytes.writeBigUInt64LE(BigInt(offset), at + 32);
    offset += sizes[i];
  }
  for (let l = 1; l < levels.length; l++) {
    const children = level;
    level -= levels[l];
    for (let n = 0; n < levels[l]; n++) {
      const first = children + n * NODE_SIZE;
      const last = Math.min(first + NODE_SIZE, children + levels[l - 1]);
      const box = [Infinity, Infinity, -Infinity, -Infinity];
      for (let child = first; child < last; child++) {
        for (let side = 0; side < 4; side++) {
          const value = bytes.readDoubleLE(child * NODE_BYTES + 8 * side);
          box[side] = side < 2 ? Math.min(box[side], value) : Math.max(box[side], value);
        }
      }
      const at = (level + n) * NODE_BYTES;
      for (let side = 0; side < 4; side++) bytes.writeDoubleLE(box[side], at + 8 * side);
      bytes.writeBigUInt64LE(BigInt(first), at + 32);
    }
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
