/** A STAC API (1.0: core, collections, features, item search) over scenes and class maps. */
import express, { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { parseDatetime } from '../../api/datetime.ts';
import type { Bbox, ModelJson } from '../../api/index.ts';
import { readQuery } from '../../api/query.ts';
import { check, isId, shorten } from '../../api/schema.ts';
import {
  type Search,
  STAC_VERSION,
  type StacItem,
  StacItemsQuery,
  type StacLink,
  StacSearch,
  StacSearchQuery,
} from '../../api/stac.ts';
import { GEOMETRIES, MOST_POSITIONS, readGeometry } from '../../geometry/read-geometry.ts';
import type { Queryable } from '../../store/database/database.ts';
import {
  type CatalogueQuery,
  CLASS_MAPS,
  catalogueExtent,
  SCENES,
  searchCatalogue,
} from '../../store/tables/catalogue.ts';
import { findJobs, totalsOfJobs } from '../../store/tables/jobs.ts';
import { findScenes } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { publicAddress } from '../core/public-address.ts';
import { noQuery, pathId, pathParameter } from '../core/request.ts';
import { COG, classMapItem, sceneItem } from './stac-items.ts';

const GEOJSON = 'application/geo+json';
const JSON_TYPE = 'application/json';
const BODY_LIMIT = '1mb';

const CONFORMANCE = [
  ...['core', 'collections', 'ogcapi-features', 'item-search'].map((name) => `https://api.stacspec.org/v1.0.0/${name}`),
  ...['core', 'geojson', 'oas30'].map((name) => `http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/${name}`),
];

const COLLECTIONS: Readonly<
  Record<string, { title: string; description: string; keywords: string[]; assets: object }>
> = {
  [SCENES]: {
    title: 'Scenes',
    description:
      'Aerial and satellite images. Files seldom say when they were taken, and then without a time zone: datetime is ' +
      'what the clock of the camera showed, or null; start_datetime and end_datetime are the instants between which ' +
      'the image was certainly taken.',
    keywords: ['imagery', 'orthophoto'],
    assets: { image: { type: COG, title: 'The image', roles: ['data'] } },
  },
  [CLASS_MAPS]: {
    title: 'Class maps',
    description: 'What networks found in the scenes: class maps, their scores, and the features traced from them.',
    keywords: ['segmentation', 'land use', 'buildings', 'roads'],
    assets: {
      classes: { type: COG, title: 'The class map', roles: ['data', 'labels', 'labels-raster'] },
      scores: { type: COG, title: 'The probability of the class, in 255ths', roles: ['data', 'metadata'] },
      features: { type: GEOJSON, title: 'The features', roles: ['data', 'labels', 'labels-vector'] },
    },
  },
};

export function stacRouter({ models }: Pick<AppContext, 'models'>): Router {
  const router = Router();

  router.get('/stac', (request, response) => {
    noQuery(request);
    const address = publicAddress(request);
    const link = (rel: string, path: string, type: string, title: string, more: Partial<StacLink> = {}): StacLink => ({
      rel,
      href: address + path,
      type,
      title,
      ...more,
    });
    response.json({
      type: 'Catalog',
      stac_version: STAC_VERSION,
      id: 'planimeter',
      title: 'Planimeter',
      description: 'Scenes and the class maps that were made of them',
      conformsTo: CONFORMANCE,
      links: [
        link('self', '/stac', JSON_TYPE, 'This catalogue'),
        link('root', '/stac', JSON_TYPE, 'This catalogue'),
        link('service-desc', '/openapi.json', 'application/vnd.oai.openapi+json;version=3.0', 'OpenAPI 3.0'),
        link('conformance', '/stac/conformance', JSON_TYPE, 'Conformance classes'),
        link('data', '/stac/collections', JSON_TYPE, 'Collections'),
        link('search', '/stac/search', GEOJSON, 'Search', { method: 'GET' }),
        link('search', '/stac/search', GEOJSON, 'Search', { method: 'POST' }),
        ...Object.entries(COLLECTIONS).map(([id, { title }]) =>
          link('child', `/stac/collections/${id}`, JSON_TYPE, title),
        ),
      ],
    });
  });

  router.get('/stac/conformance', (request, response) => {
    noQuery(request);
    response.json({ conformsTo: CONFORMANCE });
  });

  router.get('/stac/collections', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const address = publicAddress(request);
    const collections = await Promise.all(Object.keys(COLLECTIONS).map((id) => collectionOf(db, id, address)));
    const links = [
      { rel: 'self', href: `${address}/stac/collections`, type: JSON_TYPE },
      { rel: 'root', href: `${address}/stac`, type: JSON_TYPE },
    ];
    response.json({ collections, links });
  });

  router.get('/stac/collections/:collection', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    response.json(await collectionOf(db, requestedName(request), publicAddress(request)));
  });

  router.get('/stac/collections/:collection/items', async (request, response) => {
    const db = databaseOf(request);
    const search = catalogueQuery(readQuery(StacItemsQuery, request.query));
    const query = { ...search, collections: [requestedName(request)] };
    const page = await itemsOf(db, models, query, publicAddress(request));
    response.type(GEOJSON).send(JSON.stringify({ ...page.body, links: pageLinks(request, page.next) }));
  });

  router.get('/stac/collections/:collection/items/:id', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const collection = requestedName(request);
    const id = pathId(request, 'id', 'item');
    const { body } = await itemsOf(
      db,
      models,
      { collections: [collection], ids: [id], limit: 1 },
      publicAddress(request),
    );
    const [item] = body.features;
    if (!item) throw new Problem('not_found', `There is no item with the id "${id}" in ${collection}.`);
    response.type(GEOJSON).send(JSON.stringify(item));
  });

  router.get(
    '/stac/search',
    heavy(async (request, response) => {
      const db = databaseOf(request);
      const search = catalogueQuery(readQuery(StacSearchQuery, request.query));
      const page = await itemsOf(db, models, search, publicAddress(request));
      response.type(GEOJSON).send(JSON.stringify({ ...page.body, links: pageLinks(request, page.next) }));
    }),
  );

  router.post(
    '/stac/search',
    express.json({ limit: BODY_LIMIT }),
    heavy(async (request, response) => {
      const db = databaseOf(request);
      noQuery(request);
      const search = catalogueQuery(check(StacSearch, request.body));
      const page = await itemsOf(db, models, search, publicAddress(request));
      const href = `${publicAddress(request)}/stac/search`;
      const next = { rel: 'next', href, type: GEOJSON, method: 'POST', merge: true, body: { token: page.next } };
      const links = [rootLink(request), ...(page.next === null ? [] : [next])];
      response.type(GEOJSON).send(JSON.stringify({ ...page.body, links }));
    }),
  );

  return router;
}

