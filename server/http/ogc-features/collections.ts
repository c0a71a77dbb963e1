/** Features as OGC API – Features 1.0 serves them: collections, pages of items as GeoJSON (RFC 7946), single items. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { parseDatetime } from '../../api/datetime.ts';
import { FeatureQuery, FeaturesQuery, FormatQuery, PageQuery, type SumsQuery } from '../../api/features.ts';
import type { ItemsJson, Link } from '../../api/index.ts';
import { parseBbox, readQuery } from '../../api/query.ts';
import { shorten } from '../../api/schema.ts';
import type { Queryable } from '../../store/database/database.ts';
import { boundsInDegrees } from '../../store/tables/geometry-crs.ts';
import {
  getItem,
  getStoredItem,
  type ItemSelection,
  listCollections,
  queryItems,
  queryStoredItems,
  type SortKey,
  type StoredCollection,
  type StoredItem,
} from '../../store/tables/items.ts';
import { sourcesOf } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { publicAddress } from '../core/public-address.ts';
import { pathId, pathParameter } from '../core/request.ts';
import { wantsPage } from '../html/page.ts';
import { asPage, describeCollection, GEOJSON, queryablesSchema, titleOf } from './collection-descriptions.ts';
import {
  collectionHtml,
  collectionsHtml,
  conformanceHtml,
  itemHtml,
  itemsHtml,
  MOST_ON_PAGE,
} from './collection-pages.ts';
import { CRS84, knownSystems, namedCrs, parseBox } from './crs.ts';
import { type PickProperties, pickProperties } from './feature-properties.ts';
import { parseCql2Text } from './parse-cql2-text.ts';

/** Items are read and written in portions of this many, so that a large page neither fills memory nor blocks. */
const PORTION = 1000;

const CONFORMANCE = [
  ...['core', 'geojson', 'html', 'oas30'].map((name) => `ogcapi-features-1/1.0/conf/${name}`),
  'ogcapi-features-2/1.0/conf/crs',
  ...['queryables', 'filter', 'features-filter'].map((name) => `ogcapi-features-3/1.0/conf/${name}`),
  ...['cql2-text', 'cql2-json', 'basic-cql2', 'basic-spatial-functions', 'spatial-functions'].map(
    (name) => `cql2/1.0/conf/${name}`,
  ),
].map((path) => `http://www.opengis.net/spec/${path}`);

type ItemQuery = Parameters<typeof queryItems>[2];

