import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSamples } from './raster.ts';

/** A TIFF of one gray pixel with the given ASCII tags. */
function grayTiff(texts: Record<number, string>): Buffer {
  const short = (tag: number, value: number) => ({ tag, type: 3, count: 1, value });
  const tags = [256, 257, 277, 278].map((tag) => short(tag, 1));
  tags.push(short(258, 8), short(259, 1), short(262, 1), { tag: 273, type: 4, count: 1, value: 8 }, short(279, 1));
  let end = 9;
  const parts: [number, Buffer][] = [];
  for (const [tag, text] of Object.entries(texts)) {
    const bytes = Buffer.from(`${text}\0`);
    tags.push({ tag: Number(tag), type: 2, count: bytes.length, value: end });
    parts.push([end, bytes]);
    end += bytes.length;
  }
  const file = Buffer.alloc(end + 6 + 12 * tags.length);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(end, 4);
  for (const [at, bytes] of parts) bytes.copy(file, at);
  file.writeUInt16LE(tags.length, end);
  for (const [i, { tag, type, count, value }] of tags.sort((a, b) => a.tag - b.tag).entries()) {
    const at = end + 2 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(value, at + 8);
  }
  return file;
}

const gdal = (name: string, text: string) => `<GDALMetadata><Item name="${name}">${text}</Item></GDALMetadata>`;

test.each<[string, Record<number, string>, string | null]>([
  ['the tag of cameras', { 306: '2019:06:30 11:22:33' }, '2019-06-30T11:22:33'],
  ['a day alone', { 306: '2019-06-30 about noon' }, '2019-06-30T00:00:00'],
  [
    'what GDAL calls acquisition',
    { 306: '2024:01:01 00:00:00', 42112: gdal('ACQUISITIONDATETIME', '2019-06-30 11:22:33') },
    '2019-06-30T11:22:33',
  ],
  ['a day that is not', { 306: '2019:02:30 11:22:33' }, null],
  ['an empty clock', { 306: '0000:00:00 00:00:00' }, null],
  ['words', { 306: 'last summer, in the morning' }, null],
  ['nothing', {}, null],
])('when the image was taken: %s', async (_, texts, expected) => {
  const path = join(await mkdtemp(join(tmpdir(), 'planimeter-')), 'a.tif');
  await writeFile(path, grayTiff(texts));
  const raster = await openSamples(path);
  expect(raster.capturedAt).toBe(expected);
  await raster.close();
});
