/**
 * The stored bytes of one block become its samples: uint8, pixel-interleaved, or 0|1 per pixel for a 1-bit mask.
 * ZSTD and Deflate go through node:zlib. LZW, PackBits, JPEG and WebP go through libtiff: the block's segments are put
 * into a small TIFF of their own in memory, which sharp decodes. Whatever the source's photometric tag says, that
 * small TIFF calls bands what keeps their values: gray, RGB, RGB with alpha; YCbCr only in JPEG, which then gives RGB.
 */
import { promisify } from 'node:util';
import { inflate, zstdDecompress } from 'node:zlib';
import sharp from 'sharp';
import { unpackBits } from './mask-bits.ts';
import { Problem } from './problem.ts';
import type { TiffImage } from './tiff-image.ts';
import { readBytes, type TiffFile } from './tiff-structure.ts';
import { Compression, type Entry, encodeIfd, ifdBytes, Photometric, Tag } from './tiff-tags.ts';

sharp.cache(false); // every block is seen once

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
): Promise<Uint8Array | null> {
  const rows = blockRows(image, row);
  const planes = image.planar ? image.bands : 1;
  const samples = image.planar ? 1 : image.bands;
  const decoded: (Uint8Array | null)[] = [];
  for (let plane = 0; plane < planes; plane++) {
    const first = plane * image.segmentsPerPlane + row * image.segmentsPerBlock * image.blocksAcross + column;
    const count = image.tiled ? 1 : Math.ceil(rows / image.segmentRows);
    const segments = await readSegments(tiff, image, first, count);
    decoded.push(segments && (await decodeSegments(image, segments, samples, rows)));
  }
  const [only] = decoded;
  const pixels = planes === 1 ? only : interleave(decoded, image.blockWidth * rows);
  return pixels && image.bits === 1 ? unpackBits(pixels, image.blockWidth, rows) : pixels;
}

/** The stored bytes of consecutive segments; a missing one among written ones is damage that cannot be drawn. */
async function readSegments(tiff: TiffFile, image: TiffImage, first: number, count: number): Promise<Buffer[] | null> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  const written = numbers.filter((segment) => image.byteCounts[segment] > 0);
  if (written.length === 0) return null;
  if (written.length < count) throw damaged('Strips are missing between others that are there.');
  return Promise.all(
    numbers.map((segment) => readBytes(tiff.handle, tiff.bytes, image.offsets[segment], image.byteCounts[segment])),
  );
}

async function decodeSegments(image: TiffImage, segments: Buffer[], samples: number, rows: number) {
  const rowBytes = Math.ceil((image.blockWidth * samples * image.bits) / 8);
  const { compression } = image;
  const zipped =
    compression === Compression.zstd || compression === Compression.deflate || compression === Compression.oldDeflate;
  if (!zipped && compression !== Compression.none) return decodeByLibtiff(image, segments, samples, rows);

  const parts = await Promise.all(
    segments.map(async (segment, i) => {
      const bytes = Math.min(image.segmentRows, rows - i * image.segmentRows) * rowBytes;
      const most = image.segmentRows * rowBytes;
      const part = zipped ? await unzip(segment, compression === Compression.zstd, most) : segment;
      if (part.length < bytes) throw damaged(`A block holds ${part.length} bytes where ${bytes} are needed.`);
      return part.subarray(0, bytes);
    }),
  );
  const pixels: Uint8Array = parts.length === 1 ? parts[0] : Buffer.concat(parts);
  if (image.predictor === 2 && image.bits === 8) undoDifferences(pixels, rowBytes, samples);
  return pixels;
}

async function unzip(segment: Buffer, zstd: boolean, most: number): Promise<Buffer> {
  const options = { maxOutputLength: most, chunkSize: most + 1 };
  try {
    return await (zstd ? zstdAsync(segment, options) : inflateAsync(segment, options));
  } catch (error) {
    throw damaged('A block of pixels cannot be decompressed.', error);
  }
}

/** Predictor 2 (TIFF 6.0, section 14): each sample was stored as the difference to its left neighbour. */
function undoDifferences(pixels: Uint8Array, rowBytes: number, samples: number): void {
  for (let rowStart = 0; rowStart < pixels.length; rowStart += rowBytes) {
    const end = rowStart + rowBytes;
    for (let i = rowStart + samples; i < end; i++) pixels[i] = pixels[i] + pixels[i - samples];
  }
}

function interleave(planes: readonly (Uint8Array | null)[], pixelCount: number): Uint8Array | null {
  if (planes.every((plane) => plane === null)) return null;
  const bands = planes.length;
  const out = new Uint8Array(pixelCount * bands);
  for (const [band, plane] of planes.entries()) {
    if (!plane) throw damaged('A block is there in some bands and missing in others.');
    for (let i = 0, at = band; i < pixelCount; i++, at += bands) out[at] = plane[i];
  }
  return out;
}

async function decodeByLibtiff(image: TiffImage, segments: Buffer[], samples: number, rows: number) {
  if (samples > 4 || image.bits !== 8) {
    const what = image.bits === 8 ? `${samples} bands` : 'a mask';
    throw new Problem(
      'unsupported_raster',
      `The image keeps ${what} in a compression that is read for up to four 8-bit bands. ` +
        'Convert it: gdal_translate -co COMPRESS=ZSTD INPUT.tif OUTPUT.tif',
    );
  }
  const bytes = blockTiff(image, segments, samples, rows);
  const { data, info } = await sharp(bytes, { failOn: 'warning', limitInputPixels: false })
    .toColourspace(samples >= 3 ? 'srgb' : 'b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw damaged('A block of pixels cannot be decompressed.', error);
    });
  if (info.width !== image.blockWidth || info.height !== rows || info.channels !== samples) {
    const got = `${info.width} × ${info.height} × ${info.channels}`;
    throw damaged(`A block decodes to ${got} where ${image.blockWidth} × ${rows} × ${samples} was expected.`);
  }
  return data;
}

/** A TIFF whose strips are the given segments, byte for byte. */
function blockTiff(image: TiffImage, segments: readonly Buffer[], samples: number, rows: number): Buffer {
  const jpeg = image.compression === Compression.jpeg;
  const yCbCr = jpeg && image.photometric === Photometric.yCbCr && samples === 3;
  const photometric = yCbCr ? Photometric.yCbCr : samples >= 3 ? Photometric.rgb : Photometric.minIsBlack;
  const offsets = new Float64Array(segments.length);
  const entries: Entry[] = [
    { tag: Tag.ImageWidth, type: 'long', values: [image.blockWidth] },
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
  if (image.predictor !== 1) entries.push({ tag: Tag.Predictor, type: 'short', values: [image.predictor] });
  if (samples === 2 || samples === 4) entries.push({ tag: Tag.ExtraSamples, type: 'short', values: [2] });
  if (jpeg && image.jpegTables) entries.push({ tag: Tag.JpegTables, type: 'bytes', values: image.jpegTables });
  if (yCbCr) entries.push({ tag: Tag.YCbCrSubsampling, type: 'short', values: image.subsampling });
  let position = 8 + ifdBytes(entries, false);
  for (const [i, { length }] of segments.entries()) {
    offsets[i] = position;
    position += length;
  }
  const header = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  return Buffer.concat([header, encodeIfd(entries, false, 8, 0), ...segments]);
}
