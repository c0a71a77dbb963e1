/**
 * The header of an untrusted TIFF becomes what is known of the scene before its pixels are decoded, or the Problem that
 * says why it cannot be one and how to convert it. Accepted: 8-bit images of three or four bands, north-up, in a CRS
 * with an EPSG code.
 */
import { type Georeference, readGeoreference } from './georeference.ts';
import { apply, type Geotransform } from './geotransform.ts';
import { Problem } from './problem.ts';
import { type RasterOfFile, rasterOf } from './raster.ts';
import { COMPRESSION_NAMES, readImage, type TiffImage } from './tiff-image.ts';
import { openTiff, type TiffFile } from './tiff-structure.ts';
import { Compression, Photometric } from './tiff-tags.ts';

export interface IngestLimits {
  /** Width times height. */
  pixels: number;
  /** Of one tile or strip, decoded. */
  bytesPerBlock: number;
  /** Images in the file: overviews and masks are some. */
  ifds: number;
}

export const DEFAULT_INGEST_LIMITS: IngestLimits = { pixels: 2 ** 32, bytesPerBlock: 256 << 20, ifds: 64 };

export interface Finding {
  code: string;
  severity: 'info' | 'warning' | 'error';
  message: string;
  fix?: string;
}

export interface Assumption {
  code: string;
  value: unknown;
  reason: string;
}

export interface SceneHeader {
  width: number;
  height: number;
  bands: number;
  dtype: 'uint8';
  epsg: number;
  /** Whether `epsg` names a geographic CRS. */
  geographic: boolean;
  geotransform: Geotransform;
  nodata: number | null;
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
  /** Whether the file has a way to mark pixels invalid. */
  maskable: boolean;
}

const SMALLEST_SIDE = 16;
/** Blocks above this height are kept decoded while their rows are read. */
const TALL_BLOCK_ROWS = 512;

const refusal = (what: string, command: string): Problem =>
  new Problem('unsupported_raster', `${what} Convert it: ${command} INPUT.tif OUTPUT.tif`);

/** Opens a file and checks all that its header says. The caller closes `raster`. Throws Problem. */
export async function openSource(path: string, limits: IngestLimits): Promise<Source> {
  const tiff = await openTiff(path, limits.ifds);
  try {
    const image = await readImage(tiff, tiff.ifds[0], limits);
    checkSize(image);
    checkColours(image);
    checkBlocks(tiff, image);
    const georeference = await readGeoreference(tiff, tiff.ifds[0]);
    const place = checkPlace(georeference, image);
    const tall = image.blockHeight > TALL_BLOCK_ROWS;
    const blockRowBytes = image.blocksAcross * image.blockWidth * image.blockHeight * image.bands;
    const raster = await rasterOf(tiff, limits, tall ? blockRowBytes : 0, false);
    const sparse = image.byteCounts.includes(0);
    const header: SceneHeader = {
      width: image.width,
      height: image.height,
      bands: image.bands,
      dtype: 'uint8',
      ...place,
      nodata: raster.nodata,
      compression: COMPRESSION_NAMES.get(image.compression) ?? String(image.compression),
      ...remarks(image, raster, georeference, sparse),
    };
    const maskable = sparse || raster.hasMask || raster.alphaBand !== null || raster.nodata !== null;
    return { tiff, image, raster, header, maskable };
  } catch (error) {
    await tiff.handle.close();
    throw error;
  }
}

function checkSize({ width, height }: TiffImage): void {
  if (Math.min(width, height) >= SMALLEST_SIDE) return;
  const least = `${SMALLEST_SIDE} × ${SMALLEST_SIDE}`;
  throw new Problem(
    'too_small',
    `The image has ${width} × ${height} pixels; ${least} are the least that can be segmented.`,
  );
}

function checkColours({ bands, photometric, compression }: TiffImage): void {
  if (photometric === Photometric.palette) {
    throw refusal('The image has a colour table.', 'gdal_translate -expand rgb');
  }
  if (bands < 3) {
    const kind = bands === 1 ? 'one band' : 'two bands';
    throw refusal(`The image has ${kind}; red, green and blue are needed.`, 'gdal_translate -b 1 -b 1 -b 1');
  }
  if (bands > 4) {
    throw refusal(
      `The image has ${bands} bands; three or four are read so far. Choose red, green and blue.`,
      'gdal_translate -b 1 -b 2 -b 3',
    );
  }
  const yCbCr = photometric === Photometric.yCbCr && compression === Compression.jpeg;
  if (photometric === Photometric.rgb || photometric === Photometric.minIsBlack || yCbCr) return;
  throw refusal(`The image is not in RGB (photometric interpretation ${photometric}).`, 'gdal_translate');
}

