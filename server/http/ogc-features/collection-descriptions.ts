/** Collections of features as OGC API – Features describes them: what they hold, and what they can be filtered by. */

import type { CollectionJson, Link } from '../../api/index.ts';
import { attributionMarkup } from '../../scenes/attribution.ts';
import { QUERYABLES } from '../../store/tables/cql2-to-sql.ts';
import type { StoredCollection } from '../../store/tables/items.ts';
import { CRS84 } from './crs.ts';

export const GEOJSON = 'application/geo+json';
/** The temporal reference system of OGC API – Features: RFC 3339 times. */
const GREGORIAN = 'http://www.opengis.net/def/uom/ISO-8601/0/Gregorian';
/** Names in a credit; of more, their number. */
const MOST_NAMED = 20;

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  buildings: 'Outlines of buildings',
  roads: 'Centre lines of roads, which join at nodes',
  landuse: 'Land use without gaps or overlaps: every mapped place belongs to one class',
};

export const asPage = (address: string): Link => {
  const separator = address.includes('?') ? '&' : '?';
  return { rel: 'alternate', href: `${address}${separator}f=html`, type: 'text/html', title: 'As a page' };
};

export const titleOf = (id: string): string => (id === 'landuse' ? 'Land use' : id[0]!.toUpperCase() + id.slice(1));

/**
 * A collection as OGC API – Features describes it.
 * @param systems addresses of the CRSs that features are given in
 * @param sources who is to be named with the images that its features were found in
 */
export function describeCollection(
  { id, bbox, captured }: Pick<StoredCollection, 'id' | 'bbox' | 'captured'>,
  systems: string[],
  sources: readonly string[],
  address: string,
): CollectionJson {
  const base = `${address}/collections/${id}`;
  return {
    id,
    title: titleOf(id),
    description: DESCRIPTIONS[id] ?? `Features of the kind ${id}`,
    ...(sources.length > 0 && { attribution: creditOf(sources) }),
    ...(bbox && {
      extent: {
        spatial: { bbox: [bbox], crs: CRS84 },
        ...(captured && { temporal: { interval: [captured], trs: GREGORIAN } }),
      },
    }),
    itemType: 'feature',
    crs: systems,
    storageCrs: CRS84,
    links: [
      { rel: 'self', href: base, type: 'application/json' },
      asPage(base),
      { rel: 'items', href: `${base}/items`, type: GEOJSON },
      {
        rel: 'http://www.opengis.net/def/rel/ogc/1.0/queryables',
        href: `${base}/queryables`,
        type: 'application/schema+json',
      },
    ],
  };
}

/** Clients show it as markup. */
function creditOf(sources: readonly string[]): string {
  const rest = sources.length - MOST_NAMED;
  const named = [...sources.slice(0, MOST_NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])];
  return attributionMarkup({ attribution: named.join('; ') });
}

/** JSON Schema of what a collection can be filtered by (OGC API – Features, part 3, 6). */
export function queryablesSchema(collection: string, address: string): Record<string, unknown> {
  const types = { text: 'string', number: 'number', boolean: 'boolean' };
  const properties = Object.entries(QUERYABLES).map(([name, { type }]) => {
    if (type === 'geometry') return [name, { format: 'geometry-any' }];
    return [name, type === 'time' ? { type: 'string', format: 'date-time' } : { type: types[type] }];
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `${address}/collections/${collection}/queryables`,
    type: 'object',
    title: `What ${collection} can be filtered by`,
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}
