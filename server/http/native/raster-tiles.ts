/** What tiles of imagery, class maps and score maps have in common: their addresses, their zooms and their answers. */
import type { Request, Response } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { Bbox, TileJson } from '../../api/index.ts';
import { attributionMarkup } from '../../scenes/attribution.ts';
import { tileControlGrid } from '../../store/tables/georeference.ts';
import type { Scene } from '../../store/tables/scenes.ts';
import { bboxesTouch, firstZoom, nativeZoom, type TileAddress, tileBbox } from '../../tiles/web-mercator.ts';
import type { AppContext, TileRequest } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { publicAddress } from '../core/public-address.ts';
import { pathParameter, tileAddress } from '../core/request.ts';

const MEDIA_TYPES = { webp: 'image/webp', png: 'image/png', jpg: 'image/jpeg' } as const;
/**
 * Cells along a tile's side between which the warp is linear: a hundredth of a pixel off, at low zooms a tenth. In
 * pixels the error follows the tile's side on the ground and the square of a cell's share of it.
 */
export const controlCells = (zoom: number): number => (zoom < 8 ? 32 : zoom < 10 ? 8 : zoom < 12 ? 4 : 2);
/** Zoom levels beyond the scene's own at which its pixels are still enlarged here. */
const UPSCALED_LEVELS = 2;
/** Part of every ETag; another one whenever the rendering changes. */
export const RENDERING = 4;

export interface RasterTile extends TileAddress {
  format: keyof typeof MEDIA_TYPES;
  /** Pixels along a side. */
  size: number;
}

/** Address, density and format out of `:z/:x/:y.:format`; throws Problem bad_request. */
export function requestedTile(request: Request): RasterTile {
  const part = (name: string) => pathParameter(request, name);
  const format = part('format');
  if (!Object.hasOwn(MEDIA_TYPES, format)) throw new Problem('bad_request', 'Tiles come as .webp, .png or .jpg.');
  const [row, density, ...rest] = part('y').split('@');
  if (rest.length > 0 || (density !== undefined && density !== '2x')) {
    throw new Problem('bad_request', 'Tiles have 256 pixels a side, or 512 with "@2x" after the row.');
  }
  const tile = tileAddress(part('z'), part('x'), row);
  return { ...tile, format: format as keyof typeof MEDIA_TYPES, size: density === '2x' ? 512 : 256 };
}

interface Extent {
  bbox: Bbox;
  minzoom: number;
  maxzoom: number;
}

export function extentOf(scene: Scene): Extent {
  if (scene.state !== 'ready' || !scene.bbox || scene.gsd_m === null) {
    throw new Problem('conflict', `The scene is ${scene.state}; its imagery can be seen once it is ready.`);
  }
  return { bbox: scene.bbox, minzoom: firstZoom(scene.bbox), maxzoom: nativeZoom(scene.gsd_m, scene.bbox) };
}

const gridOf = ({ epsg, report }: Scene) => ({ ...report!, epsg: epsg! });

/** `path`: of the tiles, from `{z}` on without it. */
export function rasterTileJson(request: Request, scene: Scene, path: string): TileJson {
  const { bbox, minzoom, maxzoom } = extentOf(scene);
  const tiles = [`${publicAddress(request)}${path}`];
  const attribution = attributionMarkup(scene);
  return { tilejson: '3.0.0', name: scene.name, tiles, minzoom, maxzoom, bounds: bbox, attribution };
}

/**
 * Answers with a tile of a raster that lies where the scene lies, or 204 where there is nothing of it. `version`: what
 * the tile is made of; null where that is not known. `lasting`: it stays that, and need not be asked for again.
 */
export async function sendTile(
  { renderTile }: Pick<AppContext, 'renderTile'>,
  request: Request,
  response: Response,
  source: {
    scene: Scene;
    version: string | null;
    lasting: boolean;
    /** Path of the raster, fetched once it is known that it is needed. */
    fetchPath: () => Promise<string>;
  } & Pick<TileRequest, 'view' | 'palette' | 'shards'>,
): Promise<void> {
  const { scene, version, lasting, fetchPath, ...raster } = source;
  const { x, y, z, format, size } = requestedTile(request);
  const { bbox, minzoom, maxzoom } = extentOf(scene);
  if (z > maxzoom + UPSCALED_LEVELS) {
    const detail = `The scene holds no more detail than zoom ${maxzoom} shows; enlarge the tiles of that zoom instead.`;
    throw new Problem('not_found', detail);
  }
  response.set('Cache-Control', lasting ? 'private, max-age=86400' : 'private, no-cache');
  if (version !== null) {
    const tag = `"${version}-${z}-${x}-${y}-${size}-${format}-${RENDERING}"`;
    response.set('ETag', tag);
    if (request.fresh) {
      response.status(304).end();
      return;
    }
  }
  const image = z >= minzoom && bboxesTouch(tileBbox({ x, y, z }), bbox) ? await render() : null;
  if (image) response.type(MEDIA_TYPES[format]).send(image);
  else response.status(204).end();

  async function render(): Promise<Buffer | null> {
    const path = await fetchPath();
    const controlGrid = await tileControlGrid(databaseOf(request), gridOf(scene), z, x, y, controlCells(z));
    // Maps drop requests for tiles that have left the view; those are not worth the render process's time.
    if (response.closed) return null;
    return renderTile({ ...raster, path, controlGrid, format, size });
  }
}
