/** Published features summed up by class, over all or within polygons: number, geodesic area and length. */
import type { HistogramJson, HistogramProperty } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';
import { QUERYABLES } from './cql2-to-sql.ts';
import { explainingFilter, itemConditions } from './items.ts';
import { type Pair, type Selection, zonePairs } from './zone-pairs.ts';
import { type ZonePiece, type Zones, zonePieces } from './zone-pieces.ts';

export interface ClassSum {
  class: string;
  count: number;
  area_m2: number;
  length_m: number;
}

/** Bounds in degrees of what is selected, one for each job. */
export async function selectedBoxes(
  q: Queryable,
  { collection, job, scene }: Selection,
): Promise<[number, number, number, number][]> {
  const rows = await q.query<{ box: [number, number, number, number] }>(
    `SELECT ARRAY[min(f.bbox[1]), min(f.bbox[2]), max(f.bbox[3]), max(f.bbox[4])] AS box
       FROM planimeter.job_totals f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
      WHERE f.collection = $1 AND ($2::text IS NULL OR j.id = $2) AND ($3::text IS NULL OR j.scene = $3)
      GROUP BY f.job ORDER BY f.job`,
    [collection, job ?? null, scene ?? null],
  );
  return rows.map(({ box }) => box);
}

/** Largest first. */
export async function sumByClass(q: Queryable, selection: Selection): Promise<ClassSum[]> {
  const parameters: unknown[] = [selection.collection];
  const conditions = ['f.collection = $1', 'f.level = 0', ...itemConditions(selection, parameters)];
  const sums = q.query<ClassSum>(
    `SELECT f.class, count(*)::integer AS count, sum(f.area_m2) AS area_m2, coalesce(sum(f.length_m), 0) AS length_m
       FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
      WHERE ${conditions.join(' AND ')} GROUP BY f.class ORDER BY area_m2 DESC, length_m DESC, f.class`,
    parameters,
  );
  return explainingFilter(selection, sums);
}

/** How many features have a value in each of `bins` steps between the least and the largest. */
export async function histogramOf(
  q: Queryable,
  selection: Selection,
  property: HistogramProperty,
  bins: number,
  scale: 'linear' | 'log',
): Promise<Omit<HistogramJson, 'property'>> {
  const parameters: unknown[] = [selection.collection];
  const conditions = ['f.collection = $1', 'f.level = 0', ...itemConditions(selection, parameters)];
  const value = QUERYABLES[property]!.sql;
  const scaled = scale === 'log' ? `CASE WHEN ${value} > 0 THEN ln(${value}) END` : value;
  const count = `$${parameters.push(bins)}::integer`;
  const [row] = await explainingFilter(
    selection,
    q.query<{ least: number | null; largest: number | null; without: number; counts: Record<string, number> }>(
      `WITH chosen AS MATERIALIZED (
         SELECT (${scaled})::double precision AS value
           FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
          WHERE ${conditions.join(' AND ')}),
       ends AS (SELECT min(value) AS least, max(value) AS largest, count(*) - count(value) AS without FROM chosen),
       steps AS (
         SELECT CASE WHEN largest > least THEN least(width_bucket(value, least, largest, ${count}), ${count}) ELSE 1 END AS step,
                count(*) AS count
           FROM chosen, ends WHERE value IS NOT NULL GROUP BY 1)
       SELECT least, largest, without::integer AS without,
              coalesce((SELECT jsonb_object_agg(step, count) FROM steps), '{}') AS counts FROM ends`,
      parameters,
    ),
  );
  const { least, largest, without, counts } = row!;
  if (least === null || largest === null) return { edges: [], counts: [], without };
  const steps = largest > least ? bins : 1;
  const edge = (i: number) => (i === steps ? largest : least + ((largest - least) * i) / steps);
  return {
    edges: Array.from({ length: steps + 1 }, (_, i) => (scale === 'log' ? Math.exp(edge(i)) : edge(i))),
    counts: Array.from({ length: steps }, (_, i) => counts[i + 1] ?? 0),
    without,
  };
}

/** What one statement computes: pairs, and positions of their features. */
const [PAIRS_AT_ONCE, POINTS_AT_ONCE] = [1000, 50_000];

