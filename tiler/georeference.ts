/** The GeoTIFF 1.1 tags of an IFD become a geotransform and an EPSG code, and say what stands in the way of either. */
import type { Geotransform } from './geotransform.ts';
import { type Ifd, readNumbers, type TiffFile } from './tiff-structure.ts';
import { Tag } from './tiff-tags.ts';

export interface Georeference {
  /** Null where there is none, or only ground control points. */
  geotransform: Geotransform | null;
  /** Null where the CRS is missing or defined without a code. */
  epsg: number | null;
  geographic: boolean;
  /** Whether the file gives a CRS at all, in whatever way. */
  hasCrs: boolean;
  /** Tiepoints given without a scale. */
  groundControlPoints: number;
  /** The tags gave the centre of the first pixel; the geotransform here gives its corner. */
  pixelIsPoint: boolean;
}

const GeoKey = { modelType: 1024, rasterType: 1025, geodeticCrs: 2048, projectedCrs: 3072 } as const;
const PROJECTED = 1;
const GEOGRAPHIC = 2;
const PIXEL_IS_POINT = 2;
const USER_DEFINED = 32767;
const MOST_KEYS = 1024;
const MOST_TIEPOINT_VALUES = 6 * 10_000;

/** Reads the tags; georeferencing that makes no sense (zero scale, infinite origin) counts as none. */
export async function readGeoreference(tiff: TiffFile, ifd: Ifd): Promise<Georeference> {
  const keys = readKeys(await readNumbers(tiff, ifd, Tag.GeoKeyDirectory, MOST_KEYS * 4));
  const scale = await readNumbers(tiff, ifd, Tag.ModelPixelScale, 16);
  const tiepoints = await readNumbers(tiff, ifd, Tag.ModelTiepoint, MOST_TIEPOINT_VALUES);
  const matrix = await readNumbers(tiff, ifd, Tag.ModelTransformation, 16);
  const pixelIsPoint = keys.get(GeoKey.rasterType) === PIXEL_IS_POINT;

  const projected = keys.get(GeoKey.projectedCrs);
  const geodetic = keys.get(GeoKey.geodeticCrs);
  const modelType = keys.get(GeoKey.modelType) ?? (projected ? PROJECTED : GEOGRAPHIC);
  const code = modelType === PROJECTED ? projected : modelType === GEOGRAPHIC ? geodetic : undefined;
  const geotransform = geotransformOf(scale, tiepoints, matrix);
  if (geotransform && pixelIsPoint) {
    geotransform[0] -= geotransform[1] / 2 + geotransform[2] / 2;
    geotransform[3] -= geotransform[4] / 2 + geotransform[5] / 2;
  }
  return {
    geotransform,
    epsg: code && code !== USER_DEFINED ? code : null,
    geographic: modelType === GEOGRAPHIC,
    hasCrs: keys.has(GeoKey.modelType) || projected !== undefined || geodetic !== undefined,
    groundControlPoints: geotransform || !tiepoints ? 0 : Math.floor(tiepoints.length / 6),
    pixelIsPoint,
  };
}

/** The keys whose value stands in the directory itself. */
function readKeys(directory: Float64Array | null): Map<number, number> {
  const keys = new Map<number, number>();
  for (let at = 4; directory && at + 3 < directory.length && at < 4 + directory[3] * 4; at += 4) {
    if (directory[at + 1] === 0) keys.set(directory[at], directory[at + 3]);
  }
  return keys;
}

/** As GDAL reads them: a scale with its first tiepoint, else the matrix. The sign of the scale's y is not honoured. */
function geotransformOf(
  scale: Float64Array | null,
  tiepoints: Float64Array | null,
  matrix: Float64Array | null,
): Geotransform | null {
  let geotransform: Geotransform | null = null;
  if (scale && scale.length >= 2 && scale[0] !== 0 && scale[1] !== 0 && tiepoints && tiepoints.length >= 6) {
    const [column, row, , x, y] = tiepoints;
    const yScale = -Math.abs(scale[1]);
    geotransform = [x - column * scale[0], scale[0], 0, y - row * yScale, 0, yScale];
  } else if (matrix && matrix.length === 16) {
    geotransform = [matrix[3], matrix[0], matrix[1], matrix[7], matrix[4], matrix[5]];
  }
  if (!geotransform?.every(Number.isFinite)) return null;
  const determinant = geotransform[1] * geotransform[5] - geotransform[2] * geotransform[4];
  return determinant === 0 ? null : geotransform;
}
