/** What the render process does: map tiles of working copies, whose readers it keeps open. */
import { type ControlGrid, renderMapTile } from '../../tiler/map-tile.ts';
import type { Raster } from '../../tiler/raster.ts';
import { openScene } from '../../tiler/rendering.ts';
import { answerTasks } from './child.ts';

export interface RenderRequest {
  path: string;
  controlGrid: ControlGrid;
  format: 'webp' | 'png' | 'jpg';
  size: number;
}

const OPEN_RASTERS = 8;
const rasters = new Map<string, Promise<Raster>>();

/** The least recently used reader makes room; it is closed when its reads are over. */
function rasterOf(path: string): Promise<Raster> {
  const raster = rasters.get(path) ?? openScene(path);
  rasters.delete(path);
  rasters.set(path, raster);
  raster.catch(() => rasters.delete(path));
  return raster;
}

async function closeUnused(): Promise<void> {
  for (const [path, raster] of [...rasters].slice(0, -OPEN_RASTERS)) {
    rasters.delete(path);
    await (await raster).close();
  }
}

let running = 0;

answerTasks({
  async tile({ path, controlGrid, size, format }: RenderRequest) {
    running++;
    try {
      return await renderMapTile(await rasterOf(path), controlGrid, size, format);
    } finally {
      running--;
      if (running === 0) await closeUnused();
    }
  },
});
