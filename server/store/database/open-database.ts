/** Opens the database that the settings name: the embedded one in a folder, or a PostgreSQL server. */

import type { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { openPglite } from './pglite.ts';
import { openPostgresql } from './postgresql.ts';
import { prepareRowLevelSecurity } from './row-level-security.ts';

export interface DatabaseOptions {
  /** A PostgreSQL server with PostGIS available. */
  url?: string | undefined;
  /** Data folder of the embedded database; locked while it is open. */
  folder?: string | undefined;
  /** Where a migrated, empty embedded database is kept for the next fresh start. Default: the user's cache folder. */
  templateFolder?: string | undefined;
}

/**
 * Opens and migrates. With neither `url` nor `folder`: embedded, in memory. Throws Problem data_folder_locked, saying
 * who holds the folder.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.url) {
    const database = openPostgresql(options.url);
    try {
      await migrate(database);
      database.confinement = await prepareRowLevelSecurity(database);
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }
  return openPglite(options.folder ?? null, options.templateFolder);
}
