/** Ready scenes and the maps of finished jobs as one catalogue, searched by place and time, newest first, page by page. */
import { Problem } from '../../../errors/problem.ts';
import { LAST_TIME, type TimeInterval } from '../../api/datetime.ts';
import type { Queryable } from '../database/database.ts';

export const SCENES = 'scenes';
export const CLASS_MAPS = 'class-maps';

export interface CatalogueQuery {
  collections?: readonly string[];
  ids?: readonly string[];
  /** GeoJSON in degrees that footprints have to meet. */
  meets?: object;
  /** When the images were taken. */
  taken?: TimeInterval;
  limit: number;
  /** Where the page before ended. */
  after?: string;
}

export interface CatalogueEntry {
  collection: typeof SCENES | typeof CLASS_MAPS;
  id: string;
}

const HOUR = 3_600_000;
/** Clocks on Earth are at most so far before and behind UTC. */
const MOST_AHEAD = 14 * HOUR;
const MOST_BEHIND = 12 * HOUR;
/** Before the first photograph from the air. */
const FIRST_IMAGE = Date.UTC(1858, 0, 1);

/**
 * Instants between which an image was taken, as ISO 8601 in UTC. Files give the time of a clock without its zone, or
 * none; then it was taken before it arrived.
 */
export function takenBetween(
  captured: string | null,
  arrived: string,
): { from: string; to: string; clock: string | null } {
  const clock = captured === null ? Number.NaN : Date.parse(`${captured}Z`);
  const iso = (time: number) => new Date(time).toISOString();
  if (Number.isNaN(clock)) return { from: iso(FIRST_IMAGE), to: iso(Date.parse(arrived)), clock: null };
  return { from: iso(clock - MOST_AHEAD), to: iso(clock + MOST_BEHIND), clock: iso(clock) };
}

const ENTRIES = `
  (SELECT '${SCENES}' AS collection, s.id, (extract(epoch FROM s.created_at) * 1000000)::bigint AS at,
          s.footprint, s.report->>'capturedAt' AS captured, s.created_at AS arrived
     FROM planimeter.scenes s WHERE s.state = 'ready'
    UNION ALL
   SELECT '${CLASS_MAPS}', j.id, (extract(epoch FROM j.finished_at) * 1000000)::bigint,
          s.footprint, s.report->>'capturedAt', s.created_at
     FROM planimeter.jobs j JOIN planimeter.scenes s ON s.id = j.scene WHERE j.state = 'done') AS entries`;

/** @returns a page, how many there are on all pages, and where the page ends (null where it is the last) */
export async function searchCatalogue(
  q: Queryable,
  query: CatalogueQuery,
): Promise<{ entries: CatalogueEntry[]; matched: number; next: string | null }> {
  const { from = null, to = null } = query.taken ?? {};
  const clock = (time: number | null) =>
    time === null ? null : new Date(Math.min(time, LAST_TIME)).toISOString().slice(0, 19);
  const parameters: unknown[] = [
    query.collections ?? null,
    query.ids ?? null,
    query.meets ? JSON.stringify(query.meets) : null,
    clock(from === null ? null : from - MOST_BEHIND),
    clock(to === null ? null : to + MOST_AHEAD),
    from === null ? null : new Date(from).toISOString(),
    to === null || to >= FIRST_IMAGE,
  ];
  const matching = `FROM ${ENTRIES}
    WHERE ($1::text[] IS NULL OR collection = ANY ($1)) AND ($2::text[] IS NULL OR id = ANY ($2))
      AND ($3::text IS NULL OR ST_Intersects(footprint, ST_MakeValid(ST_SetSRID(ST_GeomFromGeoJSON($3::text), 4326))))
      AND CASE WHEN captured IS NULL THEN ($6::timestamptz IS NULL OR arrived >= $6) AND $7::boolean
               ELSE ($4::text IS NULL OR captured COLLATE "C" >= $4) AND ($5::text IS NULL OR captured COLLATE "C" <= $5) END`;
  const [total] = await q.query<{ matched: number }>(`SELECT count(*)::integer AS matched ${matching}`, parameters);
  let beyond = '';
  if (query.after !== undefined) {
    parameters.push(...placeOf(query.after));
    beyond = `AND (at < $8::bigint OR (at = $8::bigint AND (collection, id) > ($9::text, $10::text)))`;
  }
  parameters.push(query.limit + 1);
  const rows = await q.query<CatalogueEntry & { at: string }>(
    `SELECT collection, id, at::text AS at ${matching} ${beyond}
      ORDER BY entries.at DESC, collection, id LIMIT $${parameters.length}::integer`,
    parameters,
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const next = rows.length > page.length && last ? place([last.at, last.collection, last.id]) : null;
  return { entries: page.map(({ collection, id }) => ({ collection, id })), matched: total!.matched, next };
}

/** Bounds in degrees of a collection's footprints and when the newest image arrived; null where there is none. */
export async function catalogueExtent(
  q: Queryable,
  collection: string,
): Promise<{ bbox: [number, number, number, number]; arrived: string } | null> {
  const [row] = await q.query<{ bbox: [number, number, number, number] | null; arrived: string }>(
    `SELECT ARRAY[min(ST_XMin(footprint)), min(ST_YMin(footprint)), max(ST_XMax(footprint)), max(ST_YMax(footprint))] AS bbox,
            max(arrived) AS arrived
       FROM ${ENTRIES} WHERE collection = $1 AND footprint IS NOT NULL HAVING count(*) > 0`,
    [collection],
  );
  return row?.bbox ? { bbox: row.bbox, arrived: new Date(row.arrived).toISOString() } : null;
}

type Place = [at: string, collection: string, id: string];

const place = (parts: Place): string => Buffer.from(JSON.stringify(parts)).toString('base64url');

function placeOf(text: string): Place {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Array.isArray(parts) && parts.length === 3 && /^-?\d{1,18}$/.test(parts[0])) {
      if (parts.every((part) => typeof part === 'string' && !part.includes('\0'))) return parts as Place;
    }
  } catch {
    // Said below.
  }
  throw new Problem('bad_request', '"token" is taken from the link to the next page; this one is none of ours.');
}
