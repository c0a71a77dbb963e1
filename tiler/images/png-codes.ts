/**
 * The numbers that a PNG stores for its pixels (W3C, PNG third edition): of a palette the entries, of grey the samples.
 * Decoders give colours in their place, and grey of few bits spread over 0 to 255, of which codes cannot be told.
 */
import { inflateSync } from 'node:zlib';
import { Problem } from '../../errors/problem.ts';

export interface Codes {
  width: number;
  height: number;
  /** height * width. */
  codes: Uint8Array;
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const HEADER_BYTES = 33;
const GREY = 0;
const PALETTE = 3;
const MOST_PIXELS = 2 ** 30;

/** Null for PNGs of colours. `name` is for messages. Throws Problem bad_request. */
export function pngCodes(file: Buffer, name: string): Codes | null {
  const refuse = (what: string): never => {
    throw new Problem('bad_request', `The mask ${name} ${what}.`);
  };
  if (file.length < HEADER_BYTES || !file.subarray(0, 8).equals(SIGNATURE)) return refuse('is no whole PNG');
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const [bits, kind, , , interlaced] = file.subarray(24, 29);
  if (kind !== GREY && kind !== PALETTE) return null;
  if (bits > 8) refuse(`has ${bits} bits a pixel, and codes have 8: save it as 8-bit PNG`);
  if (interlaced) refuse('is interlaced: save it without');
  if (width * height > MOST_PIXELS) refuse(`has more than ${MOST_PIXELS} pixels`);
  const stride = Math.ceil((width * bits) / 8);
  const rows = inflated(file, height * (stride + 1));
  if (!rows) return refuse('is damaged or incomplete');
  unfilter(rows, stride, height);
  const codes = new Uint8Array(width * height);
  const most = 2 ** bits - 1;
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1) + 1;
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      codes[y * width + x] = (rows[start + (bit >> 3)] >> (8 - bits - (bit & 7))) & most;
    }
  }
  return { width, height, codes };
}

/** The data of all IDAT chunks; null where it is not whole. */
function inflated(file: Buffer, bytes: number): Buffer | null {
  const parts: Buffer[] = [];
  for (let at = 8; at + 8 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (type === 'IDAT') parts.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  try {
    const rows = inflateSync(Buffer.concat(parts), { maxOutputLength: bytes });
    return rows.length === bytes ? rows : null;
  } catch {
    return null;
  }
}

/** Undoes the filters in place, each row by the byte before it; a pixel is never more than a byte. */
function unfilter(rows: Buffer, stride: number, height: number): void {
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1) + 1;
    const filter = rows[start - 1];
    for (let x = 0; x < stride; x++) {
      const left = x > 0 ? rows[start + x - 1] : 0;
      const up = y > 0 ? rows[start + x - stride - 1] : 0;
      const corner = x > 0 && y > 0 ? rows[start + x - stride - 2] : 0;
      rows[start + x] += predicted(filter, left, up, corner);
    }
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
