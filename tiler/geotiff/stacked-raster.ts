/** Rasters of one width that lie one above the other, read as one: the maps of shards as the map of their scene. */
import { openRaster, type Raster } from './raster.ts';
import type { Window } from './window.ts';

/** A file whose first row is row `y` of the whole. */
export interface Layer {
  path: string;
  y: number;
}

/**
 * Opens layers, from the top, as one raster of the full resolution alone, which ends with the last of them. Reading throws
 * a RangeError for rows that no layer has.
 */
export async function openStacked(layers: readonly Layer[]): Promise<Raster> {
  const rasters: Raster[] = [];
  const close = async () => {
    await Promise.all(rasters.map((raster) => raster.close()));
  };
  try {
    for (const { path } of layers) rasters.push(await openRaster(path));
  } catch (error) {
    await close();
    throw error;
  }
  const [{ geotransform, width, bands, ...first }] = rasters;
  const read: Raster['read'] = async (_level, { x, y, width: columns, height: rows }: Window) => {
    const pixels = new Uint8Array(columns * rows * bands);
    const valid = new Uint8Array(columns * rows);
    let found = 0;
    for (const [i, raster] of rasters.entries()) {
      const top = Math.max(y, layers[i].y);
      const end = Math.min(y + rows, layers[i].y + raster.height);
      if (top >= end) continue;
      const part = await raster.read(0, { x, y: top - layers[i].y, width: columns, height: end - top });
      pixels.set(part.pixels, (top - y) * columns * bands);
      valid.set(part.valid, (top - y) * columns);
      found += end - top;
    }
    if (found !== rows) throw new RangeError(`expected ${rows} rows from ${y} on, found ${found}`);
    return { pixels, valid };
  };
  const above = layers[0].y;
  const height = layers.at(-1)!.y + rasters.at(-1)!.height;
  const [x0, dx, rx, y0, ry, dy] = geotransform;
  return {
    ...first,
    width,
    bands,
    height,
    geotransform: [x0 - above * rx, dx, rx, y0 - above * dy, ry, dy],
    levels: [{ width, height }],
    read,
    close,
  };
}
