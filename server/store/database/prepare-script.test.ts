/** What `doctor --sql` prints is all that a login needs that is nothing special. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { sridOf } from '../tables/spatial-ref-sys.ts';
import { openDatabase } from './open-database.ts';
import { prepareScript } from './prepare-script.ts';
import { unmarkedFunctions } from './row-level-security.ts';

const postgresql = testEngines().find(({ name }) => name === 'postgresql');

async function administer(url: string, script: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(script).finally(() => client.end());
}

test.skipIf(!postgresql)('on a new database of a plain login, and run twice', async () => {
  const { url: server, drop } = await postgresql!.open();
  const name = `Plain "${randomUUID().slice(0, 8)}"`;
  const [role, database] = [pg.escapeIdentifier(name), pg.escapeIdentifier(name)];
  const url = new URL(server!);
  url.pathname = `/${encodeURIComponent(name)}`;
  const admin = url.href;
  url.username = encodeURIComponent(name);
  try {
    await administer(server!, `CREATE ROLE ${role} LOGIN`);
    await administer(server!, `CREATE DATABASE ${database} OWNER ${role}`);
    await expect(openDatabase({ url: url.href })).rejects.toMatchObject({
      code: 'database_unprepared',
      message: expect.stringContaining('planimeter doctor --sql'),
    });
    for (let time = 0; time < 2; time++) await administer(admin, prepareScript(url.href));
    const db = await openDatabase({ url: url.href });
    try {
      expect(db.confinement).toBe(true);
      expect(await unmarkedFunctions(db)).toEqual([]);
      const wkt =
        'PROJCS["here",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",15.5],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1]]';
      const crs = { epsg: null, userCrs: { wkt, baseEpsg: null, name: 'here', keys: [] } };
      const srid = await sridOf(db, crs, 500_000, 5_000_000);
      expect(await sridOf(db, crs, 500_000, 5_000_000)).toBe(srid);
      await administer(admin, 'DELETE FROM spatial_ref_sys WHERE srid >= 910000');
    } finally {
      await db.close();
    }
    const again = await openDatabase({ url: url.href });
    const known = await again.query('SELECT srid FROM spatial_ref_sys WHERE srid >= 910000');
    expect(known, 'is told to PostGIS again').toHaveLength(1);
    await again.close();
  } finally {
    await administer(server!, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await administer(server!, `DROP ROLE IF EXISTS ${role}`);
    await drop();
  }
});
