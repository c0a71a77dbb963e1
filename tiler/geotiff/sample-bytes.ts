/** Decompressed bytes of a TIFF block become numbers: byte order, packed bits, half floats, predictors, 64-bit integers. */

import { Problem } from '../../errors/problem.ts';
import { unpackBits } from './bit-mask.ts';
import { differences, floatDifferences } from './codecs/codecs.ts';
import { createSamples, type Samples, samplesFromBytes } from './samples.ts';
import type { TiffImage } from './tiff-image.ts';

/**
 * The samples of `rows` rows of the block's width, `samples` of them a pixel. `bytes` may be changed and may become
 * part of the result, which may be scratch memory (`kept` in buffer-pool.ts). `summed`: horizontal differences
 * have been undone.
 */
export function unpackSamples(
  image: TiffImage,
  stored: Uint8Array,
  samples: number,
  rows: number,
  summed: boolean,
): Samples {
  let bytes = stored;
  const { bits, sampleType, predictor } = image;
  if (image.isMask) return unpackBits(bytes, image.blockWidth, rows);
  const rowSamples = image.blockWidth * samples;
  if (bits % 8 !== 0) return unpackOddBits(image, bytes, rowSamples, rows);
  const size = bits / 8;
  const rowBytes = rowSamples * size;
  if (predictor === 3) bytes = floatDifferences(bytes, 'add', { rowBytes, samples, size });
  else if (size > 1 && !image.littleEndian) swapBytes(bytes, size);
  if (predictor === 2 && !summed) bytes = differences(bytes, 'add', { rowBytes, samples, size });
  if (image.wideSigned !== null) return wideIntegers(image, bytes, image.wideSigned);
  if (sampleType === 'float32' && bits === 16) return halfFloats(bytes);
  return samplesFromBytes(sampleType, bytes);
}

/** Samples of 1 to 31 bits, highest bit first, each row padded to whole bytes. */
function unpackOddBits(image: TiffImage, bytes: Uint8Array, rowSamples: number, rows: number): Samples {
  const { bits, sampleType } = image;
  const out = createSamples(sampleType, rowSamples * rows);
  const rowBytes = Math.ceil((rowSamples * bits) / 8);
  if (bits > 16) return unpackWideBits(bits, bytes, rowSamples, out);
  const mask = (1 << bits) - 1;
  for (let row = 0, to = 0; row < rows; row++) {
    let from = row * rowBytes;
    let held = 0;
    let heldBits = 0;
    for (let i = 0; i < rowSamples; i++, to++) {
      while (heldBits < bits) {
        held = ((held << 8) | bytes[from++]) & 0xffffff;
        heldBits += 8;
      }
      heldBits -= bits;
      out[to] = (held >>> heldBits) & mask;
    }
  }
  return out;
}

/** The same for 17 to 31 bits, which do not fit beside another byte into the 32 bits that `<<` knows. */
function unpackWideBits(bits: number, bytes: Uint8Array, rowSamples: number, out: Samples): Samples {
  const rowBytes = Math.ceil((rowSamples * bits) / 8);
  for (let at = 0; at < out.length; at++) {
    const row = Math.floor(at / rowSamples);
    const firstBit = (at - row * rowSamples) * bits;
    const last = row * rowBytes + ((firstBit + bits - 1) >> 3);
    let held = 0;
    for (let from = row * rowBytes + (firstBit >> 3); from <= last; from++) held = held * 256 + bytes[from];
    const unused = 7 - ((firstBit + bits - 1) & 7);
    out[at] = Math.floor(held / 2 ** unused) % 2 ** bits;
  }
  return out;
}

/** 64-bit integers as float64. Throws Problem unsupported_raster where one is not held exactly and is not nodata. */
function wideIntegers(image: TiffImage, bytes: Uint8Array, signed: boolean): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float64Array(bytes.length >> 3);
  for (let i = 0; i < out.length; i++) {
    const value = Number(signed ? view.getBigInt64(i * 8, true) : view.getBigUint64(i * 8, true));
    if (!Number.isSafeInteger(value) && value !== image.nodata) {
      throw new Problem(
        'unsupported_raster',
        `The image has 64-bit integers as large as ${value}; they are read up to 2^53. ` +
          'Convert it: gdal_translate -ot Float64 INPUT.tif OUTPUT.tif',
      );
    }
    out[i] = value;
  }
  return out;
}

/** The bits of each byte the other way round, in place. */
export function reverseBits(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = REVERSED[bytes[i]];
}

const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) reversed |= 128 >> bit;
  return reversed;
});

/** Between little and big endian, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else buffer.swap64();
}

/** IEEE 754 half precision, little endian. */
function halfFloats(bytes: Uint8Array): Float32Array {
  const halves = samplesFromBytes('uint16', bytes);
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) {
    const half = halves[i];
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = half & 0x8000 ? -size : size;
  }
  return out;
}
