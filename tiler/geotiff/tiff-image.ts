/**
 * The fields of one IFD become the description of an image (or of a 1-bit mask): its size, what its samples are and how
 * they are laid out, and a grid of blocks. A block is a tile, or as many whole strips as make about 256 rows; long
 * uncompressed strips are cut, since any of their rows can be read alone.
 */
import { Problem } from '../../errors/problem.ts';
import { bytesPerSample, type SampleType } from './samples.ts';
import { type Ifd, readField, readNumbers, readText, type TiffFile } from './tiff-structure.ts';
import { Compression, Photometric, SubfileType, Tag } from './tiff-tags.ts';

export interface ImageLimits {
  /** Width times height. */
  pixels: number;
  /** Decoded, and as stored. */
  bytesPerBlock: number;
}

export interface TiffImage {
  width: number;
  height: number;
  bands: number;
  /** Of each sample as stored: 1 to 32 or 64. */
  bits: number;
  /**
   * What the samples are decoded to: the stored type, or the next larger one for odd numbers of bits; float64 for
   * 64-bit integers, which must then be ones that it holds exactly.
   */
  sampleType: SampleType;
  /** Of 64-bit integers: whether they have a sign. Null for other samples. */
  wideSigned: boolean | null;
  /** Of samples of more than one byte. */
  littleEndian: boolean;
  /** Whether the lowest bit of each stored byte comes first. */
  bitsReversed: boolean;
  /** GDAL_NODATA, if it is given and a number. */
  nodata: number | null;
  /** Whether this is a mask: a bit a pixel, decoded to 0|1. */
  isMask: boolean;
  compression: number;
  /** 1 none, 2 horizontal differences, 3 differences of the bytes of floating-point numbers. */
  predictor: number;
  photometric: number;
  /** Each band in segments of its own. */
  planar: boolean;
  /** Tag 338: what the bands above the colours are (0 unspecified, 1 associated alpha, 2 unassociated alpha). */
  extraSamples: readonly number[];
  /** Tag 254. */
  subfile: number;
  tiled: boolean;
  blockWidth: number;
  blockHeight: number;
  blocksAcross: number;
  blocksDown: number;
  /** Tiles or strips: rows in one, and how many stand below each other in a block. */
  segmentRows: number;
  segmentsPerBlock: number;
  /** Segments in one plane. */
  segmentsPerPlane: number;
  /** Position in the file and stored bytes of each segment, plane after plane; 0 and 0: never written. */
  offsets: Float64Array;
  byteCounts: Float64Array;
  jpegTables: Buffer | null;
  /** Tag 50674: what LERC's bytes are compressed with once more (0 nothing, 1 Deflate, 2 ZSTD). */
  lercCompression: number;
  /** Tag 530, horizontal and vertical. */
  subsampling: readonly number[];
}

const MOST_BANDS = 512;
const MOST_SEGMENTS = 1 << 22;
const ROWS_PER_BLOCK = 256;
const JPEG_TABLES_BYTES = 1 << 16;

/** The kinds of compression that blocks can be read of; names as gdal_translate knows them. */
export const COMPRESSION_NAMES: ReadonlyMap<number, string> = new Map([
  [Compression.none, 'none'],
  [2, 'CCITT RLE'],
  [3, 'CCITT fax 3'],
  [4, 'CCITT fax 4'],
  [Compression.lzw, 'LZW'],
  [6, 'old JPEG'],
  [Compression.jpeg, 'JPEG'],
  [Compression.deflate, 'Deflate'],
  [Compression.packBits, 'PackBits'],
  [Compression.oldDeflate, 'Deflate'],
  [32766, 'NeXT RLE'],
  [32809, 'ThunderScan'],
  [34676, 'SGI Log'],
  [34677, 'SGI Log24'],
  [34712, 'JPEG 2000'],
  [Compression.lerc, 'LERC'],
  [34925, 'LZMA'],
  [Compression.zstd, 'ZSTD'],
  [Compression.webp, 'WebP'],
  [50002, 'JPEG XL'],
  [52546, 'JPEG XL'],
]);

const READABLE: readonly number[] = [
  Compression.none,
  Compression.lzw,
  Compression.jpeg,
  Compression.deflate,
  Compression.packBits,
  Compression.oldDeflate,
  Compression.lerc,
  Compression.zstd,
  Compression.webp,
];

