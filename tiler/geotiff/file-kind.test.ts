/** What people send instead of a TIFF is named, with what to do about it. */
import { expect, test } from 'vitest';
import { describeNonTiff } from './file-kind.ts';

const ascii = (text: string) => Buffer.from(text, 'latin1');

test.each([
  ['JPEG 2000', Buffer.from('0000000c6a5020200d0a870a', 'hex'), /JPEG 2000.*gdal_translate -of GTiff/],
  ['a JPEG', Buffer.from('ffd8ffe0', 'hex'), /JPEG image.*gdal_translate -of GTiff/],
  ['a PNG', Buffer.from('89504e470d0a1a0a', 'hex'), /PNG image.*gdal_translate -of GTiff/],
  ['MrSID', ascii('msid\0\0\0\0'), /MrSID.*QGIS.*gdal_translate -of GTiff/],
  ['ECW', Buffer.from('6530320001000000', 'hex'), /ECW.*gdal_translate -of GTiff/],
  ['NITF', ascii('NITF02.10'), /NITF.*gdal_translate -of GTiff/],
  ['Imagine', ascii('EHFA_HEADER_TAG'), /ERDAS.*gdal_translate -of GTiff/],
  ['HDF5', Buffer.from('894844460d0a1a0a', 'hex'), /HDF5.*gdal_translate -of GTiff/],
  ['a photo of a telephone', Buffer.concat([Buffer.from([0, 0, 0, 24]), ascii('ftypheic')]), /HEIC.*Export/],
  ['PDF', ascii('%PDF-1.7'), /PDF.*Export/],
  ['GeoPackage', ascii('SQLite format 3\0'), /GeoPackage.*gdal_translate/],
  ['a VRT', ascii('<VRTDataset rasterXSize="1">'), /virtual raster/],
  ['nothing', Buffer.alloc(0), /empty file/],
  ['noise', Buffer.from('80f3c1d2e4', 'hex'), /unknown kind of file/],
])('%s', (_name, head, says) => {
  expect(describeNonTiff(head)).toMatch(says);
});
