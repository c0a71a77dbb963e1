/** Class map and score map of a job as map tiles; of a running job as far as its row bands are done. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { sparsePath } from '../../../tiler/geotiff/write-tiff.ts';
import type { Palette } from '../../../tiler/rendering/map-tile.ts';
import type { ModelJson } from '../../api/index.ts';
import { type FileStore, fetchIfThere } from '../../store/files/file-store.ts';
import { hasFailedChips, type Job } from '../../store/tables/jobs.ts';
import { getScene, type Scene } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { classesOfJob } from '../core/job-classes.ts';
import { refuseDamaged, requestedJob } from '../core/load-from-path.ts';
import { noQuery } from '../core/request.ts';
import { rasterTileJson, requestedTile, sendTile } from './raster-tiles.ts';

const MAPS = ['classes', 'scores'] as const;
/** Scores from 0 to 255: uncertain ones dark violet, certain ones yellow (five stops of matplotlib's viridis). */
const SCORE_STOPS = ['#440154', '#3b528b', '#21918c', '#5ec962', '#fde725'];

export function classTilesRouter(deps: Pick<AppContext, 'files' | 'models' | 'renderTile'>): Router {
  const { files, models } = deps;
  const router = Router();
  for (const map of MAPS) {
    router.get(`/jobs/:id/${map}.json`, async (request, response) => {
      noQuery(request);
      const { job, scene } = await jobWithScene(request);
      const tileJson = rasterTileJson(request, scene, `/jobs/${job.id}/${map}/{z}/{x}/{y}.png`);
      response.set('Cache-Control', 'no-cache').json(tileJson);
    });

    router.get(`/jobs/:id/${map}/:z/:x/:y.:format`, async (request, response) => {
      noQuery(request);
      requestedTile(request);
      const { job, scene } = await jobWithScene(request);
      if (job.state !== 'done' && job.state !== 'running') {
        response.set('Cache-Control', 'no-store').status(204).end();
        return;
      }
      const key = `jobs/${job.id}/${map}.tif`;
      const done = job.state === 'done';
      const lasting = done && !hasFailedChips(job.report);
      // A map that grows is where it is written, and not stored yet.
      const fetchPath = async () => (done ? files.fetch(key, { toShow: true }) : files.path(key));
      const shards = done ? [] : await shardMaps(files, job.id, map);
      const whole = async () => [done ? await files.fetch(key, { toShow: true }) : sparsePath(files.path(key))];
      const changed = lasting ? '' : await changedAt(shards.length > 0 ? shards : await whole());
      const version = changed === null ? null : `${job.id}-${map}${changed}`;
      const palette = map === 'classes' ? classPalette(models, job) : scorePalette;
      await sendTile(deps, request, response, {
        ...{ scene, version, lasting, fetchPath, palette },
        ...(shards.length > 0 && { shards }),
      });
    });
  }
  return router;

  async function jobWithScene(request: Request): Promise<{ job: Job; scene: Scene }> {
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    refuseDamaged(job);
    const scene = await getScene(db, job.scene);
    if (!scene) throw new Problem('not_found', 'The scene of this job was deleted.');
    return { job, scene };
  }
}

/** Paths of what there is of a map whose job is done in shards: stored ones, and those that grow on this machine. */
async function shardMaps(files: FileStore, jobId: string, map: string): Promise<string[]> {
  const keys = await files.list(`jobs/${jobId}/shards`);
  const stored = keys.filter((key) => key.endsWith(`/${map}.tif`));
  const growing = keys.filter((key) => key.endsWith(`/${map}.tif.growing`));
  const fetched = await Promise.all(stored.map((key) => fetchIfThere(files, key, { toShow: true })));
  return [...fetched.filter((path) => path !== null), ...growing.map((key) => files.path(key))];
}

/** Another text whenever one of the files changes; null where there is none of them. */
async function changedAt(paths: readonly string[]): Promise<string | null> {
  const found = await Promise.all(paths.map((path) => stat(path, { bigint: true }).catch(() => null)));
  const versions = found.flatMap((each) => (each ? [`${each.ino}-${each.mtimeNs}`] : []));
  if (versions.length === 0) return null;
  return `-${versions.length === 1 ? versions[0] : createHash('sha256').update(versions.join()).digest('hex')}`;
}

function classPalette(models: readonly ModelJson[], job: Job): Palette {
  return new Map(classesOfJob(models, job).map(({ value, color }) => [value, opaque(color)]));
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
