/** 0|1 per pixel and the bits of a 1-bit TIFF mask, highest first, each row padded to whole bytes. */

/** For rows of a multiple of 8 pixels, as tiles have. */
export function packBits(valid: Uint8Array): Uint8Array {
  const out = new Uint8Array(valid.length >> 3);
  for (let i = 0, at = 0; i < out.length; i++) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | valid[at++];
    out[i] = byte;
  }
  return out;
}

/** For rows of any width. */
export function unpackBits(bits: Uint8Array, width: number, rows: number): Uint8Array {
  const rowBytes = (width + 7) >> 3;
  const out = new Uint8Array(width * rows);
  // Most blocks of a mask hold one value.
  if (bits[0] === 0xff || bits[0] === 0) {
    const same = bits.findIndex((byte) => byte !== bits[0]);
    if (same === -1 && bits.length >= rowBytes * rows) return bits[0] === 0 ? out : out.fill(1);
  }
  for (let row = 0, at = 0; row < rows; row++) {
    const start = row * rowBytes;
    for (let x = 0; x < width; x++) out[at++] = (bits[start + (x >> 3)] >> (7 - (x & 7))) & 1;
  }
  return out;
}
