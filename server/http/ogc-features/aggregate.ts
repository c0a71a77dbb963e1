/**
 * What a collection holds, summed up by class: over all of it, or cut to each of many zones: the polygons of a layer
 * that is sent, those of another collection, or the cells of a hexagonal grid.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import express, { type Request, Router } from 'express';
import type { MultiPolygon, Polygon } from 'geojson';
import { Problem } from '../../../errors/problem.ts';
import { AggregateQuery, type HistogramJson, HistogramQuery, SumsQuery } from '../../api/features.ts';
import { readQuery } from '../../api/query.ts';
import { cellPolygon, cellsCovering } from '../../geometry/h3-cells.ts';
import { AREAS, MOST_POSITIONS, positionsOf, readGeometry } from '../../geometry/read-geometry.ts';
import type { Queryable } from '../../store/database/database.ts';
import { type ClassSum, histogramOf, selectedBoxes, sumByClass, sumByZone } from '../../store/tables/aggregate.ts';
import { queryItems } from '../../store/tables/items.ts';
import type { Selection } from '../../store/tables/zone-pairs.ts';
import type { Zones } from '../../store/tables/zone-pieces.ts';
import { databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { itemSelection, namedCollection, requestedCollection } from './collections.ts';
import { parseCql2Text } from './parse-cql2-text.ts';

const MAX_ZONES = 1000;
const USUAL_BINS = 40;
/** Of all zones that are sent, together. */
const MOST_POSITIONS_OF_ZONES = 200_000;
const BODY_LIMIT = '4mb';

/** What a zone is known by, and where it lies. */
interface Zone {
  geometry: Polygon | MultiPolygon;
  /** Of the feature that was sent, with its attributes. */
  id?: string | number;
  properties?: Record<string, unknown>;
  /** Index of the H3 cell. */
  cell?: string;
  /** Id of the other collection's feature. */
  feature?: string;
  /** Its class. */
  of_class?: string;
}

export function aggregateRouter(): Router {
  const router = Router();
  const selection = async (request: Request, asked: ReturnType<typeof readQuery<typeof SumsQuery>>) => {
    const { id } = await requestedCollection(databaseOf(request), request);
    return { collection: id, ...itemSelection(asked) };
  };

  router.get(
    '/collections/:collection/aggregate',
    heavy(async (request, response) => {
      const db = databaseOf(request);
      const asked = readQuery(AggregateQuery, request.query);
      const selected = await selection(request, asked);
      const zones = await zonesAsked(db, asked, selected);
      if (zones === null) {
        const classes = await sumByClass(db, selected);
        const whole = classes.reduce((sum, { area_m2 }) => sum + area_m2, 0);
        response.json({ classes: withShares(classes, whole) });
        return;
      }
      const other = asked.zones;
      const ids = zones.flatMap(({ feature }) => feature ?? []);
      const summed = await sumWithin(db, selected, zones, other === undefined ? undefined : { collection: other, ids });
      // A grid has no cells of its own accord: those that hold nothing are not part of the answer.
      response.json({ zones: summed.filter(({ cell, classes }) => cell === undefined || classes.length > 0) });
    }),
  );

  router.get(
    '/collections/:collection/histogram',
    heavy(async (request, response) => {
      const asked = readQuery(HistogramQuery, request.query);
      const { property, bins = USUAL_BINS, scale = 'linear', ...sums } = asked;
      const found = await histogramOf(databaseOf(request), await selection(request, sums), property, bins, scale);
      response.json({ property, ...found } satisfies HistogramJson);
    }),
  );

  const body = express.json({ limit: BODY_LIMIT, type: ['application/json', 'application/geo+json'] });
  router.post(
    '/collections/:collection/aggregate',
    body,
    heavy(async (request, response) => {
      const db = databaseOf(request);
      const zones = await zonesOf(request.body);
      const summed = await sumWithin(db, await selection(request, readQuery(SumsQuery, request.query)), zones);
      response.json({ zones: summed.map(({ geometry: _, ...zone }) => zone) });
    }),
  );

  return router;
}

