/** Collections, pages of features and single features as HTML: with a drawing, and a link to the same as data. */
import type { Request, Response } from 'express';
import type { CollectionJson, FeatureJson, FeatureProperties, Link, ModelJson } from '../../api/index.ts';
import { QUERYABLES } from '../../store/tables/cql2-to-sql.ts';
import { publicPath } from '../core/public-address.ts';
import { drawFeature } from '../html/feature-drawing.ts';
import { facts, type Html, html, type Page, sendPage, table } from '../html/page.ts';
import { FEATURE_PROPERTIES, type PickProperties } from './feature-properties.ts';

const home = (request: Request) => ['Planimeter', publicPath(request, '/?f=html')] as const;
const collectionsOf = (request: Request) => ['Collections', publicPath(request, '/collections?f=html')] as const;
const collectionOf = (request: Request, { id, title }: { id: string; title: string }) =>
  [title, publicPath(request, `/collections/${id}?f=html`)] as const;
/** A page of more would be slow to look at. */
export const MOST_ON_PAGE = 1000;

const UNITS: Partial<Record<keyof FeatureProperties, string>> = {
  area_m2: 'Area, m²',
  perimeter_m: 'Perimeter, m',
  length_m: 'Length, m',
  width_m: 'Width, m',
  orientation_deg: 'Direction, °',
  score: 'Probability',
  class: 'Class',
  model: 'Network',
  scene: 'Scene',
  job: 'Job',
  collection: 'Collection',
  regularized: 'Right angles',
  review: 'Review',
  captured_at: 'Image taken',
  from_node: 'From node',
  to_node: 'To node',
};
/** In tables, the same for most rows. */
const IN_DETAIL = ['collection', 'model', 'scene', 'job', 'from_node', 'to_node'];

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

function shown(value: unknown): string {
  if (typeof value === 'number') return numbers.format(value);
  return value === true ? 'yes' : value === false ? 'no' : String(value ?? '');
}

const degrees = (bbox: readonly number[]): string => bbox.map((each) => each.toFixed(5)).join(', ');

function dataOf(request: Request, type = 'application/json', name = 'JSON'): Page['data'] {
  const query = new URLSearchParams(request.query as Record<string, string>);
  query.set('f', 'json');
  return { type, name, href: `${publicPath(request, request.path)}?${query}` };
}

export function landingHtml(request: Request, response: Response, links: readonly Link[]): void {
  const titled = links.filter(({ rel, title }) => rel !== 'self' && title);
  const items = titled.map(({ rel, href, title, type }) => {
    // The viewer's own address is the same as this page's.
    const address = rel === 'data' || rel === 'conformance' ? `${href}?f=html` : href;
    return html`<li class="panel"><a href="${address}">${title}</a><p>${type?.replace(/;.*$/, '')}</p></li>`;
  });
  const lead = html`<p class="lead">Vector maps of aerial and satellite imagery: buildings, roads, vegetation and water.</p>`;
  const body = html`<h1>Planimeter</h1>${lead}<ul class="cards">${items}</ul>`;
  sendPage(response, { title: 'Interface', above: [], data: dataOf(request), body });
}

export function conformanceHtml(request: Request, response: Response, classes: readonly string[]): void {
  const body = html`<h1>Conformance</h1>
<p class="lead">The parts of OGC’s standards that are kept here.</p>
${table(
  [{ name: 'Class' }],
  classes.map((name) => [name]),
)}`;
  sendPage(response, { title: 'Conformance', above: [home(request)], data: dataOf(request), body });
}

type Counted = CollectionJson & { count: number };

export function collectionsHtml(request: Request, response: Response, collections: readonly Counted[]): void {
  const items = collections.map(
    ({
      id,
      title,
      description,
      count,
    }) => html`<li class="panel"><a href="${publicPath(request, `/collections/${id}?f=html`)}">${title}</a>
<p>${description}</p><p>${numbers.format(count)} ${count === 1 ? 'feature' : 'features'}</p></li>`,
  );
  const body = html`<h1>Collections</h1>
<p class="lead">Features of one kind each, of all maps that were made.</p>
<ul class="cards">${items}</ul>`;
  sendPage(response, { title: 'Collections', above: [home(request)], data: dataOf(request), body });
}

