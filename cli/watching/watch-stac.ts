/**
 * The images of a STAC collection, of an API (`items`, with `next` from page to page) or a static one (`item` links). Each
 * item's image is read where it lies. All JSON must come from the server that the user named; images may lie elsewhere,
 * on public hosts alone: a catalogue is no way into the network that this runs in.
 */
import type { BBox, MultiPolygon } from 'geojson';
import { Problem } from '../../errors/problem.ts';
import { fetchJson } from '../../server/remote/json.ts';
import { policyOfUser } from '../../server/remote/policy.ts';
import { shownAddress } from '../../server/remote/request.ts';
import { type Box, boxOf } from '../../vectorizer/box.ts';
import { readRemote } from '../inputs.ts';
import type { Found, Watched } from './watched.ts';

const LOOK_MS = 60_000;
const ITEMS_A_PAGE = 100;
const MOST_ITEMS = 100_000;

interface Link {
  rel?: unknown;
  href?: unknown;
}
interface Asset {
  href?: unknown;
  type?: unknown;
  roles?: unknown;
}
interface Item {
  id?: unknown;
  bbox?: unknown;
  properties?: Record<string, unknown>;
  assets?: Record<string, Asset>;
  links?: Link[];
}

export interface StacOptions {
  srs: string | undefined;
  /** Key of the asset that is the image, where items have several. */
  asset?: string | undefined;
  /** Items that do not meet it are left out. */
  aoi?: MultiPolygon | undefined;
}

export function watchStac(address: string, { srs, asset, aoi }: StacOptions): Watched {
  const named = new URL(address);
  const policy = policyOfUser(named);
  const box = aoi && boxOf(Float64Array.from(aoi.coordinates.flat(2).flatMap(([x, y]) => [x!, y!])));
  /** Items of a static catalogue, which do not change. */
  const fetched = new Map<string, Item>();

  /** What a link leads to, where that is the same server. */
  const follow = (href: unknown, from: URL): URL => {
    if (typeof href !== 'string' || !URL.canParse(href, from.href)) throw unsuitable('has a link that leads nowhere');
    const url = new URL(href, from);
    policy.checkUrl(url);
    if (url.origin !== named.origin) {
      throw new Problem('remote_forbidden', `The collection leads on to ${url.origin}; only ${named.origin} is asked.`);
    }
    return url;
  };
  const unsuitable = (why: string) => new Problem('remote_unsuitable', `${shownAddress(named)} ${why}.`);

  async function* itemsOf(): AsyncGenerator<{ item: Item; from: URL }> {
    const collection = (await fetchJson(named)) as { type?: unknown; links?: unknown } | null;
    const links = linksOf(collection);
    if (collection?.type !== 'Collection') throw unsuitable('is no STAC collection');
    const items = links.find(({ rel }) => rel === 'items');
    if (!items) {
      for (const { href } of links.filter(({ rel }) => rel === 'item')) {
        const url = follow(href, named);
        const item = fetched.get(url.href) ?? ((await fetchJson(url)) as Item);
        fetched.set(url.href, item);
        yield { item, from: url };
      }
      return;
    }
    const first = follow(items.href, named);
    first.searchParams.set('limit', String(ITEMS_A_PAGE));
    if (box) first.searchParams.set('bbox', box.join(','));
    for (let url: URL | null = first; url; ) {
      const page = (await fetchJson(url)) as { features?: unknown } | null;
      if (!Array.isArray(page?.features)) throw unsuitable('has items that are no features');
      for (const item of page.features as Item[]) yield { item, from: url };
      const next = linksOf(page).find(({ rel }) => rel === 'next');
      url = next && page.features.length > 0 ? follow(next.href, url) : null;
    }
  }

  return {
    ...{ place: named.href, lookMs: LOOK_MS, policy },
    async look() {
      const whole: (Found & { since: string })[] = [];
      for await (const { item, from } of itemsOf()) {
        if (typeof item?.id !== 'string' || (box && !meets(item.bbox, box))) continue;
        if (whole.length >= MOST_ITEMS) throw new Problem('limit_exceeded', `More than ${MOST_ITEMS} items.`);
        const { created, updated, datetime, start_datetime, license } = item.properties ?? {};
        const text = (value: unknown) => (typeof value === 'string' ? value : '');
        const image = imageOf(item, asset, from);
        const href = image instanceof URL ? image.href : '';
        whole.push({
          name: item.id,
          version: text(updated) || text(created) || href,
          since: text(created) || text(updated) || text(datetime) || text(start_datetime),
          rights: { ...(typeof license === 'string' && { license }) },
          read: async () => {
            if (image instanceof Problem) throw image;
            return { ...(await readRemote(href, srs, policy)), name: String(item.id) };
          },
        });
      }
      whole.sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : a.name < b.name ? -1 : 1));
      return { whole, unfinished: [] };
    },
    hasChanged: async () => false, // reading tells
  };
}

const linksOf = (json: unknown): Link[] => {
  const links = (json as { links?: unknown } | null)?.links;
  return Array.isArray(links) ? links : [];
};

/** Where the item's image lies, as it says it; or why that is not known. */
function imageOf({ assets }: Item, wanted: string | undefined, from: URL): URL | Problem {
  const all = Object.entries(assets ?? {});
  const images = all.filter(([key, { href, type }]) => {
    if (typeof href !== 'string') return false;
    return wanted === undefined ? /^image\/(tiff|vnd\.stac\.geotiff)\b/.test(String(type)) : key === wanted;
  });
  const inRole = (role: string) => images.filter(([, { roles }]) => Array.isArray(roles) && roles.includes(role));
  for (const some of [inRole('visual'), inRole('data'), images]) {
    if (some.length !== 1) continue;
    const href = String(some[0]![1].href);
    const url = URL.canParse(href, from.href) ? new URL(href, from) : null;
    // Not from buckets: what the credentials here can read is none of the catalogue's business.
    if (url && ['https:', 'http:'].includes(url.protocol)) return url;
    return new Problem(
      'remote_forbidden',
      `The item's image is at "${href.slice(0, 200)}"; images are read by https://.`,
    );
  }
  const keys = all.map(([key]) => key).join(', ') || 'none';
  const which = images.length > 1 ? 'several images' : `no ${wanted === undefined ? 'GeoTIFF' : `asset "${wanted}"`}`;
  return new Problem(
    'bad_request',
    `The item has ${which} among its assets (${keys}); --asset KEY says which to take.`,
  );
}

/** Of an item's box, which may have heights and may lie across the antimeridian. One that has none may be anywhere. */
function meets(bbox: unknown, [west, south, east, north]: Box): boolean {
  if (!Array.isArray(bbox) || ![4, 6].includes(bbox.length) || !bbox.every(Number.isFinite)) return true;
  const [w, s, e, n] = bbox.length === 4 ? (bbox as BBox) : [bbox[0], bbox[1], bbox[3], bbox[4]];
  if (s! > north || n! < south) return false;
  return w! <= e! ? w! <= east && e! >= west : w! <= east || e! >= west;
}
