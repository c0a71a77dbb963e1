/** Vector tiles of a job's features. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { parseDatetime } from '../../api/datetime.ts';
import { TileQuery } from '../../api/features.ts';
import type { TileJson } from '../../api/index.ts';
import { readQuery } from '../../api/query.ts';
import { attributionMarkup } from '../../scenes/attribution.ts';
import { isJobWithin } from '../../store/tables/captured-at.ts';
import { hasFailedChips } from '../../store/tables/jobs.ts';
import { getScene } from '../../store/tables/scenes.ts';
import { tiledWithKept } from '../../tiles/kept-tiles.ts';
import { EXTENT } from '../../tiles/tile-grid.ts';
import { generalization, packTile, tiledJob } from '../../tiles/tile-of-job.ts';
import { BUFFER, LAYERS } from '../../tiles/vector-tile.ts';
import { bboxesTouch, firstZoom, nativeZoom, tileBbox } from '../../tiles/web-mercator.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { refuseDamaged, requestedJob } from '../core/load-from-path.ts';
import { publicAddress } from '../core/public-address.ts';
import { pathParameter, tileAddress } from '../core/request.ts';

const FIELDS = {
  id: 'Id of the feature; not on land use and blocks for maps of smaller scale, nor in tiles of very many features',
  class: 'Class of the land',
  score: 'Mean probability of the class, 0 to 1, where the network says it',
  area_m2: 'Geodesic area in square metres, of areas',
  length_m: 'Geodesic length in metres, of lines',
  buildings: 'Number of buildings in a block, which stands for those that are too small for the map',
};

export function tilesRouter({ files, keepTiles }: Pick<AppContext, 'files' | 'keepTiles'>): Router {
  const router = Router();

  router.get('/tiles/:job.json', async (request, response) => {
    const db = databaseOf(request);
    const { datetime } = readQuery(TileQuery, request.query);
    const query = datetime === undefined ? '' : `?${new URLSearchParams({ datetime })}`;
    if (datetime !== undefined) parseDatetime(datetime);
    const job = await requestedJob(db, request, 'job');
    refuseDamaged(job);
    const scene = await getScene(db, job.scene);
    if (job.state !== 'done' || !scene?.bbox || scene.gsd_m === null) {
      throw new Problem('conflict', `The job is ${job.state}; its tiles can be had once it is done.`);
    }
    const tileJson: TileJson = {
      tilejson: '3.0.0',
      name: scene.name,
      tiles: [`${publicAddress(request)}/tiles/${job.id}/{z}/{x}/{y}.mvt${query}`],
      minzoom: firstZoom(scene.bbox),
      maxzoom: nativeZoom(scene.gsd_m, scene.bbox),
      bounds: scene.bbox,
      attribution: attributionMarkup(scene),
      generalization: generalization(tiledJob(job), scene.bbox, scene.gsd_m),
      vector_layers: LAYERS.map((id) => ({ id, description: `Features of the collection ${id}`, fields: FIELDS })),
    };
    response.set('Cache-Control', 'no-cache').json(tileJson);
  });

  router.get('/tiles/:job/:z/:x/:y.mvt', async (request, response) => {
    const db = databaseOf(request);
    const { datetime } = readQuery(TileQuery, request.query);
    const interval = datetime === undefined ? null : parseDatetime(datetime);
    const part = (name: string) => pathParameter(request, name);
    const tile = tileAddress(part('z'), part('x'), part('y'));
    const job = await requestedJob(db, request, 'job');
    refuseDamaged(job);
    if (job.state !== 'done') {
      response.set('Cache-Control', 'no-store').status(204).end();
      return;
    }
    // The id of a job is that of its content: the same address never means other features, unless chips failed.
    const lasting = !hasFailedChips(job.report);
    response.set({
      'Cache-Control': lasting ? 'private, max-age=31536000, immutable' : 'private, no-store',
      ETag: `W/"${job.id}-${tile.z}-${tile.x}-${tile.y}"`,
      Vary: 'Accept-Encoding',
    });
    if (lasting && request.fresh) {
      response.status(304).end();
      return;
    }
    if (interval !== null && !(await isJobWithin(db, job.id, interval))) {
      response.status(204).end();
      return;
    }
    const scene = await getScene(db, job.scene);
    const bbox = tileBbox(tile, BUFFER / EXTENT);
    if (!scene?.bbox || tile.z < firstZoom(scene.bbox) || !bboxesTouch(bbox, scene.bbox)) {
      response.status(204).end();
      return;
    }
    const packed = await packTile(db, tiledWithKept(files, job, keepTiles), tile);
    if (!packed) {
      response.status(204).end();
      return;
    }
    response.type('application/vnd.mapbox-vector-tile');
    if (request.acceptsEncodings('gzip')) response.set('Content-Encoding', 'gzip').send(packed);
    else response.send(await promisify(gunzip)(packed));
  });

  return router;
}
