/** The render processes: imagery tiles, off the server's event loop. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isRemote, type OpenBytes } from '../../tiler/geotiff/byte-source.ts';
import type { ImageStatistics } from '../../tiler/ingest/image-statistics.ts';
import { createChild } from './child-process.ts';
import type { PixelValues, RenderRequest } from './render-entry.ts';

/** Most of them: a page asks for a screen of tiles at once. */
const MOST_PROCESSES = 2;
/** Resident memory after which a render process is ended. */
export const RENDER_MEMORY_BYTES = 2 * 2 ** 30;

export interface Renderer {
  /** An encoded map tile, or null where the scene has no pixels. */
  tile(request: RenderRequest): Promise<Buffer | null>;
  /** The pixel at a position in the raster's CRS; null beyond it. */
  pixel(path: string, x: number, y: number): Promise<PixelValues | null>;
  /** What the pixels of a working COG are like. */
  look(path: string): Promise<ImageStatistics>;
  stop(): Promise<void>;
}

/**
 * @param remote reads images in place; their bytes are untrusted, so a process of their own, confined, decodes them
 * @param folder where files may be untrusted too: the processes may read nothing else
 */
export function startRenderer(remote?: OpenBytes, folder?: string): Renderer {
  const program = { name: 'render', entry: fileURLToPath(new URL('./render-entry.ts', import.meta.url)) };
  const children = Array.from({ length: Math.min(MOST_PROCESSES, availableParallelism()) }, () => ({
    child: createChild({
      ...{ ...program, memoryBytes: RENDER_MEMORY_BYTES },
      ...(folder !== undefined && { confine: { read: [folder], write: [] } }),
    }),
    tasks: 0,
  }));
  const confined = createChild({
    ...program,
    memoryBytes: RENDER_MEMORY_BYTES,
    confine: { read: [], write: [] },
    ...(remote && { remote }),
  });
  /** In the process that has the least to do; where all are idle it is the first, whose readers are open. */
  const run = async <T>(task: string, path: string, request: unknown): Promise<T> => {
    if (isRemote(path)) return confined.run<T>(task, request);
    const chosen = children.reduce((least, each) => (each.tasks < least.tasks ? each : least));
    chosen.tasks++;
    try {
      return await chosen.child.run<T>(task, request);
    } finally {
      chosen.tasks--;
    }
  };
  return {
    async tile(request) {
      const bytes = await run<Uint8Array | null>('tile', request.path, request);
      return bytes && Buffer.from(bytes);
    },
    pixel: (path, x, y) => run('pixel', path, { path, x, y }),
    look: (path) => run('look', path, path),
    async stop() {
      await Promise.all([confined, ...children.map(({ child }) => child)].map((each) => each.stop()));
    },
  };
}
