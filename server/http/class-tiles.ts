/** Class map and score map of a job as map tiles; of a running job as far as its row bands are done. */
import { stat } from 'node:fs/promises';
import { type Request, Router } from 'express';
import type { Palette } from '../../tiler/map-tile.ts';
import { Problem } from '../../tiler/problem.ts';
import { growingPath } from '../../tiler/write-tiff.ts';
import type { Job } from '../store/jobs.ts';
import { getScene, type Scene } from '../store/scenes.ts';
import type { AppDependencies } from './dependencies.ts';
import { hasFailed } from './failed-areas.ts';
import { requestedJob } from './lookup.ts';
import { rasterTileJson, requestedTile, sendTile } from './raster-tiles.ts';
import { onlyQuery } from './request.ts';
import type { ModelJson } from './types.ts';

const MAPS = ['classes', 'scores'] as const;
/** Scores from 0 to 255: uncertain ones dark violet, certain ones yellow (five stops of matplotlib's viridis). */
const SCORE_STOPS = ['#440154', '#3b528b', '#21918c', '#5ec962', '#fde725'];

export function classTilesRouter(deps: Pick<AppDependencies, 'db' | 'files' | 'models' | 'renderTile'>): Router {
  const { db, files, models } = deps;
  const router = Router();
  for (const map of MAPS) {
    router.get(`/jobs/:id/${map}.json`, async (request, response) => {
      onlyQuery(request, []);
      const { job, scene } = await jobWithScene(request);
      const tileJson = rasterTileJson(request, scene, `/jobs/${job.id}/${map}/{z}/{x}/{y}.png`);
      response.set('Cache-Control', 'no-cache').json(tileJson);
    });

    router.get(`/jobs/:id/${map}/:z/:x/:y.:format`, async (request, response) => {
      onlyQuery(request, []);
      requestedTile(request);
      const { job, scene } = await jobWithScene(request);
      if (job.state !== 'done' && job.state !== 'running') {
        response.set('Cache-Control', 'no-store').status(204).end();
        return;
      }
      const key = `jobs/${job.id}/${map}.tif`;
      const done = job.state === 'done';
      const lasting = done && !hasFailed(job.report);
      // A map that grows is where it is written, and not stored yet.
      const fetchPath = async () => (done ? files.fetch(key) : files.path(key));
      const changed = lasting ? '' : await changedAt(done ? await files.fetch(key) : growingPath(files.path(key)));
      const version = changed === null ? null : `${job.id}-${map}${changed}`;
      const palette = map === 'classes' ? classPalette(models, job) : scorePalette;
      await sendTile(deps, request, response, { scene, version, lasting, fetchPath, palette });
    });
  }
  return router;

  async function jobWithScene(request: Request): Promise<{ job: Job; scene: Scene }> {
    const job = await requestedJob(db, request);
    const scene = await getScene(db, job.scene);
    if (!scene) throw new Problem('not_found', 'The scene of this job was deleted.');
    return { job, scene };
  }
}

/** Another text whenever the file changes; null where there is none. */
const changedAt = (path: string): Promise<string | null> =>
  stat(path, { bigint: true }).then(
    ({ ino, mtimeNs }) => `-${ino}-${mtimeNs}`,
    () => null,
  );

function classPalette(models: readonly ModelJson[], job: Job): Palette {
  const model = models.find(({ id }) => id === job.model);
  if (!model) throw new Problem('not_found', `The network "${job.model}" is not installed any more.`);
  return new Map(model.classes.map(({ value, color }) => [value, opaque(color)]));
}

const opaque = (color: string): [number, number, number, number] => {
  const rgb = Number.parseInt(color.slice(1), 16);
  return [rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255];
};

/** 0 is nodata. */
const scorePalette: Palette = new Map(
  Array.from({ length: 255 }, (_, i) => {
    const score = i + 1;
    const at = (score / 255) * (SCORE_STOPS.length - 1);
    const stop = Math.min(SCORE_STOPS.length - 2, Math.floor(at));
    const [from, to] = [opaque(SCORE_STOPS[stop]), opaque(SCORE_STOPS[stop + 1])];
    const mixed = from.map((value, band) => Math.round(value + (to[band] - value) * (at - stop)));
    return [score, mixed as [number, number, number, number]] as const;
  }),
);
