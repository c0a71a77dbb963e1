/** TIFF 6.0, BigTIFF and GeoTIFF 1.1 numbers that reader and writer share, and the bytes of one IFD. */

/** Tag numbers (TIFF 6.0; 33550 and above: GeoTIFF 1.1 and GDAL). */
export const Tag = {
  NewSubfileType: 254,
  SubfileType: 255,
  ImageWidth: 256,
  ImageLength: 257,
  BitsPerSample: 258,
  Compression: 259,
  PhotometricInterpretation: 262,
  FillOrder: 266,
  StripOffsets: 273,
  SamplesPerPixel: 277,
  RowsPerStrip: 278,
  StripByteCounts: 279,
  PlanarConfiguration: 284,
  DateTime: 306,
  Predictor: 317,
  ColorMap: 320,
  TileWidth: 322,
  TileLength: 323,
  TileOffsets: 324,
  TileByteCounts: 325,
  SubIfds: 330,
  ExtraSamples: 338,
  SampleFormat: 339,
  JpegTables: 347,
  YCbCrSubsampling: 530,
  ModelPixelScale: 33550,
  ModelTiepoint: 33922,
  ModelTransformation: 34264,
  GeoKeyDirectory: 34735,
  GeoDoubleParams: 34736,
  GeoAsciiParams: 34737,
  GdalMetadata: 42112,
  GdalNodata: 42113,
  LercParameters: 50674,
} as const;

/** Values of tag 259. */
export const Compression = {
  none: 1,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  packBits: 32773,
  oldDeflate: 32946,
  lerc: 34887,
  zstd: 50000,
  webp: 50001,
} as const;

/** Values of tag 262. */
export const Photometric = {
  minIsWhite: 0,
  minIsBlack: 1,
  rgb: 2,
  palette: 3,
  mask: 4,
  separated: 5,
  yCbCr: 6,
} as const;

/** Bits of tag 254. */
export const SubfileType = { reduced: 1, mask: 4 } as const;

type FieldType = 'bytes' | 'ascii' | 'short' | 'long' | 'double' | 'offset';
/** One IFD entry. `offset` values are LONG in a classic file, LONG8 in a BigTIFF. */
export interface Entry {
  tag: number;
  type: FieldType;
  values: readonly number[] | Float64Array | Uint8Array;
}

const CODE: Record<FieldType, number> = { bytes: 7, ascii: 2, short: 3, long: 4, double: 12, offset: 4 };
const BYTES: Record<FieldType, number> = { bytes: 1, ascii: 1, short: 2, long: 4, double: 8, offset: 4 };
const LONG8 = 16;

const bytesOf = (type: FieldType, big: boolean): number => (big && type === 'offset' ? 8 : BYTES[type]);

export const asciiEntry = (tag: number, text: string): Entry => ({
  tag,
  type: 'ascii',
  values: [...Buffer.from(`${text}\0`, 'utf8')],
});

/** Bytes that an IFD with these entries takes, the values that do not fit into its entries included. */
export function ifdBytes(entries: readonly Entry[], big: boolean): number {
  const inline = big ? 8 : 4;
  let bytes = big ? 8 + entries.length * 20 + 8 : 2 + entries.length * 12 + 4;
  for (const { type, values } of entries) {
    const size = values.length * bytesOf(type, big);
    if (size > inline) bytes += size + (-size & 7);
  }
  return bytes + (-bytes & 7);
}

/** The IFD's bytes, little endian, for a place at `position` (a multiple of 8); `next` is the following IFD or 0. */
export function encodeIfd(entries: readonly Entry[], big: boolean, position: number, next: number): Buffer {
  const out = Buffer.alloc(ifdBytes(entries, big));
  const inline = big ? 8 : 4;
  const sorted = [...entries].sort((a, b) => a.tag - b.tag);
  const writeOffset = (value: number, at: number) =>
    big ? out.writeBigUInt64LE(BigInt(value), at) : out.writeUInt32LE(value, at);
  let at = big ? out.writeBigUInt64LE(BigInt(sorted.length), 0) : out.writeUInt16LE(sorted.length, 0);
  let spill = at + sorted.length * (big ? 20 : 12) + inline;
  for (const { tag, type, values } of sorted) {
    out.writeUInt16LE(tag, at);
    out.writeUInt16LE(big && type === 'offset' ? LONG8 : CODE[type], at + 2);
    writeOffset(values.length, at + 4);
    const slot = at + 4 + inline;
    const size = values.length * bytesOf(type, big);
    let place = slot;
    if (size > inline) {
      writeOffset(position + spill, slot);
      place = spill;
      spill += size + (-size & 7);
    }
    for (const value of values) {
      if (type === 'ascii' || type === 'bytes') place = out.writeUInt8(value, place);
      else if (type === 'short') place = out.writeUInt16LE(value, place);
      else if (type === 'long') place = out.writeUInt32LE(value, place);
      else if (type === 'double') place = out.writeDoubleLE(value, place);
      else place = writeOffset(value, place);
    }
    at = slot + inline;
  }
  writeOffset(next, at);
  return out;
}

/** Bytes of the header and of the IFDs of all images. */
export const headBytes = (images: readonly { entries: readonly Entry[] }[], big: boolean): number =>
  images.reduce((sum, { entries }) => sum + ifdBytes(entries, big), big ? 16 : 8);

/** What a file begins with: its header and the IFDs of all images, one after the other. */
export function encodeHead(images: readonly { entries: readonly Entry[] }[], big: boolean): Buffer {
  const header = big ? [0x49, 0x49, 43, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0] : [0x49, 0x49, 42, 0, 8, 0, 0, 0];
  const parts: Buffer[] = [Buffer.from(header)];
  let at = header.length;
  for (const [index, { entries }] of images.entries()) {
    const end = at + ifdBytes(entries, big);
    parts.push(encodeIfd(entries, big, at, index + 1 < images.length ? end : 0));
    at = end;
  }
  return Buffer.concat(parts);
}