/**
 * Features are cut at the zones' borders; one that only touches a zone is not in it. Many small statements, none of which
 * keeps the database from others for long. Throws Problem bad_request for more than MOST_PAIRS.
 * @returns by zone the sums of its classes, largest first, and its geodesic area in m²
 */
export async function sumByZone(
  q: Queryable,
  selection: Selection,
  zones: Zones,
): Promise<{ classes: ClassSum[]; area_m2: number }[]> {
  const pieces = await zonePieces(q, zones);
  const summed = Array.from({ length: 'ids' in zones ? zones.ids.length : zones.length }, () => ({
    area_m2: 0,
    classes: new Map<string, ClassSum>(),
    pieces: 0,
    seen: new Set<string>(),
  }));
  for (const { zone, area_m2 } of pieces) {
    summed[zone]!.area_m2 = area_m2;
    summed[zone]!.pieces++;
  }
  for await (const pairs of zonePairs(q, selection, pieces)) {
    for (const portion of portionsOf(pairs)) {
      for (const { piece, job, id, ...cut } of await cutFeatures(q, selection.collection, pieces, portion)) {
        const zone = summed[pieces[piece]!.zone]!;
        const { classes, seen } = zone;
        const sum = classes.get(cut.class) ?? { class: cut.class, count: 0, area_m2: 0, length_m: 0 };
        classes.set(cut.class, sum);
        sum.area_m2 += cut.area_m2;
        sum.length_m += cut.length_m;
        // A feature is met once in every piece of a zone.
        const known = zone.pieces > 1 && seen.has(`${job}/${id}`);
        if (!known) sum.count++;
        if (zone.pieces > 1) seen.add(`${job}/${id}`);
      }
    }
  }
  return summed.map(({ area_m2, classes }) => ({ area_m2, classes: [...classes.values()].sort(largestFirst) }));
}

const largestFirst = (a: ClassSum, b: ClassSum) =>
  b.area_m2 - a.area_m2 || b.length_m - a.length_m || (a.class < b.class ? -1 : 1);

function* portionsOf(pairs: readonly Pair[]): Generator<Pair[]> {
  let portion: Pair[] = [];
  let points = 0;
  for (const pair of pairs) {
    portion.push(pair);
    points += pair.points;
    if (portion.length < PAIRS_AT_ONCE && points < POINTS_AT_ONCE) continue;
    yield portion;
    portion = [];
    points = 0;
  }
  if (portion.length > 0) yield portion;
}

interface Cut {
  piece: number;
  job: number;
  id: string;
  class: string;
  area_m2: number;
  length_m: number;
}

/** What of features lies in pieces, where anything does. */
async function cutFeatures(
  q: Queryable,
  collection: string,
  pieces: readonly ZonePiece[],
  pairs: readonly Pair[],
): Promise<Cut[]> {
  const used = [...new Set(pairs.map(({ piece }) => piece))];
  return q.query<Cut>(
    `WITH pieces AS MATERIALIZED (
       SELECT u.piece, u.area::geometry AS area FROM unnest($1::integer[], $2::text[]) AS u (piece, area)),
     pairs AS MATERIALIZED (SELECT * FROM unnest($3::integer[], $4::integer[], $5::uuid[]) AS u (piece, job, id)),
     cut AS (
       SELECT p.piece, p.job, p.id, f.class, ST_Dimension(f.geom) AS dimension, CASE
                WHEN ST_Covers(z.area, f.geom) THEN f.geom
                ELSE ST_CollectionExtract(
                       ST_Intersection(
                         ST_CollectionExtract(ST_Intersection(f.geom, ST_Envelope(z.area)), ST_Dimension(f.geom) + 1),
                         z.area),
                       ST_Dimension(f.geom) + 1)
              END AS geom
         FROM pairs p JOIN pieces z ON z.piece = p.piece
         JOIN planimeter.features f ON f.job = p.job AND f.collection = $6 AND f.level = 0 AND f.id = p.id)
     SELECT piece, job, id, class, ST_Area(geom::geography) AS area_m2,
            CASE WHEN dimension = 1 THEN ST_Length(geom::geography) ELSE 0 END AS length_m
       FROM cut WHERE NOT ST_IsEmpty(geom)`,
    [
      used,
      used.map((piece) => pieces[piece]!.area),
      pairs.map(({ piece }) => piece),
      pairs.map(({ job }) => job),
      pairs.map(({ id }) => id),
      collection,
    ],
  );
}
