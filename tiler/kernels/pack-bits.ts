// PackBits (TIFF 6.0, section 9): runs of one byte and stretches of different ones.

/** Returns 0 where the runs give at least `outLength` bytes, which are then at `out`, else 1. */
export function packBits(input: usize, inLength: usize, out: usize, outLength: usize): i32 {
  const inEnd = input + inLength;
  const outEnd = out + outLength;
  let from = input;
  let to = out;
  while (to < outEnd) {
    if (from + 1 >= inEnd) return 1;
    const count = <i32>load<i8>(from++);
    if (count >= 0) {
      const length = min(<usize>count + 1, outEnd - to);
      if (from + length > inEnd) return 1;
      memory.copy(to, from, length);
      from += <usize>count + 1;
      to += length;
    } else if (count != -128) {
      const length = min(<usize>(1 - count), outEnd - to);
      memory.fill(to, load<u8>(from++), length);
      to += length;
    }
  }
  return 0;
}