function requestedName(request: Request): string {
  const id = pathParameter(request, 'collection');
  if (Object.hasOwn(COLLECTIONS, id)) return id;
  const known = Object.keys(COLLECTIONS).join(', ');
  throw new Problem('not_found', `There is no STAC collection "${shorten(id)}". There are: ${known}.`);
}

async function collectionOf(q: Queryable, id: string, address: string) {
  const { title, description, keywords, assets } = COLLECTIONS[id]!;
  const extent = await catalogueExtent(q, id);
  const path = `${address}/stac/collections/${id}`;
  return {
    type: 'Collection',
    stac_version: STAC_VERSION,
    id,
    title,
    description,
    keywords,
    // Whose the images are is not known here.
    license: 'other',
    extent: {
      spatial: { bbox: [extent?.bbox ?? [-180, -90, 180, 90]] },
      temporal: { interval: [[null, extent?.arrived ?? null]] },
    },
    item_assets: assets,
    links: [
      { rel: 'self', href: path, type: JSON_TYPE },
      { rel: 'root', href: `${address}/stac`, type: JSON_TYPE },
      { rel: 'parent', href: `${address}/stac`, type: JSON_TYPE },
      { rel: 'items', href: `${path}/items`, type: GEOJSON },
    ],
  };
}

async function itemsOf(q: Queryable, models: readonly ModelJson[], query: CatalogueQuery, address: string) {
  const { entries, matched, next } = await searchCatalogue(q, query);
  const jobs = await findJobs(q, idsOf(CLASS_MAPS));
  const totals = await totalsOfJobs(q, idsOf(CLASS_MAPS));
  const scenes = await findScenes(q, [...idsOf(SCENES), ...jobs.map(({ scene }) => scene)]);
  // What was deleted since the search is left out.
  const features = entries.flatMap(({ collection, id }): StacItem[] => {
    const job = collection === CLASS_MAPS ? jobs.find((each) => each.id === id) : undefined;
    const scene = scenes.find((each) => each.id === (job ? job.scene : id));
    if (!scene || (collection === CLASS_MAPS && !job)) return [];
    if (!job) return [sceneItem(scene, address)];
    return [classMapItem(job, scene, modelOf(job, models), totals.get(job.id)?.totals ?? [], address)];
  });
  const body = {
    type: 'FeatureCollection',
    features,
    numberMatched: matched,
    numberReturned: features.length,
  } as const;
  return { body, next };

  function idsOf(wanted: string): string[] {
    return entries.filter(({ collection }) => collection === wanted).map(({ id }) => id);
  }
}

