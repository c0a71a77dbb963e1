/** Files that are refused, each with its code and nothing left behind; and layouts that GDAL writes, read exactly. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { openSamples } from '../geotiff/raster.ts';
import { samplesFromBytes } from '../geotiff/samples.ts';
import { type Entry, encodeIfd, ifdBytes, Tag } from '../geotiff/tiff-tags.ts';
import { createTiffWriter } from '../geotiff/write-tiff.ts';
import { ingest, inspect } from './ingest.ts';
import { DEFAULT_INGEST_LIMITS, type IngestLimits } from './validate-source.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingest-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The fields of an uncompressed RGB GeoTIFF of one strip, EPSG:32640, 1 m. */
function plainEntries(width: number, height: number, stripOffset: number): Entry[] {
  return [
    { tag: Tag.ImageWidth, type: 'long', values: [width] },
    { tag: Tag.ImageLength, type: 'long', values: [height] },
    { tag: Tag.BitsPerSample, type: 'short', values: [8, 8, 8] },
    { tag: Tag.Compression, type: 'short', values: [1] },
    { tag: Tag.PhotometricInterpretation, type: 'short', values: [2] },
    { tag: Tag.StripOffsets, type: 'offset', values: [stripOffset] },
    { tag: Tag.SamplesPerPixel, type: 'short', values: [3] },
    { tag: Tag.RowsPerStrip, type: 'long', values: [height] },
    { tag: Tag.StripByteCounts, type: 'offset', values: [Math.min(2 ** 32 - 1, width * height * 3)] },
    { tag: Tag.ModelPixelScale, type: 'double', values: [1, 1, 0] },
    { tag: Tag.ModelTiepoint, type: 'double', values: [0, 0, 0, 400_000, 2_800_000, 0] },
    { tag: Tag.GeoKeyDirectory, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32640] },
  ];
}

/** A file from entries; those given replace or (with no values) remove the plain ones. */
function tiff(width: number, height: number, changes: Entry[] = [], bytesPerSample = 1): Buffer {
  const change = (offset: number) => {
    const kept = plainEntries(width, height, offset).filter(({ tag }) => !changes.some((other) => other.tag === tag));
    return [...kept, ...changes.filter(({ values }) => values.length > 0)];
  };
  const offset = 8 + ifdBytes(change(0), false);
  const pixels = Buffer.alloc(width * height * 3 * bytesPerSample).map((_, i) => (i * 31) % 251);
  return Buffer.concat([Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]), encodeIfd(change(offset), false, 8, 0), pixels]);
}

async function attempt(bytes: Buffer, limits: Partial<IngestLimits> = {}) {
  const source = join(folder, 'source.tif');
  const working = join(folder, 'working.tif');
  await rm(working, { force: true });
  await writeFile(source, bytes);
  const result = await ingest(source, working, { ...DEFAULT_INGEST_LIMITS, ...limits }, () => {}).catch(
    (error) => error,
  );
  const left = (await readdir(folder)).filter((name) => name.startsWith('working'));
  expect(left).toEqual(result instanceof Error ? [] : ['working.tif']);
  return result;
}

const NO_VALUES = { type: 'short', values: [] } as const;
/** Column, row, 0, x, y, 0 of each corner. */
const CONTROL_POINTS = [
  [0, 0, 0, 4e5, 28e5, 0],
  [64, 0, 0, 400_064, 28e5, 0],
  [64, 64, 0, 400_064, 2_799_936, 0],
  [0, 64, 0, 4e5, 2_799_936, 0],
].flat();
const oneStrip = (bytes: number): Entry => ({ tag: Tag.StripByteCounts, type: 'offset', values: [bytes] });
const controlPoints = (values: number[]): Entry => ({ tag: Tag.ModelTiepoint, type: 'double', values });
const scaled = (values: number[]): Entry => ({ tag: Tag.ModelPixelScale, type: 'double', values });

