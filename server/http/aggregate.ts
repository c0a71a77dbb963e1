/** What a collection holds, summed up by class: over all of it, or cut to each polygon of a layer that is sent. */
import express, { type Request, Router } from 'express';
import type { MultiPolygon, Polygon } from 'geojson';
import { Problem } from '../../tiler/problem.ts';
import { type ClassSum, sumByClass, sumByZone } from '../store/aggregate.ts';
import { areClosed, arePositions } from '../store/cql2.ts';
import { databaseOf } from './caller.ts';
import { requestedCollection } from './collections.ts';
import { onlyQuery, queryId } from './request.ts';

const MAX_ZONES = 1000;
const BODY_LIMIT = '4mb';

export function aggregateRouter(): Router {
  const router = Router();
  const selection = async (request: Request) => {
    onlyQuery(request, ['job', 'scene', 'f']);
    const { id } = await requestedCollection(databaseOf(request), request);
    return { collection: id, job: queryId(request, 'job'), scene: queryId(request, 'scene') };
  };

  router.get('/collections/:collection/aggregate', async (request, response) => {
    const db = databaseOf(request);
    const classes = await sumByClass(db, await selection(request));
    const whole = classes.reduce((sum, { area_m2 }) => sum + area_m2, 0);
    response.json({ classes: withShares(classes, whole) });
  });

  const body = express.json({ limit: BODY_LIMIT, type: ['application/json', 'application/geo+json'] });
  router.post('/collections/:collection/aggregate', body, async (request, response) => {
    const db = databaseOf(request);
    const zones = zonesOf(request.body);
    const { sums, zoneAreasM2 } = await sumByZone(db, await selection(request), zones);
    const described = zoneAreasM2.map((area_m2, index) => {
      const classes = sums.filter(({ zone }) => zone === index).map(({ zone: _, ...sum }) => sum);
      return { zone: index, area_m2, classes: withShares(classes, area_m2) };
    });
    response.json({ zones: described });
  });

  return router;
}

const withShares = (classes: readonly ClassSum[], wholeM2: number) =>
  classes.map((sum) => ({ ...sum, share: wholeM2 > 0 ? sum.area_m2 / wholeM2 : 0 }));

function zonesOf(body: unknown): (Polygon | MultiPolygon)[] {
  const { type, features } = (body ?? {}) as { type?: unknown; features?: unknown };
  if (type !== 'FeatureCollection' || !Array.isArray(features) || features.length === 0) {
    throw new Problem('bad_request', 'Send a GeoJSON FeatureCollection of polygons.');
  }
  if (features.length > MAX_ZONES) {
    throw new Problem('bad_request', `At most ${MAX_ZONES} polygons are summed up at once, not ${features.length}.`);
  }
  return features.map((feature, index) => {
    const geometry = feature?.geometry as Polygon | MultiPolygon | null | undefined;
    const levels = geometry?.type === 'Polygon' ? 2 : geometry?.type === 'MultiPolygon' ? 3 : 0;
    const coordinates: unknown = geometry?.coordinates;
    if (levels > 0 && arePositions(coordinates, levels) && areClosed(coordinates as unknown[], levels)) {
      if (inDegrees(coordinates)) return geometry!;
    }
    throw new Problem('bad_request', `Feature ${index} is not a polygon in degrees with closed rings.`);
  });
}

function inDegrees(node: unknown): boolean {
  const members = node as unknown[];
  if (Array.isArray(members[0])) return members.every(inDegrees);
  return Math.abs(members[0] as number) <= 180 && Math.abs(members[1] as number) <= 90;
}
