/** A LERC blob becomes the samples of a TIFF segment. What it says of itself is held against the TIFF's header first. */
import { decode, getBlobInfo, load } from 'lerc';
import { Problem } from '../../../errors/problem.ts';
import { swapBytes } from '../sample-bytes.ts';
import { bytesOfSamples, bytesPerSample, createSamples, isFloat, type Samples, type SampleType } from '../samples.ts';
import type { TiffImage } from '../tiff-image.ts';

const UNASSOCIATED_ALPHA = 2;
/** By LERC's number of each. */
const LERC_TYPES: readonly SampleType[] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float32', 'float64'];

const damaged = (detail: string, cause?: unknown): Problem =>
  new Problem('damaged_tiff', `${detail} Send the file again, or check it with gdalinfo -checksum.`, { cause });

/** As libtiff hands them on: masked floating-point values are NaN; a mask stands for an 8-bit alpha band left out. */
export async function decodeLerc(image: TiffImage, bytes: Uint8Array, samples: number, rows: number): Promise<Samples> {
  await load();
  const { blockWidth, sampleType } = image;
  const pixelCount = blockWidth * rows;
  const { depth, apart } = checkHeader(image, bytes, samples, rows);
  const alphaLeftOut = !apart && depth < samples;
  const { pixels, mask, bandMasks } = tried(() => decode(bytes, { returnInterleaved: true }));
  const values = pixels[0];
  const out = createSamples(sampleType, pixelCount * samples);
  if (apart) {
    for (const [band, plane] of pixels.entries()) {
      const valid = isFloat(sampleType) ? (bandMasks?.[band] ?? mask) : null;
      for (let pixel = 0, at = band; pixel < pixelCount; pixel++, at += samples) {
        out[at] = valid && valid[pixel] === 0 ? Number.NaN : plane[pixel];
      }
    }
    swapIfBig(image, out);
    return out;
  }
  if (alphaLeftOut) {
    for (let pixel = 0; pixel < pixelCount; pixel++) {
      for (let band = 0; band < depth; band++) out[pixel * samples + band] = values[pixel * depth + band];
      out[pixel * samples + depth] = mask === null || mask[pixel] ? 255 : 0;
    }
    return out;
  }
  out.set(values);
  swapIfBig(image, out);
  if (mask && isFloat(sampleType)) {
    for (let pixel = 0; pixel < pixelCount; pixel++) {
      if (mask[pixel] === 0) out.fill(Number.NaN, pixel * samples, (pixel + 1) * samples);
    }
  }
  return out;
}

/** libtiff hands the file's byte order to the encoder. */
function swapIfBig({ littleEndian, sampleType }: TiffImage, out: Samples): void {
  if (!littleEndian && bytesPerSample(sampleType) > 1) swapBytes(bytesOfSamples(out), bytesPerSample(sampleType));
}

/**
 * Returns the number of values a pixel, one less than `samples` where an alpha band was left out; or that the bands come
 * apart, as where each has its own mask.
 */
function checkHeader(image: TiffImage, bytes: Uint8Array, samples: number, rows: number) {
  const { width, height, bandCount, depthCount, dataType } = tried(() => getBlobInfo(bytes));
  if (width !== image.blockWidth || height !== rows) {
    throw damaged(`A LERC block has ${width} × ${height} pixels where ${image.blockWidth} × ${rows} were expected.`);
  }
  const alphaLeftOut = depthCount === samples - 1 && image.extraSamples.at(-1) === UNASSOCIATED_ALPHA;
  const apart = bandCount === samples && bandCount > 1 && depthCount === 1;
  if (!apart && (bandCount !== 1 || !(depthCount === samples || alphaLeftOut))) {
    throw damaged(`A LERC block holds ${bandCount} × ${depthCount} bands where ${samples} were expected.`);
  }
  if (LERC_TYPES[dataType] !== image.sampleType) {
    throw damaged(`A LERC block holds ${LERC_TYPES[dataType]} values where ${image.sampleType} ones were expected.`);
  }
  return { depth: depthCount, apart };
}

function tried<Result>(decoding: () => Result): Result {
  try {
    return decoding();
  } catch (error) {
    throw damaged('A LERC block cannot be decompressed.', error);
  }
}
