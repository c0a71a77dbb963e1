/** Brings a database forward to the schema in migrations/, one file after the other, each exactly once. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Database } from './database.ts';

interface Migration {
  name: string;
  sha256: string;
  sql: string;
}

/** The migrations of this version of the program, in order. */
export function readMigrations(): Migration[] {
  const folder = new URL('../migrations/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(name, folder), 'utf8');
      return { name, sha256: createHash('sha256').update(sql).digest('hex'), sql };
    });
}

/** Any number, the same for every Planimeter: two processes that start at once migrate one after the other. */
const ADVISORY_LOCK = 7_463_524;

/**
 * Applies what is missing, all in one transaction; all there are but for tests, which stop at an earlier schema. Throws where the database was migrated by a newer program, or by a
 * migration whose text has changed since.
 */
export async function migrate(db: Database, migrations: readonly Migration[] = readMigrations()): Promise<void> {
  await db.transaction(async (q) => {
    await q.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    // Before the schema, which a login of its name would take for its own and PostGIS's.
    await q.query('CREATE EXTENSION IF NOT EXISTS postgis');
    await q.query('CREATE SCHEMA IF NOT EXISTS planimeter');
    await q.query(`CREATE TABLE IF NOT EXISTS planimeter.migrations (
      name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
    const applied = await q.query<Migration>('SELECT name, sha256 FROM planimeter.migrations ORDER BY name');
    for (const [index, { name, sha256 }] of applied.entries()) {
      const known = migrations[index];
      if (known?.name !== name) {
        throw new Error(`the database was migrated by a newer Planimeter (${name}): use that version or a newer one`);
      }
      if (known.sha256 !== sha256) throw new Error(`migration ${name} is not the one that the database was made with`);
    }
    for (const { name, sha256, sql } of migrations.slice(applied.length)) {
      await q.execute(sql);
      await q.query('INSERT INTO planimeter.migrations (name, sha256) VALUES ($1, $2)', [name, sha256]);
    }
  });
}
