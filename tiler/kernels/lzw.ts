// LZW as TIFF 6.0, section 13, has it: codes from the highest bit down, of 9 to 12 bits, wider one code early.

const CLEAR: u32 = 256;
const END: u32 = 257;
/** Of each code its string, which stands in the output or among the single bytes: position, and above it length. */
const strings: usize = memory.data(4098 * 8, 16);
const singles: usize = memory.data(256 + 16, 16);

/**
 * Returns 0 where the codes give at least `outLength` bytes, which are then at `out`, else another number. 16 bytes
 * after the input may be read, and 16 after the output written.
 */
export function lzw(input: usize, inLength: usize, out: usize, outLength: usize): i32 {
  for (let byte: usize = 0; byte < 256; byte++) {
    store<u8>(singles + byte, <u8>byte);
    store<u64>(strings + (byte << 3), <u64>(singles + byte) | ((<u64>1) << 32));
  }
  const inEnd = input + inLength;
  const outEnd = out + outLength;
  let from = input;
  let to = out;
  let bits: u64 = 0; // the next ones are the highest
  let held: i32 = 0;
  let width: i32 = 9;
  // Where the next string is entered. The first code after a clear one makes none: it is entered as the end's.
  let next: u32 = END;
  let limit: u32 = 511;
  let last: u64 = 0; // the string before this one
  while (to < outEnd) {
    if (held < 12) {
      if (from >= inEnd && held < width) return 1;
      bits |= bswap(load<u64>(from)) >> held;
      const taken = (63 - held) >> 3;
      from += taken;
      held += taken << 3;
    }
    const code = <u32>(bits >> (64 - width));
    bits <<= width;
    held -= width;
    if (code - CLEAR < 2) {
      if (code == END) return 3; // too early
      width = 9;
      next = END;
      limit = 511;
      continue;
    }
    // The string before, and the byte that follows it, the first of this one. Entered first: it may be this very one.
    store<u64>(strings + (<usize>next << 3), last + ((<u64>1) << 32));
    const string = load<u64>(strings + (<usize>code << 3));
    const source = <usize>(string & 0xffffffff);
    const length = <usize>(string >> 32);
    if (code >= next) {
      if (code > next) return 2;
      // It ends with its own first byte.
      for (let i: usize = 0; i < length && to + i < outEnd; i++) store<u8>(to + i, load<u8>(source + i));
    } else {
      v128.store(to, v128.load(source));
      const whole = min(length, outEnd - to);
      for (let i: usize = 16; i < whole; i += 16) v128.store(to + i, v128.load(source + i));
    }
    last = <u64>to | (<u64>length << 32);
    to += length;
    next++;
    if (next == limit) {
      if (width == 12) {
        next = 4096; // full
      } else {
        width++;
        limit = width == 12 ? 4097 : (limit << 1) + 1;
      }
    }
  }
  return from - (held >> 3) > inEnd ? 4 : 0;
}
