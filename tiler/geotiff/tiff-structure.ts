/**
 * The bytes of a TIFF or BigTIFF, either byte order, become its list of IFDs with their fields; values are read on
 * demand. Written for hostile input: every position and count is checked against the file's size and the caller's
 * limits before anything is allocated, and loops of IFDs end.
 */

import { Problem } from '../../errors/problem.ts';
import { type ByteSource, openBytes } from './byte-source.ts';
import { describeNonTiff } from './file-kind.ts';
import { Tag } from './tiff-tags.ts';

export interface Field {
  /** TIFF 6.0 and BigTIFF type number. */
  type: number;
  count: number;
  /** Of the first value, in the file. */
  position: number;
}

export type Ifd = ReadonlyMap<number, Field>;

export interface TiffFile {
  source: ByteSource;
  littleEndian: boolean;
  /** Those of the chain, then those that tag 330 of one of them points to. */
  ifds: readonly Ifd[];
}

/** Bytes of one value by type number: BYTE, ASCII, SHORT, LONG, RATIONAL, ... IFD; LONG8, SLONG8, IFD8. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
const MOST_FIELDS = 4096;

const damaged = (detail: string): Problem =>
  new Problem('damaged_tiff', `${detail} Send the file again, or check it with gdalinfo.`);

/** Opens the file and walks its chain of IFDs. Throws Problem not_a_tiff, damaged_tiff or limit_exceeded. */
export async function openTiff(path: string, mostIfds: number): Promise<TiffFile> {
  const source = await openBytes(path);
  try {
    return await readStructure(source, mostIfds);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readStructure(source: ByteSource, mostIfds: number): Promise<TiffFile> {
  const head = await readBytes(source, 0, Math.min(source.size, 256));
  const order = head.toString('latin1', 0, 2);
  const littleEndian = order === 'II';
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = head.length >= 4 ? view.getUint16(2, littleEndian) : 0;
  if ((order !== 'II' && order !== 'MM') || (head.length >= 4 && version !== 42 && version !== 43)) {
    throw new Problem('not_a_tiff', describeNonTiff(head));
  }
  const big = version === 43;
  if (head.length < (big ? 16 : 8)) throw damaged(`The file ends within its header, after ${head.length} bytes.`);
  if (big && view.getUint16(4, littleEndian) !== 8) throw damaged('The BigTIFF header gives an unknown offset size.');

  const ifds: Ifd[] = [];
  const seen = new Set<number>();
  let position = big ? Number(view.getBigUint64(8, littleEndian)) : view.getUint32(4, littleEndian);
  if (position === 0) throw damaged('The file has a header and no image.');
  while (position !== 0) {
    if (seen.has(position)) throw damaged(`The list of images in the file runs in a circle at byte ${position}.`);
    if (ifds.length >= mostIfds) {
      throw new Problem(
        'limit_exceeded',
        `The file holds more than ${mostIfds} images; one with overviews is expected.`,
      );
    }
    seen.add(position);
    const { fields, next } = await readIfd(source, position, big, littleEndian);
    ifds.push(fields);
    position = next;
  }
  const tiff = { source, littleEndian, ifds };
  const chain = [...ifds];
  for (const ifd of chain) {
    for (const at of await subIfds(tiff, ifd, mostIfds)) {
      if (seen.has(at) || ifds.length >= mostIfds) continue;
      seen.add(at);
      const sub = await readIfd(source, at, big, littleEndian).catch(ignoreProblem);
      if (sub?.fields.has(Tag.ImageWidth) && sub.fields.has(Tag.ImageLength)) ifds.push(sub.fields);
    }
  }
  return tiff;
}

/** What stands beside the chain makes no file worse: where it is damaged, it is not there. */
async function subIfds(tiff: TiffFile, ifd: Ifd, most: number): Promise<number[]> {
  return [...((await readNumbers(tiff, ifd, Tag.SubIfds, most).catch(ignoreProblem)) ?? [])];
}

function ignoreProblem(error: unknown): null {
  if (error instanceof Problem && error.code === 'damaged_tiff') return null;
  throw error;
}

async function readIfd(source: ByteSource, position: number, big: boolean, littleEndian: boolean) {
  const countBytes = big ? 8 : 2;
  const entryBytes = big ? 20 : 12;
  const wordBytes = big ? 8 : 4;
  const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (view: DataView, at: number) =>
    big ? Number(view.getBigUint64(at, littleEndian)) : view.getUint32(at, littleEndian);
  const head = viewOf(await readBytes(source, position, countBytes));
  const count = big ? Number(head.getBigUint64(0, littleEndian)) : head.getUint16(0, littleEndian);
  if (count === 0 || count > MOST_FIELDS) throw damaged(`An image header at byte ${position} claims ${count} fields.`);
  const tableAt = position + countBytes;
  const table = viewOf(await readBytes(source, tableAt, count * entryBytes + wordBytes));
  const fields = new Map<number, Field>();
  for (let entry = 0, at = 0; entry < count; entry++, at += entryBytes) {
    const tag = table.getUint16(at, littleEndian);
    const type = table.getUint16(at + 2, littleEndian);
    const values = word(table, at + 4);
    const slot = at + 4 + wordBytes;
    const inline = values * (TYPE_BYTES[type] ?? 0) <= wordBytes;
    if (!fields.has(tag)) {
      fields.set(tag, { type, count: values, position: inline ? tableAt + slot : word(table, slot) });
    }
  }
  return { fields, next: word(table, count * entryBytes) };
}

/** Into `into`, if that is given. Throws Problem damaged_tiff where the range is not within the file. */
export async function readBytes(source: ByteSource, position: number, length: number, into?: Buffer): Promise<Buffer> {
  if (!(position >= 0 && length >= 0 && position + length <= source.size)) {
    throw damaged(`The file has ${source.size} bytes, but points to bytes ${position} to ${position + length}.`);
  }
  const bytes = await source.read(position, length, into);
  if (bytes.length < length) throw damaged(`The file ends at byte ${position + bytes.length}.`);
  return bytes;
}

/** The numbers of a field, or null where it is missing. `most` values are allowed. Rationals are divided. */
export async function readNumbers(tiff: TiffFile, ifd: Ifd, tag: number, most: number): Promise<Float64Array | null> {
  const bytes = await readField(tiff, ifd, tag, most);
  if (!bytes) return null;
  const { type, count } = ifd.get(tag)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = tiff.littleEndian;
  const out = new Float64Array(count);
  const size = TYPE_BYTES[type];
  for (let i = 0, at = 0; i < count; i++, at += size) out[i] = readNumber(view, type, at, little);
  return out;
}

function readNumber(view: DataView, type: number, at: number, little: boolean): number {
  switch (type) {
    case 6:
      return view.getInt8(at);
    case 3:
      return view.getUint16(at, little);
    case 8:
      return view.getInt16(at, little);
    case 4:
    case 13:
      return view.getUint32(at, little);
    case 9:
      return view.getInt32(at, little);
    case 5:
      return view.getUint32(at, little) / view.getUint32(at + 4, little);
    case 10:
      return view.getInt32(at, little) / view.getInt32(at + 4, little);
    case 11:
      return view.getFloat32(at, little);
    case 12:
      return view.getFloat64(at, little);
    case 16:
    case 18:
      return Number(view.getBigUint64(at, little));
    case 17:
      return Number(view.getBigInt64(at, little));
    default:
      return view.getUint8(at);
  }
}

/** The raw bytes of a field's values, or null where it is missing. */
export async function readField(tiff: TiffFile, ifd: Ifd, tag: number, most: number): Promise<Buffer | null> {
  const field = ifd.get(tag);
  if (!field) return null;
  const size = TYPE_BYTES[field.type] ?? 0;
  if (size === 0) throw damaged(`Field ${tag} has the unknown type ${field.type}.`);
  if (field.count > most) throw damaged(`Field ${tag} claims ${field.count} values where at most ${most} make sense.`);
  return readBytes(tiff.source, field.position, field.count * size);
}

/** The text of an ASCII field up to its first NUL, or null where it is missing. */
export async function readText(tiff: TiffFile, ifd: Ifd, tag: number, most: number): Promise<string | null> {
  const bytes = await readField(tiff, ifd, tag, most);
  return bytes === null ? null : bytes.toString('utf8').split('\0', 1)[0];
}
