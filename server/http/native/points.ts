/** Positions: brought from any system to degrees, and what image and class map of a scene hold at one of them. */
import { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { type CoordinatesJson, CoordinatesQuery, type PointJson, PointQuery } from '../../api/points.ts';
import { readQuery } from '../../api/query.ts';
import { bandNamesOf, type ReadyScene, requireReady } from '../../scenes/ready-scene.ts';
import { fetchWorking } from '../../scenes/working-copy.ts';
import type { Queryable } from '../../store/database/database.ts';
import { transformPoints, turnedTo } from '../../store/tables/georeference.ts';
import { getJob, type Job } from '../../store/tables/jobs.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { refuseDamaged, requestedScene } from '../core/load-from-path.ts';

const DEGREES = 4326;
const NODATA = 255;

export function pointsRouter({ files, models, readPixel }: Pick<AppContext, 'files' | 'models' | 'readPixel'>): Router {
  const router = Router();

  router.get('/coordinates', async (request, response) => {
    const { crs, x, y } = readQuery(CoordinatesQuery, request.query);
    const [lon, lat] = await inDegrees(databaseOf(request), crs, x, y);
    response.json({ crs: `EPSG:${crs}`, x, y, lon, lat } satisfies CoordinatesJson);
  });

  router.get('/scenes/:id/point', async (request, response) => {
    const db = databaseOf(request);
    const scene = requireReady(await requestedScene(db, request));
    const { lon, lat, job: jobId } = readQuery(PointQuery, request.query);
    const job = jobId === undefined ? null : await jobOf(db, scene, jobId);
    const placed = await transformPoints(db, [[lon, lat]], DEGREES, scene.epsg);
    const [[x, y]] = turnedTo({ ...scene.report, epsg: scene.epsg }, placed) as [[number, number]];
    if (!Number.isFinite(x)) throw new Problem('bad_request', `${scene.srs} does not describe this position.`);
    const found = await readPixel(await fetchWorking(files, scene, { toShow: true }), x, y);
    const names = bandNamesOf(scene.report);
    const pixel = found && {
      ...{ column: found.column, row: found.row, valid: found.valid },
      bands: found.values.map((value, i) => ({ number: i + 1, name: names[i] ?? null, value })),
    };
    const map = job?.state === 'done' && !('objects' in (job.report?.counts ?? {})) ? await ofMap(job, x, y) : null;
    response
      .set('Cache-Control', 'no-cache')
      .json({ lon, lat, crs: scene.srs ?? '', x, y, pixel, map } satisfies PointJson);
  });

  async function ofMap(job: Job, x: number, y: number): Promise<PointJson['map']> {
    const read = async (map: 'classes' | 'scores') =>
      readPixel(await files.fetch(`jobs/${job.id}/${map}.tif`, { toShow: true }), x, y);
    const [code, score] = await Promise.all([read('classes'), read('scores')]);
    if (!code) return null;
    const classes = job.report?.classes ?? models.find(({ id }) => id === job.model)?.classes ?? [];
    const mapped = code.valid && code.values[0] !== NODATA;
    return {
      job: job.id,
      class: mapped ? (classes.find(({ value }) => value === code.values[0])?.name ?? String(code.values[0])) : null,
      score: mapped && score?.valid ? score.values[0]! / 255 : null,
    };
  }
  return router;
}

/** Throws Problem: `unknown_crs`, or `bad_request` for what lies beyond the system. */
async function inDegrees(q: Queryable, epsg: number, x: number, y: number): Promise<[number, number]> {
  const known = await q.query('SELECT 1 FROM spatial_ref_sys WHERE srid = $1 AND auth_name = $2', [epsg, 'EPSG']);
  if (known.length === 0) {
    throw new Problem(
      'unknown_crs',
      `EPSG:${epsg} is not known here. Give a code of the EPSG registry, such as EPSG:25833.`,
    );
  }
  const [[lon, lat]] = (await transformPoints(q, [[x, y]], epsg, DEGREES)) as [[number, number]];
  const onEarth = Math.abs(lon) <= 180 && Math.abs(lat) <= 90;
  if (onEarth) return [lon, lat];
  const detail = `${x} ${y} is not a position in EPSG:${epsg}. Give the easting first, then the northing.`;
  throw new Problem('bad_request', detail);
}

async function jobOf(q: Queryable, scene: ReadyScene, id: string): Promise<Job> {
  const job = await getJob(q, id);
  if (job?.scene !== scene.id) throw new Problem('not_found', `The scene has no job with the id "${id}".`);
  refuseDamaged(job);
  return job;
}
