/** Imagery tiles of a scene, warped to Web Mercator in the render process. */
import { Router } from 'express';
import { Problem } from '../../tiler/problem.ts';
import { tileControlGrid } from '../store/georeference.ts';
import type { Scene } from '../store/scenes.ts';
import type { AppDependencies } from './dependencies.ts';
import { requestedScene } from './lookup.ts';
import { bboxesTouch, firstZoom, nativeZoom, tileBbox } from './mercator.ts';
import { type Bbox, onlyQuery, pathParameter, publicAddress, tileAddress } from './request.ts';
import type { TileJson } from './types.ts';

const MEDIA_TYPES = { webp: 'image/webp', png: 'image/png', jpg: 'image/jpeg' } as const;
/** Cells along a tile's side between which the warp is linear: under a tenth of a pixel off for scenes on UTM. */
const CONTROL_CELLS = 16;
/** Zoom levels beyond the scene's own at which its pixels are still enlarged here. */
const UPSCALED_LEVELS = 2;
/** Part of every ETag; another one whenever the rendering changes. */
const RENDERING = 1;

interface Extent {
  bbox: Bbox;
  minzoom: number;
  maxzoom: number;
}

export function imageryRouter({ db, files, renderTile }: Pick<AppDependencies, 'db' | 'files' | 'renderTile'>): Router {
  const router = Router();

  router.get('/imagery/:scene.json', async (request, response) => {
    onlyQuery(request, []);
    const scene = await requestedScene(db, request, 'scene');
    const { bbox, minzoom, maxzoom } = extentOf(scene);
    const tileJson: TileJson = {
      tilejson: '3.0.0',
      name: scene.name,
      tiles: [`${publicAddress(request)}/imagery/${scene.id}/{z}/{x}/{y}.webp`],
      minzoom,
      maxzoom,
      bounds: bbox,
      attribution: '',
    };
    response.set('Cache-Control', 'no-cache').json(tileJson);
  });

  router.get('/imagery/:scene/:z/:x/:y.:format', async (request, response) => {
    onlyQuery(request, []);
    const part = (name: string) => pathParameter(request, name);
    const format = tileFormat(part('format'));
    const [row, density, ...rest] = part('y').split('@');
    const size = density === '2x' ? 512 : 256;
    if (rest.length > 0 || (density !== undefined && density !== '2x')) {
      throw new Problem('bad_request', 'Imagery tiles have 256 pixels a side, or 512 with "@2x" after the row.');
    }
    const tile = tileAddress(part('z'), part('x'), row);
    const scene = await requestedScene(db, request, 'scene');
    const { bbox, minzoom, maxzoom } = extentOf(scene);
    if (tile.z > maxzoom + UPSCALED_LEVELS) {
      const detail = `The scene holds no more detail than zoom ${maxzoom} shows; enlarge the tiles of that zoom instead.`;
      throw new Problem('not_found', detail);
    }
    response.set({
      'Cache-Control': 'private, max-age=86400',
      ETag: `"${scene.id}-${tile.z}-${tile.x}-${tile.y}-${size}-${format}-${RENDERING}"`,
    });
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    const image = tile.z >= minzoom && bboxesTouch(tileBbox(tile), bbox) ? await render() : null;
    if (!image) {
      response.status(204).end();
      return;
    }
    response.type(MEDIA_TYPES[format]).send(image);

    async function render(): Promise<Buffer | null> {
      const { x, y, z } = tile;
      const grid = { epsg: scene.epsg!, geotransform: scene.report!.geotransform };
      const controlGrid = await tileControlGrid(db, grid, z, x, y, CONTROL_CELLS);
      // Maps drop requests for tiles that have left the view; those are not worth the render process's time.
      if (response.closed) return null;
      return renderTile({ path: files.path(`scenes/${scene.id}/working.tif`), controlGrid, format, size });
    }
  });

  return router;
}

function extentOf(scene: Scene): Extent {
  if (scene.state !== 'ready' || !scene.bbox || scene.gsd_m === null) {
    throw new Problem('conflict', `The scene is ${scene.state}; its imagery can be seen once it is ready.`);
  }
  return { bbox: scene.bbox, minzoom: firstZoom(scene.bbox), maxzoom: nativeZoom(scene.gsd_m, scene.bbox) };
}

function tileFormat(text: string): keyof typeof MEDIA_TYPES {
  if (Object.hasOwn(MEDIA_TYPES, text)) return text as keyof typeof MEDIA_TYPES;
  throw new Problem('bad_request', 'Imagery tiles come as .webp, .png or .jpg.');
}