export function collectionHtml(request: Request, response: Response, collection: Counted): void {
  const { id, title, description, count, extent, crs } = collection;
  const filters = Object.entries(QUERYABLES).map(([name, { type }]) => [html`<code>${name}</code>`, type]);
  const list = crs.map((uri) => html`<div>${uri}</div>`);
  const body = html`<h1>${title}</h1>
<p class="lead">${description}</p>
<p><a class="button" href="${publicPath(request, `/collections/${id}/items?f=html`)}">Look at the features</a></p>
${facts([
  ['Features', numbers.format(count)],
  ['West, south, east, north', extent ? degrees(extent.spatial.bbox[0]!) : 'There is none yet'],
  ['Systems', html`${list}`],
])}
<h2>What features can be filtered and sorted by</h2>
${table([{ name: 'Name' }, { name: 'Type' }], filters)}`;
  sendPage(response, { title, above: [home(request), collectionsOf(request)], data: dataOf(request), body });
}

export function itemsHtml(
  request: Request,
  response: Response,
  collection: { id: string; title: string },
  page: { features: readonly FeatureJson[]; matched: number; next: string | null },
  pick: PickProperties,
  models: readonly ModelJson[],
): void {
  const { id, title } = collection;
  const { features, matched, next } = page;
  const picked = features.map(({ properties }): Record<string, unknown> => pick(properties));
  const wanted = 'properties' in request.query;
  const names = FEATURE_PROPERTIES.filter((name) => picked.some((each) => each[name] !== undefined)).filter(
    (name) => wanted || !IN_DETAIL.includes(name),
  );
  const isNumber = (name: string) => picked.every((each) => typeof (each[name] ?? 0) === 'number');
  const address = (feature: FeatureJson) => publicPath(request, `/collections/${id}/items/${feature.id}?f=html`);
  const rows = features.map((feature, i): (Html | string)[] => [
    html`<a href="${address(feature)}"><code>${feature.id.slice(0, 8)}</code></a>`,
    ...names.map((name) => shown(picked[i]![name])),
  ]);
  const head = [{ name: 'Id' }, ...names.map((name) => ({ name: UNITS[name] ?? name, number: isNumber(name) }))];
  const onward = new URLSearchParams(request.query as Record<string, string>);
  if (next !== null) {
    onward.set('after', next);
    onward.delete('offset');
  }
  const further =
    next === null
      ? html`<span>The last page</span>`
      : html`<a class="button" rel="next" href="${publicPath(request, request.path)}?${onward.toString()}">Next page</a>`;
  const count = html`<span>${numbers.format(features.length)} of ${numbers.format(matched)}</span>`;
  const body = html`<h1>${title}</h1>
<p class="lead">${'after' in request.query || 'offset' in request.query ? 'A further page of features' : 'Features'}; the drawing shows those of this page.</p>
${drawFeature(features, coloursOf(models), address)}
<div class="pages">${count}${further}</div>
${features.length > 0 ? table(head, rows) : html`<p>Nothing matches.</p>`}
${features.length > 20 ? html`<div class="pages">${count}${further}</div>` : html``}`;
  const data = dataOf(request, 'application/geo+json', 'GeoJSON');
  const above = [home(request), collectionsOf(request), collectionOf(request, { id, title })];
  sendPage(response, { title: 'Features', above, data, body });
}

export function itemHtml(
  request: Request,
  response: Response,
  collection: { id: string; title: string },
  feature: FeatureJson,
  pick: PickProperties,
  models: readonly ModelJson[],
): void {
  const picked: Record<string, unknown> = pick(feature.properties);
  const known = FEATURE_PROPERTIES.filter((name) => picked[name] !== undefined);
  const rows = known.map((name) => [UNITS[name] ?? name, shown(picked[name])] as const);
  const body = html`<h1>${feature.properties.class}</h1>
<p class="lead">${collection.title}, <code>${feature.id}</code></p>
${drawFeature([feature], coloursOf(models), null)}
${facts(rows)}`;
  const above = [
    home(request),
    collectionsOf(request),
    collectionOf(request, collection),
    ['Features', publicPath(request, `/collections/${collection.id}/items?f=html`)] as const,
  ];
  const data = dataOf(request, 'application/geo+json', 'GeoJSON');
  sendPage(response, { title: feature.id.slice(0, 8), above, data, body });
}

/** Of classes by their names; of networks that give one class two, those of the first. */
function coloursOf(models: readonly ModelJson[]): ReadonlyMap<string, string> {
  const classes = models.toReversed().flatMap((model) => model.classes);
  return new Map(classes.map(({ name, color }) => [name, color]));
}
