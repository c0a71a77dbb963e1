/**
 * The CRS of a scene becomes the number by which PostGIS knows it: its EPSG code, or one of its own for what has none.
 *
 * Rows that PostGIS lacks are added to `spatial_ref_sys`. They hold nothing but what PROJ can read: where it must try
 * several columns, the embedded database's build of PROJ fails without a word. They are kept in our schema as well.
 */

import { Problem } from '../../../errors/problem.ts';
import { BASE_TOKEN, type UserCrs } from '../../../tiler/crs/crs.ts';
import type { Queryable } from '../database/database.ts';

/** PostGIS leaves the numbers up to 998,999 to its users; EPSG's end far below this one. */
const FIRST_OWN_SRID = 910_000;
const LAST_OWN_SRID = 998_999;

export interface SceneCrs {
  epsg: number | null;
  userCrs?: UserCrs | null;
}

/** As it is shown: "EPSG:CODE", or WKT. */
export function srsText({ epsg, userCrs }: SceneCrs): string {
  return epsg === null ? userCrs!.wkt.replace(BASE_TOKEN, `GEOGCS["EPSG:${userCrs!.baseEpsg}"]`) : `EPSG:${epsg}`;
}

/** `x` and `y`: a point of the scene. Throws Problem unknown_crs where PROJ cannot bring it to degrees. */
export async function sridOf(q: Queryable, { epsg, userCrs }: SceneCrs, x: number, y: number): Promise<number> {
  if (epsg !== null) {
    const known = await q.query('SELECT 1 FROM spatial_ref_sys WHERE srid = $1', [epsg]);
    if (known.length > 0) return epsg;
    await check(q, `EPSG:${epsg}`, x, y, `EPSG:${epsg} is not known here`);
    await q.query(
      `INSERT INTO planimeter.coordinate_systems (srid, auth_name, auth_srid) VALUES ($1, 'EPSG', $1)
       ON CONFLICT DO NOTHING`,
      [epsg],
    );
    await addOwnSystems(q);
    return epsg;
  }
  const wkt = await completeWkt(q, userCrs!);
  const own = await q.query<{ srid: number }>(
    'SELECT srid FROM spatial_ref_sys WHERE srtext = $1 AND srid >= $2 ORDER BY srid LIMIT 1',
    [wkt, FIRST_OWN_SRID],
  );
  if (own.length > 0) return own[0]!.srid;
  await check(q, wkt, x, y, `The coordinate reference system "${userCrs!.name}" is not understood`);
  for (;;) {
    const [added] = await q.query<{ srid: number }>(
      `INSERT INTO planimeter.coordinate_systems (srid, srtext)
       SELECT coalesce(max(srid) + 1, $2::integer), $1::text
         FROM (SELECT srid FROM spatial_ref_sys UNION SELECT srid FROM planimeter.coordinate_systems) AS taken
        WHERE srid BETWEEN $2::integer AND $3::integer
       ON CONFLICT DO NOTHING RETURNING srid`,
      [wkt, FIRST_OWN_SRID, LAST_OWN_SRID],
    );
    if (!added) continue; // another scene took the number at the same moment
    await addOwnSystems(q);
    return added.srid;
  }
}

/** Tells PostGIS the systems of ours that it does not know, as after a restore. */
export async function addOwnSystems(q: Queryable): Promise<void> {
  const unknown = `planimeter.coordinate_systems AS own WHERE NOT EXISTS
    (SELECT FROM spatial_ref_sys AS known WHERE known.srid = own.srid)`;
  const [first] = await q.query(`SELECT 1 FROM ${unknown} LIMIT 1`);
  if (!first) return; // many a login may not write there
  await q.query(
    `INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext)
     SELECT srid, auth_name, auth_srid, srtext FROM ${unknown} ON CONFLICT DO NOTHING`,
  );
}

/** WKT; nothing where PostGIS knows the system by its code alone. */
export async function definitionOf(q: Queryable, srid: number): Promise<string> {
  const [row] = await q.query<{ srtext: string | null }>('SELECT srtext FROM spatial_ref_sys WHERE srid = $1', [srid]);
  return row?.srtext ?? '';
}

/** With the WKT of the geographic system that it builds on, as PostGIS has it. */
async function completeWkt(q: Queryable, { wkt, baseEpsg, name }: UserCrs): Promise<string> {
  if (baseEpsg === null) return wkt;
  const [base] = await q.query<{ srtext: string }>('SELECT srtext FROM spatial_ref_sys WHERE srid = $1', [baseEpsg]);
  if (base?.srtext.startsWith('GEOGCS[')) return wkt.replace(BASE_TOKEN, () => base.srtext);
  throw unknown(`The coordinate reference system "${name}" builds on EPSG:${baseEpsg}, which is not known here`);
}

const unknown = (what: string): Problem =>
  new Problem('unknown_crs', `${what}: reproject the image to a common system, for example the UTM zone it lies in.`);

async function check(q: Queryable, definition: string, x: number, y: number, what: string): Promise<void> {
  const [row] = await q
    .query<{ place: [number, number] | null }>(
      'SELECT planimeter.degrees_of($1::float8, $2::float8, $3::text) AS place',
      [x, y, definition],
    )
    .catch((error: Error) => {
      if (error.message.includes('control reached end of function')) return []; // PGlite lost PROJ's error
      throw error;
    });
  const [lon, lat] = row?.place ?? [Number.NaN, Number.NaN];
  if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) throw unknown(what);
}