/** The others know no predictor, whatever the header says. */
const PREDICTED: readonly number[] = [Compression.lzw, Compression.deflate, Compression.oldDeflate, Compression.zstd];

const damaged = (detail: string): Problem =>
  new Problem('damaged_tiff', `${detail} Send the file again, or check it with gdalinfo.`);

const unsupported = (what: string, options: string): Problem =>
  new Problem('unsupported_raster', `${what} Convert it: gdal_translate ${options} INPUT.tif OUTPUT.tif`);

/** Tags 256, 257 and 254 alone. Throws Problem damaged_tiff or limit_exceeded. */
export async function readSize(tiff: TiffFile, ifd: Ifd, pixels: number) {
  const one = async (tag: number) => (await readNumbers(tiff, ifd, tag, 16))?.[0] ?? 0;
  const width = await one(Tag.ImageWidth);
  const height = await one(Tag.ImageLength);
  if (!(width >= 1 && height >= 1)) throw damaged(`The header gives the size ${width} × ${height} pixels.`);
  if (width * height > pixels) {
    throw new Problem(
      'limit_exceeded',
      `The image has ${width} × ${height} pixels, more than the ${pixels} allowed. Cut it: gdal_translate -srcwin LEFT TOP WIDTH HEIGHT INPUT.tif OUTPUT.tif`,
    );
  }
  return { width, height, subfile: await one(Tag.NewSubfileType) };
}

/**
 * Describes the image of an IFD. Throws Problem unsupported_raster for samples or compressions that are not read,
 * limit_exceeded for sizes beyond the limits, damaged_tiff for what contradicts itself or the file's size.
 */
