/** Decompressed bytes of a TIFF block become numbers: byte order, packed bits, half floats and predictors. */
import { unpackBits } from './mask-bits.ts';
import { createSamples, type Samples, samplesFromBytes } from './samples.ts';
import type { TiffImage } from './tiff-image.ts';

/**
 * The samples of `rows` rows of the block's width, `samples` of them a pixel. `bytes` may be changed and may become
 * part of the result.
 */
export function unpackSamples(image: TiffImage, bytes: Uint8Array, samples: number, rows: number): Samples {
  const { bits, sampleType, predictor } = image;
  if (image.isMask) return unpackBits(bytes, image.blockWidth, rows);
  const rowSamples = image.blockWidth * samples;
  if (bits % 8 !== 0) return unpackOddBits(image, bytes, rowSamples, rows);
  const size = bits / 8;
  const rowBytes = rowSamples * size;
  if (predictor === 3) undoFloatDifferences(bytes, rowBytes, samples, size);
  else if (size > 1 && !image.littleEndian) swapBytes(bytes, size);
  if (predictor === 2) undoDifferences(bytes, rowSamples, samples, size);
  if (sampleType === 'float32' && bits === 16) return halfFloats(bytes);
  return samplesFromBytes(sampleType, bytes);
}

/** Samples of 1 to 15 bits, highest bit first, each row padded to whole bytes. */
function unpackOddBits(image: TiffImage, bytes: Uint8Array, rowSamples: number, rows: number): Samples {
  const { bits, sampleType } = image;
  const out = createSamples(sampleType, rowSamples * rows);
  const rowBytes = Math.ceil((rowSamples * bits) / 8);
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

/** Between little and big endian, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else buffer.swap64();
}

/** Predictor 2 (TIFF 6.0, section 14): each sample was stored as the difference to its left neighbour. */
function undoDifferences(bytes: Uint8Array, rowSamples: number, samples: number, size: number): void {
  if (size === 8) {
    undoWideDifferences(bytes, rowSamples, samples);
    return;
  }
  const numbers = samplesFromBytes(size === 1 ? 'uint8' : size === 2 ? 'uint16' : 'uint32', bytes);
  if (size === 1) addLeft(numbers as Uint8Array, rowSamples, samples);
  else if (size === 2) addLeft16(numbers as Uint16Array, rowSamples, samples);
  else addLeft32(numbers as Uint32Array, rowSamples, samples);
  if (numbers.buffer !== bytes.buffer) bytes.set(new Uint8Array(numbers.buffer));
}

// One function a type, so that each stays compiled for its array.
function addLeft(pixels: Uint8Array, rowSamples: number, samples: number): void {
  for (let start = 0; start < pixels.length; start += rowSamples) {
    const end = start + rowSamples;
    for (let i = start + samples; i < end; i++) pixels[i] = pixels[i] + pixels[i - samples];
  }
}

function addLeft16(pixels: Uint16Array, rowSamples: number, samples: number): void {
  for (let start = 0; start < pixels.length; start += rowSamples) {
    const end = start + rowSamples;
    for (let i = start + samples; i < end; i++) pixels[i] = pixels[i] + pixels[i - samples];
  }
}

function addLeft32(pixels: Uint32Array, rowSamples: number, samples: number): void {
  for (let start = 0; start < pixels.length; start += rowSamples) {
    const end = start + rowSamples;
    for (let i = start + samples; i < end; i++) pixels[i] = pixels[i] + pixels[i - samples];
  }
}

function undoWideDifferences(bytes: Uint8Array, rowSamples: number, samples: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rowBytes = rowSamples * 8;
  for (let start = 0; start < bytes.length; start += rowBytes) {
    for (let at = start + samples * 8; at < start + rowBytes; at += 8) {
      const sum = view.getBigUint64(at, true) + view.getBigUint64(at - samples * 8, true);
      view.setBigUint64(at, BigInt.asUintN(64, sum), true);
    }
  }
}

/**
 * Predictor 3 (TIFF Technical Note 3): in each row all highest bytes come first, ..., all lowest last, and each byte
 * was stored as the difference to the one `samples` before it.
 */
function undoFloatDifferences(bytes: Uint8Array, rowBytes: number, samples: number, size: number): void {
  const row = new Uint8Array(rowBytes);
  const count = rowBytes / size;
  for (let start = 0; start < bytes.length; start += rowBytes) {
    for (let i = start + samples; i < start + rowBytes; i++) bytes[i] = bytes[i] + bytes[i - samples];
    row.set(bytes.subarray(start, start + rowBytes));
    for (let byte = 0; byte < size; byte++) {
      const plane = byte * count;
      for (let i = 0, to = start + size - 1 - byte; i < count; i++, to += size) bytes[to] = row[plane + i];
    }
  }
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
