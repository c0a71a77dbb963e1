/**
 * The stored bytes of one block become its samples, pixel-interleaved, or 0|1 per pixel for a 1-bit mask. ZSTD and
 * Deflate go through node:zlib, LZW and PackBits through codecs.ts, LERC through Esri's decoder, JPEG through sharp.
 *
 * What those do not take goes through libtiff: the block's segments are put into a small TIFF of their own in memory,
 * which sharp decodes. For LZW and PackBits that TIFF is a gray one of bytes, whatever the samples are. For JPEG and
 * WebP it calls bands what keeps their values: gray, RGB, RGB with alpha; YCbCr only in JPEG, which then gives RGB.
 */
import { promisify } from 'node:util';
import { inflate, inflateSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import sharp from 'sharp';
import { Problem } from '../../errors/problem.ts';
import { withPooledBuffer } from './buffer-pool.ts';
import { DECODING_THREADS, decodeRunsAnywhere } from './codecs/codec-pool.ts';
import { jpegStream } from './codecs/jpeg-stream.ts';
import { decodeLerc } from './codecs/lerc-block.ts';
import { reverseBits, unpackSamples } from './sample-bytes.ts';
import { bytesPerSample, createSamples, nodataAsSample, type Samples, samplesFromBytes } from './samples.ts';
import type { TiffImage } from './tiff-image.ts';
import { readBytes, type TiffFile } from './tiff-structure.ts';
import { Compression, type Entry, encodeIfd, ifdBytes, Photometric, Tag } from './tiff-tags.ts';

sharp.cache(false); // every block is seen once

/** Tag 266 does not hold for what these write, says libtiff. */
const BYTE_CODED: readonly number[] = [Compression.jpeg];

const inflateAsync = promisify(inflate);
const zstdAsync = promisify(zstdDecompress);

const damaged = (detail: string, cause?: unknown): Problem =>
  new Problem('damaged_tiff', `${detail} Send the file again, or check it with gdalinfo -checksum.`, { cause });

/** Rows that are stored in the block row: the last strips of an image may have fewer. */
export function blockRows(image: TiffImage, blockRow: number): number {
  if (image.tiled) return image.blockHeight;
  return Math.min(image.blockHeight, image.height - blockRow * image.blockHeight);
}

/** Takes a block's samples before anything else is decoded: they may be scratch memory (`kept` in buffer-pool.ts). */
export type UseBlock = (block: Samples | null) => void;

/**
 * Decodes a block and hands on its blockRows × blockWidth × bands values, or null where none of it was ever written.
 * Throws Problem damaged_tiff for bytes that do not decode to that many.
 */
export async function readBlock(
  tiff: TiffFile,
  image: TiffImage,
  column: number,
  row: number,
  use: UseBlock,
): Promise<void> {
  const rows = blockRows(image, row);
  const count = image.tiled ? 1 : Math.ceil(rows / image.segmentRows);
  const firstOf = (plane: number) =>
    plane * image.segmentsPerPlane + row * image.segmentsPerBlock * image.blocksAcross + column;
  if (!image.planar) {
    const isThere = await withSegments(tiff, image, firstOf(0), count, (segments) =>
      decodeSegments(image, segments, image.bands, rows, use),
    );
    if (!isThere) use(null);
    return;
  }
  const bytes = image.blockWidth * rows * bytesPerSample(image.sampleType);
  await withPooledBuffer(bytes * image.bands, (block) =>
    withPooledBuffer(bytes * Math.min(PLANES_AT_ONCE, image.bands), async (planes) => {
      const memory = [block, planes].map((buffer) => samplesFromBytes(image.sampleType, buffer));
      const isThere = await readPlanes(tiff, image, firstOf, count, rows, memory);
      use(isThere ? memory[0] : null);
    }),
  );
}

/** Bands that are put beside each other in one go: as many writes in turn go to one place in memory. */
const PLANES_AT_ONCE = 16;

/** A block whose bands stand apart, into the first memory by way of the second; false where none was ever written. */
async function readPlanes(
  tiff: TiffFile,
  image: TiffImage,
  firstOf: (plane: number) => number,
  segments: number,
  rows: number,
  [out, planes]: readonly Samples[],
): Promise<boolean> {
  const { bands, sampleType } = image;
  const size = image.blockWidth * rows;
  // As GDAL has it: a block that was never written in one band alone holds nodata there, or else zeros.
  const missing = (image.nodata === null ? 0 : nodataAsSample(sampleType, image.nodata)) ?? 0;
  let any = false;
  for (let first = 0; first < bands; first += PLANES_AT_ONCE) {
    const count = Math.min(PLANES_AT_ONCE, bands - first);
    for (let i = 0; i < count; i++) {
      const plane = planes.subarray(i * size, (i + 1) * size);
      const isThere = await withSegments(tiff, image, firstOf(first + i), segments, (parts) =>
        decodeSegments(image, parts, 1, rows, (samples) => plane.set(samples)),
      );
      if (!isThere) plane.fill(missing);
      any ||= isThere;
    }
    interleave(planes, size, count, out, first, bands);
  }
  return any;
}

/** Of which all bands are in the cache while they are put beside each other. */
const PIXELS_AT_ONCE = 64;

/** `count` planes of `size` samples become the bands from `first` on of pixels of `bands` samples. */
function interleave(planes: Samples, size: number, count: number, out: Samples, first: number, bands: number): void {
  if (bands === 3 && out instanceof Uint8Array && size % 4 === 0) {
    interleaveColours(planes, size, out);
    return;
  }
  for (let from = 0; from < size; from += PIXELS_AT_ONCE) {
    const to = Math.min(size, from + PIXELS_AT_ONCE);
    for (let band = 0; band < count; band++) {
      const plane = band * size;
      for (let i = from, at = from * bands + first + band; i < to; i++, at += bands) out[at] = planes[plane + i];
    }
  }
}

/** The same of three planes of bytes: four pixels are three words. */
function interleaveColours(planes: Samples, size: number, out: Uint8Array): void {
  const words = size / 4;
  const from = new Uint32Array(planes.buffer, planes.byteOffset, 3 * words);
  const to = new Uint32Array(out.buffer, out.byteOffset, 3 * words);
  for (let i = 0, at = 0; i < words; i++, at += 3) {
    const a = from[i];
    const b = from[words + i];
    const c = from[2 * words + i];
    to[at] = (a & 0xff) | ((b & 0xff) << 8) | ((c & 0xff) << 16) | ((a & 0xff00) << 16);
    to[at + 1] = ((b >>> 8) & 0xff) | (c & 0xff00) | (a & 0xff0000) | ((b & 0xff0000) << 8);
    to[at + 2] = ((c >>> 16) & 0xff) | ((a >>> 24) << 8) | ((b >>> 24) << 16) | (c & 0xff000000);
  }
}

/**
 * Hands on the stored bytes of consecutive segments, which are overwritten afterwards. False where they were never
 * written (such ones stand alone in a block).
 */
async function withSegments(
  tiff: TiffFile,
  image: TiffImage,
  first: number,
  count: number,
  use: (segments: Buffer[]) => Promise<void>,
): Promise<boolean> {
  const { offsets, byteCounts } = image;
  if (byteCounts[first] === 0 || offsets[first] === 0) return false;
  const places: { at: number; position: number; length: number }[] = [];
  let bytes = 0;
  for (let i = first; i < first + count; i++) {
    places.push({ at: bytes, position: offsets[i], length: byteCounts[i] });
    bytes += byteCounts[i];
  }
  const { source } = tiff;
  const oneGo = places.every(({ at, position }) => position === offsets[first] + at);
  // Segments may be the same bytes of the file, but not at any length.
  if (bytes > Math.max(source.size, 2 * MOST_EXCESS + 2 * blockBytes(image))) {
    throw damaged(`A block claims ${bytes} bytes in a file of ${source.size}.`);
  }
  await withPooledBuffer(bytes, async (buffer) => {
    const all = oneGo ? await readBytes(source, offsets[first], bytes, buffer) : null;
    const reading = places.map(({ at, position, length }) => {
      if (all) return all.subarray(at, at + length);
      return readBytes(source, position, length, buffer.subarray(at, at + length));
    });
    // All have ended before the buffer is given back.
    for (const result of await Promise.allSettled(reading)) if (result.status === 'rejected') throw result.reason;
    const segments = await Promise.all(reading);
    if (image.bitsReversed && !BYTE_CODED.includes(image.compression)) segments.forEach(reverseBits);
    await use(segments);
  });
  return true;
}

const blockBytes = (image: TiffImage): number =>
  Math.ceil((image.blockWidth * image.bands * image.bits) / 8) * image.blockHeight;

async function decodeSegments(
  image: TiffImage,
  segments: Buffer[],
  samples: number,
  rows: number,
  use: (block: Samples) => void,
): Promise<void> {
  const { compression } = image;
  if (compression === Compression.jpeg || compression === Compression.webp) {
    use(await decodePicture(image, segments, samples, rows));
  } else if (compression === Compression.lerc) {
    const parts = segments.map((segment, i) => decodeLercSegment(image, segment, samples, rowsOf(image, rows, i)));
    use(joined(image, await Promise.all(parts)));
  } else {
    const rowBytes = Math.ceil((image.blockWidth * samples * image.bits) / 8);
    const decoded = decodeByKernels(image, segments, samples, rows);
    const summed = decoded instanceof Promise ? await decoded : decoded;
    const bytes = summed ?? (await decompress(image, segments, rowBytes, rows));
    use(unpackSamples(image, bytes, samples, rows, summed !== null && isSummed(image)));
  }
}

/** Rows of the block's segment number `i`. */
const rowsOf = ({ segmentRows }: TiffImage, rows: number, i: number): number =>
  Math.min(segmentRows, rows - i * segmentRows);

/** Whether what the kernels give has its predictor undone: bytes in the wrong order must be turned round before. */
const isSummed = ({ predictor, bits, littleEndian }: TiffImage): boolean =>
  predictor === 2 && (littleEndian || bits === 8);

/**
 * LZW and PackBits as nearly all write them, `isSummed` without their predictor; null for the rest, which libtiff knows
 * or refuses. Scratch memory.
 */
function decodeByKernels(image: TiffImage, segments: Buffer[], samples: number, rows: number) {
  const { compression, blockWidth, bits } = image;
  const isLzw = compression === Compression.lzw && !segments.some(isOldLzw);
  if (!isLzw && compression !== Compression.packBits) return null;
  const rowBytes = Math.ceil((blockWidth * samples * bits) / 8);
  return decodeRunsAnywhere({
    kind: isLzw ? 'lzw' : 'packBits',
    segments,
    lengths: segments.map((_, i) => rowsOf(image, rows, i) * rowBytes),
    predicted: isSummed(image) ? { rowBytes, samples, size: bits / 8 } : null,
  });
}

/** Before TIFF 6.0 codes began at the lowest bit; the first is 256 in either. */
const isOldLzw = (segment: Buffer): boolean => segment.length >= 2 && segment[0] === 0 && (segment[1] & 1) === 1;

async function decompress(image: TiffImage, segments: Buffer[], rowBytes: number, rows: number): Promise<Uint8Array> {
  const { compression } = image;
  if (compression === Compression.lzw || compression === Compression.packBits) {
    return bytesByLibtiff(image, segments, rowBytes, rows);
  }
  const parts = await Promise.all(
    segments.map(async (segment, i) => {
      const bytes = rowsOf(image, rows, i) * rowBytes;
      const most = image.segmentRows * rowBytes;
      const part =
        compression === Compression.none ? segment : await unzip(segment, compression === Compression.zstd, most);
      if (part.length < bytes) throw damaged(`A block holds ${part.length} bytes where ${bytes} are needed.`);
      return part.subarray(0, bytes);
    }),
  );
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

async function decodeLercSegment(image: TiffImage, segment: Buffer, samples: number, rows: number): Promise<Samples> {
  const { lercCompression, blockWidth } = image;
  const most = 2 * blockWidth * image.segmentRows * samples * 8 + 4096;
  const bytes = lercCompression === 0 ? segment : await unzip(segment, lercCompression === 2, most);
  return decodeLerc(image, bytes, samples, rows);
}

function joined(image: TiffImage, parts: readonly Samples[]): Samples {
  if (parts.length === 1) return parts[0];
  const out = createSamples(
    image.sampleType,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Of node:zlib. */
const LEAST_CHUNK = 64;
const MOST_EXCESS = 1 << 16;

async function unzip(segment: Buffer, zstd: boolean, most: number): Promise<Buffer> {
  // Some writers fill their last strip up, or more; only what is needed is taken.
  const options = { maxOutputLength: 2 * most + MOST_EXCESS, chunkSize: Math.max(LEAST_CHUNK, most + 1) };
  try {
    if (DECODING_THREADS === 1) return zstd ? zstdDecompressSync(segment, options) : inflateSync(segment, options);
    return await (zstd ? zstdAsync(segment, options) : inflateAsync(segment, options));
  } catch (error) {
    throw damaged('A block of pixels cannot be decompressed.', error);
  }
}

/** JPEG and WebP: one to four 8-bit bands. */
async function decodePicture(image: TiffImage, segments: Buffer[], samples: number, rows: number) {
  if (samples > 4 || image.sampleType !== 'uint8' || image.bits !== 8) {
    throw new Problem(
      'unsupported_raster',
      `The image keeps ${samples} bands of ${image.bits} bits in JPEG or WebP, which are read for up to four 8-bit bands. ` +
        'Convert it: gdal_translate -co COMPRESS=ZSTD INPUT.tif OUTPUT.tif',
    );
  }
  const yCbCr = image.compression === Compression.jpeg && image.photometric === Photometric.yCbCr && samples === 3;
  if (image.compression === Compression.jpeg && (samples === 1 || samples === 3)) {
    const decoded = await decodeJpegs(image, segments, samples, yCbCr, rows);
    if (decoded) return decoded;
  }
  const photometric = yCbCr ? Photometric.yCbCr : samples >= 3 ? Photometric.rgb : Photometric.minIsBlack;
  return decodeSmallTiff(image, segments, { width: image.blockWidth, samples, photometric }, rows);
}

/** Each segment as a JPEG stream; null where one is not as expected, of which libtiff shall judge. */
async function decodeJpegs(image: TiffImage, segments: Buffer[], samples: number, yCbCr: boolean, rows: number) {
  const parts = await Promise.all(
    segments.map(async (segment, i) => {
      const stream = jpegStream(segment, image.jpegTables, samples, yCbCr);
      if (!stream) return null;
      const { data, info } = await sharp(stream, { failOn: 'warning', limitInputPixels: false })
        .toColourspace(samples === 3 ? 'srgb' : 'b-w')
        .raw()
        .toBuffer({ resolveWithObject: true });
      const whole = info.width === image.blockWidth && info.height === rowsOf(image, rows, i);
      return whole && info.channels === samples ? data : null;
    }),
  ).catch(() => null);
  if (!parts || parts.includes(null)) return null;
  return joined(image, parts as Buffer[]);
}

/** LZW and PackBits, which know bytes alone. */
const bytesByLibtiff = (image: TiffImage, segments: Buffer[], rowBytes: number, rows: number) =>
  decodeSmallTiff(image, segments, { width: rowBytes, samples: 1, photometric: Photometric.minIsBlack }, rows);

interface SmallTiff {
  width: number;
  samples: number;
  photometric: number;
}

async function decodeSmallTiff(image: TiffImage, segments: Buffer[], small: SmallTiff, rows: number) {
  const { data, info } = await sharp(smallTiff(image, segments, small, rows), {
    failOn: 'warning',
    limitInputPixels: false,
  })
    .toColourspace(small.samples >= 3 ? 'srgb' : 'b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw damaged('A block of pixels cannot be decompressed.', error);
    });
  if (info.width !== small.width || info.height !== rows || info.channels !== small.samples) {
    const got = `${info.width} × ${info.height} × ${info.channels}`;
    throw damaged(`A block decodes to ${got} where ${small.width} × ${rows} × ${small.samples} was expected.`);
  }
  return data;
}

/** A TIFF whose strips are the given segments, byte for byte. */
function smallTiff(
  image: TiffImage,
  segments: readonly Buffer[],
  { width, samples, photometric }: SmallTiff,
  rows: number,
): Buffer {
  const offsets = new Float64Array(segments.length);
  const entries: Entry[] = [
    { tag: Tag.ImageWidth, type: 'long', values: [width] },
    { tag: Tag.ImageLength, type: 'long', values: [rows] },
    { tag: Tag.BitsPerSample, type: 'short', values: new Array<number>(samples).fill(8) },
    { tag: Tag.Compression, type: 'short', values: [image.compression] },
    { tag: Tag.PhotometricInterpretation, type: 'short', values: [photometric] },
    { tag: Tag.StripOffsets, type: 'offset', values: offsets },
    { tag: Tag.SamplesPerPixel, type: 'short', values: [samples] },
    { tag: Tag.RowsPerStrip, type: 'long', values: [image.segmentRows] },
    { tag: Tag.StripByteCounts, type: 'long', values: segments.map(({ length }) => length) },
    { tag: Tag.PlanarConfiguration, type: 'short', values: [1] },
  ];
  if (samples === 2 || samples === 4) entries.push({ tag: Tag.ExtraSamples, type: 'short', values: [2] });
  if (image.compression === Compression.jpeg && image.jpegTables) {
    entries.push({ tag: Tag.JpegTables, type: 'bytes', values: image.jpegTables });
  }
  if (photometric === Photometric.yCbCr)
    entries.push({ tag: Tag.YCbCrSubsampling, type: 'short', values: image.subsampling });
  let position = 8 + ifdBytes(entries, false);
  for (const [i, { length }] of segments.entries()) {
    offsets[i] = position;
    position += length;
  }
  const header = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  return Buffer.concat([header, encodeIfd(entries, false, 8, 0), ...segments]);
}