test.each<[name: string, bytes: () => Buffer, code: string, says: RegExp, limits?: Partial<IngestLimits>]>([
  ['an empty file', () => Buffer.alloc(0), 'not_a_tiff', /an empty file/],
  ['a PNG', () => Buffer.from('89504e470d0a1a0a0000', 'hex'), 'not_a_tiff', /a PNG image.*gdal_translate/],
  ['a web page', () => Buffer.from('<!DOCTYPE html><html>'), 'not_a_tiff', /web page/],
  ['a header alone', () => tiff(64, 64).subarray(0, 8), 'damaged_tiff', /8 bytes/],
  ['half a header', () => tiff(64, 64).subarray(0, 100), 'damaged_tiff', /points to/],
  ['missing pixels', () => tiff(64, 64).subarray(0, 9000), 'damaged_tiff', /incomplete/],
  ['40,000² without pixels', () => tiff(40_000, 40_000, [], 0), 'damaged_tiff', /incomplete/],
  ['100,000² without pixels', () => tiff(100_000, 100_000, [], 0), 'damaged_tiff', /incomplete/],
  ['2,000,000²', () => tiff(2_000_000, 2_000_000, [], 0), 'limit_exceeded', /2000000 × 2000000/],
  ['one pixel', () => tiff(1, 1), 'too_small', /1 × 1/],
  ['no CRS', () => tiff(64, 64, [{ tag: Tag.GeoKeyDirectory, ...NO_VALUES }]), 'missing_crs', /-a_srs/],
  ['no place', () => tiff(64, 64, [{ tag: Tag.ModelTiepoint, ...NO_VALUES }]), 'missing_crs', /-a_ullr/],
  ['a scale of nothing', () => tiff(64, 64, [scaled([0, 0, 0])]), 'missing_crs', /-a_ullr/],
  [
    'a user-defined CRS',
    () =>
      tiff(64, 64, [
        { tag: Tag.GeoKeyDirectory, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32767] },
      ]),
    'unknown_crs',
    /gdalwarp -t_srs/,
  ],
  [
    'ground control points that no straight grid fits',
    () => tiff(64, 64, [scaled([]), controlPoints(CONTROL_POINTS.with(10, 28e5 - 8))]),
    'unsupported_raster',
    /4 ground control points.*2\.1 pixels off.*gdalwarp/,
  ],
  [
    'ground control points on a line',
    () => tiff(64, 64, [scaled([]), controlPoints([0, 0, 0, 4e5, 28e5, 0, 64, 0, 0, 400_064, 28e5, 0])]),
    'unsupported_raster',
    /2 ground control points.*do not say.*gdalwarp/,
  ],
  [
    '64-bit integers that float64 does not hold',
    () => tiff(64, 64, [{ tag: Tag.BitsPerSample, type: 'short', values: [64, 64, 64] }, oneStrip(64 * 64 * 3 * 8)], 8),
    'unsupported_raster',
    /up to 2\^53.*-ot Float64/,
  ],
  [
    '128-bit numbers',
    () => tiff(64, 64, [{ tag: Tag.BitsPerSample, type: 'short', values: [128, 128, 128] }]),
    'unsupported_raster',
    /128-bit.*-ot Float32/,
  ],
  [
    'bands of different sizes',
    () => tiff(64, 64, [{ tag: Tag.BitsPerSample, type: 'short', values: [8, 16, 8] }]),
    'unsupported_raster',
    /8\/16-bit.*same in all bands/,
  ],
  [
    'complex numbers',
    () =>
      tiff(64, 64, [
        { tag: Tag.BitsPerSample, type: 'short', values: [64, 64, 64] },
        { tag: Tag.SampleFormat, type: 'short', values: [6, 6, 6] },
      ]),
    'unsupported_raster',
    /complex/,
  ],
  [
    'JPEG 2000',
    () => tiff(64, 64, [{ tag: Tag.Compression, type: 'short', values: [34712] }]),
    'unsupported_raster',
    /JPEG 2000.*gdal_translate/,
  ],
  [
    'CMYK',
    () => tiff(64, 64, [{ tag: Tag.PhotometricInterpretation, type: 'short', values: [5] }]),
    'unsupported_raster',
    /inks \(CMYK\), not RGB/,
  ],
  [
    'a colour table that is not there',
    () =>
      tiff(64, 64, [
        { tag: Tag.PhotometricInterpretation, type: 'short', values: [3] },
        { tag: Tag.SamplesPerPixel, type: 'short', values: [1] },
        { tag: Tag.BitsPerSample, type: 'short', values: [8] },
      ]),
    'unsupported_raster',
    /colour table.*-expand rgb/,
  ],
  [
    'garbage for LERC',
    () => tiff(64, 64, [{ tag: Tag.Compression, type: 'short', values: [34887] }]),
    'damaged_tiff',
    /LERC/,
  ],
  [
    'garbage for Deflate',
    () => tiff(64, 64, [{ tag: Tag.Compression, type: 'short', values: [8] }]),
    'damaged_tiff',
    /decompressed/,
  ],
  [
    'garbage for LZW',
    () => tiff(64, 64, [{ tag: Tag.Compression, type: 'short', values: [5] }]),
    'damaged_tiff',
    /decompressed/,
  ],
  [
    'garbage for JPEG',
    () => tiff(64, 64, [{ tag: Tag.Compression, type: 'short', values: [7] }]),
    'damaged_tiff',
    /decompressed/,
  ],
  [
    'garbage for WebP',
    () => tiff(64, 64, [{ tag: Tag.Compression, type: 'short', values: [50001] }]),
    'damaged_tiff',
    /decompressed/,
  ],
  ['more pixels than allowed', () => tiff(64, 64), 'limit_exceeded', /64 × 64/, { pixels: 4000 }],
  ['more decoded than allowed', () => tiff(64, 64), 'limit_exceeded', /decoded/, { decodedBytes: 12_000 }],
  ['more in a block than allowed', () => tiff(64, 64), 'limit_exceeded', /block/, { bytesPerBlock: 4000 }],
])('%s is refused', async (_name, bytes, code, says, limits) => {
  const problem = await attempt(bytes(), limits);
  expect(problem).toBeInstanceOf(Problem);
  expect({ code: problem.code, detail: problem.message }).toEqual({ code, detail: expect.stringMatching(says) });
});

