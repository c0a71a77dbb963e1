/**
 * The coordinate reference systems that features can be had in (OGC API – Features, part 2): longitude and latitude,
 * EPSG:4326 with its axes the other way about, Web Mercator, and the UTM zones of the scenes.
 */
import { Problem } from '../../../errors/problem.ts';
import { shorten } from '../../api/schema.ts';
import type { Queryable } from '../../store/database/database.ts';
import type { GeometryCrs } from '../../store/tables/geometry-crs.ts';

export const CRS84 = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84';

const EPSG = 'http://www.opengis.net/def/crs/EPSG/0/';
const WEB_MERCATOR = 3857;

/** In these, as in Web Mercator, the first axis points east and the second north; of other systems that is not known here. */
const UTM = `epsg BETWEEN 32601 AND 32660 OR epsg BETWEEN 32701 AND 32760
          OR epsg BETWEEN 25828 AND 25838 OR epsg BETWEEN 26901 AND 26923`;

/** Addresses of the systems, the one of storage first. */
export async function knownSystems(q: Queryable): Promise<string[]> {
  const zones = await q.query<{ epsg: number }>(
    `SELECT DISTINCT epsg FROM planimeter.scenes WHERE ${UTM} ORDER BY epsg`,
  );
  return [CRS84, `${EPSG}4326`, `${EPSG}${WEB_MERCATOR}`, ...zones.map(({ epsg }) => EPSG + epsg)];
}

/** The system that a query parameter names; CRS84 without. Throws Problem bad_request for one that is not known. */
export async function namedCrs(q: Queryable, name: string, uri = CRS84): Promise<GeometryCrs & { uri: string }> {
  if (uri === CRS84) return { uri, srid: 4326, latitudeFirst: false };
  const known = await knownSystems(q);
  if (!known.includes(uri)) {
    throw new Problem('bad_request', `"${name}" is one of ${known.join(', ')}, not "${shorten(uri)}".`);
  }
  const srid = Number(uri.slice(EPSG.length));
  return { uri, srid, latitudeFirst: srid === 4326 };
}

/** Four numbers in the system's own axes and units → x and y of two corners. Throws Problem bad_request. */
export function parseBox(value: string, { latitudeFirst }: GeometryCrs): [number, number, number, number] {
  const numbers = value.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (numbers.length !== 4 || !numbers.every(Number.isFinite)) {
    throw new Problem('bad_request', `"bbox" is four numbers in the axes of "bbox-crs", not "${shorten(value)}".`);
  }
  const [a, b, c, d] = numbers as [number, number, number, number];
  const box: [number, number, number, number] = latitudeFirst ? [b, a, d, c] : [a, b, c, d];
  if (box[0] >= box[2] || box[1] >= box[3]) {
    throw new Problem('bad_request', '"bbox" names its lower corner first, in the axes of "bbox-crs".');
  }
  return box;
}
