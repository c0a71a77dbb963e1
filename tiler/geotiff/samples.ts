/** The kinds of numbers that a raster's pixels are made of, and the typed arrays that hold them. */

const ARRAYS = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Names as numpy and GDAL's Python bindings have them. */
export type SampleType = keyof typeof ARRAYS;

export type Samples =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export const bytesPerSample = (type: SampleType): number => ARRAYS[type].BYTES_PER_ELEMENT;

export const isFloat = (type: SampleType): boolean => type === 'float32' || type === 'float64';

export const createSamples = (type: SampleType, length: number): Samples => new ARRAYS[type](length);

/** The same memory as numbers of a type; copied where it does not begin at a whole number. */
export function samplesFromBytes(type: SampleType, bytes: Uint8Array): Samples {
  // No Buffer, whose slice() is no copy.
  if (type === 'uint8') return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  const size = bytesPerSample(type);
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new ARRAYS[type](aligned.buffer as ArrayBuffer, aligned.byteOffset, Math.floor(aligned.byteLength / size));
}

/** The same memory as bytes. */
export const bytesOfSamples = (samples: Samples): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);

/** The least and the greatest whole number that samples of the type hold. */
function rangeOf(type: SampleType): [number, number] {
  const bits = 8 * bytesPerSample(type);
  return type.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/**
 * A nodata value as samples of the type hold it, whole ones without its fraction, as GDAL has it; null where it is
 * beyond them, so that no pixel ever has it.
 */
export function nodataAsSample(type: SampleType, nodata: number): number | null {
  if (isFloat(type)) return Object.assign(createSamples(type, 1), { 0: nodata })[0];
  const [least, most] = rangeOf(type);
  return nodata >= least && nodata <= most ? Math.trunc(nodata) : null;
}
