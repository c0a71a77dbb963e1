/** What the render process does: map tiles of rasters, whose readers it keeps open. */
import { stat } from 'node:fs/promises';
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import { isRemote } from '../../tiler/geotiff/byte-source.ts';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { openShardRaster } from '../../tiler/geotiff/shard-raster.ts';
import { sparsePath } from '../../tiler/geotiff/write-tiff.ts';
import { IN_PLACE_WINDOWS, imageStatistics, STATISTICS_WINDOWS } from '../../tiler/ingest/image-statistics.ts';
import { type Palette, renderMapTile } from '../../tiler/rendering/map-tile.ts';
import { storedRendering } from '../../tiler/rendering/rendering.ts';
import type { ControlGrid } from '../../tiler/rendering/warp.ts';
import { openWorking } from '../../tiler/working-copy/open-working-copy.ts';
import { openView, type SceneView } from '../../tiler/working-copy/scene-view.ts';
import { answerTasks } from './answer-tasks.ts';

export interface RenderRequest {
  /** Of a working COG, or of a class map or score map that may still be growing. */
  path: string;
  /** Where the map lies in shards, those that are there, finished or growing. */
  shards?: readonly string[];
  controlGrid: ControlGrid;
  format: 'webp' | 'png' | 'jpg';
  size: number;
  view?: SceneView;
  palette?: Palette;
  /** The file is opened for this tile alone, and nothing of it is kept. */
  afresh?: boolean;
}

/** One pixel of a raster; `valid` is whether it is no nodata. */
export interface PixelValues {
  /** From the upper left, the first being 0. */
  column: number;
  row: number;
  valid: boolean;
  /** By band; null is NaN. */
  values: (number | null)[];
}

const OPEN_RASTERS = 8;
const rasters = new Map<string, Promise<Raster>>();
let running = 0;

answerTasks({
  async tile(request: RenderRequest) {
    running++;
    try {
      return await tile(request);
    } finally {
      running--;
      if (running === 0) await closeUnused();
    }
  },
  async pixel({ path, x, y }: { path: string; x: number; y: number }): Promise<PixelValues | null> {
    const raster = await openWorking(path);
    try {
      const [column, row] = apply(invert(raster.geotransform), x, y).map(Math.floor) as [number, number];
      if (!(column >= 0 && row >= 0 && column < raster.width && row < raster.height)) return null;
      const { pixels, valid } = await raster.read(0, { x: column, y: row, width: 1, height: 1 });
      const values = Array.from(pixels, (value) => (Number.isNaN(value) ? null : Number(value)));
      return { column, row, valid: valid[0] === 1, values };
    } finally {
      await raster.close();
    }
  },
  async look(path: string) {
    const raster = await openWorking(path);
    try {
      return await imageStatistics(
        raster,
        storedRendering(raster),
        isRemote(path) ? IN_PLACE_WINDOWS : STATISTICS_WINDOWS,
      );
    } finally {
      await raster.close();
    }
  },
});

/** Null also where there is no such file yet. */
async function tile(request: RenderRequest): Promise<Buffer | null> {
  const { path, shards, controlGrid, size, format, palette } = request;
  if (shards) return tileOfShards(shards, request);
  const whole = await versionOf(path);
  if (whole && request.afresh) {
    const raster = await open(path, request);
    return renderMapTile(raster, controlGrid, size, format, palette).finally(raster.close);
  }
  if (whole) return renderMapTile(await rasterOf(path, whole, request), controlGrid, size, format, palette);
  // A tile that was written after the reader had looked at the file's size can be read the next time; a map that has just
  // been begun, or is finished meanwhile, is not there yet.
  for (let tries = 3; tries > 0; tries--) {
    const version = await versionOf(sparsePath(path));
    if (!version) return null;
    try {
      const raster = await rasterOf(sparsePath(path), version, request);
      return await renderMapTile(raster, controlGrid, size, format, palette);
    } catch {
      rasters.delete(keyOf(sparsePath(path), version, request));
    }
  }
  return null;
}

/** A shard that is written meanwhile, or taken away, can be read the next time. */
async function tileOfShards(paths: readonly string[], request: RenderRequest): Promise<Buffer | null> {
  const { controlGrid, size, format, palette } = request;
  const versions = await Promise.all(paths.map(versionOf));
  const there = paths.filter((_, i) => versions[i] !== null);
  if (there.length === 0) return null;
  const key = keyOf(there.join(), versions.join(), request);
  try {
    return await renderMapTile(await keep(key, () => openShardRaster(there)), controlGrid, size, format, palette);
  } catch (error) {
    rasters.delete(key);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Another one whenever the file changes; null where there is none. The version of one in place stands on its card. */
async function versionOf(path: string): Promise<string | null> {
  if (isRemote(path)) return 'in place';
  const found = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return found && `${found.ino}-${found.mtimeNs}`;
}

const keyOf = (path: string, version: string, { view }: RenderRequest) => `${path} ${version} ${JSON.stringify(view)}`;

const open = (path: string, { palette, view }: RenderRequest): Promise<Raster> =>
  palette ? openRaster(path) : openView(path, view ?? {});

const rasterOf = (path: string, version: string, request: RenderRequest): Promise<Raster> =>
  keep(keyOf(path, version, request), () => open(path, request));

/** The least recently used reader makes room; it is closed when its reads are over. */
function keep(key: string, openAfresh: () => Promise<Raster>): Promise<Raster> {
  const raster = rasters.get(key) ?? openAfresh();
  rasters.delete(key);
  rasters.set(key, raster);
  raster.catch(() => rasters.delete(key));
  return raster;
}

async function closeUnused(): Promise<void> {
  for (const [key, raster] of [...rasters].slice(0, -OPEN_RASTERS)) {
    rasters.delete(key);
    await (await raster).close();
  }
}
