/**
 * The header of an untrusted TIFF becomes what is known of the scene before its pixels are decoded, or the Problem that
 * says why it cannot be one and how to convert it. Accepted: images of any number of bands, gray, RGB or with a colour
 * table, placed by a geotransform (or control points that one fits) in a CRS with an EPSG code or a definition.
 */

import { Problem } from '../../errors/problem.ts';
import { isRemote } from '../geotiff/byte-source.ts';
import { readGeoreference } from '../geotiff/georeference.ts';
import { type OpenedImage, openMainImage } from '../geotiff/main-image.ts';
import { CACHE_BYTES, openSamples, type RasterOfFile, rasterOf } from '../geotiff/raster.ts';
import { bytesPerSample, isFloat, nodataAsSample, type SampleType } from '../geotiff/samples.ts';
import { COMPRESSION_NAMES, readImage, type TiffImage } from '../geotiff/tiff-image.ts';
import { readNumbers, type TiffFile } from '../geotiff/tiff-structure.ts';
import { Compression, Photometric, Tag } from '../geotiff/tiff-tags.ts';
import type { Assumption, Finding } from './findings.ts';
import { type Location, locate } from './locate.ts';
import { halvedRaster } from './overview-levels.ts';
import { type BandChoice, chooseBands } from './rgb-bands.ts';
import { readSidecars, type SidecarPaths } from './sidecars.ts';

export interface IngestLimits {
  /** Width times height, most of which may hold no imagery. */
  pixels: number;
  /** Of the blocks that were written, decoded: what is computed and stored follows from it. */
  decodedBytes: number;
  /** Of one tile or strip, decoded. */
  bytesPerBlock: number;
  /** Images in the file: overviews and masks are some. */
  ifds: number;
}

export const DEFAULT_INGEST_LIMITS: IngestLimits = {
  pixels: 2 ** 40,
  decodedBytes: 2 ** 37,
  bytesPerBlock: 256 << 20,
  ifds: 64,
};

export interface SceneHeader extends Location {
  width: number;
  height: number;
  /** Of the file; the working COG keeps them all but alpha, which becomes its mask. */
  bands: number;
  /** Of the file's bands (of a colour table, its colours), in their order: a name or a colour that it gives, or null. */
  bandNames: (string | null)[];
  dtype: SampleType;
  nodata: number | null;
  /** When the image was taken, ISO 8601 without a zone, where the file says it. */
  capturedAt: string | null;
  /** As gdal_translate names it. */
  compression: string;
  findings: Finding[];
  assumptions: Assumption[];
}

/** An accepted source, open. */
export interface Source {
  tiff: TiffFile;
  image: TiffImage;
  raster: RasterOfFile;
  header: SceneHeader;
  choice: BandChoice;
  /** Red, green and blue of each code, where the image has a colour table. */
  colourTable: Uint8Array | null;
  /** How many rows to read at once. */
  bandRows: number;
  /** Whether the file has a way to mark pixels invalid. */
  maskable: boolean;
}

/** Metadata item with the CRS that the user gave of an image that is read in place. */
export const SRS_ITEM = 'PLANIMETER_SRS';

const SMALLEST_SIDE = 16;
/** Of the samples that are read at once. */
const WINDOW_BYTES = 8 << 20;
const MOST_ROWS = 256;
const FEWEST_ROWS = 16;

const refusal = (what: string, command: string): Problem =>
  new Problem('unsupported_raster', `${what} Convert it: ${command} INPUT.tif OUTPUT.tif`);

/** What is known of a file besides its own bytes. */
export interface SourceHints {
  sidecars?: SidecarPaths;
  /** "EPSG:CODE" or WKT 1, in place of what the file says. */
  srs?: string | undefined;
  /** Whether decoded blocks are kept until the next row of them: for reading windows that do not end with them. */
  keepBlocks?: boolean;
}

/**
 * Opens a file and checks all that its header says; one that lies elsewhere comes with its overviews. The caller closes
 * `raster`. Throws Problem.
 */