const withShares = (classes: readonly ClassSum[], wholeM2: number) =>
  classes.map((sum) => ({ ...sum, share: wholeM2 > 0 ? sum.area_m2 / wholeM2 : 0 }));

/** @param stored the zones themselves, where their geometry here was rounded */
async function sumWithin(q: Queryable, selection: Selection, zones: readonly Zone[], stored?: Zones) {
  const sums = await sumByZone(q, selection, stored ?? zones.map(({ geometry }) => geometry));
  return zones.map((zone, index) => {
    const { area_m2, classes } = sums[index]!;
    return { zone: index, ...zone, area_m2, classes: withShares(classes, area_m2) };
  });
}

/** `hex`: a grid; `zones`: another collection's polygons; null without either. */
async function zonesAsked(
  q: Queryable,
  { hex, zones: other, 'zones-filter': filter }: ReturnType<typeof readQuery<typeof AggregateQuery>>,
  selection: Selection,
): Promise<Zone[] | null> {
  if (hex !== undefined && other !== undefined) throw new Problem('bad_request', 'Give "hex" or "zones", not both.');
  if (filter !== undefined && other === undefined) {
    throw new Problem('bad_request', '"zones-filter" is for the collection that "zones" names.');
  }
  if (hex !== undefined) {
    const cells = cellsCovering(await selectedBoxes(q, selection), hex);
    return cells.map((cell) => ({ cell, geometry: cellPolygon(cell) }));
  }
  if (other === undefined) return null;
  const { id } = await namedCollection(q, other);
  const { job, scene } = selection;
  const filtered = filter === undefined ? {} : { filter: parseCql2Text(filter) };
  const { features, matched } = await queryItems(q, id, { ...filtered, job, scene, limit: MAX_ZONES });
  if (matched > MAX_ZONES) {
    const detail = `There are ${matched} features in ${id}; at most ${MAX_ZONES} are summed up at once: take one job, or a "zones-filter".`;
    throw new Problem('bad_request', detail);
  }
  const zones = features.flatMap(({ id: feature, geometry, properties }): Zone[] => {
    const area = geometry?.type === 'Polygon' || geometry?.type === 'MultiPolygon';
    return area ? [{ feature, of_class: properties.class, geometry }] : [];
  });
  if (zones.length < features.length) throw new Problem('bad_request', `Not all features of ${id} are areas.`);
  return zones;
}

async function zonesOf(body: unknown): Promise<Zone[]> {
  const { type, features } = (body ?? {}) as { type?: unknown; features?: unknown };
  if (type !== 'FeatureCollection' || !Array.isArray(features) || features.length === 0) {
    throw new Problem('bad_request', 'Send a GeoJSON FeatureCollection of polygons.');
  }
  if (features.length > MAX_ZONES) {
    throw new Problem('bad_request', `At most ${MAX_ZONES} polygons are summed up at once, not ${features.length}.`);
  }
  let positions = 0;
  const zones: Zone[] = [];
  for (const [index, feature] of features.entries()) {
    const wrong = (what: string) => new Problem('bad_request', `Feature ${index} cannot be summed up in: ${what}.`);
    const rules = { types: AREAS, mostPositions: MOST_POSITIONS, onEarth: true, wrong };
    const geometry = readGeometry(feature?.geometry, rules);
    positions += positionsOf(geometry);
    if (positions > MOST_POSITIONS_OF_ZONES) {
      throw wrong(`with those before it there are more than ${MOST_POSITIONS_OF_ZONES} positions; send them in parts`);
    }
    zones.push({ geometry, ...attributesOf(feature) });
    await nextTurn(); // others are answered meanwhile
  }
  return zones;
}

function attributesOf({ id, properties }: { id?: unknown; properties?: unknown }): Pick<Zone, 'id' | 'properties'> {
  const named = typeof id === 'string' || typeof id === 'number';
  const described = typeof properties === 'object' && properties !== null && !Array.isArray(properties);
  return { ...(named && { id }), ...(described && { properties: properties as Record<string, unknown> }) };
}
