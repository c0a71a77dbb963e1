// Predictors of TIFF 6.0, section 14, and of TIFF Technical Note 3, sixteen bytes at a time.

/**
 * Each element of `size` bytes (1, 2, 4, 8; little endian) becomes the sum of itself and the one `stride` bytes before
 * it. Rows of `rowBytes` follow each other. Sums within a vector: of neighbours, of pairs, of fours, of eights.
 */
export function addLeft(start: usize, rowBytes: usize, rows: usize, stride: usize, size: i32): void {
  if (size == 1) addRows<u8>(start, rowBytes, rows, stride);
  else if (size == 2) addRows<u16>(start, rowBytes, rows, stride);
  else if (size == 4) addRows<u32>(start, rowBytes, rows, stride);
  else addRows<u64>(start, rowBytes, rows, stride);
}

function addRows<T>(start: usize, rowBytes: usize, rows: usize, stride: usize): void {
  const by1 = shiftBy(stride);
  const by2 = shiftBy(stride * 2);
  const by4 = shiftBy(stride * 4);
  const by8 = shiftBy(stride * 8);
  const carried = carryOf(stride);
  const levels = stride > 15 ? 0 : stride > 7 ? 1 : stride > 3 ? 2 : stride > 1 ? 3 : 4;
  for (let row: usize = 0; row < rows; row++, start += rowBytes) {
    const end = start + rowBytes;
    let at = start;
    if (levels == 0) {
      for (at += stride; at + 16 <= end; at += 16) {
        v128.store(at, v128.add<T>(v128.load(at), v128.load(at - stride)));
      }
    } else {
      let sum = i8x16.splat(0);
      for (; at + 16 <= end; at += 16) {
        let x = v128.load(at);
        x = v128.add<T>(x, v128.swizzle(x, by1));
        if (levels > 1) x = v128.add<T>(x, v128.swizzle(x, by2));
        if (levels > 2) x = v128.add<T>(x, v128.swizzle(x, by4));
        if (levels > 3) x = v128.add<T>(x, v128.swizzle(x, by8));
        sum = v128.add<T>(x, v128.swizzle(sum, carried));
        v128.store(at, sum);
      }
      if (at < start + stride) at = start + stride;
    }
    for (; at < end; at += sizeof<T>()) store<T>(at, load<T>(at) + load<T>(at - stride));
  }
}

const indices: usize = memory.data(16, 16);

/** Selects for each byte the one that many before it, and 0 where there is none. */
function shiftBy(bytes: usize): v128 {
  for (let i: usize = 0; i < 16; i++) store<u8>(indices + i, i >= bytes ? <u8>(i - bytes) : 255);
  return v128.load(indices);
}

/** Selects for each byte the one of the vector before it that has the same place in a stride, as near as can be. */
function carryOf(stride: usize): v128 {
  for (let i: usize = 0; i < 16; i++) store<u8>(indices + i, stride > 16 ? 255 : <u8>(16 - stride + (i % stride)));
  return v128.load(indices);
}

/**
 * Rows of bytes, all highest of their numbers first, ..., all lowest last, each stored as the difference to the byte
 * `samples` before it, become little-endian numbers of `size` bytes. `row` is room for one row.
 */
export function addFloats(start: usize, rowBytes: usize, rows: usize, samples: usize, size: usize, row: usize): void {
  addRows<u8>(start, rowBytes, rows, samples);
  const count = rowBytes / size;
  for (let y: usize = 0; y < rows; y++, start += rowBytes) {
    memory.copy(row, start, rowBytes);
    let i: usize = 0;
    if (size == 4) {
      for (; i + 16 <= count; i += 16) {
        const a = v128.load(row + 3 * count + i);
        const b = v128.load(row + 2 * count + i);
        const c = v128.load(row + count + i);
        const d = v128.load(row + i);
        const abLow = v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const abHigh = v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const cdLow = v128.shuffle<u8>(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const cdHigh = v128.shuffle<u8>(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const to = start + 4 * i;
        v128.store(to, v128.shuffle<u16>(abLow, cdLow, 0, 8, 1, 9, 2, 10, 3, 11));
        v128.store(to + 16, v128.shuffle<u16>(abLow, cdLow, 4, 12, 5, 13, 6, 14, 7, 15));
        v128.store(to + 32, v128.shuffle<u16>(abHigh, cdHigh, 0, 8, 1, 9, 2, 10, 3, 11));
        v128.store(to + 48, v128.shuffle<u16>(abHigh, cdHigh, 4, 12, 5, 13, 6, 14, 7, 15));
      }
    }
    for (; i < count; i++) {
      for (let byte: usize = 0; byte < size; byte++) {
        store<u8>(start + i * size + size - 1 - byte, load<u8>(row + byte * count + i));
      }
    }
  }
}

/** The other way round: each element becomes its difference to the one `stride` bytes before it. */
export function subtractLeft(start: usize, rowBytes: usize, rows: usize, stride: usize, size: i32): void {
  if (size == 1) subtractRows<u8>(start, rowBytes, rows, stride);
  else if (size == 2) subtractRows<u16>(start, rowBytes, rows, stride);
  else if (size == 4) subtractRows<u32>(start, rowBytes, rows, stride);
  else subtractRows<u64>(start, rowBytes, rows, stride);
}

function subtractRows<T>(start: usize, rowBytes: usize, rows: usize, stride: usize): void {
  for (let row: usize = 0; row < rows; row++, start += rowBytes) {
    // From the end, since what stands before is still needed.
    let at = start + rowBytes;
    for (; at >= start + stride + 16; at -= 16) {
      v128.store(at - 16, v128.sub<T>(v128.load(at - 16), v128.load(at - 16 - stride)));
    }
    for (; at > start + stride; at -= sizeof<T>()) {
      store<T>(at - sizeof<T>(), load<T>(at - sizeof<T>()) - load<T>(at - sizeof<T>() - stride));
    }
  }
}

/** The other way round of `addFloats`. */
export function subtractFloats(
  start: usize,
  rowBytes: usize,
  rows: usize,
  samples: usize,
  size: usize,
  row: usize,
): void {
  const count = rowBytes / size;
  for (let y: usize = 0, at = start; y < rows; y++, at += rowBytes) {
    memory.copy(row, at, rowBytes);
    for (let byte: usize = 0; byte < size; byte++) {
      const to = at + byte * count;
      const from = row + size - 1 - byte;
      for (let i: usize = 0; i < count; i++) store<u8>(to + i, load<u8>(from + i * size));
    }
  }
  subtractRows<u8>(start, rowBytes, rows, samples);
}
