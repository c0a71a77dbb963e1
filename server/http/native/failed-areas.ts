/** The chips of a finished job that could not be computed, from its report: polygons in degrees, each with its reason. */
import { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { apply } from '../../../tiler/crs/geotransform.ts';
import type { FailedJson, JobReport } from '../../api/index.ts';
import type { Queryable } from '../../store/database/database.ts';
import { transformPoints } from '../../store/tables/georeference.ts';
import { getScene } from '../../store/tables/scenes.ts';
import { databaseOf } from '../core/caller.ts';
import { requestedJob } from '../core/load-from-path.ts';
import { noQuery } from '../core/request.ts';

export function failedAreasRouter(): Router {
  const router = Router();

  router.get('/jobs/:id/failed.geojson', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const job = await requestedJob(db, request);
    const scene = await getScene(db, job.scene);
    if (job.state !== 'done' || !job.report || !scene) {
      throw new Problem('conflict', `The job is ${job.state}; what failed is known once it is done.`);
    }
    const features = await failedAreas(db, job.report, scene.epsg!);
    response.set('Cache-Control', 'no-cache').type('application/geo+json');
    response.send(JSON.stringify({ type: 'FeatureCollection', features } satisfies FailedJson));
  });

  return router;

  async function failedAreas(
    q: Queryable,
    { chips, model_grid: grid }: JobReport,
    epsg: number,
  ): Promise<FailedJson['features']> {
    const failed = chips?.failed ?? [];
    const geotransform = grid?.geotransform;
    if (!geotransform || failed.length === 0) return [];
    const corners = failed.flatMap(({ x, y, width, height }) => [
      apply(geotransform, x, y),
      apply(geotransform, x, y + height),
      apply(geotransform, x + width, y + height),
      apply(geotransform, x + width, y),
    ]);
    const placed = await transformPoints(q, corners, epsg, 4326);
    return failed.map(({ reason }, i) => {
      const ring = placed.slice(4 * i, 4 * i + 4);
      return {
        type: 'Feature',
        properties: { reason },
        geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] },
      };
    });
  }
}
