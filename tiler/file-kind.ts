/** The first bytes of a file that is no TIFF become words that tell people what they have there. */

const SIGNATURES: readonly (readonly [prefix: string, kind: string])[] = [
  ['89504e470d0a1a0a', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['47494638', 'a GIF image'],
  ['0000000c6a502020', 'a JPEG 2000 image'],
  ['ff4fff51', 'a JPEG 2000 code stream'],
  ['0000000c4a584c20', 'a JPEG XL image'],
  ['504b0304', 'a ZIP archive'],
  ['1f8b', 'a gzip file'],
  ['25504446', 'a PDF document'],
  ['89484446', 'an HDF5 file'],
  ['43444601', 'a NetCDF file'],
  ['43444602', 'a NetCDF file'],
  ['424d', 'a BMP image'],
];

/** Names what the bytes look like. Empty input included. */
export function describeFileKind(head: Uint8Array): string {
  if (head.length === 0) return 'an empty file';
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const hex = bytes.toString('hex');
  for (const [prefix, kind] of SIGNATURES) if (hex.startsWith(prefix)) return kind;
  const text = bytes.toString('latin1').trimStart().toLowerCase();
  if (text.startsWith('riff') && text.slice(8, 12) === 'webp') return 'a WebP image';
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return 'a web page (HTML)';
  if (text.startsWith('<vrtdataset')) return 'a GDAL virtual raster (VRT)';
  if (text.startsWith('<')) return 'an XML document';
  if (bytes.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127))) return 'text';
  return 'an unknown kind of file';
}