test('an image of nodata alone is refused', async () => {
  const path = join(folder, 'nodata.tif');
  const writer = await createTiffWriter(path, {
    width: 600,
    height: 40,
    bands: 3,
    compression: 'deflate',
    geotransform: [0, 1, 0, 0, 0, -1],
    epsg: 32640,
    nodata: 7,
    overviews: 'average',
  });
  await writer.writeRows(40, new Uint8Array(600 * 40 * 3).fill(7));
  await writer.finish();
  const working = join(folder, 'empty-working.tif');
  await expect(ingest(path, working, DEFAULT_INGEST_LIMITS, () => {})).rejects.toMatchObject({ code: 'empty_raster' });
  expect((await readdir(folder)).filter((name) => name.startsWith('empty-working'))).toEqual([]);
});

test('damage anywhere in a good file is refused or read, never anything else', async () => {
  const good = tiff(40, 40);
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 300; seed++) {
    const bad = Buffer.from(good);
    for (let flip = 0, state = seed; flip < 1 + (seed % 4); flip++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bad[state % 400] = (state >>> 16) & 255;
    }
    const result = await attempt(bad);
    if (result instanceof Error && !(result instanceof Problem)) throw new Error(`seed ${seed}`, { cause: result });
    outcomes.add(result instanceof Problem ? result.code : 'read');
  }
  expect(outcomes.size).toBeGreaterThan(4);
});

test('bytes whose lowest bit comes first', async () => {
  await attempt(tiff(64, 64, [{ tag: Tag.FillOrder, type: 'short', values: [2] }]));
  const raster = await openSamples(join(folder, 'working.tif'));
  const { pixels } = await raster.read(0, { x: 0, y: 0, width: 64, height: 64 });
  await raster.close();
  const reversed = (byte: number) => Number.parseInt([...byte.toString(2).padStart(8, '0')].reverse().join(''), 2);
  expect(pixels.every((value, i) => value === reversed((i * 31) % 251))).toBe(true);
});

