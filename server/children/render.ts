/** The render process: imagery tiles, off the server's event loop. */
import { fileURLToPath } from 'node:url';
import { isRemote, type OpenBytes } from '../../tiler/byte-source.ts';
import type { Look } from '../../tiler/look.ts';
import { createChild } from './child.ts';
import type { RenderRequest } from './render-entry.ts';

/** Resident memory after which the render process is ended. */
export const RENDER_MEMORY_BYTES = 2 * 2 ** 30;

export interface Renderer {
  /** An encoded map tile, or null where the scene has no pixels. */
  tile(request: RenderRequest): Promise<Buffer | null>;
  /** What the pixels of a working COG are like. */
  look(path: string): Promise<Look>;
  stop(): Promise<void>;
}

/** `remote`: reads images in place; their bytes are untrusted, so a process of their own, confined, decodes them. */
export function startRenderer(remote?: OpenBytes): Renderer {
  const entry = fileURLToPath(new URL('./render-entry.ts', import.meta.url));
  const child = createChild({ entry, memoryBytes: RENDER_MEMORY_BYTES });
  const confined = createChild({
    entry,
    memoryBytes: RENDER_MEMORY_BYTES,
    confine: { read: [], write: [] },
    ...(remote && { remote }),
  });
  const childFor = (path: string) => (isRemote(path) ? confined : child);
  return {
    async tile(request) {
      const bytes = await childFor(request.path).run<Uint8Array | null>('tile', request);
      return bytes && Buffer.from(bytes);
    },
    look: (path) => childFor(path).run('look', path),
    async stop() {
      await Promise.all([child.stop(), confined.stop()]);
    },
  };
}
