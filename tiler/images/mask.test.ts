import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../../test/support/geometry.ts';
import type { Samples } from '../geotiff/samples.ts';
import { createTiffWriter } from '../geotiff/write-tiff.ts';
import { readMask } from './mask.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-mask-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const GREY = 0;
const PALETTE = 3;

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** A PNG of codes, each row with a filter of its own. */
function pngOf(codes: Uint8Array, width: number, bits: number, kind: number, random: () => number): Buffer {
  const height = codes.length / width;
  const stride = Math.ceil((width * bits) / 8);
  const packed = new Uint8Array(stride * height);
  codes.forEach((code, i) => {
    const bit = (i % width) * bits;
    packed[Math.floor(i / width) * stride + (bit >> 3)] |= code << (8 - bits - (bit & 7));
  });
  const rows = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const filter = Math.floor(random() * 5);
    rows[y * (stride + 1)] = filter;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x > 0 ? packed[at - 1] : 0;
      const up = y > 0 ? packed[at - stride] : 0;
      const corner = x > 0 && y > 0 ? packed[at - stride - 1] : 0;
      const [toLeft, toUp, toCorner] = [left, up, corner].map((each) => Math.abs(left + up - corner - each));
      const paeth = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
      const predicted = [0, left, up, (left + up) >> 1, paeth][filter];
      rows[y * (stride + 1) + 1 + x] = packed[at] - predicted;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([bits, kind, 0, 0, 0], 8);
  const colours = Buffer.from(Array.from({ length: 3 << bits }, () => Math.floor(random() * 256)));
  const data = deflateSync(rows);
  const half = data.length >> 1;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    ...(kind === PALETTE ? [chunk('PLTE', colours)] : []),
    chunk('IDAT', data.subarray(0, half)),
    chunk('IDAT', data.subarray(half)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

test('codes of PNG masks are what is stored: of a palette the numbers, of a few bits no shades of grey', async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const random = seeded(seed);
    const bits = [1, 2, 4, 8][seed % 4];
    const kind = random() < 0.5 ? GREY : PALETTE;
    const width = 1 + Math.floor(random() * 40);
    const height = 1 + Math.floor(random() * 20);
    const codes = Uint8Array.from({ length: width * height }, () => Math.floor(random() * 2 ** bits));
    const path = join(folder, 'm.png');
    await writeFile(path, pngOf(codes, width, bits, kind, random));
    expect(await readMask(path, 255), `seed ${seed}`).toEqual({ width, height, codes });
  }
});

test('what other programs write is read alike', async () => {
  const codes = Uint8Array.from({ length: 600 }, (_, i) => [0, 1, 2, 3, 4, 252, 254, 255][(i * 7) % 8]);
  const raw = { raw: { width: 30, height: 20, channels: 1 as const } };
  const path = join(folder, 'grey.png');
  await sharp(codes, raw).png().toFile(path);
  expect((await readMask(path, 255)).codes).toEqual(codes);
  await sharp(codes, raw).toColourspace('srgb').png().toFile(path);
  expect((await sharp(path).metadata()).channels).toBe(3);
  expect((await readMask(path, 255)).codes).toEqual(codes);
});

async function writeTiff(path: string, sampleType: 'uint8' | 'uint16', codes: Samples) {
  const writer = await createTiffWriter(path, {
    ...{ width: 30, height: 20, bands: 1, sampleType, nodata: 4, compression: 'deflate', overviews: 'none' },
    ...{ epsg: 32633, geotransform: [0, 1, 0, 0, 0, -1] },
  });
  await writer.writeRows(20, codes);
  await writer.finish();
}

test('a TIFF mask of any samples: its nodata is not known', async () => {
  const codes = Uint8Array.from({ length: 600 }, (_, i) => i % 5);
  const path = join(folder, 'm.tif');
  const expected = codes.map((code) => (code === 4 ? 255 : code));
  await writeTiff(path, 'uint8', codes);
  expect((await readMask(path, 255)).codes).toEqual(expected);
  await writeTiff(path, 'uint16', Uint16Array.from(codes));
  expect((await readMask(path, 255)).codes).toEqual(expected);
  await writeTiff(
    path,
    'uint16',
    Uint16Array.from(codes, (code) => code + 300),
  );
  await expect(readMask(path, 255)).rejects.toThrow(/holds 300/);
});

test.each([
  ['colours', () => sharp({ create: { width: 4, height: 4, channels: 3, background: '#e29' } }).png(), /class codes/],
  [
    '16 bits',
    () =>
      sharp(new Uint16Array(16), { raw: { width: 4, height: 4, channels: 1 } })
        .toColourspace('grey16')
        .png(),
    /16 bits/,
  ],
  [
    'rows in seven passes',
    () =>
      sharp(new Uint8Array(16), { raw: { width: 4, height: 4, channels: 1 } })
        .toColourspace('b-w')
        .png({ progressive: true }),
    /interlaced/,
  ],
])('masks of %s are refused', async (_what, image, message) => {
  const path = join(folder, 'no.png');
  await image().toFile(path);
  await expect(readMask(path, 255)).rejects.toThrow(message);
});

test('damaged masks are refused', async () => {
  const whole = pngOf(new Uint8Array(400), 20, 8, GREY, () => 0.5);
  const path = join(folder, 'damaged.png');
  const checksumAndEnd = 16;
  for (let length = 0; length < whole.length - checksumAndEnd; length += 3) {
    await writeFile(path, whole.subarray(0, length));
    await expect(readMask(path, 255), `${length} bytes`).rejects.toMatchObject({ code: 'bad_request' });
  }
});