test('pixel is area or point: half a pixel apart', async () => {
  const keys = (rasterType: number): Entry => ({
    tag: Tag.GeoKeyDirectory,
    type: 'short',
    values: [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, rasterType, 3072, 0, 1, 32640],
  });
  const area = await attempt(tiff(64, 64, [keys(1)]));
  const point = await attempt(tiff(64, 64, [keys(2)]));
  expect(area.geotransform).toEqual([400_000, 1, 0, 2_800_000, 0, -1]);
  expect(point.geotransform).toEqual([399_999.5, 1, 0, 2_800_000.5, 0, -1]);
  expect(point.findings).toMatchObject([{ code: 'pixel_is_point' }]);
});

/** Writes one noise image in each creation option and returns it. */
const WRITE = `
import json, sys, numpy, rasterio
folder = json.load(sys.stdin)
rng = numpy.random.default_rng(5)
y, x = numpy.mgrid[0:421, 0:333]
image = numpy.stack([(x * 3 + y) % 256, (y * 2) % 256, (x ^ y) % 256, 40 + (x + y) % 200]).astype('uint8')
image += rng.integers(0, 9, image.shape, dtype='uint8')
image[:, 100:180, 50:120] = 9
options = {}
for compression in ['NONE', 'LZW', 'DEFLATE', 'ZSTD', 'PACKBITS', 'WEBP']:
    options[compression] = dict(compress=compression, count=3, webp_lossless=True)
    options[compression + '-tiled'] = dict(compress=compression, count=3, tiled=True, blockxsize=64, blockysize=128, webp_lossless=True)
    if compression != 'WEBP':
        options[compression + '-planar'] = dict(compress=compression, count=4, interleave='band')
        options[compression + '-planar-tiled'] = dict(compress=compression, count=3, interleave='band', tiled=True, blockxsize=64, blockysize=64)
    if compression in ('LZW', 'DEFLATE', 'ZSTD'):
        options[compression + '-predictor'] = dict(compress=compression, count=4, predictor=2)
        options[compression + '-planar-predictor'] = dict(compress=compression, count=3, predictor=2, interleave='band')
options['big-endian'] = dict(count=3, endianness='BIG', compress='LZW', predictor=2)
options['bigtiff'] = dict(count=3, bigtiff='YES', compress='DEFLATE', tiled=True)
options['one-strip'] = dict(count=3, blockysize=421)
options['one-strip-lzw'] = dict(count=3, blockysize=421, compress='LZW')
options['row-strips'] = dict(count=3, blockysize=1, compress='DEFLATE')
options['odd-strips'] = dict(count=3, blockysize=263)
options['rgba'] = dict(count=4, alpha='YES', photometric='RGB', compress='WEBP', webp_lossless=True)
options['rgba-lzw'] = dict(count=4, alpha='YES', photometric='RGB', compress='LZW')
options['jpeg-rgb'] = dict(count=3, compress='JPEG', photometric='RGB', tiled=True, blockxsize=64, blockysize=64)
options['jpeg-strips'] = dict(count=3, compress='JPEG', photometric='RGB')
options['jpeg-planar'] = dict(count=3, compress='JPEG', interleave='band')
options['jpeg-four'] = dict(count=4, compress='JPEG')
options['nodata'] = dict(count=3, nodata=9, compress='LZW')
options['sparse'] = dict(count=3, nodata=9, tiled=True, blockxsize=64, blockysize=64, sparse_ok=True)
ramp = (x * 211.0 + y * 97.0)
values = {
    'uint16': (ramp % 60000).astype('uint16'), 'int16': (ramp % 60000 - 30000).astype('int16'), 'int8': (ramp % 250 - 125).astype('int8'),
    'uint32': (ramp * 40000 % 4e9).astype('uint32'), 'int32': (ramp * 40000 % 4e9 - 2e9).astype('int32'),
    'float32': (ramp / 7 - 100).astype('float32'), 'float64': ramp / 7 - 100,
}
for dtype, value in values.items():
    for compression in ['NONE', 'LZW', 'DEFLATE', 'ZSTD', 'PACKBITS', 'LERC', 'LERC_ZSTD', 'LERC_DEFLATE']:
        lerc = 'LERC' in compression
        if lerc and dtype == 'int8': continue
        if compression in ('NONE', 'PACKBITS', 'ZSTD', 'LERC_ZSTD', 'LERC_DEFLATE') and dtype not in ('int16', 'float32'): continue
        for predictor in [1] if lerc or compression in ('NONE', 'PACKBITS') else [1, 2] + ([3] if dtype[0] == 'f' else []):
            for order, interleave in [('LITTLE', 'pixel'), ('BIG', 'band'), ('BIG', 'pixel')]:
                if order == 'BIG' and (interleave == 'pixel') != (predictor == 3): continue
                shape = dict(tiled=True, blockxsize=64, blockysize=48) if predictor == 2 or order == 'BIG' else {}
                name = '-'.join([dtype, compression, str(predictor), order, interleave])
                options[name] = dict(compress=compression, predictor=predictor, endianness=order, interleave=interleave,
                    count=2 if interleave == 'pixel' else 3, dtype=dtype, photometric='MINISBLACK', **shape)
options['gray'] = dict(count=1, photometric='MINISBLACK', compress='JPEG')
options['white-is-zero'] = dict(count=1, photometric='MINISWHITE', compress='LZW')
options['palette'] = dict(count=1, photometric='PALETTE', compress='PACKBITS')
options['eight'] = dict(count=8, photometric='MINISBLACK', compress='LZW')
for bits in [1, 2, 4, 7]:
    options['bits-%d' % bits] = dict(count=1, nbits=bits, photometric='MINISBLACK', compress='LZW')
    options['bits-%d-rgb' % bits] = dict(count=3, nbits=bits, compress='DEFLATE')
for bits in [9, 10, 12, 15]:
    options['bits-%d' % bits] = dict(count=3, nbits=bits, dtype='uint16', compress='ZSTD')
for bits in [18, 23, 31]:
    options['bits-%d' % bits] = dict(count=2, nbits=bits, dtype='uint32', photometric='MINISBLACK', compress='DEFLATE')
for dtype in ['int64', 'uint64']:
    for order in ['LITTLE', 'BIG']:
        options[dtype + '-' + order] = dict(count=2, dtype=dtype, photometric='MINISBLACK', compress='LZW', predictor=2, endianness=order)
options['sparse-planar'] = dict(count=3, nodata=9, interleave='band', tiled=True, blockxsize=64, blockysize=64, sparse_ok=True)
options['sparse-strips'] = dict(count=3, nodata=9, blockysize=4, sparse_ok=True, compress='LZW')
options['half'] = dict(count=3, nbits=16, dtype='float32', photometric='MINISBLACK', compress='DEFLATE', predictor=3)
options['nan'] = dict(count=1, dtype='float32', photometric='MINISBLACK', nodata=float('nan'))
options['nodata-float'] = dict(count=2, dtype='float32', photometric='MINISBLACK', nodata=-3.4028234663852886e38, compress='LZW')
options['nodata-near'] = dict(count=1, dtype='float64', photometric='MINISBLACK', nodata=0.1)
options['lerc-bands-apart'] = dict(count=3, dtype='float64', photometric='MINISBLACK', nodata=float('nan'), compress='LERC_ZSTD')
options['nodata-int16'] = dict(count=3, dtype='int16', nodata=-9999, compress='DEFLATE')
options['alpha-uint16'] = dict(count=4, dtype='uint16', alpha='YES', photometric='RGB', compress='DEFLATE', predictor=2)
out = {}
for name, option in options.items():
    option.setdefault('photometric', 'RGB')
    option.setdefault('dtype', 'uint8')
    count = option.pop('count')
    dtype = option['dtype']
    path = folder + '/' + name + '.tif'
    pixels = numpy.resize(image, (count,) + image.shape[1:])
    if dtype != 'uint8':
        kind = values['uint32' if dtype == 'uint64' else 'int32' if dtype == 'int64' else dtype]
        pixels = numpy.stack([numpy.roll(kind, 13 * i, 1) for i in range(count)]).astype(dtype)
    if 'nbits' in option and dtype != 'float32':
        pixels = pixels % 2 ** option['nbits']
    if 'nodata' in option and dtype != 'uint8':
        pixels[:, 30:90, 20:100] = option['nodata']
    if name == 'nodata-near':
        pixels[:, 30:60, 20:100] = numpy.float32(0.1)
    if name == 'lerc-bands-apart':
        pixels[1, 90:99, 5:300] = numpy.nan
    if name == 'alpha-uint16':
        pixels[3] = numpy.where((x + y) % 3 == 0, 0, 65535)
    with rasterio.open(path, 'w', driver='GTiff', width=333, height=421, count=count, crs='EPSG:32640',
                       transform=rasterio.Affine(0.5, 0, 400000, 0, -0.5, 2800000), **option) as d:
        if name == 'sparse':
            d.write(image[:3, 64:128, 64:192], window=rasterio.windows.Window(64, 64, 128, 64))
        elif name == 'sparse-planar':
            d.write(image[1, 64:128, 64:192], 2, window=rasterio.windows.Window(64, 64, 128, 64))
        elif name == 'sparse-strips':
            d.write(image[:3, 100:107], window=rasterio.windows.Window(0, 100, 333, 7))
        else:
            d.write(pixels)
        if name == 'palette':
            d.write_colormap(1, {i: (255 - i, i * 7 % 256, i, 255) for i in range(256)})
    with rasterio.open(path) as d:
        read = d.read() # alpha too: over these pixels it looks like data
        if read.dtype.name.endswith('int64'): read = read.astype('float64')
        if name == 'palette':
            read = numpy.array([d.colormap(1)[i][:3] for i in range(256)], 'uint8')[read[0]].transpose(2, 0, 1)
        numpy.ascontiguousarray(read.transpose(1, 2, 0)).tofile(path + '.pixels')
        (d.dataset_mask() > 0).astype('uint8').tofile(path + '.valid')
    out[name] = path
json.dump(out, sys.stdout)
`;

