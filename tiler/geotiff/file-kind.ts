/** The first bytes of a file that is no TIFF become a sentence: what people have there, and what to do with it. */

const CONVERT = 'Convert it: gdal_translate -of GTiff INPUT OUTPUT.tif';
const CONVERT_LICENSED =
  'Convert it with a GDAL that has its driver (QGIS brings one), or with the program that made it: gdal_translate -of GTiff INPUT OUTPUT.tif';
const UNPACK = 'Unpack it and send the GeoTIFF in it.';
const EXPORT = 'Export the image as GeoTIFF and send that.';

/** Hexadecimal prefix, name, advice. */
const SIGNATURES: readonly (readonly [prefix: string, kind: string, advice: string])[] = [
  ['89504e470d0a1a0a', 'a PNG image', CONVERT],
  ['ffd8ff', 'a JPEG image', CONVERT],
  ['47494638', 'a GIF image', CONVERT],
  ['424d', 'a BMP image', CONVERT],
  ['0000000c6a502020', 'a JPEG 2000 image', CONVERT],
  ['ff4fff51', 'a JPEG 2000 code stream', CONVERT],
  ['0000000c4a584c20', 'a JPEG XL image', CONVERT],
  ['ff0a', 'a JPEG XL image', CONVERT],
  ['4e495446', 'an NITF image', CONVERT],
  ['4e534946', 'an NSIF image', CONVERT],
  ['6d736964', 'a MrSID image', CONVERT_LICENSED],
  ['6530320001', 'an ECW image', CONVERT_LICENSED],
  ['65000000', 'an ECW image', CONVERT_LICENSED],
  ['454846415f4845414445525f544147', 'an ERDAS Imagine image', CONVERT],
  ['89484446', 'an HDF5 file', CONVERT],
  ['0e031301', 'an HDF4 file', CONVERT],
  ['47524942', 'a GRIB file', CONVERT],
  ['53514c69746520666f726d6174203300', 'an SQLite database (GeoPackage, MBTiles)', CONVERT],
  ['43444601', 'a NetCDF file', CONVERT],
  ['43444602', 'a NetCDF file', CONVERT],
  ['504b0304', 'a ZIP archive', UNPACK],
  ['504b0506', 'an empty ZIP archive', UNPACK],
  ['1f8b', 'a gzip file', UNPACK],
  ['377abcaf271c', 'a 7-Zip archive', UNPACK],
  ['526172211a07', 'a RAR archive', UNPACK],
  ['25504446', 'a PDF document', EXPORT],
];

/** What a file that begins with these bytes is instead of a TIFF, and what to do about it. */
export function describeNonTiff(head: Uint8Array): string {
  const [kind, advice] = kindOf(Buffer.from(head.buffer, head.byteOffset, head.byteLength));
  return `Expected a TIFF, got ${kind}. ${advice}`;
}

function kindOf(head: Buffer): readonly [kind: string, advice: string] {
  if (head.length === 0) return ['an empty file', 'Send it again.'];
  const hex = head.toString('hex');
  for (const [prefix, kind, advice] of SIGNATURES) if (hex.startsWith(prefix)) return [kind, advice];
  const text = head.toString('latin1').trimStart().toLowerCase();
  if (head.toString('latin1', 4, 8) === 'ftyp') {
    const brand = head.toString('latin1', 8, 12);
    const heic = /^(hei[cfmsx]|hev[cx]|mif1|msf1)$/.test(brand);
    return heic ? ['an HEIC photo', EXPORT] : brand === 'avif' ? ['an AVIF image', EXPORT] : ['a video (MP4)', EXPORT];
  }
  if (text.startsWith('riff') && text.slice(8, 12) === 'webp') return ['a WebP image', CONVERT];
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) return ['a web page (HTML)', EXPORT];
  if (text.startsWith('<vrtdataset')) return ['a GDAL virtual raster (VRT)', CONVERT];
  if (text.startsWith('<')) return ['an XML document', EXPORT];
  if (head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127)))
    return ['text', EXPORT];
  return ['an unknown kind of file', EXPORT];
}
