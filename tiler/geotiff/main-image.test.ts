/** Files of several images, in whatever order and with whatever flags, are read as the one that people mean. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspect } from '../ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../ingest/validate-source.ts';
import { openSamples } from './raster.ts';
import { type Entry, encodeIfd, ifdBytes, Tag } from './tiff-tags.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'main-image-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Image {
  width: number;
  height: number;
  /** Tags 254 and 255. */
  flags?: number;
  old?: number;
  /** The old way to mark a mask. */
  photometric?: number;
  /** Images that tag 330 points to. */
  sub?: Image[];
}

const FULL: Image = { width: 96, height: 64 };
const HALF: Image = { width: 48, height: 32 };
const QUARTER: Image = { width: 24, height: 16 };
const reduced = (image: Image): Image => ({ ...image, flags: 1 });

/** Gray images, each with its number in the file as the value of all pixels; EPSG:32640, 96 m wide. */
function tiffOf(chain: readonly Image[]): Buffer {
  const all = [...chain, ...chain.flatMap(({ sub = [] }) => sub)];
  const entriesOf = (image: Image, pixelsAt: number, subAt: number[]): Entry[] => {
    const { width, height, flags, old, photometric = 1 } = image;
    const scale = FULL.width / width;
    return [
      ...(flags === undefined ? [] : [{ tag: Tag.NewSubfileType, type: 'long', values: [flags] } as const]),
      ...(old === undefined ? [] : [{ tag: Tag.SubfileType, type: 'short', values: [old] } as const]),
      ...(subAt.length === 0 ? [] : [{ tag: Tag.SubIfds, type: 'long', values: subAt } as const]),
      { tag: Tag.ImageWidth, type: 'long', values: [width] },
      { tag: Tag.ImageLength, type: 'long', values: [height] },
      { tag: Tag.BitsPerSample, type: 'short', values: [flags === 4 ? 1 : 8] },
      { tag: Tag.Compression, type: 'short', values: [1] },
      { tag: Tag.PhotometricInterpretation, type: 'short', values: [photometric] },
      { tag: Tag.StripOffsets, type: 'long', values: [pixelsAt] },
      { tag: Tag.SamplesPerPixel, type: 'short', values: [1] },
      { tag: Tag.RowsPerStrip, type: 'long', values: [height] },
      { tag: Tag.StripByteCounts, type: 'long', values: [width * height] },
      { tag: Tag.ModelPixelScale, type: 'double', values: [scale, scale, 0] },
      { tag: Tag.ModelTiepoint, type: 'double', values: [0, 0, 0, 400_000, 2_800_000, 0] },
      { tag: Tag.GeoKeyDirectory, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32640] },
    ];
  };
  const sizes = all.map((image) =>
    ifdBytes(
      entriesOf(
        image,
        0,
        (image.sub ?? []).map(() => 0),
      ),
      false,
    ),
  );
  const places = sizes.map((_, i) => 8 + sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  let pixelsAt = 8 + sizes.reduce((sum, size) => sum + size, 0);
  let nextSub = chain.length;
  const heads: Buffer[] = [];
  const pixels: Buffer[] = [];
  for (const [i, image] of all.entries()) {
    const subAt = (image.sub ?? []).map(() => places[nextSub++]);
    const next = i + 1 < chain.length ? places[i + 1] : 0;
    heads.push(encodeIfd(entriesOf(image, pixelsAt, subAt), false, places[i], next));
    pixels.push(Buffer.alloc(image.width * image.height, i + 1));
    pixelsAt += image.width * image.height;
  }
  return Buffer.concat([Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]), ...heads, ...pixels]);
}

/** `passed`: numbers of the images that the finding names, null where there is none. */
test.each<[string, Image[], { taken: number; passed: number[] | null; levels?: number }]>([
  ['an image with overviews', [FULL, reduced(HALF), reduced(QUARTER)], { taken: 1, passed: null, levels: 3 }],
  ['a thumbnail first', [reduced(QUARTER), FULL], { taken: 2, passed: [1], levels: 2 }],
  [
    'a thumbnail first, flagged in the old way',
    [
      { ...QUARTER, old: 2 },
      { ...FULL, old: 1 },
    ],
    { taken: 2, passed: [1] },
  ],
  [
    'all flagged as reduced, the smallest first',
    [reduced(QUARTER), reduced(HALF), reduced(FULL)],
    { taken: 3, passed: [1, 2], levels: 3 },
  ],
  ['no flags, the smallest first', [QUARTER, HALF, FULL], { taken: 3, passed: [1, 2], levels: 1 }],
  ['flags that lie', [QUARTER, reduced(FULL)], { taken: 2, passed: [1] }],
  ['pages of one size', [FULL, FULL], { taken: 1, passed: [2], levels: 1 }],
  ['a mask first', [{ ...FULL, flags: 4 }, FULL], { taken: 2, passed: null, levels: 1 }],
  ['a mask first, marked by its colours', [{ ...FULL, photometric: 4 }, FULL], { taken: 2, passed: null }],
  ['a mask larger than the image', [HALF, { ...FULL, flags: 4 }], { taken: 1, passed: null }],
  [
    'overviews in SubIFDs',
    [{ ...FULL, sub: [reduced(HALF), reduced(QUARTER)] }],
    { taken: 1, passed: null, levels: 3 },
  ],
  ['the image in a SubIFD of its thumbnail', [{ ...reduced(QUARTER), sub: [FULL] }], { taken: 2, passed: [1] }],
  ['a quick look of another shape', [FULL, reduced({ width: 40, height: 40 })], { taken: 1, passed: [2] }],
])('%s', async (name, chain, { taken, passed, levels }) => {
  const path = join(folder, `${name}.tif`);
  await writeFile(path, tiffOf(chain));
  const raster = await openSamples(path);
  const { pixels } = await raster.read(0, { x: 0, y: 0, width: 1, height: 1 });
  await raster.close();
  expect(pixels[0]).toBe(taken);
  expect(raster.geotransform[1]).toBe(FULL.width / raster.width);
  if (levels !== undefined) expect(raster.levels).toHaveLength(levels);
  const { findings, width } = await inspect(path, DEFAULT_INGEST_LIMITS);
  expect(width).toBe(raster.width);
  const finding = findings.find(({ code }) => code === 'images_passed_over');
  const told = finding?.message.match(/(?<=image )\d+/g)?.map(Number) ?? null;
  expect(told).toEqual(passed);
  if (finding) expect(finding.message).toContain(`Number ${taken} of ${width} × ${raster.height} pixels is taken`);
});

test('a SubIFD that is damaged is not there', async () => {
  const path = join(folder, 'damaged.tif');
  const bytes = tiffOf([{ ...FULL, sub: [reduced(HALF)] }]);
  let at = 10;
  while (bytes.readUInt16LE(at) !== Tag.SubIfds) at += 12;
  bytes.writeUInt32LE(bytes.length - 1, at + 8);
  await writeFile(path, bytes);
  const raster = await openSamples(path);
  await raster.close();
  expect(raster.levels).toHaveLength(1);
});