/** The network that a job ran; undefined where another has taken its name. */
function modelOf({ model: id, report }: Awaited<ReturnType<typeof findJobs>>[number], models: readonly ModelJson[]) {
  const eight = report?.parameters?.precision === 'int8';
  const ran = report?.model_sha256;
  return models.find((model) => model.id === id && (eight || ran === undefined || ran === model.sha256));
}

const rootLink = (request: Request): StacLink => ({
  rel: 'root',
  href: `${publicAddress(request)}/stac`,
  type: JSON_TYPE,
});

function pageLinks(request: Request, next: string | null): StacLink[] {
  const address = (token?: string) => {
    const query = new URLSearchParams(request.query as Record<string, string>);
    if (token) query.set('token', token);
    return `${publicAddress(request)}${request.path}${query.size > 0 ? `?${query}` : ''}`;
  };
  const links = [rootLink(request), { rel: 'self', href: address(), type: GEOJSON }];
  return next === null ? links : [...links, { rel: 'next', href: address(next), type: GEOJSON }];
}

/** Throws Problem bad_request. */
function catalogueQuery({ ids, collections, bbox, intersects, datetime, limit, token }: Search): CatalogueQuery {
  const [has, both] = [intersects != null || bbox != null, intersects != null && bbox != null];
  if (both) throw new Problem('bad_request', 'Give "bbox" or "intersects", not both.');
  return {
    ...(ids && { ids: ids.filter(isId).map((id) => id.toLowerCase()) }),
    ...(collections && { collections }),
    ...(has && { meets: bbox ? boxOf(bbox) : geometryOf(intersects) }),
    ...(datetime != null && { taken: parseDatetime(datetime) }),
    ...(token != null && { after: token }),
    limit,
  };
}

function boxOf(box: Bbox): object {
  const [west, south, east, north] = box;
  const ring = ([w, s, e, n]: Bbox) => [[[w, s], [e, s], [e, n], [w, n], [w, s]]]; // biome-ignore format: a box
  const parts: Bbox[] = west <= east ? [box] : [[west, south, 180, north], [-180, south, east, north]]; // biome-ignore format: both sides of 180°
  return { type: 'MultiPolygon', coordinates: parts.map(ring) };
}

function geometryOf(given: unknown): object {
  const wrong = (what: string) => new Problem('bad_request', `"intersects" cannot be used: ${what}.`);
  return readGeometry(given, { types: GEOMETRIES, mostPositions: MOST_POSITIONS, onEarth: false, wrong });
}
