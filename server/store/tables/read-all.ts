/** Reads the database from end to end, so that pages that cannot be read are found. */
import { Problem } from '../../../errors/problem.ts';
import type { Database, Queryable } from '../database/database.ts';

export interface Unreadable {
  /** Of a table, or of an index. */
  name: string;
  /** Whether it holds features alone, which jobs make again. */
  features: boolean;
  damage: string;
}

/** Reads each by the way that the planner would not take by itself. */
const SETTINGS = `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;`;

/** By which each index of features is read from end to end. */
const INDEXES: Readonly<Record<string, string>> = {
  features_pkey: 'SELECT count(area_m2) FROM planimeter.features WHERE job >= 0',
  features_page: `SELECT count(area_m2) FROM planimeter.features WHERE collection >= '' AND level = 0`,
  features_geom:
    'SELECT count(area_m2) FROM planimeter.features WHERE geom && ST_MakeEnvelope(-1000, -1000, 1000, 1000, 4326)',
};

/** Tables of ours and indexes of features with a page that cannot be read. */
export async function unreadable(db: Database): Promise<Unreadable[]> {
  const found: Unreadable[] = [];
  const tables = await db.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'planimeter'::regnamespace AND relkind = 'r' ORDER BY relname`,
  );
  const look = async (name: string, features: boolean, read: (q: Queryable) => Promise<unknown>) => {
    try {
      await db.transaction(async (q) => {
        await read(q);
      });
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'damaged')) throw error;
      found.push({ name, features, damage: error.cause instanceof Error ? error.cause.message : error.message });
    }
  };
  // Names are of the catalogue, and quoted.
  for (const { name } of tables) {
    await look(name, name === 'features', (q) => q.query(`SELECT count(t.*::text) FROM planimeter."${name}" t`));
  }
  for (const [name, sql] of Object.entries(INDEXES)) {
    await look(name, true, async (q) => {
      for (const setting of SETTINGS.split(';').filter((each) => each.trim())) await q.query(setting);
      await q.query(sql);
    });
  }
  return found;
}

/**
 * Of features: where a page of them is lost, entries for it are left, and what is stored there next is taken for what they
 * stand for.
 */
export async function renewIndexes(db: Database): Promise<void> {
  await db.execute(`REINDEX TABLE ${db.kind === 'pglite' ? '' : 'CONCURRENTLY'} planimeter.features`);
}

/**
 * Makes the indexes of features anew and, of the embedded database, pages of features that cannot be read empty ones; what
 * jobs have lost by it is found by counting. On a server pages are emptied by who administers it (zero_damaged_pages).
 */
export async function clearUnreadableFeatures(db: Database): Promise<void> {
  if (db.kind === 'pglite') {
    await db.execute('SET zero_damaged_pages = on');
    await db.execute('VACUUM planimeter.features');
    await db.execute('RESET zero_damaged_pages');
  }
  await renewIndexes(db);
}
