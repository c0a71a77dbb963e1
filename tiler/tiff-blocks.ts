/**
 * The stored bytes of one block become its samples, pixel-interleaved, or 0|1 per pixel for a 1-bit mask. ZSTD and
 * Deflate go through node:zlib, LERC through Esri's decoder. LZW, PackBits, JPEG and WebP go through libtiff: the
 * block's segments are put into a small TIFF of their own in memory, which sharp decodes. For LZW and PackBits that
 * TIFF is a gray one of bytes, whatever the samples are. For JPEG and WebP it calls bands what keeps their values:
 * gray, RGB, RGB with alpha; YCbCr only in JPEG, which then gives RGB.
 */
import { promisify } from 'node:util';
import { inflate, zstdDecompress } from 'node:zlib';
import sharp from 'sharp';
import { decodeLerc } from './lerc-block.ts';
import { Problem } from './problem.ts';
import { reverseBits, unpackSamples } from './sample-bytes.ts';
import { createSamples, nodataAsSample, type Samples } from './samples.ts';
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

/**
 * Decodes a block. Returns blockRows × blockWidth × bands values, or null where none of it was ever written. Throws
 * Problem damaged_tiff for bytes that do not decode to that many.
 */
export async function readBlock(
  tiff: TiffFile,
  image: TiffImage,
  column: number,
  row: number,
): Promise<Samples | null> {
  const rows = blockRows(image, row);
  const planes = image.planar ? image.bands : 1;
  const samples = image.planar ? 1 : image.bands;
  const decoded: (Samples | null)[] = [];
  for (let plane = 0; plane < planes; plane++) {
    const first = plane * image.segmentsPerPlane + row * image.segmentsPerBlock * image.blocksAcross + column;
    const count = image.tiled ? 1 : Math.ceil(rows / image.segmentRows);
    const segments = await readSegments(tiff, image, first, count);
    decoded.push(segments && (await decodeSegments(image, segments, samples, rows)));
  }
  return planes === 1 ? decoded[0] : interleave(image, decoded, image.blockWidth * rows);
}

/** The stored bytes of consecutive segments; null where they were never written (such ones stand alone in a block). */
async function readSegments(tiff: TiffFile, image: TiffImage, first: number, count: number): Promise<Buffer[] | null> {
  if (image.byteCounts[first] === 0 || image.offsets[first] === 0) return null;
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  const segments = await Promise.all(
    numbers.map((segment) => readBytes(tiff.source, image.offsets[segment], image.byteCounts[segment])),
  );
  if (image.bitsReversed && !BYTE_CODED.includes(image.compression)) segments.forEach(reverseBits);
  return segments;
}

async function decodeSegments(image: TiffImage, segments: Buffer[], samples: number, rows: number): Promise<Samples> {
  const { compression } = image;
  if (compression === Compression.jpeg || compression === Compression.webp) {
    return decodeByLibtiff(image, segments, samples, rows);
  }
  if (compression === Compression.lerc) {
    const parts = segments.map((segment, i) => decodeLercSegment(image, segment, samples, rowsOf(image, rows, i)));
    return joined(image, await Promise.all(parts));
  }
  const rowBytes = Math.ceil((image.blockWidth * samples * image.bits) / 8);
  const bytes = await decompress(image, segments, rowBytes, rows);
  return unpackSamples(image, bytes, samples, rows);
}

/** Rows of the block's segment number `i`. */
const rowsOf = ({ segmentRows }: TiffImage, rows: number, i: number): number =>
  Math.min(segmentRows, rows - i * segmentRows);

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

async function unzip(segment: Buffer, zstd: boolean, most: number): Promise<Buffer> {
  const options = { maxOutputLength: most, chunkSize: most + 1 };
  try {
    return await (zstd ? zstdAsync(segment, options) : inflateAsync(segment, options));
  } catch (error) {
    throw damaged('A block of pixels cannot be decompressed.', error);
  }
}

function interleave(image: TiffImage, planes: readonly (Samples | null)[], pixelCount: number): Samples | null {
  if (planes.every((plane) => plane === null)) return null;
  const bands = planes.length;
  const out = createSamples(image.sampleType, pixelCount * bands);
  for (const [band, plane] of planes.entries()) {
    // As GDAL has it: a block that was never written in one band alone holds nodata there, or else zeros.
    const missing = image.nodata === null ? 0 : nodataAsSample(image.sampleType, image.nodata);
    for (let i = 0, at = band; i < pixelCount; i++, at += bands) out[at] = plane ? plane[i] : (missing ?? 0);
  }
  return out;
}

/** JPEG and WebP: one to four 8-bit bands. */
async function decodeByLibtiff(image: TiffImage, segments: Buffer[], samples: number, rows: number) {
  if (samples > 4 || image.sampleType !== 'uint8' || image.bits !== 8) {
    throw new Problem(
      'unsupported_raster',
      `The image keeps ${samples} bands of ${image.bits} bits in JPEG or WebP, which are read for up to four 8-bit bands. ` +
        'Convert it: gdal_translate -co COMPRESS=ZSTD INPUT.tif OUTPUT.tif',
    );
  }
  const yCbCr = image.compression === Compression.jpeg && image.photometric === Photometric.yCbCr && samples === 3;
  const photometric = yCbCr ? Photometric.yCbCr : samples >= 3 ? Photometric.rgb : Photometric.minIsBlack;
  return decodeSmallTiff(image, segments, { width: image.blockWidth, samples, photometric }, rows);
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