/** Every block must lie within the file, and some must be there. */
function checkBlocks(tiff: TiffFile, { offsets, byteCounts, width, height }: TiffImage): void {
  let written = 0;
  for (let segment = 0; segment < byteCounts.length; segment++) {
    if (byteCounts[segment] === 0) continue;
    written++;
    const end = offsets[segment] + byteCounts[segment];
    if (end <= tiff.bytes && offsets[segment] > 0) continue;
    throw new Problem(
      'damaged_tiff',
      `The file has ${tiff.bytes} bytes, but its pixels reach to byte ${end}: it is incomplete. Send it again.`,
    );
  }
  if (written > 0) return;
  throw new Problem(
    'damaged_tiff',
    `The file announces ${width} × ${height} pixels and holds none of them: it is incomplete. Export it again.`,
  );
}

function checkPlace(georeference: Georeference, { width, height }: TiffImage) {
  const { geotransform, epsg, geographic, hasCrs, groundControlPoints } = georeference;
  const assign = 'gdal_translate -a_srs EPSG:CODE -a_ullr LEFT TOP RIGHT BOTTOM INPUT.tif OUTPUT.tif';
  if (groundControlPoints > 1) {
    throw refusal(`The image is placed by ${groundControlPoints} ground control points.`, 'gdalwarp -t_srs EPSG:CODE');
  }
  if (!hasCrs)
    throw new Problem('missing_crs', `The file names no coordinate reference system. Give it one: ${assign}`);
  if (!geotransform)
    throw new Problem('missing_crs', `The file does not place its pixels on the map. Place them: ${assign}`);
  if (epsg === null) {
    throw new Problem(
      'unknown_crs',
      'The coordinate reference system has no EPSG code. Reproject: gdalwarp -t_srs EPSG:CODE INPUT.tif OUTPUT.tif',
    );
  }
  const [, xPerColumn, xPerRow, , yPerColumn, yPerRow] = geotransform;
  if (xPerRow !== 0 || yPerColumn !== 0 || xPerColumn < 0 || yPerRow > 0) {
    throw refusal('The image is not north-up: its rows are rotated, sheared or upside down.', 'gdalwarp');
  }
  const [east, south] = apply(geotransform, width, height);
  const beyond = geographic && (geotransform[3] > 91 || south < -91 || geotransform[0] < -541 || east > 541);
  if (beyond) {
    const corner = `${geotransform[0]}, ${geotransform[3]}`;
    throw new Problem(
      'missing_crs',
      `The upper left corner, ${corner} degrees, is not on the globe. Place it: ${assign}`,
    );
  }
  return { geotransform, epsg, geographic };
}

/** What was noticed and what was taken for granted. */
function remarks(
  image: TiffImage,
  { nodata, alphaBand, hasMask }: RasterOfFile,
  georeference: Georeference,
  sparse: boolean,
) {
  const findings: Finding[] = [];
  const assumptions: Assumption[] = [];
  if (image.photometric === Photometric.minIsBlack) {
    const reason = 'The file does not say what its bands are; the first three are taken for red, green and blue.';
    assumptions.push({ code: 'bands_rgb', value: [1, 2, 3], reason });
  }
  if (alphaBand !== null) {
    const reason = 'The file marks this band as alpha; pixels with alpha 0 hold no imagery.';
    assumptions.push({ code: 'alpha_band', value: alphaBand + 1, reason });
  } else if (image.bands === 4) {
    const reason = 'The fourth band is not marked as alpha; it is taken for near infrared and not used.';
    assumptions.push({ code: 'band_ignored', value: 4, reason });
  }
  if (nodata !== null && alphaBand === null && !hasMask) {
    const met = Number.isInteger(nodata) && nodata >= 0 && nodata <= 255;
    if (met) {
      const reason = 'Pixels whose bands all hold the nodata value hold no imagery.';
      assumptions.push({ code: 'nodata', value: nodata, reason });
    } else {
      const message = `The nodata value ${nodata} cannot occur in 8-bit samples; it is not used.`;
      const fix = 'gdal_edit.py -unsetnodata FILE.tif';
      findings.push({ code: 'nodata_unreachable', severity: 'warning', message, fix });
    }
  }
  if (georeference.pixelIsPoint) {
    const message = 'Coordinates are given for pixel centres (PixelIsPoint); half a pixel was taken off.';
    findings.push({ code: 'pixel_is_point', severity: 'info', message });
  }
  if (sparse) {
    const message = 'Some blocks of the file were never written; their pixels hold no imagery.';
    findings.push({ code: 'sparse_blocks', severity: 'info', message });
  }
  return { findings, assumptions };
}
