/** A job's features become a compressed vector tile of a level of detail that suits its zoom. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Bbox, BlockCounts, TileJson } from '../api/index.ts';
import type { Queryable } from '../store/database/database.ts';
import type { Job } from '../store/tables/jobs.ts';
import { featuresInTile, type TileDetail } from '../store/tables/tile-features.ts';
import { EXTENT } from './tile-grid.ts';
import { BUFFER, encodeVectorTile, MAX_FEATURES_WITH_IDS } from './vector-tile.ts';
import {
  firstZoom,
  mercatorX,
  mercatorY,
  nativeZoom,
  type TileAddress,
  tileBbox,
  tilePixelMetres,
} from './web-mercator.ts';

const compress = promisify(gzip);

/** Viewers draw a vector tile on 512 pixels a side; features of fewer square pixels than this cannot be seen. */
const SMALLEST_PIXELS = 1.5;
/** At coarser levels of detail, in pixels: the shortest street that is drawn, and how far roads may lie from theirs. */
const SHORTEST_STREET_PIXELS = 16;
const ROAD_TOLERANCE_PIXELS = 0.35;
/** Of latitude, about. */
const METRES_PER_DEGREE = 111_000;
/** A tile that is larger when compressed is made of the next coarser level. */
export const MAX_TILE_BYTES = 500_000;

export interface TiledJob {
  id: string;
  /** Pixel of the class map; null where it is not known, and all tiles show everything. */
  gsdMetres: number | null;
  /** Levels of detail that its land use has, 0 the finest. */
  levels: readonly number[];
  /** Of its buildings. */
  blocks?: readonly BlockCounts[];
  /** A tile that was packed before; null: there is nothing in it; undefined: that is not known. */
  kept?: (tile: TileAddress) => Promise<Buffer | null | undefined>;
}

export function tiledJob({ id, report }: Pick<Job, 'id' | 'report'>): TiledJob {
  const { geometry, model_grid: grid } = report ?? {};
  return { id, gsdMetres: grid?.gsd_m ?? null, levels: geometry?.levels ?? [0], blocks: geometry?.blocks ?? [] };
}

/**
 * A tile, gzipped, of the finest level of detail that can be seen at its zoom and whose tile is not too large; null: empty.
 * `whole`: everything in full detail and with its id, whatever the scale and the size.
 */
export async function packTile(q: Queryable, job: TiledJob, tile: TileAddress, whole = false): Promise<Buffer | null> {
  const kept = whole ? undefined : await job.kept?.(tile);
  if (kept !== undefined) return kept;
  const pixelMetres = pixelMetresOf(tile);
  const bbox = tileBbox(tile, BUFFER / EXTENT);
  const levels = whole ? [0] : levelsFrom(job, pixelMetres);
  for (const [i, level] of levels.entries()) {
    const features = await featuresInTile(q, job.id, bbox, detailOf(job, level, whole ? 0 : pixelMetres));
    const encoded = await encodeVectorTile(tile, features, whole || features.length <= MAX_FEATURES_WITH_IDS);
    if (!encoded) return null;
    const compressed = await compress(encoded, { level: 5 });
    if (compressed.length > MAX_TILE_BYTES && i + 1 < levels.length) continue;
    return compressed;
  }
  return null;
}

/** Of a viewer's screen, on the ground. */
export const pixelMetresOf = (tile: TileAddress): number => tilePixelMetres(tile) / 2;

/** The coarsest of a job's levels whose pixels are no wider than the map's, and those that are coarser still. */
function levelsFrom({ gsdMetres, levels: all }: TiledJob, pixelMetres: number): number[] {
  if (gsdMetres === null) return [0];
  const levels = [...new Set([0, ...all])].sort((a, b) => a - b);
  return levels.slice(levels.findLastIndex((level) => level === 0 || gsdMetres * 2 ** level <= pixelMetres));
}

function detailOf({ gsdMetres, blocks }: TiledJob, level: number, pixelMetres: number): TileDetail {
  const minAreaM2 = SMALLEST_PIXELS * pixelMetres ** 2;
  if (level === 0) return { level, minAreaM2, loneBuildingM2: minAreaM2, minStreetMetres: 0, roadToleranceDegrees: 0 };
  const mapPixel = Math.max(pixelMetres, (gsdMetres ?? 0) * 2 ** level);
  return {
    level,
    minAreaM2: 0,
    loneBuildingM2: blocks?.find((counts) => counts.level === level)?.lone_m2 ?? minAreaM2,
    minStreetMetres: SHORTEST_STREET_PIXELS * mapPixel,
    roadToleranceDegrees: (ROAD_TOLERANCE_PIXELS * mapPixel) / METRES_PER_DEGREE,
  };
}

/** What stands for the buildings, by zoom, where not all are drawn by themselves; tiles that are too large go on coarser. */
export function generalization(
  job: TiledJob,
  bbox: Bbox,
  sceneGsdMetres: number,
): NonNullable<TileJson['generalization']> {
  const zooms: NonNullable<TileJson['generalization']> = [];
  const [middleX, middleY] = [mercatorX((bbox[0] + bbox[2]) / 2), mercatorY((bbox[1] + bbox[3]) / 2)];
  for (let zoom = firstZoom(bbox); zoom <= nativeZoom(sceneGsdMetres, bbox); zoom++) {
    const tile = { z: zoom, x: Math.floor(middleX * 2 ** zoom), y: Math.floor(middleY * 2 ** zoom) };
    const [level] = levelsFrom(job, pixelMetresOf(tile));
    const counts = job.blocks?.find((each) => each.level === level);
    if (counts && counts.merged + counts.left_out > 0) zooms.push({ zoom, ...counts });
  }
  return zooms;
}
