/** Bands of one map that lie below each other in files of their own, some of them missing yet, are read as one raster. */
import { openRaster, type Raster } from './raster.ts';

/**
 * From the top of the highest to the bottom of the lowest; what lies between is nodata. All have the same grid, and edges
 * that fall between pixels of every level. Throws as `openRaster`, and a RangeError where there are none.
 */
export async function openShardRaster(paths: readonly string[]): Promise<Raster> {
  const opened = await Promise.allSettled(paths.map(openRaster));
  const rasters = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const close = async () => {
    await Promise.all(rasters.map((raster) => raster.close()));
  };
  const failed = opened.find((each) => each.status === 'rejected');
  if (failed) {
    await close();
    throw failed.reason;
  }
  const [first] = rasters;
  if (!first) throw new RangeError('expected at least one part of the map, got none');
  const rowOf = ({ geotransform }: Raster) =>
    Math.round((geotransform[3] - first.geotransform[3]) / first.geotransform[5]);
  rasters.sort((a, b) => rowOf(a) - rowOf(b));
  const [highest, lowest] = [rasters[0], rasters.at(-1)!];
  const tops = rasters.map((raster) => rowOf(raster) - rowOf(highest));
  const height = tops.at(-1)! + lowest.height;
  // A lowest band of few rows may have fewer levels: they stand for themselves as far as all go.
  const levelCount = Math.min(...rasters.map(({ levels }) => levels.length));
  const levels = Array.from({ length: levelCount }, (_, level) => ({
    width: Math.ceil(first.width / 2 ** level),
    height: Math.ceil(height / 2 ** level),
  }));
  return {
    ...highest,
    height,
    levels,
    async read(level, { x, y, width, height: rows }) {
      const pixels = new Uint8Array(rows * width).fill(highest.nodata ?? 0);
      const valid = new Uint8Array(rows * width);
      for (const [i, raster] of rasters.entries()) {
        const top = tops[i] / 2 ** level;
        const from = Math.max(y, top);
        const to = Math.min(y + rows, top + raster.levels[level].height);
        if (from >= to) continue;
        const part = await raster.read(level, { x, y: from - top, width, height: to - from });
        pixels.set(part.pixels, (from - y) * width);
        valid.set(part.valid, (from - y) * width);
      }
      return { pixels, valid };
    },
    close,
  };
}
