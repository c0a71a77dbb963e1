/**
 * Whether a GeoTIFF can be read where it lies, a few requests at a time: tiled, with overviews that halve its sides step
 * by step, as the COG driver of GDAL writes them.
 */

import { Problem } from '../../errors/problem.ts';
import { levelSizes } from '../geotiff/cog-layout.ts';
import type { RasterOfFile } from '../geotiff/raster.ts';
import { bytesPerSample } from '../geotiff/samples.ts';
import type { TiffImage } from '../geotiff/tiff-image.ts';

/** Both sides of the coarsest overview are at most this: it is what a whole scene is shown from. */
const COARSEST = 2048;
/** Of a tile, decoded. */
const MOST_TILE_BYTES = 32 << 20;

const refusal = (what: string): Problem =>
  new Problem(
    'not_cloud_optimised',
    `${what}, so it cannot be read where it lies. Upload it instead, or convert it there: gdal_translate -of COG INPUT.tif OUTPUT.tif`,
  );

/**
 * The raster with those of its levels that are each half the one before, rounded up; none beyond those that a working
 * COG has, so that a model grid follows from the scene alone. Throws Problem.
 */
export function halvedRaster(image: TiffImage, raster: RasterOfFile): RasterOfFile {
  if (!image.tiled) throw refusal('The image is stored in strips');
  const tileBytes = image.blockWidth * image.blockHeight * image.bands * bytesPerSample(image.sampleType);
  if (tileBytes > MOST_TILE_BYTES) {
    throw refusal(`The tiles of the image are large (${image.blockWidth} × ${image.blockHeight} pixels)`);
  }
  const { width, height } = raster;
  const numbers = halvedLevels(raster.levels).slice(0, levelSizes({ width, height, overviews: 'average' }).length);
  const coarsest = raster.levels[numbers.at(-1)!];
  if (Math.max(coarsest.width, coarsest.height) > COARSEST) {
    const found = numbers.length === 1 ? 'no overviews' : `none smaller than ${coarsest.width} × ${coarsest.height}`;
    throw refusal(`The image has ${image.width} × ${image.height} pixels and ${found}, each half the one before`);
  }
  return {
    ...raster,
    levels: numbers.map((number) => raster.levels[number]),
    read: (level, window, into) => raster.read(numbers[level] ?? -1, window, into),
  };
}

/** Numbers of the levels, full resolution first, up to the first step that is missing. */
function halvedLevels(levels: RasterOfFile['levels']): number[] {
  const numbers = [0];
  for (;;) {
    const { width, height } = levels[numbers.at(-1)!];
    const half = levels.findIndex(
      (level) => level.width === Math.ceil(width / 2) && level.height === Math.ceil(height / 2),
    );
    if (half <= numbers.at(-1)!) return numbers;
    numbers.push(half);
  }
}
