/** The GeoTIFF 1.1 tags of an IFD become a geotransform (or control points) and a coordinate reference system. */

import { type Crs, crsOfKeys } from '../crs/crs.ts';
import { GeoKey, type GeoKeys } from '../crs/geo-key.ts';
import type { Geotransform } from '../crs/geotransform.ts';
import type { ControlPoint } from '../crs/ground-control-points.ts';
import { readGeoKeys } from './geo-keys.ts';
import { type Ifd, readNumbers, type TiffFile } from './tiff-structure.ts';
import { Tag } from './tiff-tags.ts';

export interface Georeference {
  /** Null where there is none, or only ground control points. */
  geotransform: Geotransform | null;
  /** Null where it is missing or not understood. */
  crs: Crs | null;
  /** Whether the file gives a CRS at all, in whatever way. */
  hasCrs: boolean;
  /** Tiepoints given without a scale; none where there is a geotransform. */
  controlPoints: ControlPoint[];
  /** The tags gave the centre of the first pixel; the geotransform here gives its corner. */
  pixelIsPoint: boolean;
}

const PIXEL_IS_POINT = 2;
const MOST_TIEPOINT_VALUES = 6 * 10_000;

/** Reads the tags; georeferencing that makes no sense (zero scale, infinite origin) counts as none. */
export async function readGeoreference(tiff: TiffFile, ifd: Ifd): Promise<Georeference> {
  const keys: GeoKeys = (await readGeoKeys(tiff, ifd)) ?? new Map();
  const scale = await readNumbers(tiff, ifd, Tag.ModelPixelScale, 16);
  const tiepoints = await readNumbers(tiff, ifd, Tag.ModelTiepoint, MOST_TIEPOINT_VALUES);
  const matrix = await readNumbers(tiff, ifd, Tag.ModelTransformation, 16);
  const pixelIsPoint = keys.get(GeoKey.rasterType) === PIXEL_IS_POINT;

  const geotransform = geotransformOf(scale, tiepoints, matrix);
  if (geotransform && pixelIsPoint) {
    geotransform[0] -= geotransform[1] / 2 + geotransform[2] / 2;
    geotransform[3] -= geotransform[4] / 2 + geotransform[5] / 2;
  }
  const controlPoints = geotransform || !tiepoints ? [] : controlPointsOf(tiepoints, pixelIsPoint ? 0.5 : 0);
  const naming = [GeoKey.modelType, GeoKey.projectedCrs, GeoKey.geodeticCrs];
  const hasCrs = naming.some((key) => keys.has(key));
  return { geotransform, crs: hasCrs ? crsOfKeys(keys) : null, hasCrs, controlPoints, pixelIsPoint };
}

function controlPointsOf(tiepoints: Float64Array, shift: number): ControlPoint[] {
  const points: ControlPoint[] = [];
  for (let at = 0; at + 5 < tiepoints.length; at += 6) {
    const [column, row, , x, y] = tiepoints.subarray(at, at + 6);
    points.push({ column: column + shift, row: row + shift, x, y });
  }
  return points;
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
