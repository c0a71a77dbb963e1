/** One vector tile of a published job: as much detail as a map of its scale can show. */
import type { Queryable } from '../store/database.ts';
import { featuresInTile } from '../store/features.ts';
import { type TileAddress, tileBbox, tilePixelMetres } from './mercator.ts';
import { BUFFER, EXTENT, encodeVectorTile } from './vector-tile.ts';

/** Viewers draw a vector tile on 512 pixels a side; features of fewer square pixels than this cannot be seen. */
const SMALLEST_PIXELS = 1.5;

export interface TiledJob {
  id: string;
  /** Pixel of the class map; null where it is not known, and all tiles show everything. */
  gsdMetres: number | null;
  /** Levels of detail that its land use has, 0 the finest. */
  levels: readonly number[];
}

/** @returns the tile, or null where nothing is to be seen. `whole`: everything in full detail, whatever the scale */
export async function encodeJobTile(
  q: Queryable,
  job: TiledJob,
  tile: TileAddress,
  whole = false,
): Promise<Uint8Array | null> {
  const mapPixelMetres = tilePixelMetres(tile) / 2;
  const smallestM2 = whole ? 0 : SMALLEST_PIXELS * mapPixelMetres ** 2;
  const level = whole ? 0 : levelOfDetail(job, mapPixelMetres);
  const features = await featuresInTile(q, job.id, tileBbox(tile, BUFFER / EXTENT), smallestM2, level);
  return encodeVectorTile(tile, features);
}

/** The coarsest level of a job's land use whose pixels are no wider than the map's. */
function levelOfDetail({ gsdMetres, levels }: TiledJob, mapPixelMetres: number): number {
  if (gsdMetres === null) return 0;
  return Math.max(0, ...levels.filter((level) => gsdMetres * 2 ** level <= mapPixelMetres));
}