export async function openSource(path: string, limits: IngestLimits, hints: SourceHints = {}): Promise<Source> {
  const opened = await openMainImage(path, limits.ifds);
  const { tiff } = opened;
  try {
    const image = await readImage(tiff, tiff.ifds[0], limits);
    checkSize(image);
    const colourTable = await readColours(tiff, image);
    checkBlocks(tiff, image, limits);
    const sidecars = await readSidecars(hints.sidecars ?? {});
    const srs = hints.srs ?? tiff.source.items?.[SRS_ITEM];
    const { findings: located, ...place } = locate(await readGeoreference(tiff, tiff.ifds[0]), image, {
      srs,
      sidecars,
    });
    const rowBytes = image.blocksAcross * image.blockWidth * image.bands * bytesPerSample(image.sampleType);
    const bandRows = rowsAtOnce(image.blockHeight, rowBytes);
    // Blocks taller than what is read at once are kept while their rows are read.
    const cacheBytes = hints.keepBlocks || bandRows < image.blockHeight ? rowBytes * image.blockHeight : 0;
    const { nodata } = sidecars;
    const mask = hints.sidecars?.mask ? await openMask(hints.sidecars.mask, image) : null;
    const supplement = { nodata, mask };
    const raster = isRemote(path)
      ? halvedRaster(image, await rasterOf(tiff, limits, CACHE_BYTES, true, supplement))
      : await rasterOf(tiff, limits, cacheBytes, false, supplement);
    const sparse = image.byteCounts.includes(0);
    const choice = chooseBands({ ...image, ...raster, roles: raster.bandRoles, names: raster.bandNames });
    const header: SceneHeader = {
      width: image.width,
      height: image.height,
      bands: image.bands,
      bandNames: colourTable ? ['red', 'green', 'blue'] : bandNames(image, raster, choice),
      dtype: image.sampleType,
      ...place,
      nodata: raster.nodata,
      capturedAt: raster.capturedAt,
      compression: COMPRESSION_NAMES.get(image.compression) ?? String(image.compression),
      ...findingsOn(image, raster, {
        choice,
        sparse,
        coloured: colourTable !== null,
        ...place,
        located: [...otherImages(opened), ...located],
      }),
    };
    const maskable =
      sparse || raster.hasMask || raster.alphaBand !== null || raster.nodata !== null || isFloat(image.sampleType);
    return { tiff, image, raster, header, choice, colourTable, bandRows, maskable };
  } catch (error) {
    await tiff.source.close();
    throw error;
  }
}

const MOST_IMAGES_TOLD = 6;

/** Says which image of a file is taken where another may have been meant. */
function otherImages({ taken, passedOver }: OpenedImage): Finding[] {
  if (passedOver.length === 0) return [];
  const listed = passedOver.slice(0, MOST_IMAGES_TOLD).map(({ number, width, height, kind }) => {
    return `image ${number} of ${width} × ${height} pixels${kind === 'reduced' ? ' (marked as reduced)' : ''}`;
  });
  const more = passedOver.length > listed.length ? ` and ${passedOver.length - listed.length} more` : '';
  const message = `The file holds several images. Number ${taken.number} of ${taken.width} × ${taken.height} pixels is taken; passed over: ${listed.join(', ')}${more}.`;
  const fix = `gdal_translate GTIFF_DIR:${passedOver[0].number}:INPUT.tif OUTPUT.tif`;
  const severity = passedOver.some(({ kind }) => kind === 'full') ? 'warning' : 'info';
  return [{ code: 'images_passed_over', severity, message, fix }];
}

/** Names before roles: "B08" says more than "undefined". */
function bandNames({ bands }: TiffImage, raster: RasterOfFile, choice: BandChoice): (string | null)[] {
  const colours = ['red', 'green', 'blue'];
  return Array.from({ length: bands }, (_, band) => band).map((band) => {
    if (bands > 1 && band === raster.alphaBand) return 'alpha';
    const said = raster.bandNames.get(band)?.trim() || raster.bandRoles.get(band)?.trim().toLowerCase();
    // GDAL calls the first band of many files gray, whatever it is.
    if (said && said !== 'undefined' && !(said === 'gray' && bands > 2)) return said;
    const at = choice.guessed || choice.code === 'gray_repeated' ? -1 : choice.bands.indexOf(band + 1);
    return colours[at] ?? null;
  });
}

function checkSize({ width, height }: TiffImage): void {
  if (Math.min(width, height) >= SMALLEST_SIDE) return;
  const least = `${SMALLEST_SIDE} × ${SMALLEST_SIDE}`;
  throw new Problem(
    'too_small',
    `The image has ${width} × ${height} pixels; ${least} are the least that can be segmented.`,
  );
}