export function collectionsRouter({ models }: Pick<AppContext, 'models'>): Router {
  const router = Router();

  router.get('/conformance', (request, response) => {
    readQuery(PageQuery, request.query);
    if (wantsPage(request)) return conformanceHtml(request, response, CONFORMANCE);
    response.vary('Accept').json({ conformsTo: CONFORMANCE });
  });

  router.get('/collections', async (request, response) => {
    const db = databaseOf(request);
    readQuery(PageQuery, request.query);
    const address = publicAddress(request);
    const systems = await knownSystems(db);
    const stored = await listCollections(db);
    const sources = await sourcesOf(db);
    const collections = stored.map((collection) =>
      describeCollection(collection, systems, sources.get(collection.id) ?? [], address),
    );
    if (wantsPage(request)) {
      const counted = collections.map((collection, i) => ({ ...collection, count: stored[i]!.count }));
      return collectionsHtml(request, response, counted);
    }
    const links: Link[] = [
      { rel: 'self', href: `${address}/collections`, type: 'application/json' },
      asPage(`${address}/collections`),
    ];
    response.vary('Accept').json({ links, collections });
  });

  router.get('/collections/:collection', async (request, response) => {
    const db = databaseOf(request);
    readQuery(PageQuery, request.query);
    const collection = await requestedCollection(db, request);
    const sources = (await sourcesOf(db)).get(collection.id) ?? [];
    const described = describeCollection(collection, await knownSystems(db), sources, publicAddress(request));
    if (wantsPage(request)) return collectionHtml(request, response, { ...described, count: collection.count });
    response.vary('Accept').json(described);
  });

  router.get('/collections/:collection/queryables', async (request, response) => {
    const db = databaseOf(request);
    readQuery(FormatQuery, request.query);
    const { id } = await requestedCollection(db, request);
    response.type('application/schema+json').send(JSON.stringify(queryablesSchema(id, publicAddress(request))));
  });

  router.get(
    '/collections/:collection/items',
    heavy(async (request, response) => {
      const db = databaseOf(request);
      const asked = readQuery(FeaturesQuery, request.query);
      const { limit } = asked;
      const pick = pickProperties(asked.properties);
      const crs = await namedCrs(db, 'crs', asked.crs);
      const query = { ...itemQuery(asked), ...(await boxQuery(db, asked)), crs };
      const id = pathParameter(request, 'collection');
      if (wantsPage(request)) {
        await namedCollection(db, id);
        const found = await queryItems(db, id, { ...query, crs: undefined, limit: Math.min(limit, MOST_ON_PAGE) });
        return itemsHtml(request, response, { id, title: titleOf(id) }, found, pick, models);
      }
      const first = await queryStoredItems(db, id, { ...query, limit: Math.min(limit, PORTION) });
      if (first.matched === 0) await namedCollection(db, id);
      const links = (next: string | null) => itemLinks(request, id, next);
      response.vary('Accept').type(GEOJSON).set('Content-Crs', `<${crs.uri}>`);
      // Of one portion, the page goes out in one piece.
      if (first.next === null || first.items.length >= limit) {
        response.end((await Array.fromAsync(itemsText(first))).join(''));
      } else await pipeline(Readable.from(itemsText(first)), response);

      /** The page in pieces of text: features first, since only then is known how many there were and what comes next. */
      async function* itemsText(portion: typeof first): AsyncGenerator<string> {
        const { matched } = portion;
        let returned = 0;
        yield '{"type":"FeatureCollection","features":[';
        for (;;) {
          const separator = returned > 0 ? ',' : '';
          yield separator + portion.items.map((item) => featureText(item, pick)).join(',');
          returned += portion.items.length;
          if (portion.next === null || returned >= limit) break;
          const size = Math.min(limit - returned, PORTION);
          const next: ItemQuery = { ...query, offset: 0, after: portion.next, limit: size, matched };
          portion = await queryStoredItems(db, id, next);
        }
        const timeStamp = new Date().toISOString();
        const rest: Pick<ItemsJson, 'numberMatched' | 'numberReturned' | 'timeStamp' | 'links'> = {
          numberMatched: matched,
          numberReturned: returned,
          timeStamp,
          links: links(portion.next),
        };
        yield `],${JSON.stringify(rest).slice(1)}`;
      }
    }, isHeavy),
  );

  router.get('/collections/:collection/items/:id', async (request, response) => {
    const db = databaseOf(request);
    const asked = readQuery(FeatureQuery, request.query);
    const pick = pickProperties(asked.properties);
    const crs = await namedCrs(db, 'crs', asked.crs);
    const collection = pathParameter(request, 'collection');
    const id = pathId(request, 'id', 'feature');
    if (wantsPage(request)) {
      const feature = await getItem(db, collection, id);
      if (!feature) throw await absentItem(db, collection, id);
      return itemHtml(request, response, { id: collection, title: titleOf(collection) }, feature, pick, models);
    }
    const item = await getStoredItem(db, collection, id, crs);
    if (!item) throw await absentItem(db, collection, id);
    const base = `${publicAddress(request)}/collections/${collection}`;
    const links: Link[] = [
      { rel: 'self', href: `${base}/items/${id}`, type: GEOJSON },
      asPage(`${base}/items/${id}`),
      { rel: 'collection', href: base, type: 'application/json' },
    ];
    response
      .vary('Accept')
      .type(GEOJSON)
      .set('Content-Crs', `<${crs.uri}>`)
      .send(featureText(item, pick, `,"links":${JSON.stringify(links)}`));
  });

  return router;
}

/** Pages that have to be looked for among all features, or are made of many portions. */
const isHeavy = ({ query }: Request): boolean =>
  query.filter !== undefined ||
  query.sortby !== undefined ||
  Math.max(Number(query.limit ?? 0), Number(query.offset ?? 0)) > PORTION;

export async function absentItem(db: Queryable, collection: string, id: string): Promise<Problem> {
  await namedCollection(db, collection);
  return new Problem('not_found', `There is no feature with the id "${id}" in ${collection}.`);
}

/** A feature as GeoJSON, whose geometry stays the text that PostGIS wrote; `more`: further members. */
export function featureText({ id, geometry, properties }: StoredItem, pick: PickProperties, more = ''): string {
  return `{"type":"Feature","id":"${id}","geometry":${geometry},"properties":${JSON.stringify(pick(properties))}${more}}`;
}

