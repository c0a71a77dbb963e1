/** What the administrator of a PostgreSQL runs once for a login that is nothing special. */
import pg from 'pg';
import { CONFINED_ROLE, SPATIAL_FUNCTIONS } from './row-level-security.ts';

/**
 * SQL for psql, as a superuser, on the database of this URL; may be run again. It makes the extension and the role that
 * requests are bound to, which a plain login may not, and marks functions of PostGIS so that their indexes are used
 * behind row-level security.
 */
export function prepareScript(url: string): string {
  const { pathname, username } = new URL(url);
  const login = pg.escapeIdentifier(decodeURIComponent(username));
  const database = pg.escapeIdentifier(decodeURIComponent(pathname.slice(1)));
  const functions = SPATIAL_FUNCTIONS.map((name) => pg.escapeLiteral(name)).join(', ');
  return `-- As a superuser, in the database ${database}. Where there is none yet:
--   CREATE ROLE ${login} LOGIN PASSWORD '…'; CREATE DATABASE ${database} OWNER ${login};
CREATE EXTENSION IF NOT EXISTS postgis;
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE ${database} TO ${login};
DO $$
DECLARE
  home text := (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                 WHERE extname = 'postgis');
  overlapping record;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', home, ${pg.escapeLiteral(decodeURIComponent(username))});
  EXECUTE format('GRANT SELECT, INSERT ON %s.spatial_ref_sys TO %I', home, ${pg.escapeLiteral(decodeURIComponent(username))});
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${CONFINED_ROLE}') THEN
    CREATE ROLE ${CONFINED_ROLE} NOLOGIN;
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %s TO ${CONFINED_ROLE}', home);
  FOR overlapping IN
    SELECT p.oid::regprocedure AS signature FROM pg_proc p
      JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'postgis'
     WHERE p.proname IN (${functions}) AND NOT p.proleakproof AND p.pronargs = 2
       AND p.proargtypes[0] = to_regtype(home || '.geometry') AND p.proargtypes[1] = to_regtype(home || '.geometry')
  LOOP
    EXECUTE format('ALTER FUNCTION %s LEAKPROOF', overlapping.signature);
  END LOOP;
END $$;
GRANT ${CONFINED_ROLE} TO ${login};
`;
}