/** Whole block rows where they are not too tall, so that no block is decoded twice. */
function rowsAtOnce(blockHeight: number, rowBytes: number): number {
  const most = Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, Math.floor(WINDOW_BYTES / rowBytes)));
  return blockHeight > 2 * most ? most : blockHeight * Math.max(1, Math.floor(most / blockHeight));
}

const MOST_CODES = 256;
/** Values of tag 262 that are not read. */
const GDAL_GIVES_RGB: readonly number[] = [6, 8];
const COLOUR_SPACES: ReadonlyMap<number, string> = new Map([
  [5, 'inks (CMYK)'],
  [6, 'YCbCr that is not in JPEG blocks'],
  [8, 'CIE Lab'],
  [9, 'ICC Lab'],
  [10, 'ITU Lab'],
  [32803, 'those of a camera sensor (CFA)'],
  [32844, 'LogL'],
  [32845, 'LogLuv'],
]);

/** Checks what the samples mean. Returns the colour table, or null where there is none. */
async function readColours(tiff: TiffFile, image: TiffImage): Promise<Uint8Array | null> {
  const { bands, photometric, compression, bits, sampleType, extraSamples } = image;
  if (photometric === Photometric.palette) {
    const codes = 2 ** bits;
    const table = codes <= MOST_CODES ? await readNumbers(tiff, tiff.ifds[0], Tag.ColorMap, 3 * MOST_CODES) : null;
    if (!table || table.length < 3 * codes || sampleType !== 'uint8' || bands - extraSamples.length !== 1) {
      throw refusal('The image has a colour table that is not read.', 'gdal_translate -expand rgb');
    }
    // 16 bits a colour; some programs write 8.
    const shift = table.some((value) => value > 255) ? 8 : 0;
    return Uint8Array.from({ length: 3 * codes }, (_, i) => table[(i % 3) * codes + Math.floor(i / 3)] >> shift);
  }
  const yCbCr = photometric === Photometric.yCbCr && compression === Compression.jpeg;
  const gray = photometric === Photometric.minIsBlack || photometric === Photometric.minIsWhite;
  if (photometric === Photometric.rgb || gray || yCbCr) return null;
  throw new Problem(
    'unsupported_raster',
    `The colours of the image are ${COLOUR_SPACES.get(photometric) ?? `of an unknown kind (${photometric})`}, not RGB or gray. ${
      GDAL_GIVES_RGB.includes(photometric)
        ? 'Convert it: gdal_translate -b 1 -b 2 -b 3 INPUT.tif OUTPUT.tif'
        : 'Export it as RGB from the program that made it.'
    }`,
  );
}

/** Every block must lie within the file, some must be there, and not too many. */
function checkBlocks(tiff: TiffFile, image: TiffImage, { decodedBytes }: IngestLimits): void {
  const { offsets, byteCounts, width, height } = image;
  let written = 0;
  for (let segment = 0; segment < byteCounts.length; segment++) {
    if (byteCounts[segment] === 0) continue;
    written++;
    const end = offsets[segment] + byteCounts[segment];
    if (end <= tiff.source.size && offsets[segment] > 0) continue;
    throw new Problem(
      'damaged_tiff',
      `The file has ${tiff.source.size} bytes, but its pixels reach to byte ${end}: it is incomplete. Send it again.`,
    );
  }
  const samples = written * image.blockWidth * image.segmentRows * (image.planar ? 1 : image.bands);
  const gigabytes = (bytes: number) => Math.ceil(bytes / 1e9);
  if (samples * bytesPerSample(image.sampleType) > decodedBytes) {
    const size = gigabytes(samples * bytesPerSample(image.sampleType));
    throw new Problem(
      'limit_exceeded',
      `The image takes ${size} GB decoded, more than the ${gigabytes(decodedBytes)} allowed. Cut it: gdal_translate -srcwin LEFT TOP WIDTH HEIGHT INPUT.tif OUTPUT.tif`,
    );
  }
  if (written > 0) return;
  throw new Problem(
    'damaged_tiff',
    `The file announces ${width} × ${height} pixels and holds none of them: it is incomplete. Export it again.`,
  );
}