/** Throws `not_found`, naming those that there are. */
export async function requestedCollection(db: Queryable, request: Request): Promise<StoredCollection> {
  return namedCollection(db, pathParameter(request, 'collection'));
}

export async function namedCollection(db: Queryable, id: string): Promise<StoredCollection> {
  const collections = await listCollections(db);
  const found = collections.find((collection) => collection.id === id);
  if (found) return found;
  const known = collections.map((collection) => collection.id).join(', ');
  throw new Problem('not_found', `There is no collection "${shorten(id)}". There are: ${known}.`);
}

type AskedItems = ReturnType<typeof readQuery<typeof FeaturesQuery>>;

/** `bbox` in degrees, or in the system of `bbox-crs`. */
async function boxQuery(q: Queryable, asked: AskedItems): Promise<Pick<ItemQuery, 'bbox' | 'box'>> {
  const crs = await namedCrs(q, 'bbox-crs', asked['bbox-crs']);
  if (asked.bbox === undefined) return {};
  if (crs.uri === CRS84) return { bbox: parseBbox(asked.bbox) };
  const corners = parseBox(asked.bbox, crs);
  const bbox = await boundsInDegrees(q, corners, crs.srid);
  if (!bbox) throw new Problem('bad_request', `"bbox" is beyond what ${crs.uri} covers.`);
  return { bbox, box: { corners, srid: crs.srid } };
}

function itemQuery(asked: AskedItems): Omit<ItemQuery, 'limit'> {
  const { after, offset, sortby } = asked;
  if (after && offset) throw new Problem('bad_request', 'Give "after" or "offset", not both.');
  return {
    ...itemSelection(asked),
    ...(after && { after }),
    ...(offset && { offset }),
    ...(sortby !== undefined && { sort: sortOf(sortby) }),
  };
}

type AskedSelection = Omit<ReturnType<typeof readQuery<typeof SumsQuery>>, 'f'>;

/** Which features a query names. Throws Problem bad_request. */
export function itemSelection(asked: AskedSelection): ItemSelection {
  const { class: className, job, scene, datetime, review } = asked;
  const filter = filterOf(asked);
  return {
    ...(className && { class: className }),
    ...(job && { job }),
    ...(scene && { scene }),
    ...(datetime !== undefined && { captured: parseDatetime(datetime) }),
    ...(review !== undefined && { review }),
    ...(filter !== undefined && { filter }),
  };
}

/** `filter` in CQL2 text or, with `filter-lang=cql2-json` or a leading brace, CQL2 JSON. */
function filterOf({ filter: text, 'filter-crs': crs, 'filter-lang': language }: AskedSelection): unknown {
  if (crs !== undefined && crs !== CRS84) {
    throw new Problem('bad_request', `Geometries in filters are in ${CRS84}; "${shorten(crs)}" is not known.`);
  }
  if (text === undefined) return undefined;
  if ((language ?? (text.trimStart().startsWith('{') ? 'cql2-json' : 'cql2-text')) === 'cql2-text') {
    return parseCql2Text(text);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('bad_request', 'The filter is not JSON.');
  }
}

/** `sortby=area_m2` or, largest first, `sortby=-area_m2`; several with commas between. */
const sortOf = (text: string): SortKey[] =>
  text.split(',').map((key) => ({ property: key.trim().replace(/^[-+]/, ''), descending: key.trim().startsWith('-') }));

function itemLinks(request: Request, collection: string, next: string | null): Link[] {
  const base = `${publicAddress(request)}/collections/${collection}`;
  const address = (after?: string) => {
    const query = new URLSearchParams(request.query as Record<string, string>);
    if (after) {
      query.set('after', after);
      query.delete('offset');
    }
    return `${base}/items${query.size > 0 ? `?${query}` : ''}`;
  };
  const links: Link[] = [
    { rel: 'self', href: address(), type: GEOJSON },
    { rel: 'collection', href: base, type: 'application/json' },
    asPage(
      address()
        .replace(/([?&])f=\w+&?/, '$1')
        .replace(/[?&]$/, ''),
    ),
  ];
  if (next) links.push({ rel: 'next', href: address(next), type: GEOJSON });
  return links;
}
