/** geotiff.js, a reader of its own making, finds the same samples in the same files as ours. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromFile, type TypedArray } from 'geotiff';
import { expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { sharedPath } from '../../test/support/shared.ts';
import { DEFAULT_INGEST_LIMITS } from '../ingest/validate-source.ts';
import { rasterOf } from './raster.ts';
import { createSamples, type SampleType } from './samples.ts';
import { readImage } from './tiff-image.ts';
import { openTiff } from './tiff-structure.ts';
import { wholeOf } from './window.ts';
import { createTiffWriter } from './write-tiff.ts';

const JPEG = 7;
const WEBP = 50001;

/** Samples that differ between the two, or null where one of them does not read the file. */
async function compare(path: string): Promise<{ differing: number; samples: number } | null> {
  const file = await fromFile(path);
  try {
    const tiff = await openTiff(path, DEFAULT_INGEST_LIMITS.ifds);
    try {
      const image = await readImage(tiff, tiff.ifds[0], DEFAULT_INGEST_LIMITS);
      // Two ways to decode JPEG differ by rounding; geotiff.js needs a browser for WebP, and packs odd bits its own way.
      if (image.compression === JPEG || image.compression === WEBP || image.bits % 8 !== 0) return null;
      // It undoes predictors in big-endian files in the wrong byte order; GDAL agrees with ours.
      if (image.predictor !== 1 && !image.littleEndian && image.bits > 8) return null;
      const raster = await rasterOf(tiff, DEFAULT_INGEST_LIMITS, 0, false);
      const { pixels } = await raster.read(0, wholeOf(raster));
      const first = await file.getImage(0);
      const theirs = (await first.readRasters({ interleave: true }).catch(() => null)) as TypedArray | null;
      if (!theirs) return null;
      if (theirs.length !== pixels.length) return { differing: pixels.length, samples: pixels.length };
      let differing = 0;
      for (let i = 0; i < pixels.length; i++)
        if (!Object.is(pixels[i], theirs[i]) && pixels[i] !== theirs[i]) differing++;
      return { differing, samples: pixels.length };
    } finally {
      await tiff.source.close();
    }
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  } finally {
    file.close();
  }
}

const good = sharedPath('tiff-corpus/good');

test.skipIf(good === null)(
  'the good part of the corpus',
  async () => {
    let compared = 0;
    for (const name of await readdir(good!)) {
      if (!/\.tiff?$/i.test(name)) continue;
      const result = await compare(join(good!, name));
      if (!result) continue;
      compared++;
      expect({ name, ...result }).toEqual({ name, ...result, differing: 0 });
    }
    expect(compared).toBeGreaterThan(15);
  },
  60_000,
);

const TYPES: SampleType[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'];

test('what the writer writes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'second-'));
  try {
    for (const [i, sampleType] of TYPES.entries()) {
      const [width, height, bands] = [150 + i, 90, 1 + (i % 4)];
      const path = join(folder, `${sampleType}.tif`);
      const pixels = createSamples(sampleType, width * height * bands);
      const signed = sampleType.startsWith('u') ? 0 : 1;
      for (let at = 0; at < pixels.length; at++) pixels[at] = ((at * 7919) % 251) - signed * 120 + (signed && at / 16);
      const writer = await createTiffWriter(path, {
        width,
        height,
        bands,
        sampleType,
        compression: i % 2 ? 'zstd' : 'deflate',
        geotransform: [0, 1, 0, 0, 0, -1],
        epsg: 32640,
        overviews: 'average',
        tileSize: 64,
      });
      await writer.writeRows(height, pixels);
      await writer.finish();
      expect(await compare(path), sampleType).toEqual({ differing: 0, samples: pixels.length });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
