/** A LERC blob becomes the samples of a TIFF segment. What it says of itself is held against the TIFF's header first. */
import Lerc from 'lerc';
import { Problem } from './problem.ts';
import { swapBytes } from './sample-bytes.ts';
import { bytesOfSamples, bytesPerSample, createSamples, isFloat, type Samples } from './samples.ts';
import type { TiffImage } from './tiff-image.ts';

const UNASSOCIATED_ALPHA = 2;

interface LercImage {
  width: number;
  height: number;
  /** One array a blob; several values a pixel stand together. */
  pixels: Samples[];
  /** 1 valid; null where all are. */
  mask: Uint8Array | null;
}

const damaged = (detail: string, cause?: unknown): Problem =>
  new Problem('damaged_tiff', `${detail} Send the file again, or check it with gdalinfo -checksum.`, { cause });

/** As libtiff hands them on: masked floating-point values are NaN; a mask stands for an 8-bit alpha band left out. */
export function decodeLerc(image: TiffImage, bytes: Uint8Array, samples: number, rows: number): Samples {
  const { blockWidth, sampleType } = image;
  if (sampleType === 'uint32') {
    throw new Problem(
      'unsupported_raster',
      'The image is compressed with LERC, which is read for all samples but 32-bit unsigned ones. ' +
        'Convert it: gdal_translate -co COMPRESS=ZSTD INPUT.tif OUTPUT.tif',
    );
  }
  checkHeader(bytes, blockWidth, rows);
  const pixelCount = blockWidth * rows;
  const { pixels, mask } = decode(bytes);
  const values = pixels[0];
  const depth = values.length / pixelCount;
  const alphaLeftOut = depth === samples - 1 && image.extraSamples.at(-1) === UNASSOCIATED_ALPHA;
  if (pixels.length !== 1 || !(depth === samples || alphaLeftOut)) {
    throw damaged(`A LERC block holds ${pixels.length} × ${depth} bands where ${samples} were expected.`);
  }
  const out = createSamples(sampleType, pixelCount * samples);
  if (alphaLeftOut) {
    for (let pixel = 0; pixel < pixelCount; pixel++) {
      for (let band = 0; band < depth; band++) out[pixel * samples + band] = values[pixel * depth + band];
      out[pixel * samples + depth] = mask === null || mask[pixel] ? 255 : 0;
    }
    return out;
  }
  out.set(values);
  // libtiff hands the file's byte order to the encoder.
  if (!image.littleEndian && bytesPerSample(sampleType) > 1) swapBytes(bytesOfSamples(out), bytesPerSample(sampleType));
  if (mask && isFloat(sampleType)) {
    for (let pixel = 0; pixel < pixelCount; pixel++) {
      if (mask[pixel] === 0) out.fill(Number.NaN, pixel * samples, (pixel + 1) * samples);
    }
  }
  return out;
}

/** Lerc2: magic, version, checksum from version 3 on, then height and width. */
function checkHeader(bytes: Uint8Array, width: number, rows: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(6, bytes.length)).toString('latin1');
  if (magic !== 'Lerc2 ' || bytes.length < 50) throw damaged('A block is not LERC (version 2).');
  const at = view.getInt32(6, true) >= 3 ? 14 : 10;
  const found = [view.getInt32(at + 4, true), view.getInt32(at, true)];
  if (found[0] === width && found[1] === rows) return;
  throw damaged(`A LERC block has ${found.join(' × ')} pixels where ${width} × ${rows} were expected.`);
}

function decode(bytes: Uint8Array): LercImage {
  try {
    const copy = new Uint8Array(bytes).buffer;
    return Lerc.decode(copy, { returnPixelInterleavedDims: true });
  } catch (error) {
    throw damaged('A LERC block cannot be decompressed.', error);
  }
}
