/** Class maps of two dates on one grid: the second is read where the ground of the first one's pixels lies in it. */
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import type { DatedMap } from '../../vectorizer/change/compare-maps.ts';

/** Of maps without scores: as sure as can be. */
const CERTAIN = 255;

export function mapOnOwnGrid(classes: Raster, scores: Raster | null): DatedMap {
  return {
    async read(y, rows) {
      const window = { x: 0, y, width: classes.width, height: rows };
      const [codes, sure] = await Promise.all([classes.read(0, window), scores?.read(0, window)]);
      return { classes: codes.pixels, scores: sure?.pixels ?? new Uint8Array(rows * classes.width).fill(CERTAIN) };
    },
  };
}

/**
 * @param width of the other grid
 * @param toMap from pixel positions of the other grid to those of the map; the nearest pixel counts
 */
export function mapOnOtherGrid(
  classes: Raster,
  scores: Raster | null,
  width: number,
  toMap: Geotransform,
  nodata: number,
): DatedMap {
  return {
    async read(y, rows) {
      const codes = new Uint8Array(rows * width).fill(nodata);
      const sure = new Uint8Array(rows * width).fill(CERTAIN);
      const corners = [0, width].flatMap((x) => [y, y + rows].map((v) => apply(toMap, x, v)));
      const clamp = (value: number, most: number) => Math.min(Math.max(Math.floor(value), 0), most);
      const x0 = clamp(Math.min(...corners.map(([x]) => x)), classes.width);
      const x1 = clamp(Math.max(...corners.map(([x]) => x)) + 1, classes.width);
      const y0 = clamp(Math.min(...corners.map(([, v]) => v)), classes.height);
      const y1 = clamp(Math.max(...corners.map(([, v]) => v)) + 1, classes.height);
      const part = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
      if (part.width <= 0 || part.height <= 0) return { classes: codes, scores: sure };
      const [read, readScores] = await Promise.all([classes.read(0, part), scores?.read(0, part)]);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < width; column++) {
          const [x, v] = apply(toMap, column + 0.5, y + row + 0.5);
          const [u, w] = [Math.floor(x) - x0, Math.floor(v) - y0];
          if (u < 0 || w < 0 || u >= part.width || w >= part.height) continue;
          const from = w * part.width + u;
          codes[row * width + column] = read.pixels[from];
          if (readScores) sure[row * width + column] = readScores.pixels[from];
        }
      }
      return { classes: codes, scores: sure };
    },
  };
}
