/** Pages of tables whose rows have `created_at` and `id`, in the order in which they were made or the other way round. */
import { Problem } from '../../../errors/problem.ts';
import type { Queryable } from '../database/database.ts';

export interface PageQuery {
  limit: number;
  /** `next` of the page before. */
  after?: string | undefined;
}

export interface Page<Row> {
  rows: Row[];
  /** Null on the last page. */
  next: string | null;
}

export interface Listed {
  /** SQL of `columns`, of the name of the table in our schema, and of a condition with its parameters. */
  columns: string;
  table: 'scenes' | 'jobs' | 'tokens' | 'shares' | 'samples';
  where: string;
  parameters: readonly unknown[];
  newestFirst: boolean;
}

/** All rows without `page`. Rows that are made or deleted meanwhile move no other to another page. */
export async function pageOf<Row>(q: Queryable, listed: Listed, page?: PageQuery): Promise<Page<Row>> {
  const { columns, table, where, newestFirst } = listed;
  const parameters = [...listed.parameters];
  const direction = newestFirst ? 'DESC' : 'ASC';
  let beyond = '';
  if (page?.after !== undefined) {
    const { at, id } = placeOf(page.after);
    // Microseconds since 1970, as the database counts time: as text of a date they would lose three digits.
    const last = `('epoch'::timestamptz + $${parameters.push(at)}::bigint * interval '1 microsecond')`;
    const same = `created_at = ${last} AND id::text > $${parameters.push(id)}::text`;
    beyond = `AND (created_at ${newestFirst ? '<' : '>'} ${last} OR (${same}))`;
  }
  const limit = page === undefined ? '' : `LIMIT $${parameters.push(page.limit + 1)}::integer`;
  const found = await q.query<Row & { listed_at: string; listed_id: string }>(
    `SELECT ${columns}, (extract(epoch FROM created_at) * 1000000)::bigint::text AS listed_at, id::text AS listed_id
       FROM planimeter.${table} WHERE (${where}) ${beyond} ORDER BY created_at ${direction}, id::text ${limit}`,
    parameters,
  );
  const shown = page === undefined ? found : found.slice(0, page.limit);
  const last = shown.at(-1);
  const rows = shown.map(({ listed_at: _at, listed_id: _id, ...row }) => row as unknown as Row);
  return { rows, next: found.length > shown.length && last ? `${last.listed_at}~${last.listed_id}` : null };
}

function placeOf(after: string): { at: string; id: string } {
  const [, at, id] = /^(-?\d{1,17})~([\w-]{1,100})$/.exec(after) ?? [];
  if (at !== undefined && id !== undefined) return { at, id };
  throw new Problem('bad_request', '"after" is taken from the link to the next page; this one is none of ours.');
}