export async function readImage(tiff: TiffFile, ifd: Ifd, limits: ImageLimits): Promise<TiffImage> {
  const numbers = (tag: number, most = MOST_BANDS) => readNumbers(tiff, ifd, tag, most);
  const one = async (tag: number, otherwise: number) => (await numbers(tag))?.[0] ?? otherwise;
  const { width, height, subfile } = await readSize(tiff, ifd, limits.pixels);
  const bands = await one(Tag.SamplesPerPixel, 1);
  if (!(bands >= 1)) throw damaged(`The header gives ${bands} bands.`);
  if (bands > MOST_BANDS)
    throw new Problem('limit_exceeded', `The image has ${bands} bands; at most ${MOST_BANDS} are read.`);
  const { bits, sampleType, wideSigned } = await readSampleType(tiff, ifd, bands);
  const isMask = (subfile & SubfileType.mask) !== 0;
  if (isMask && (bands !== 1 || bits !== 1)) throw damaged(`The mask has ${bands} bands of ${bits} bits.`);
  const compression = await one(Tag.Compression, Compression.none);
  if (!READABLE.includes(compression)) {
    const name = COMPRESSION_NAMES.get(compression) ?? `method ${compression}`;
    throw unsupported(`The image is compressed with ${name}.`, '-co COMPRESS=ZSTD');
  }
  const predictor = PREDICTED.includes(compression) ? await one(Tag.Predictor, 1) : 1;
  checkPredictor(predictor, bits, await isFloatFormat(tiff, ifd));
  const planar = (await one(Tag.PlanarConfiguration, 1)) === 2 && bands > 1;
  const photometric = await one(Tag.PhotometricInterpretation, Photometric.minIsBlack);

  const tiled = ifd.has(Tag.TileWidth);
  const segmentWidth = tiled ? await one(Tag.TileWidth, 0) : width;
  const storedRows = tiled ? await one(Tag.TileLength, 0) : Math.min(height, await one(Tag.RowsPerStrip, height));
  if (!(segmentWidth >= 1 && storedRows >= 1))
    throw damaged(`The header gives blocks of ${segmentWidth} × ${storedRows}.`);
  const rowBytes = Math.ceil((segmentWidth * (planar ? 1 : bands) * bits) / 8);
  const across = Math.ceil(width / segmentWidth);
  const storedPerPlane = across * Math.ceil(height / storedRows);
  const segmentCount = storedPerPlane * (planar ? bands : 1);
  if (segmentCount > MOST_SEGMENTS) {
    throw new Problem(
      'limit_exceeded',
      `The image is cut into ${segmentCount} blocks; at most ${MOST_SEGMENTS} are read.`,
    );
  }
  let offsets = await numbers(tiled ? Tag.TileOffsets : Tag.StripOffsets, segmentCount * 2);
  let byteCounts = await numbers(tiled ? Tag.TileByteCounts : Tag.StripByteCounts, segmentCount * 2);
  if (!offsets || offsets.length < segmentCount) throw damaged('The header does not say where the pixels are.');
  const uncompressed = compression === Compression.none;
  if (!byteCounts || byteCounts.length < segmentCount) {
    if (!uncompressed) throw damaged('The header does not say how many bytes each block has.');
    byteCounts = new Float64Array(segmentCount).fill(rowBytes * storedRows);
  }

  let segmentRows = storedRows;
  if (uncompressed && !tiled && storedRows > ROWS_PER_BLOCK) {
    segmentRows = cutRows(storedRows, height);
    const planes = planar ? bands : 1;
    ({ offsets, byteCounts } = cutStrips(offsets, byteCounts, height, storedRows, segmentRows, rowBytes, planes));
  }
  const segmentsDown = Math.ceil(height / segmentRows);
  // Strips that were never written are told from others by being blocks of their own.
  const alone = tiled || byteCounts.includes(0);
  const segmentsPerBlock = alone ? 1 : Math.min(segmentsDown, Math.max(1, Math.floor(ROWS_PER_BLOCK / segmentRows)));
  const decodedRowBytes = segmentWidth * bands * bytesPerSample(sampleType);
  const blockBytes = Math.max(rowBytes, decodedRowBytes) * segmentRows * segmentsPerBlock;
  if (blockBytes > limits.bytesPerBlock) {
    const sizes = `${Math.round(blockBytes / 2 ** 20)} MiB, more than the ${Math.round(limits.bytesPerBlock / 2 ** 20)} allowed`;
    throw new Problem(
      'limit_exceeded',
      `One block of the image takes ${sizes}. Cut it into tiles: gdal_translate -co TILED=YES INPUT.tif OUTPUT.tif`,
    );
  }
  return {
    width,
    height,
    bands,
    bits,
    sampleType,
    wideSigned,
    littleEndian: tiff.littleEndian,
    bitsReversed: (await one(Tag.FillOrder, 1)) === 2,
    nodata: await readNodata(tiff, ifd),
    isMask,
    compression,
    predictor,
    photometric,
    planar,
    extraSamples: [...((await numbers(Tag.ExtraSamples)) ?? [])],
    subfile,
    tiled,
    blockWidth: segmentWidth,
    blockHeight: segmentRows * segmentsPerBlock,
    blocksAcross: across,
    blocksDown: Math.ceil(segmentsDown / segmentsPerBlock),
    segmentRows,
    segmentsPerBlock,
    segmentsPerPlane: across * segmentsDown,
    offsets,
    byteCounts,
    jpegTables: await readField(tiff, ifd, Tag.JpegTables, JPEG_TABLES_BYTES),
    lercCompression: (await numbers(Tag.LercParameters))?.[1] ?? 0,
    subsampling: [...((await numbers(Tag.YCbCrSubsampling)) ?? [2, 2])],
  };
}

const SampleFormat = { unsigned: 1, signed: 2, float: 3, undefined: 4, complexInteger: 5, complexFloat: 6 } as const;
const FORMAT_NAMES = ['', 'unsigned', 'signed', 'floating-point', 'undefined', 'complex integer', 'complex'];

async function readFormats(tiff: TiffFile, ifd: Ifd): Promise<Float64Array> {
  return (await readNumbers(tiff, ifd, Tag.SampleFormat, MOST_BANDS * 2)) ?? new Float64Array([SampleFormat.unsigned]);
}

const isFloatFormat = async (tiff: TiffFile, ifd: Ifd): Promise<boolean> =>
  (await readFormats(tiff, ifd))[0] === SampleFormat.float;

