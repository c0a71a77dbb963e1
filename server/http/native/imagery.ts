/** Imagery tiles of a scene, warped to Web Mercator in the render process. */
import { createHash } from 'node:crypto';
import { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { ValueRange } from '../../../tiler/rendering/rendering.ts';
import type { SceneView } from '../../../tiler/working-copy/scene-view.ts';
import { SceneViewQuery } from '../../api/features.ts';
import { readQuery } from '../../api/query.ts';
import { shorten } from '../../api/schema.ts';
import { fetchWorking } from '../../scenes/working-copy.ts';
import type { Scene } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { requestedScene } from '../core/load-from-path.ts';
import { extentOf, rasterTileJson, requestedTile, sendTile } from './raster-tiles.ts';

export function imageryRouter({ files, renderTile }: Pick<AppContext, 'files' | 'renderTile'>): Router {
  const router = Router();

  router.get('/imagery/:scene.json', async (request, response) => {
    const db = databaseOf(request);
    const query = readQuery(SceneViewQuery, request.query);
    const scene = await requestedScene(db, request, 'scene');
    extentOf(scene);
    const shown = viewText(viewOf(query, scene));
    const tileJson = rasterTileJson(request, scene, `/imagery/${scene.id}/{z}/{x}/{y}.webp${shown && `?${shown}`}`);
    response.set('Cache-Control', 'no-cache').json(tileJson);
  });

  router.get('/imagery/:scene/:z/:x/:y.:format', async (request, response) => {
    const db = databaseOf(request);
    const query = readQuery(SceneViewQuery, request.query);
    requestedTile(request);
    const scene = await requestedScene(db, request, 'scene');
    extentOf(scene);
    const view = viewOf(query, scene);
    const text = viewText(view);
    const version = text ? `${scene.id}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}` : scene.id;
    await sendTile({ renderTile }, request, response, {
      scene,
      version,
      lasting: true,
      fetchPath: () => fetchWorking(files, scene, { toShow: true }),
      ...(text && { view }),
    });
  });

  return router;
}

/** `bands=4,3,2` and `stretch=none`, `percentile`, `LOW,HIGH` or six numbers. */
function viewOf({ bands, stretch }: { bands?: string; stretch?: string }, scene: Scene): SceneView {
  return {
    ...(bands !== undefined && { bands: parseBands(bands, scene.report!.bands) }),
    ...(stretch !== undefined && { stretch: parseStretch(stretch) }),
  };
}

function parseBands(text: string, count: number): [number, number, number] {
  const numbers = text.split(',').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 0));
  if ((numbers.length === 3 || numbers.length === 1) && numbers.every((band) => band >= 1 && band <= count)) {
    const [red, green = red, blue = red] = numbers;
    return [red, green, blue];
  }
  const range = count === 1 ? 'the scene has band 1 alone' : `the scene has bands 1 to ${count}`;
  const detail = `"bands" is three band numbers for red, green and blue, or one for gray (${range}), not "${shorten(text)}".`;
  throw new Problem('bad_request', detail);
}

function parseStretch(text: string): NonNullable<SceneView['stretch']> {
  if (text === 'none' || text === 'percentile') return text;
  const parts = text.split(',');
  const numbers = parts.map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const ranges: ValueRange[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) ranges.push([numbers[i], numbers[i + 1]]);
  const sensible = numbers.every(Number.isFinite) && ranges.every(([zero, full]) => zero !== full);
  if ((parts.length === 2 || parts.length === 6) && sensible) {
    const [red, green = red, blue = red] = ranges;
    return [red, green, blue];
  }
  const forms = '"none", "percentile", or the values shown as black and as white, for all bands or for each: 0,3000';
  throw new Problem('bad_request', `"stretch" is ${forms}, not "${shorten(text)}".`);
}

/** The same for every way to write a view; empty for the scene's own. */
function viewText({ bands, stretch }: SceneView): string {
  const parts = [bands && `bands=${bands.join(',')}`, stretch && `stretch=${[stretch].flat(2).join(',')}`];
  return parts.filter(Boolean).join('&');
}
