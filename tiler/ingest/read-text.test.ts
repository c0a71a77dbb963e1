import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeText } from './read-text.ts';
import { readSidecars } from './sidecars.ts';

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const ENCODINGS: [string, (text: string) => Buffer][] = [
  ['UTF-8', (text) => Buffer.from(text)],
  ['UTF-8 with a mark', (text) => Buffer.from(`\uFEFF${text}`)],
  ['UTF-16, little-endian, with a mark', (text) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
  ['UTF-16, big-endian, with a mark', (text) => utf16be(`\uFEFF${text}`)],
  ['UTF-16, little-endian', (text) => Buffer.from(text, 'utf16le')],
  ['UTF-16, big-endian', (text) => utf16be(text)],
];

test.each(ENCODINGS)('text in %s is read', (_, encode) => {
  for (const text of ['{"name": "Größe 测区 🗺"}', '0', '']) expect(decodeText(encode(text))).toBe(text);
});

test.each(ENCODINGS)('files beside an image in %s are understood', async (_, encode) => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-'));
  const [prj, world, aux] = ['a.prj', 'a.tfw', 'a.tif.aux.xml'].map((name) => join(folder, name));
  await writeFile(prj, encode('PROJCS["WGS 84 / UTM zone 33N"]'));
  await writeFile(world, encode('0.5\n0\n0\n-0.5\n500000.25\n5399999.75\n'));
  await writeFile(aux, encode('<PAMDataset><PAMRasterBand><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>'));
  expect(await readSidecars({ prj, world, aux })).toMatchObject({
    wkt: 'PROJCS["WGS 84 / UTM zone 33N"]',
    worldFile: [500_000, 0.5, 0, 5_400_000, 0, -0.5],
    nodata: 7,
  });
});
