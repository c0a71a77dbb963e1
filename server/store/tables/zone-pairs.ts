/**
 * Which features may lie in which pieces of zones: those whose boxes meet. Few are found by their place at once; of many
 * the features are walked through, page by page, and held against the pieces here.
 */
import Flatbush from 'flatbush';
import { Problem } from '../../../errors/problem.ts';
import type { Queryable } from '../database/database.ts';
import { explainingFilter, type ItemSelection, itemConditions } from './items.ts';
import type { ZonePiece } from './zone-pieces.ts';

/** What of a collection is summed up. */
export type Selection = { collection: string } & Omit<ItemSelection, 'bbox' | 'box' | 'class'>;

export interface Pair {
  /** Index of the piece. */
  piece: number;
  /** Key of the feature's job. */
  job: number;
  /** Of the feature. */
  id: string;
  /** Positions of the feature. */
  points: number;
}

/** Features in zones, each counted in every piece that it meets: what one request computes. */
export const MOST_PAIRS = 1_000_000;
const FEW_PAIRS = 5000;
const PAGE = 5000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Portions of pairs, in the order of pieces within each. Throws Problem bad_request beyond MOST_PAIRS. */
export async function* zonePairs(
  q: Queryable,
  selection: Selection,
  pieces: readonly ZonePiece[],
): AsyncGenerator<Pair[]> {
  if (pieces.length === 0) return;
  const few = await fewPairs(q, selection, pieces);
  if (few) {
    yield few;
    return;
  }
  const index = new Flatbush(pieces.length);
  for (const { west, south, east, north } of pieces) index.add(west, south, east, north);
  index.finish();
  let count = 0;
  for await (const page of featuresByPage(q, selection, [index.minX, index.minY, index.maxX, index.maxY])) {
    const pairs: Pair[] = [];
    for (const { job, id, points, west, south, east, north } of page) {
      for (const piece of index.search(west, south, east, north)) pairs.push({ piece, job, id, points });
      if (count + pairs.length > MOST_PAIRS) throw tooMany();
    }
    count += pairs.length;
    yield pairs.sort((a, b) => a.piece - b.piece);
  }
}

const tooMany = () =>
  new Problem(
    'bad_request',
    `More than ${MOST_PAIRS} features in zones would be computed at once, a feature counting in each zone that it meets: ask for one job or scene, fewer zones or a coarser grid.`,
  );

const FEATURES = `planimeter.features f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'`;

/** Null where there are more. */
async function fewPairs(q: Queryable, selection: Selection, pieces: readonly ZonePiece[]): Promise<Pair[] | null> {
  const sides = (['west', 'south', 'east', 'north'] as const).map((side) => pieces.map((piece) => piece[side]));
  const parameters: unknown[] = [selection.collection, ...sides];
  const conditions = itemConditions(selection, parameters);
  const pairs = await explainingFilter(
    selection,
    q.query<Pair>(
      `SELECT b.piece::integer - 1 AS piece, f.job, f.id, ST_NPoints(f.geom) AS points
         FROM unnest($2::float8[], $3::float8[], $4::float8[], $5::float8[])
                WITH ORDINALITY AS b (west, south, east, north, piece)
         JOIN ${FEATURES} ON f.geom && ST_MakeEnvelope(b.west, b.south, b.east, b.north, 4326)
        WHERE ${['f.collection = $1', 'f.level = 0', ...conditions].join(' AND ')} LIMIT ${FEW_PAIRS + 1}`,
      parameters,
    ),
  );
  return pairs.length > FEW_PAIRS ? null : pairs.sort((a, b) => a.piece - b.piece);
}

type Box = readonly [west: number, south: number, east: number, north: number];
interface BoxedFeature {
  job: number;
  id: string;
  points: number;
  west: number;
  south: number;
  east: number;
  north: number;
  matches: boolean;
}

async function* featuresByPage(q: Queryable, selection: Selection, box: Box): AsyncGenerator<BoxedFeature[]> {
  const jobs = await q.query<{ key: number }>(
    `SELECT DISTINCT j.key FROM planimeter.job_totals t JOIN planimeter.jobs j ON j.key = t.job AND j.state = 'done'
      WHERE t.collection = $1 AND ($2::text IS NULL OR j.id = $2) AND ($3::text IS NULL OR j.scene = $3)
        AND t.bbox[1] <= $6 AND t.bbox[3] >= $4 AND t.bbox[2] <= $7 AND t.bbox[4] >= $5 ORDER BY j.key`,
    [selection.collection, selection.job ?? null, selection.scene ?? null, ...box],
  );
  for (const { key } of jobs) {
    for (let after = FIRST_ID; ; ) {
      const parameters: unknown[] = [selection.collection, key, after, ...box];
      const conditions = ['f.geom && ST_MakeEnvelope($4, $5, $6, $7, 4326)', ...itemConditions(selection, parameters)];
      const page = await explainingFilter(
        selection,
        q.query<BoxedFeature>(
          `SELECT f.job, f.id, ST_NPoints(f.geom) AS points, ST_XMin(f.geom) AS west, ST_YMin(f.geom) AS south,
                  ST_XMax(f.geom) AS east, ST_YMax(f.geom) AS north, coalesce(${conditions.join(' AND ')}, false) AS matches
             FROM (SELECT * FROM planimeter.features WHERE job = $2 AND collection = $1 AND level = 0 AND id > $3::uuid
                    ORDER BY id LIMIT ${PAGE}) AS f JOIN planimeter.jobs j ON j.key = f.job AND j.state = 'done'
            ORDER BY f.id`,
          parameters,
        ),
      );
      yield page.filter(({ matches }) => matches);
      if (page.length < PAGE) break;
      after = page.at(-1)!.id;
    }
  }
}
