/** Differences between neighbours in rows of little-endian numbers, as TIFF stores them, made and undone in place. */

/** What a predictor works on: rows of that many bytes, in each pixel `samples` numbers of `size` bytes. */
export interface PredictedRows {
  rowBytes: number;
  samples: number;
  size: number;
}

/** Numbers become sums (predictor 2), from `from` bytes of their row on. */
export function addLeft(bytes: Uint8Array, { rowBytes, samples, size }: PredictedRows, from = 0): void {
  const numbers = numbersOf(bytes, size);
  const perRow = rowBytes / size;
  const first = Math.max(from / size, samples);
  for (let row = 0; row < numbers.length; row += perRow) {
    for (let i = row + first; i < row + perRow; i++) numbers[i] += numbers[i - samples];
  }
}

/** The other way round, of the first `until` bytes of rows, from the end, since what stands before is still needed. */
export function subtractLeft(bytes: Uint8Array, { rowBytes, samples, size }: PredictedRows, until: number): void {
  const numbers = numbersOf(bytes, size);
  const perRow = rowBytes / size;
  for (let row = 0; row < numbers.length; row += perRow) {
    for (let i = row + until / size - 1; i >= row + samples; i--) numbers[i] -= numbers[i - samples];
  }
}

/** Rows of bytes, the highest of all numbers first, ..., become numbers (the last step of predictor 3). */
export function joinBytes(bytes: Uint8Array, { rowBytes, size }: PredictedRows): void {
  const count = rowBytes / size;
  const planes = new Uint8Array(rowBytes);
  const words = size === 4 ? numbersOf(bytes, size) : null;
  for (let row = 0; row < bytes.length; row += rowBytes) {
    planes.set(bytes.subarray(row, row + rowBytes));
    if (words) {
      for (let i = 0, to = row / 4; i < count; i++, to++) {
        const high = (planes[i] << 24) | (planes[count + i] << 16);
        words[to] = high | (planes[2 * count + i] << 8) | planes[3 * count + i];
      }
      continue;
    }
    for (let byte = 0, from = 0; byte < size; byte++) {
      for (let to = row + size - 1 - byte, i = 0; i < count; i++, to += size) bytes[to] = planes[from++];
    }
  }
}

/** The other way round. */
export function splitBytes(bytes: Uint8Array, { rowBytes, size }: PredictedRows): void {
  const count = rowBytes / size;
  const numbers = new Uint8Array(rowBytes);
  for (let row = 0; row < bytes.length; row += rowBytes) {
    numbers.set(bytes.subarray(row, row + rowBytes));
    for (let byte = 0, to = row; byte < size; byte++) {
      for (let from = size - 1 - byte, i = 0; i < count; i++, from += size) bytes[to++] = numbers[from];
    }
  }
}

/** Numbers of 1, 2, 4 or 8 bytes; those of 8 are sums of their own kind, which TypeScript does not tell from others. */
function numbersOf({ buffer, byteOffset, length }: Uint8Array, size: number): Uint32Array {
  const Numbers = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[size]!;
  return new Numbers(buffer as ArrayBuffer, byteOffset, length / size) as Uint32Array;
}