async function openWorking(name: string, path: string) {
  const working = `${path}.working.tif`;
  const report = await ingest(path, working, DEFAULT_INGEST_LIMITS, () => {});
  expect(report, name).toMatchObject({ epsg: 32640, geotransform: [400_000, 0.5, 0, 2_800_000, 0, -0.5] });
  const { width, height, bands, dtype } = await inspect(path, DEFAULT_INGEST_LIMITS);
  expect({ width, height, bands, dtype }, name).toEqual({
    width: 333,
    height: 421,
    bands: report.bands,
    dtype: report.dtype,
  });
  const valid = await readFile(`${path}.valid`);
  expect(report.validPixels, name).toBe(valid.reduce((a, b) => a + b, 0));
  return openSamples(working);
}

/** Layouts that differ little from others, which the quick run leaves out. */
const NEIGHBOURS = /^bits-(9|10|15|18|23)$|^(ZSTD|LZW|DEFLATE)(-planar)?$|-planar-predictor$/;

test('every layout that GDAL writes is read pixel for pixel', async () => {
  const python = pythonWithJudges();
  if (!python) return;
  const paths = judge<Record<string, string>>(python, WRITE, folder);
  for (const [name, path] of Object.entries(paths)) {
    if (NEIGHBOURS.test(name) && process.env.PLANIMETER_FULL !== '1') continue;
    // Of the many combinations of sample types only the reading differs; the others go into a working COG and out again.
    const raster = /^(u?int|float)\d+-/.test(name) ? await openSamples(path) : await openWorking(name, path);
    const { pixels, valid } = await raster.read(0, { x: 0, y: 0, width: 333, height: 421 });
    await raster.close();
    const expectedValid = await readFile(`${path}.valid`);
    expect(Buffer.compare(valid, expectedValid), `${name}: mask`).toBe(0);
    const expected = samplesFromBytes(raster.sampleType, await readFile(`${path}.pixels`));
    expect({ name, samples: expected.length }).toEqual({ name, samples: pixels.length });
    let differing = 0;
    for (let i = 0; i < expected.length; i++) {
      if (valid[Math.floor(i / raster.bands)] && !Object.is(pixels[i], expected[i])) differing++;
    }
    expect({ name, differing }).toEqual({ name, differing: 0 });
  }
}, 300_000);
