/** Any type, band count, compression and predictor, classic or BigTIFF: GDAL reads what was written, and so do we. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judge, pythonWithCogeo } from '../../test/support/python.ts';
import { openSamples } from './raster.ts';
import { bytesOfSamples, createSamples, isFloat, type Samples, type SampleType } from './samples.ts';
import { createTiffWriter, type TiffLayout } from './write-tiff.ts';

const TYPES: SampleType[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'];
const SEEDS = Array.from({ length: 24 }, (_, seed) => seed);

/** A generator of 32-bit numbers (Marsaglia's xorshift). */
function numbers(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function layoutOf(seed: number): TiffLayout & { big: boolean } {
  const next = numbers(seed);
  const below = (count: number) => next() % count;
  const sampleType = TYPES[seed % TYPES.length];
  const bands = 1 + below(6);
  const nodata =
    below(3) === 0 ? (isFloat(sampleType) ? [Number.NaN, -1e30, Number.NEGATIVE_INFINITY][below(3)] : 7) : null;
  return {
    width: 1 + below(700),
    height: 1 + below(600),
    bands,
    sampleType,
    compression: below(2) ? 'zstd' : 'deflate',
    predictor: below(4) > 0,
    geotransform: [326_000, 0.5, 0, 2_784_000, 0, -0.5],
    epsg: 32640,
    mask: nodata === null && below(2) === 1,
    ...(nodata !== null && { nodata }),
    overviews: 'average',
    tileSize: 16 * (1 + below(16)),
    bandMetadata: Array.from({ length: bands }, (_, band) => [
      { name: 'DESCRIPTION', text: `band <${band}> & "more"`, band, role: 'description' },
      { name: 'UNITTYPE', text: 'metre', band, role: 'unittype' },
      { name: 'SCALE', text: `${0.5 + band}`, band, role: 'scale' },
      { name: 'OFFSET', text: `${-band}`, band, role: 'offset' },
      { name: 'STATISTICS_MINIMUM', text: `${band}`, band, role: null },
    ]).flat(),
    big: below(2) === 1,
  };
}

function scene({ width, height, bands, sampleType, nodata, mask }: TiffLayout, seed: number) {
  const next = numbers(seed + 1000);
  const pixels = createSamples(sampleType!, width * height * bands);
  const random = bytesOfSamples(pixels);
  if (isFloat(sampleType!)) for (let i = 0; i < pixels.length; i++) pixels[i] = (next() - 2 ** 31) / 1000;
  // Smooth in one half, noise over the whole range in the other.
  else for (let i = 0; i < random.length; i++) random[i] = i < random.length / 2 ? i / 997 : next() >>> 24;
  const valid = Uint8Array.from({ length: width * height }, () => (mask && next() % 5 === 0 ? 0 : 1));
  if (nodata !== undefined) for (let i = 0; i < pixels.length; i += 3) pixels[i] = nodata;
  return { pixels, valid };
}

const READ = `
import json, sys, rasterio
from rio_cogeo.cogeo import cog_validate
out = []
for path in json.load(sys.stdin):
    with rasterio.open(path) as d:
        pixels = path + '.pixels'
        d.read().transpose(1, 2, 0).tofile(pixels)
        d.dataset_mask().tofile(path + '.mask')
        out.append(dict(dtype=d.dtypes[0], count=d.count, nodata=None if d.nodata is None else str(d.nodata),
            descriptions=d.descriptions, units=d.units, scales=d.scales, offsets=d.offsets,
            minima=[d.tags(i).get('STATISTICS_MINIMUM') for i in d.indexes],
            valid=cog_validate(path, strict=True)))
json.dump(out, sys.stdout)
`;

interface View {
  dtype: string;
  count: number;
  nodata: string | null;
  descriptions: string[];
  units: string[];
  scales: number[];
  offsets: number[];
  minima: string[];
  valid: [boolean, string[], string[]];
}

test('files of any kind are valid and hold the pixels that were written', async () => {
  const python = pythonWithCogeo();
  const folder = await mkdtemp(join(tmpdir(), 'kinds-'));
  try {
    const paths = SEEDS.map((seed) => join(folder, `${seed}.tif`));
    const written: { pixels: Samples; valid: Uint8Array }[] = [];
    for (const seed of SEEDS) {
      const { big, ...layout } = layoutOf(seed);
      const { width, height, bands } = layout;
      const { pixels, valid } = scene(layout, seed);
      written.push({ pixels, valid });
      const writer = await createTiffWriter(paths[seed], layout, big ? { classicLimitBytes: 0 } : {});
      for (let y = 0; y < height; y += 100) {
        const rows = Math.min(100, height - y);
        const part = pixels.subarray(y * width * bands, (y + rows) * width * bands);
        await writer.writeRows(rows, part, ...(layout.mask ? [valid.subarray(y * width, (y + rows) * width)] : []));
      }
      await writer.finish();
      const raster = await openSamples(paths[seed]);
      const window = await raster.read(0, { x: 0, y: 0, width, height });
      await raster.close();
      expect(Buffer.compare(bytesOfSamples(window.pixels), bytesOfSamples(pixels)), `seed ${seed}`).toBe(0);
      if (layout.mask) expect(Buffer.compare(window.valid, valid), `mask of seed ${seed}`).toBe(0);
    }
    if (!python) return;
    for (const [seed, view] of judge<View[]>(python, READ, paths).entries()) {
      const { bands, sampleType, nodata, mask } = layoutOf(seed);
      const all = Array.from({ length: bands }, (_, band) => band);
      const expectedNodata = nodata === undefined ? null : String(nodata).replace('Infinity', 'inf').toLowerCase();
      expect(view, `seed ${seed}`).toMatchObject({
        dtype: sampleType,
        count: bands,
        descriptions: all.map((band) => `band <${band}> & "more"`),
        units: all.map(() => 'metre'),
        scales: all.map((band) => 0.5 + band),
        offsets: all.map((band) => 0 - band),
        minima: all.map((band) => `${band}`),
        valid: [true, [], []],
      });
      if (expectedNodata === null) expect(view.nodata).toBe(null);
      else expect(String(Number(view.nodata)), `seed ${seed}`).toBe(String(Number(expectedNodata)));
      const read = await readFile(`${paths[seed]}.pixels`);
      expect(Buffer.compare(read, bytesOfSamples(written[seed].pixels)), `seed ${seed} read by GDAL`).toBe(0);
      if (!mask) continue;
      const masked = await readFile(`${paths[seed]}.mask`);
      const expected = written[seed].valid.map((valid) => valid * 255);
      expect(Buffer.compare(masked, expected), `mask of seed ${seed} read by GDAL`).toBe(0);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);
