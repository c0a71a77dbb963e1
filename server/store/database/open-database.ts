/** Opens the database that the settings name: the embedded one in a folder, or a PostgreSQL server. */

import { Problem } from '../../../errors/problem.ts';
import { isUnreachable } from '../files/unreachable.ts';
import { addOwnSystems } from '../tables/spatial-ref-sys.ts';
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
 * who holds the folder; of a server database_unreachable, or database_unprepared where an administrator has to run
 * something first.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.url) {
    const { url } = options;
    const database = openPostgresql(url);
    try {
      await migrate(database);
      await addOwnSystems(database);
      database.confinement = await prepareRowLevelSecurity(database);
      return database;
    } catch (error) {
      await database.close();
      throw explain(error, url);
    }
  }
  return openPglite(options.folder ?? null, options.templateFolder);
}

/** SQLSTATEs: invalid_password, invalid_authorization_specification, invalid_catalog_name. */
const LOGIN_REFUSED = ['28P01', '28000', '3D000'];
/** insufficient_privilege; and what says that PostGIS is not there: undefined_file, feature_not_supported, of types. */
const UNPREPARED = ['42501', '58P01', '0A000', '42704'];

/** What of a server's refusals its administrator can act on. */
function explain(error: unknown, url: string): unknown {
  const { code, message } = error as { code?: string; message?: string };
  const { host, pathname, username } = new URL(url);
  const said = message || code || String(error);
  if (isUnreachable(error) || code === 'ENOTFOUND' || LOGIN_REFUSED.includes(code ?? '')) {
    return new Problem(
      'database_unreachable',
      `${said}: is PostgreSQL running at ${host}, does the database "${pathname.slice(1)}" exist, and are user and ` +
        'password of DATABASE_URL right?',
      { cause: error },
    );
  }
  if (!UNPREPARED.includes(code ?? '')) return error;
  return new Problem(
    'database_unprepared',
    `${said}: the login "${decodeURIComponent(username)}" may not prepare this database. Let who administers the server ` +
      'run what "planimeter doctor --sql" prints, once.',
    { cause: error },
  );
}
