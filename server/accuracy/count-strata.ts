/** A class map, and a map of strata beside it where these are not its classes, become what each stratum holds. */
import type { Raster } from '../../tiler/geotiff/raster.ts';

export interface CountedCell {
  stratum: number;
  /** Code of the class map. */
  value: number;
  pixels: number;
  /** Mean of their rows. */
  meanRow: number;
}

const ROWS = 256;
const NODATA = 255;
const CODES = 256;

/** @param strata of the same size; null where the classes are the strata. Memory follows the width of the map. */
export async function countStrata(classes: Raster, strata: Raster | null): Promise<CountedCell[]> {
  const { width, height } = classes;
  const pixels = new Float64Array(CODES * CODES);
  const sumsOfRows = new Float64Array(CODES * CODES);
  for (let top = 0; top < height; top += ROWS) {
    const rows = Math.min(ROWS, height - top);
    const window = { x: 0, y: top, width, height: rows };
    const [codes, cut] = await Promise.all([classes.read(0, window), strata?.read(0, window)]);
    for (let i = 0; i < rows * width; i++) {
      const value = codes.pixels[i * classes.bands]!;
      if (value === NODATA || codes.valid[i] === 0 || cut?.valid[i] === 0) continue;
      const key = CODES * (cut ? cut.pixels[i * strata!.bands]! : value) + value;
      pixels[key]!++;
      sumsOfRows[key]! += top + Math.floor(i / width);
    }
  }
  return Array.from(pixels.entries()).flatMap(([key, count]) =>
    count === 0
      ? []
      : [{ stratum: Math.floor(key / CODES), value: key % CODES, pixels: count, meanRow: sumsOfRows[key]! / count }],
  );
}