async function readSampleType(tiff: TiffFile, ifd: Ifd, bands: number) {
  const bits = (await readNumbers(tiff, ifd, Tag.BitsPerSample, MOST_BANDS * 2)) ?? new Float64Array([1]);
  const formats = await readFormats(tiff, ifd);
  const uniform =
    new Set(bits).size === 1 && new Set(formats).size === 1 && (bits.length === 1 || bits.length >= bands);
  const sampleType = uniform ? sampleTypeOf(bits[0], formats[0]) : null;
  const wideSigned = bits[0] === 64 && formats[0] !== SampleFormat.float ? formats[0] === SampleFormat.signed : null;
  if (sampleType) return { bits: bits[0], sampleType, wideSigned };
  const kind = [...new Set(formats)].map((format) => FORMAT_NAMES[format] ?? 'unknown').join('/');
  const found = `${[...new Set(bits)].join('/')}-bit samples (${kind})`;
  throw unsupported(
    `The image has ${found}; read are integers of 1 to 32 (but 24) and 64 bits and floating-point numbers of 16, 32 and 64 bits, the same in all bands.`,
    '-ot Float32',
  );
}

/** The type that holds the numbers without loss (of 64-bit integers, see above); null for those that are not read. */
function sampleTypeOf(bits: number, format: number): SampleType | null {
  if (format === SampleFormat.float) {
    if (bits === 16 || bits === 32) return 'float32';
    return bits === 64 ? 'float64' : null;
  }
  if (bits === 64 && format <= SampleFormat.undefined) return 'float64';
  if (format === SampleFormat.signed) return bits === 8 ? 'int8' : bits === 16 ? 'int16' : bits === 32 ? 'int32' : null;
  if (format !== SampleFormat.unsigned && format !== SampleFormat.undefined) return null;
  if (bits >= 1 && bits <= 8) return 'uint8';
  if (bits > 8 && bits <= 16) return 'uint16';
  return bits > 16 && bits <= 32 && bits !== 24 ? 'uint32' : null; // of 24 bits readers disagree about the byte order
}

const NODATA_BYTES = 1 << 16;

/**
 * GDAL_NODATA of an image; null where there is none. Read as GDAL does: up to what is no number, and a text that is none
 * from its start counts as 0.
 */
export async function readNodata(tiff: TiffFile, ifd: Ifd): Promise<number | null> {
  const text = (await readText(tiff, ifd, Tag.GdalNodata, NODATA_BYTES))?.trim() ?? '';
  if (text === '') return null;
  if (/^[+-]?nan/i.test(text)) return Number.NaN;
  const number = Number.parseFloat(text.replace(/^([+-]?)inf.*$/i, '$1Infinity').replace(',', '.'));
  return Number.isNaN(number) ? 0 : number;
}

/** TIFF 6.0 and its Technical Note 3 define the predictors for these samples. */
function checkPredictor(predictor: number, bits: number, float: boolean): void {
  const whole = bits === 8 || bits === 16 || bits === 32 || bits === 64;
  const defined = predictor === 1 || (predictor === 2 && whole) || (predictor === 3 && float);
  if (!defined) throw damaged(`The header gives predictor ${predictor} for ${bits}-bit samples.`);
}

/** Uncompressed strips become strips of `rows` rows, which divide `storedRows` or cut a single strip. */
function cutStrips(
  offsets: Float64Array,
  byteCounts: Float64Array,
  height: number,
  storedRows: number,
  rows: number,
  rowBytes: number,
  planes: number,
) {
  const down = Math.ceil(height / rows);
  const stored = Math.ceil(height / storedRows);
  const out = { offsets: new Float64Array(down * planes), byteCounts: new Float64Array(down * planes) };
  for (let piece = 0; piece < down * planes; piece++) {
    const firstRow = (piece % down) * rows;
    const strip = Math.floor(piece / down) * stored + Math.floor(firstRow / storedRows);
    if (offsets[strip] === 0 && byteCounts[strip] === 0) continue;
    const skip = (firstRow % storedRows) * rowBytes;
    const bytes = Math.min(rows, height - firstRow) * rowBytes;
    out.offsets[piece] = offsets[strip] + skip;
    out.byteCounts[piece] = Math.max(0, Math.min(bytes, byteCounts[strip] - skip));
  }
  return out;
}

/** Rows that long uncompressed strips are cut to: they must divide a strip, unless it is the only one. */
function cutRows(storedRows: number, height: number): number {
  if (storedRows <= ROWS_PER_BLOCK || storedRows >= height) return Math.min(storedRows, ROWS_PER_BLOCK);
  let rows = ROWS_PER_BLOCK;
  while (storedRows % rows !== 0) rows--;
  return rows;
}