/** The mask beside the image. Throws Problem damaged_tiff where it is another one's. */
async function openMask(path: string, { width, height }: TiffImage): Promise<RasterOfFile> {
  const mask = await openSamples(path);
  if (mask.width === width && mask.height === height) return mask;
  await mask.close();
  throw new Problem(
    'damaged_tiff',
    `The mask beside the image (.msk) has ${mask.width} × ${mask.height} pixels, the image ${width} × ${height}. Leave it out or make it anew.`,
  );
}

interface Seen extends Location {
  /** Found when it was located. */
  located: readonly Finding[];
  choice: BandChoice;
  sparse: boolean;
  /** Whether there is a colour table. */
  coloured: boolean;
}

/** What was noticed and what was taken for granted. */
function findingsOn(
  image: TiffImage,
  { nodata, alphaBand, hasMask, sampleType }: RasterOfFile,
  { choice, sparse, coloured, geotransform, located }: Seen,
) {
  const findings: Finding[] = [...located];
  const assumptions: Assumption[] = [];
  if (coloured) {
    const reason = 'The codes of the image were replaced by the colours of its colour table.';
    assumptions.push({ code: 'palette_expanded', value: true, reason });
  } else {
    if (choice.guessed || choice.code !== 'bands_rgb') {
      assumptions.push({ code: choice.code, value: choice.bands, reason: choice.reason });
    }
    if (choice.guessed) {
      const message = `${choice.reason} If they are others, the map will be wrong.`;
      const fix = 'gdal_translate -b RED -b GREEN -b BLUE INPUT.tif OUTPUT.tif';
      findings.push({ code: 'band_order_assumed', severity: 'info', message, fix });
    }
    if (choice.code === 'gray_repeated') {
      const message = 'The image is gray; the networks were trained on colours, so expect a poorer map.';
      findings.push({ code: 'gray_repeated', severity: 'warning', message });
    }
  }
  if (image.wideSigned !== null) {
    const reason = 'The 64-bit integers of the file are all small enough to be kept exactly as float64.';
    assumptions.push({ code: 'int64_as_float64', value: image.wideSigned ? 'int64' : 'uint64', reason });
  }
  if (alphaBand !== null) {
    const reason = 'The file marks this band as alpha; pixels with alpha 0 hold no imagery.';
    assumptions.push({ code: 'alpha_band', value: alphaBand + 1, reason });
  }
  const unused = unusedBands(image, choice, alphaBand);
  if (unused.length > 0 && unused.length <= 4) {
    const reason = 'This band is neither red, green nor blue; it is kept and not used.';
    for (const band of unused) assumptions.push({ code: 'band_ignored', value: band, reason });
  } else if (unused.length > 0) {
    const reason = 'These bands are neither red, green nor blue; they are kept and not used.';
    assumptions.push({ code: 'bands_ignored', value: unused, reason });
  }
  if (nodata !== null && alphaBand === null && !hasMask) {
    if (nodataAsSample(sampleType, nodata) !== null) {
      const reason = 'Pixels whose bands all hold the nodata value hold no imagery.';
      assumptions.push({ code: 'nodata', value: Number.isFinite(nodata) ? nodata : String(nodata), reason });
    } else {
      const message = `The nodata value ${nodata} cannot occur in ${sampleType} samples; it is not used.`;
      const fix = 'gdal_edit.py -unsetnodata FILE.tif';
      findings.push({ code: 'nodata_unreachable', severity: 'warning', message, fix });
    }
  }
  const [, xPerColumn, xPerRow, , yPerColumn, yPerRow] = geotransform;
  if (xPerRow !== 0 || yPerColumn !== 0 || xPerColumn < 0 || yPerRow > 0) {
    const message = 'The image is not north-up: its rows are rotated, sheared or upside down. It is mapped as it lies.';
    findings.push({ code: 'not_north_up', severity: 'info', message });
  }
  if (sparse) {
    const message = 'Some blocks of the file were never written; their pixels hold no imagery.';
    findings.push({ code: 'sparse_blocks', severity: 'info', message });
  }
  return { findings, assumptions };
}

/** Numbers of the bands that are neither chosen nor alpha, the first being 1. */
function unusedBands({ bands }: TiffImage, { bands: chosen }: BandChoice, alphaBand: number | null): number[] {
  const numbers = Array.from({ length: bands }, (_, band) => band + 1);
  return numbers.filter((band) => !chosen.includes(band) && band - 1 !== alphaBand);
}
